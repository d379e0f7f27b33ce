"""The questions of a tick: built once, counted while that is cheap."""

import pytest

from dashboard.live.filter import CallFilter
from dashboard.live.matching import KEPT, Matcher
from dashboard.models import DialogRow
from tests.dashboard.live.people import call, record

pytestmark = pytest.mark.django_db
FILTERS = {
    "words": CallFilter(q="ann"),
    "query": CallFilter(q='caller = "ann" or caller = "ben"'),
    "caller": CallFilter(caller="ann"),
    "profile": CallFilter(profile="caller=sip:4417@example.net"),
    "state": CallFilter(state="4"),
    "peer": CallFilter(peer="192.0.2.8"),
    "duration": CallFilter(q="duration > 60"),
    "nothing passes": CallFilter(q="code = 500 and code = 600"),
}


@pytest.mark.parametrize("chosen", FILTERS.values(), ids=FILTERS)
def test_changed_calls_are_those_that_the_filter_finds(chosen):
    record(call(1, caller="ann"))
    before = DialogRow.objects.latest("revision").revision
    record(call(2, caller="ann"), call(3, caller="ben", profiles=()), call(4, state=2, start_ns=0))
    until = DialogRow.objects.latest("revision").revision
    record(call(5, caller="ann"))
    found = set(chosen.apply(DialogRow.objects.filter(uid__in=[call(number).uid for number in (2, 3, 4)])).values_list("uid", flat=True))
    matcher = Matcher()
    assert (matcher.changed(chosen, before, until), matcher.changed(chosen, before, until)) == (found, found)


def test_filter_that_nothing_passes_asks_nothing(django_assert_num_queries):
    class Nothing(CallFilter):
        def apply(self, rows):
            return rows.filter(pk__in=[])

    with django_assert_num_queries(0):
        assert Matcher().changed(Nothing(q="x"), 0, 1) == set()


def test_filters_remembered_are_bounded():
    matcher = Matcher()
    for number in range(KEPT + 3):
        matcher.changed(CallFilter(caller=str(number)), 0, 1)
    assert len(matcher._built) == 3


def test_total_is_counted_anew_after_a_change_when_it_was_cheap(monkeypatch, django_assert_num_queries):
    matcher, clock = Matcher(), iter([0, 10.0, 10.2, 14.0, 14.3, 15.0, 15.1])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    record(call(1))
    matcher.begin(moved=True)
    assert [matcher.total(CallFilter()), matcher.total(CallFilter())] == [1, 1]
    record(call(2))
    matcher.begin(moved=True)  # 14.0: it took 0.2 s, so that it rests until 14.2
    with django_assert_num_queries(0):
        assert matcher.total(CallFilter()) == 1
    matcher.begin(moved=False)  # 14.3: the change is not forgotten
    assert matcher.total(CallFilter()) == 2
    matcher.begin(moved=False)
    with django_assert_num_queries(0):
        assert matcher.total(CallFilter()) == 2
