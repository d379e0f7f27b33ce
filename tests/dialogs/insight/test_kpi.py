"""Key figures: what is counted of calls, and what RFC 6076 makes of it."""

import pytest

from dialogs.insight import kpi
from dialogs.insight.kpi import BY_NAME, CHARTS, EXPIRED, KPIS, Figures, Tally, bucket, percentile, seconds_of, total
from tests.dashboard.history.calls import NOW, SECOND, call


def at(number: int = 1, **changes):
    """Return a call that began at NOW."""
    fresh = {"init_ns": NOW, "ring_ns": 0, "start_ns": 0, "end_ns": 0, "state": 1}
    return call(number, **(fresh | changes))


def counted(*steps, until_ns: int = NOW + 10 * SECOND) -> Figures:
    tally = Tally(NOW)
    for step in steps:
        tally.take(step)
    return tally.close(until_ns)


def test_call_is_counted_once_at_each_step():
    ringing = at(state=2, ring_ns=NOW + SECOND)
    talking = at(state=4, ring_ns=NOW + SECOND, start_ns=NOW + 6 * SECOND)
    over = at(state=5, ring_ns=NOW + SECOND, start_ns=NOW + 6 * SECOND, end_ns=NOW + 9 * SECOND, ended_by="caller")
    found = counted(at(), ringing, ringing, talking, talking, over)
    assert found == Figures(seconds=10, begun=1, answered=1, ring={bucket(SECOND): 1}, setup={bucket(6 * SECOND): 1})


def test_next_period_counts_what_comes_next():
    tally = Tally(NOW)
    tally.take(at(state=2, ring_ns=NOW + 1))
    first = tally.close(NOW + 10 * SECOND)
    tally.take(at(state=5, ring_ns=NOW + 1, end_ns=NOW, end_code=486))
    second = tally.close(NOW + 20 * SECOND)
    assert [(found.begun, found.live, found.codes) for found in (first, second)] == [(1, [0, 1, 0, 0], {}), (0, [0, 0, 0, 0], {486: 1})]


def test_call_that_came_and_failed_in_one_tick_is_counted_whole():
    assert counted(at(state=5, end_ns=NOW, end_code=503)).codes == {503: 1}


def test_call_that_expired_has_no_code():
    assert counted(at(), at(state=5, end_ns=NOW, ended_by="timeout")).codes == {EXPIRED: 1}


def test_call_of_before_is_counted_from_what_it_does_next():
    old = {"init_ns": NOW - SECOND}
    found = counted(at(1, **old, state=2, ring_ns=NOW - 1), at(1, **old, state=4, ring_ns=NOW - 1, start_ns=NOW + SECOND), at(2, **old, state=5, end_code=404))
    assert (found.begun, found.ring, found.answered, found.codes, found.live) == (0, {}, 1, {}, [0, 0, 0, 1])


def test_call_that_ended_is_not_counted_again_when_something_more_is_seen_of_it():
    over = at(state=5, start_ns=NOW + 6 * SECOND, end_ns=NOW + 9 * SECOND, ended_by="caller")
    refused = at(2, state=5, end_ns=NOW, end_code=486)
    tally = Tally(NOW)
    for step in (over, over, refused, refused):
        tally.take(step)
    found = tally.close(NOW + SECOND)
    assert (found.begun, found.answered, found.codes) == (2, 1, {486: 1})
    assert (tally.totals.begun, tally.totals.answered, tally.totals.codes.counts, sum(tally.totals.talk.counts)) == (2, 1, {486: 1}, 1)


def test_challenge_and_its_repetition_are_one_attempt():
    tally = Tally(NOW)
    for step in (at(state=5, end_code=407), at(state=1), at(state=5, end_code=407), at(2, state=5, end_code=407)):
        tally.take(step)
    found = tally.close(NOW + SECOND)
    assert (found.begun, found.codes, tally.totals.codes.counts) == (2, {407: 2}, {407: 2})


def test_totals_grow_over_the_periods():
    tally = Tally(NOW)
    for number in (1, 2):
        tally.take(at(number, state=4, start_ns=NOW + 2 * SECOND))
        tally.close(NOW + number * 10 * SECOND)
    tally.take(at(1, state=5, start_ns=NOW + 2 * SECOND, end_ns=NOW + 34 * SECOND))
    totals = tally.totals
    assert (totals.begun, totals.answered, totals.setup.sum, totals.talk.sum) == (2, 2, 4.0, 32.0)
    assert (totals.setup.counts[totals.setup.bounds.index(2.0)], totals.talk.counts[totals.talk.bounds.index(35.0)]) == (2, 1)


def test_ended_calls_that_are_remembered_are_capped(monkeypatch):
    monkeypatch.setattr(kpi, "MOST_ENDED", 1)
    tally = Tally(NOW)
    for number in (1, 2, 2, 1):
        tally.take(at(number, state=5, end_code=486))
    assert tally.totals.begun == 3  # the first was forgotten


def test_remembered_calls_are_capped(monkeypatch):
    monkeypatch.setattr(kpi, "MOST_CALLS", 2)
    tally = Tally(NOW)
    for number in range(5):
        tally.take(at(number))
    assert (tally.forgotten, tally.close(NOW).live) == (3, [2, 0, 0, 0])


@pytest.mark.parametrize("milliseconds", [0, 0.5, 1, 7, 180, 1100, 3200, 64_000])
def test_bucket_is_right_to_a_tenth(milliseconds):
    upper = seconds_of(bucket(int(milliseconds * 1e6))) * 1000
    assert milliseconds <= upper <= max(1.1, milliseconds * 1.1001)


DELAYS = [([], 0.5, None), ([1, 2, 3, 4], 0.5, 2), ([1] * 19 + [30], 0.95, 1), ([1] * 18 + [30] * 2, 0.95, 30)]


@pytest.mark.parametrize(("delays", "share", "expected"), DELAYS)
def test_percentile_is_of_the_calls(delays, share, expected):
    buckets: dict[int, int] = {}
    for delay in delays:
        buckets[bucket(delay * SECOND)] = buckets.get(bucket(delay * SECOND), 0) + 1
    assert percentile(buckets, share) == (None if expected is None else pytest.approx(expected, rel=0.1))


def test_periods_add_up_and_nodes_stand_side_by_side():
    one = Figures(10, [1, 2, 3, 4], 5, 2, {486: 1}, {3: 1}, {7: 2})
    other = Figures(10, [0, 0, 0, 9], 1, 1, {486: 2, 503: 1}, {3: 1}, {8: 1})
    after = total([one, other])
    beside = total([one, other], beside=True)
    assert (after.seconds, after.live, after.begun, after.codes, after.ring, after.setup) == (20, [0, 0, 0, 9], 6, {486: 3, 503: 1}, {3: 2}, {7: 2, 8: 1})
    assert (beside.seconds, beside.live, beside.begun, one.codes) == (10, [1, 2, 3, 13], 6, {486: 1})


# 100 attempts: 60 answered; 5 redirected, 5 challenged and left, 10 busy, 5 declined, 5 timed out, 10 network failures.
SAMPLE = Figures(50, [1, 2, 3, 4], 120, 60, {302: 5, 407: 5, 486: 10, 603: 5, 408: 5, 503: 10, EXPIRED: 0}, {}, {})
EXPECTED = {
    "in_call": 4,
    "no_ack": 3,
    "ringing": 2,
    "setting_up": 1,
    "rate": 2.4,
    "failing": 0.8,
    "ser": 100 * 60 / 95,
    "seer": 100 * (60 + 15) / 90,
    "isa": 15,
    "failed3": 5,
    "failed4": 20,
    "failed5": 10,
    "failed6": 5,
    "expired": 0,
    "srd": None,
    "srd95": None,
    "setup": None,
    "setup95": None,
}


def test_every_kpi_is_what_its_definition_says():
    assert {one.name: one.of(SAMPLE) for one in KPIS} == EXPECTED


def test_delays_are_told_in_seconds():
    figures = Figures(ring={bucket(SECOND): 10}, setup={bucket(3 * SECOND): 9, bucket(20 * SECOND): 1})
    told = [BY_NAME[name].of(figures) for name in ("srd", "srd95", "setup", "setup95")]
    assert told == pytest.approx([1, 1, 3, 20], rel=0.1)


def test_nothing_counted_is_nothing_told():
    assert {one.of(Figures()) for one in KPIS} == {0, None}


def test_every_kpi_is_in_a_chart_with_others_of_its_unit():
    assert {chart: len({one.unit for one in KPIS if one.chart == chart}) for chart in CHARTS} == dict.fromkeys(CHARTS, 1)
