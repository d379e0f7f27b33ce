"""The figures above the table."""

import pytest

from dashboard.live.counters import Counters, count_calls
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
MINUTE = 60 * 10**9


def test_figures_count_live_calls_by_state():
    record(call(1, state=1, start_ns=0), call(2, state=2, start_ns=0), call(3, state=3), call(4), call(5, start_ns=NOW), call(6, state=5, end_ns=NOW))
    mean = (call(3).start_ns + call(4).start_ns + NOW) // 3
    figures = count_calls(NOW)
    assert abs(figures.pop("mean_ns") - mean) < 1000
    assert figures == {"setting_up": 1, "ringing": 1, "no_ack": 1, "in_call": 2, "oldest_ns": NOW, "no_ack_ns": call(3).start_ns, "per_minute": 6}


def test_figures_without_calls_are_zero():
    assert set(count_calls(NOW).values()) == {0}


def test_calls_of_the_last_minute_are_counted():
    record(call(1, init_ns=NOW - 2 * MINUTE), call(2, init_ns=NOW - MINUTE // 2))
    assert count_calls(NOW)["per_minute"] == 1


def test_unchanged_figures_are_not_sent_again():
    counters = Counters()
    record(call(1))
    counters.read(NOW, moved=True)
    first = counters.changed
    counters.read(NOW, moved=False)
    assert (first, counters.changed, 'data-since-ns="' in counters.fragment) == (True, False, True)
