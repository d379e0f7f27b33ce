"""Which values of profiles have a line of their own, whatever strangers send."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.metrics.metric import OTHERS
from dashboard.metrics.profiles import AGAIN_NS, PROFILES_MAX, NamedValues
from dialogs.engine.profiles import Profiles

NOW = 1_795_294_717 * 10**9


def sized(**profiles: dict[str, int]) -> Profiles:
    found = Profiles(tuple(profiles))
    for name, values in profiles.items():
        found.sizes[name].update(values)
    return found


def shown(named: NamedValues, now_ns: int = NOW) -> dict[str, dict[str, int]]:
    named.choose(now_ns)
    found: dict[str, dict[str, int]] = {}
    for (name, value), size in named.named():
        found.setdefault(name, {})[value] = size
    return found


def test_greatest_values_have_a_line_and_the_rest_is_summed_up():
    assert shown(NamedValues(sized(caller={"a": 1, "b": 5, "c": 3, "d": 2}), 2)) == {"caller": {"b": 5, "c": 3, OTHERS: 3}}


def test_line_stays_until_it_is_time_to_choose_anew():
    profiles = sized(caller={"a": 9, "b": 8, "c": 1})
    named = NamedValues(profiles, 2)
    first = shown(named)
    profiles.sizes["caller"] = {"c": 7, "d": 6}
    second, third = shown(named, NOW + AGAIN_NS - 1), shown(named, NOW + AGAIN_NS)
    assert [first, second, third] == [
        {"caller": {"a": 9, "b": 8, OTHERS: 1}},
        {"caller": {"a": 0, "b": 0, OTHERS: 13}},
        {"caller": {"c": 7, "d": 6, OTHERS: 0}},
    ]


def test_free_line_is_given_at_once():
    profiles = sized(caller={"a": 1})
    named = NamedValues(profiles, 2)
    first = shown(named)
    profiles.sizes["caller"].update(b=1, c=4)
    assert [first, shown(named, NOW + 1)] == [{"caller": {"a": 1, OTHERS: 0}}, {"caller": {"a": 1, "c": 4, OTHERS: 1}}]


def test_clock_that_was_set_back_chooses_anew():
    profiles = sized(caller={"a": 1})
    named = NamedValues(profiles, 1)
    shown(named)
    profiles.sizes["caller"].update(b=4)
    assert shown(named, NOW - 3600 * 10**9) == {"caller": {"b": 4, OTHERS: 1}}


def test_profile_without_values_has_no_lines_of_values():
    profiles = Profiles((), ("all",))
    profiles.add([], "all", None)
    assert (shown(NamedValues(profiles, 5)), shown(NamedValues(sized(caller={"a": 1}), 0))) == ({}, {"caller": {OTHERS: 1}})


def test_profiles_are_capped():
    profiles = sized(**{f"p{number}": {"a": 1} for number in range(PROFILES_MAX + 3)})
    assert len(shown(NamedValues(profiles, 5))) == PROFILES_MAX


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=8), min_size=1, max_size=12))
def test_strangers_make_few_series_and_no_call_is_left_out(looks):
    profiles = sized(caller={})
    named = NamedValues(profiles, 3)
    seen = set()
    for second, values in enumerate(looks):
        profiles.sizes["caller"] = values
        found = shown(named, NOW + second * 10**9).get("caller", {})
        assert sum(found.values()) == sum(values.values()) or values.keys() == {None}
        seen |= found.keys() - {OTHERS}
    assert len(seen) <= 3
