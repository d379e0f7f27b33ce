"""Our table against the proxy's: when it is listed, what is found, and what is merely in motion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.control.reconcile import AGAIN_NS, ANEW_NS, DIFFERS, GRACE_NS, MISSING, STUCK, Difference, Ended, Held, Reconciler, Wire

NOW = 1_700_000_000 * 10**9
AGREE = (0, 0, 0, 0)


def key(name):
    return name, f"tag-{name}"


def wire(name, state=4, since_ns=0):
    return Wire(f"uid-{name}", key(name), state, since_ns)


def held(name, state=4):
    return Held(key(name), state, 1, 2)


def counts(reconciler):
    return dict(enumerate(reconciler.counts, 1))


def with_calls(*calls):
    reconciler = Reconciler()
    for call in calls:
        reconciler.note(call, through=True)
    reconciler.told(counts(reconciler))
    return reconciler


def listed(reconciler, *dialogs, now_ns=NOW, ended=(), complete=True):
    """Compare with a listing; returns what is found."""
    known = {key(name): Ended(f"uid-{name}", end_ns) for name, end_ns in ended}
    reconciler.settle(reconciler.compare(dialogs, complete=complete), known, now_ns)
    return [(finding.kind, finding.uid, finding.ours, finding.proxys) for finding in reconciler.findings]


def test_calls_are_counted_as_they_go_through_their_states():
    reconciler = with_calls(wire("a", 1), wire("b", 4))
    for call in (wire("a", 3), wire("b", 5), wire("c", 5)):
        reconciler.note(call, through=True)
    assert (reconciler.counts, list(reconciler.ours)) == ([0, 0, 1, 0], [key("a")])


def test_the_end_of_an_earlier_call_with_the_same_tags_ends_nothing():
    reconciler = with_calls(wire("a"))
    reconciler.note(wire("a", 5)._replace(uid="other"), through=True)
    assert reconciler.counts == [0, 0, 0, 1]


def test_calls_elsewhere_are_left_out_until_the_proxy_lists_them():
    reconciler = with_calls(wire("a"))
    reconciler.note(wire("b"), through=False)
    by_state = {4: 2}
    reconciler.told(by_state)
    assert reconciler.now(by_state) == (0, 0, 0, 1)
    assert listed(reconciler, held("a"), held("b")) == []
    assert (reconciler.now(by_state), reconciler.counts) == ((0, 0, 0, 2), [0, 0, 0, 2])
    reconciler.note(wire("b", 5), through=False)
    assert reconciler.counts == [0, 0, 0, 1]


def test_engines_counts_tell_what_moved_since():
    reconciler = with_calls(wire("a"))
    reconciler.told({1: 7, 4: 3})
    assert reconciler.now({1: 9, 4: 3}) == (2, 0, 0, 1)


@pytest.mark.parametrize(
    ("totals", "asked"),
    [
        ([(0, 0, 0, 1)] * 4, ["agree"] * 4),
        ([(0, 0, 0, 2)] * 3, ["again", "again", "list"]),
        ([(0, 0, 0, 0)] * 3, ["again", "again", "list"]),
        ([(0, 0, 0, 2), (0, 0, 0, 0)] * 3, ["again"] * 6),
        ([(0, 0, 0, 2), (0, 0, 0, 1)] * 3, ["again", "agree"] * 3),
        ([(1, 0, 0, 1), (1, 0, 0, 1), (1, 0, 0, 1)], ["again", "again", "list"]),
    ],
)
def test_a_listing_is_asked_for_when_totals_differ_in_one_direction(totals, asked):
    reconciler = with_calls(wire("a"))
    ours = (0, 0, 0, 1)
    assert [reconciler.look(total, ours, ours, NOW) for total in totals] == asked


def test_totals_between_what_we_had_before_and_after_agree():
    reconciler = with_calls(wire("a"))
    assert reconciler.look((0, 0, 0, 5), (0, 0, 0, 4), (0, 0, 0, 7), NOW) == "agree"


def test_what_the_proxy_still_has_is_stuck_when_a_second_listing_shows_it():
    reconciler = with_calls(wire("a"))
    ended = [("b", NOW - GRACE_NS)]
    assert listed(reconciler, held("a"), held("b"), ended=ended) == []
    assert reconciler.waiting
    assert reconciler.look((0, 0, 0, 2), (0, 0, 0, 1), (0, 0, 0, 1), NOW + 1) == "again"
    assert reconciler.look((0, 0, 0, 2), (0, 0, 0, 1), (0, 0, 0, 1), NOW + AGAIN_NS) == "list"
    assert listed(reconciler, held("a"), held("b"), ended=ended, now_ns=NOW + AGAIN_NS) == [(STUCK, "uid-b", 5, 4)]
    assert not reconciler.waiting


def test_what_was_found_explains_the_totals_until_it_is_looked_at_anew():
    reconciler = with_calls(wire("a"))
    for now_ns in (NOW, NOW + AGAIN_NS):
        listed(reconciler, held("a"), held("b"), ended=[("b", 0)], now_ns=now_ns)
    looks = [(NOW + AGAIN_NS + 1, "agree"), (NOW + AGAIN_NS + ANEW_NS - 1, "agree"), (NOW + AGAIN_NS + ANEW_NS, "list")]
    assert [reconciler.look((0, 0, 0, 2), (0, 0, 0, 1), (0, 0, 0, 1), at_ns) for at_ns, _ in looks] == [asked for _, asked in looks]


@pytest.mark.parametrize(
    ("dialogs", "ended", "found"),
    [
        ([held("a")], [], []),
        ([], [], [(MISSING, "uid-a", 4, 0)]),
        ([held("a", 5)], [], [(MISSING, "uid-a", 4, 0)]),
        ([held("a", 3)], [], [(DIFFERS, "uid-a", 4, 3)]),
        ([held("a"), held("b", 2)], [("b", 0)], [(STUCK, "uid-b", 5, 2)]),
        ([held("a"), held("b", 5)], [("b", 0)], []),
        ([held("a"), held("b")], [], []),
        ([held("a"), held("b")], [("b", NOW)], []),
    ],
    ids=["both", "not listed", "listed as ended", "another state", "stuck", "ended in both", "never seen", "in motion"],
)
def test_kinds_of_findings(dialogs, ended, found):
    reconciler = with_calls(wire("a"))
    listed(reconciler, *dialogs, ended=ended)
    assert listed(reconciler, *dialogs, ended=ended, now_ns=NOW + 1) == found


def test_dialogs_that_no_tap_saw_are_counted():
    reconciler = with_calls()
    listed(reconciler, held("a"), held("b"), ended=[("b", 0)])
    assert reconciler.unseen == 1


def test_a_call_in_motion_is_not_missing():
    reconciler = with_calls(wire("a", since_ns=NOW))
    listed(reconciler)
    assert listed(reconciler, now_ns=NOW + GRACE_NS - 1) == []
    assert listed(reconciler, now_ns=NOW + GRACE_NS) == [(MISSING, "uid-a", 4, 0)]


def test_nothing_is_missing_in_a_listing_that_is_not_complete():
    reconciler = with_calls(wire("a"))
    assert reconciler.compare([], complete=False) == Difference([], [], [])


def test_only_calls_that_the_proxy_had_are_missing():
    reconciler = with_calls(wire("a")._replace(known=False), wire("b")._replace(known=False))
    listed(reconciler, held("b"))
    reconciler.note(wire("b", 3)._replace(known=False), through=True)
    for now_ns in (NOW, NOW + 1):
        found = listed(reconciler, now_ns=now_ns)
    assert found == [(MISSING, "uid-b", 3, 0)]


def test_a_proxy_that_does_not_answer_leaves_nothing_found():
    reconciler = with_calls(wire("a"))
    for now_ns in (NOW, NOW + 1):
        listed(reconciler, now_ns=now_ns)
    reconciler.lost()
    assert (reconciler.findings, reconciler.unseen, reconciler.waiting, reconciler.agreed) == ((), 0, False, False)


TABLE = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 4))


@given(TABLE, TABLE)
def test_after_a_listing_the_totals_are_explained(ours, theirs):
    reconciler = with_calls(*(wire(name, state) for name, state in ours.items()))
    listed(reconciler, *(held(name, state) for name, state in theirs.items()))
    totals = tuple(sum(state == number for state in theirs.values()) for number in (1, 2, 3, 4))
    mine = reconciler.now(counts(reconciler))
    reconciler.look(totals, mine, mine, NOW)
    assert reconciler.agreed


@given(TABLE, TABLE, st.sets(st.sampled_from("abcdef")))
def test_findings_are_exactly_what_the_tables_do_not_share(ours, theirs, over):
    reconciler = with_calls(*(wire(name, state) for name, state in ours.items()))
    for now_ns in (NOW, NOW + 1):
        found = listed(reconciler, *(held(name, state) for name, state in theirs.items()), ended=[(name, 0) for name in over], now_ns=now_ns)
    wanted = {(STUCK, f"uid-{name}", 5, state) for name, state in theirs.items() if name not in ours and name in over}
    wanted |= {(MISSING, f"uid-{name}", state, 0) for name, state in ours.items() if name not in theirs}
    wanted |= {(DIFFERS, f"uid-{name}", state, theirs[name]) for name, state in ours.items() if theirs.get(name, state) != state}
    assert set(found) == wanted
