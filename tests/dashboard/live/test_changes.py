"""What a reader sees between two looks."""

import pytest

from dashboard.live.changes import Reader, newest_revision, profile_mark, sizes_of
from dashboard.live.filter import CallFilter
from dashboard.models import Alert, DialogRow
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db


def test_reader_sees_each_change_once():
    record(call(1))
    reader = Reader()
    record(call(2), call(3))
    assert [sorted(reader.read(NOW).rows), sorted(reader.read(NOW).rows)] == [[call(2).uid, call(3).uid], []]


def test_idle_tick_costs_three_cheap_queries(django_assert_num_queries):
    reader = Reader()
    with django_assert_num_queries(3):
        reader.read(NOW)


def test_reader_goes_on_after_the_database_was_emptied():
    record(call(1))
    reader = Reader()
    DialogRow.objects.all().delete()
    reader.read(NOW)
    record(call(2))
    assert (sorted(reader.read(NOW).rows), reader.revision) == ([call(2).uid], newest_revision())


def test_filter_is_asked_once_for_all_browsers(django_assert_num_queries):
    reader = Reader()
    record(call(1), call(2, caller="ann"))
    changes = reader.read(NOW)
    with django_assert_num_queries(1):
        assert changes.matching(CallFilter(q="ann")) == changes.matching(CallFilter(q="ann")) == {call(2).uid}
    with django_assert_num_queries(0):
        assert changes.matching(CallFilter()) == {call(1).uid, call(2).uid}


def test_sizes_count_live_calls_only():
    rows = record(call(1), call(2), call(3, state=5), call(4, profiles=()))
    assert sizes_of(rows) == {("caller", "sip:4417@example.net"): 2}


def test_mark_is_ours_whatever_the_value_is():
    assert profile_mark(("caller", "'] , body [x='\ud800")).isalnum()


def over(subject, cleared_ns=0):
    return Alert.objects.create(
        at_ns=NOW, kind="limit", text="x", dialog_uid="", node="n1", severity="warn", limit="calls", subject=subject, cleared_ns=cleared_ns
    )


def test_calls_over_a_limit_are_told_when_it_opens_and_when_it_clears():
    one, other = record(call(1), call(2, profiles=(("total", ""),)))
    reader = Reader()
    reader.read(NOW)
    alert = over("caller=sip:4417@example.net")
    opened = reader.read(NOW)
    assert (one.uid in opened.touched, other.uid in opened.touched, opened.is_over(one), opened.is_over(other)) == (True, False, True, False)
    assert reader.read(NOW).touched == set()
    Alert.objects.filter(pk=alert.pk).update(cleared_ns=NOW)
    over(other.uid)
    cleared = reader.read(NOW)
    assert (cleared.touched >= {one.uid, other.uid}, cleared.is_over(one), cleared.is_over(other)) == (True, False, True)


def test_calls_of_a_profile_without_values_are_over_its_limit():
    (row,) = record(call(1, profiles=(("total", ""),)))
    over("total")
    assert Reader().read(NOW).is_over(row)
