"""What is too much: when a breach opens, gets worse and clears, whatever the sizes and calls do."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.config import Limit
from dialogs.insight import limits as insight
from dialogs.insight.limits import BREACHES_MAX, CHANGED, CLEARED, EXPIRY_HOLD_NS, HOLD_NS, OPENED, Limits, Spoken, severity_of

NOW = 1_700_000_000 * 10**9
SECOND = 10**9
CALLER = Limit("calls", profile="caller", warn=5, critical=8)
LONG = Limit("long", duration_seconds=60)


def told(events):
    return [(event.what, event.breach.subject, event.breach.severity, event.breach.size) for event in events]


def moved(limits, size, after=0.0, value="a"):
    now_ns = NOW + int(after * SECOND)
    return [*told(limits.sizes([("caller", value, size)], now_ns)), *told(limits.step(now_ns))]


@pytest.mark.parametrize(("size", "severity"), [(0, ""), (5, ""), (6, "warn"), (8, "warn"), (9, "critical")])
def test_severity_is_of_more_calls_than_the_limit(size, severity):
    assert severity_of(CALLER, size) == severity


def test_a_breach_opens_gets_worse_and_clears_once():
    limits = Limits([CALLER])
    sizes = [(4, 0), (6, 1), (7, 2), (9, 3), (7, 4), (10, 5), (5, 6), (6, 7), (5, 8), (5, 17), (5, 18)]
    assert [moved(limits, size, at) for size, at in sizes] == [
        *([], [(OPENED, "a", "warn", 6)], [], [(CHANGED, "a", "critical", 9)], [], [], [], [], [], []),
        [(CLEARED, "a", "critical", 5)],
    ]
    assert limits.breaches == {}


def test_the_most_is_remembered():
    limits = Limits([CALLER])
    for size in (6, 12, 7):
        moved(limits, size)
    assert (limits.breaches["calls", "a"].size, limits.breaches["calls", "a"].most) == (7, 12)


@pytest.mark.parametrize(
    ("limit", "profile", "value", "opens"),
    [
        (CALLER, "caller", "a", True),
        (CALLER, "trunk", "a", False),
        (Limit("one", profile="caller", value="a", warn=1), "caller", "a", True),
        (Limit("one", profile="caller", value="b", warn=1), "caller", "a", False),
        (Limit("all", profile="total", warn=1), "total", None, True),
    ],
)
def test_limits_are_about_their_profile_and_value(limit, profile, value, opens):
    assert bool(list(Limits([limit]).sizes([(profile, value, 9)], NOW))) is opens


def test_over_says_how_many_are_beyond_what_is_critical():
    ends = Limit("ends", profile="caller", critical=8, end="newest")
    limits = Limits([CALLER, ends])
    moved(limits, 11)
    moved(limits, 8, value="b")
    assert [(over.limit.name, over.value, over.excess) for over in limits.over()] == [("ends", "a", 3)]
    moved(limits, 8)
    assert limits.over() == []


def test_a_call_that_lasts_too_long_is_one_breach_until_it_ends():
    limits = Limits([LONG, Limit("longer", duration_seconds=120, send_bye=True)])
    for _ in range(3):
        limits.answered(Spoken("u1", NOW))
    steps = [told(limits.step(NOW + seconds * SECOND)) for seconds in (59, 60, 61, 120, 200)]
    assert steps == [[], [(OPENED, "u1", "warn", 60)], [], [(OPENED, "u1", "critical", 120)], []]
    assert [(event.what, event.breach.limit) for event in limits.ended("u1", NOW)] == [(CLEARED, "long"), (CLEARED, "longer")]
    assert list(limits.ended("u1", NOW)) == []


def test_a_call_that_ended_in_time_or_was_answered_anew_is_no_breach():
    limits = Limits([LONG])
    limits.answered(Spoken("u1", NOW))
    limits.answered(Spoken("u2", NOW))
    limits.answered(Spoken("u2", NOW + 5 * SECOND))
    assert list(limits.ended("u1", NOW + SECOND)) == []
    assert [told(limits.step(NOW + seconds * SECOND)) for seconds in (60, 65)] == [[], [(OPENED, "u2", "warn", 60)]]


def test_conditions_are_asked_of_the_call():
    limits = Limits([LONG, Limit("gone", expiry=True)], lambda limit, uid: (limit.name, uid) != ("long", "u1") and uid != "u9")
    limits.answered(Spoken("u1", NOW))
    assert (list(limits.step(NOW + 60 * SECOND)), list(limits.expired("u9", NOW))) == ([], [])


def test_expired_calls_are_one_breach_until_there_are_no_more():
    limits = Limits([Limit("gone", expiry=True)])
    assert [told(limits.expired(uid, NOW)) for uid in ("u1", "u1", "u2")] == [[(OPENED, "", "warn", 1)], [], []]
    assert list(limits.step(NOW + EXPIRY_HOLD_NS - 1)) == []
    (cleared,) = limits.step(NOW + EXPIRY_HOLD_NS)
    assert (cleared.what, cleared.breach.most, cleared.breach.uid) == (CLEARED, 2, "u2")
    assert told(limits.expired("u3", NOW)) == [(OPENED, "", "warn", 1)]


def test_expired_calls_are_remembered_up_to_a_number(monkeypatch):
    monkeypatch.setattr(insight, "EXPIRED_MAX", 1)
    limits = Limits([Limit("gone", expiry=True)])
    for uid in ("u1", "u2", "u1"):
        list(limits.expired(uid, NOW))
    assert limits.breaches["gone", ""].size == 3


def test_nothing_is_kept_that_no_limit_is_about():
    limits = Limits([CALLER])
    limits.answered(Spoken("u1", NOW))
    assert (list(limits.expired("u1", NOW)), list(limits.ended("u1", NOW)), limits.profiles) == ([], [], {"caller"})


def test_breaches_are_capped_and_the_unsaid_counted():
    limits = Limits([CALLER])
    opened = list(limits.sizes([("caller", str(number), 9) for number in range(BREACHES_MAX + 3)], NOW))
    assert (len(opened), limits.unsaid) == (BREACHES_MAX, 3)
    list(limits.sizes([("caller", "0", 0)], NOW))
    list(limits.step(NOW + HOLD_NS))
    assert told(limits.sizes([("caller", "late", 9)], NOW + HOLD_NS)) == [(OPENED, "late", "critical", 9)]


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.integers(0, 15)), max_size=60)


@given(STEPS)
def test_events_of_a_value_alternate_and_end_with_what_is_open(steps):
    limits, now_ns, open_now, worst = Limits([CALLER]), NOW, {}, {}
    last = {}
    for value, size, seconds in steps:
        now_ns += seconds * SECOND
        for event in [*limits.step(now_ns), *limits.sizes([("caller", value, size)], now_ns)]:
            subject = event.breach.subject
            if event.what == OPENED:
                assert subject not in open_now
                open_now[subject] = worst[subject] = event.breach.severity
            elif event.what == CHANGED:
                assert (worst[subject], event.breach.severity) == ("warn", "critical")
                worst[subject] = "critical"
            else:
                assert severity_of(CALLER, last[subject]) == ""
                del open_now[subject]
        last[value] = size
        for known, latest in last.items():
            assert known in open_now or not severity_of(CALLER, latest)
    assert {value for _, value in limits.breaches} == set(open_now)
    list(limits.step(now_ns + HOLD_NS))
    assert {value for _, value in limits.breaches} == {value for value, size in last.items() if severity_of(CALLER, size)}


@given(st.lists(st.tuples(st.sampled_from(["u1", "u2"]), st.booleans(), st.integers(0, 90)), max_size=40))
def test_a_call_breaches_once_an_answer(steps):
    limits, now_ns, starts, counted = Limits([LONG]), NOW, {}, Counter()
    for uid, ends, seconds in steps:
        now_ns += seconds * SECOND
        counted.update(event.breach.uid for event in limits.step(now_ns) if event.what == OPENED)
        if ends:
            list(limits.ended(uid, now_ns))
            starts.pop(uid, None)
        elif uid not in starts:
            starts[uid] = now_ns
            counted[uid] = 0
            limits.answered(Spoken(uid, now_ns))
        assert all(counted[known] == (start + 60 * SECOND <= now_ns) or known == uid for known, start in starts.items())
    assert {uid for _, uid in limits.breaches} <= set(starts)
