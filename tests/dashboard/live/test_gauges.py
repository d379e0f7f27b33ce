"""Counts of live calls by filter, kept by what changed: equal to what the table says, and cheap."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.live import gauges as module
from dashboard.live.filter import CallFilter
from dashboard.live.gauges import FORGOTTEN_NS, FRESH_NS, POINT_NS, Gauges
from dashboard.models import DialogRow
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
EVERYTHING, RINGING, ANN = CallFilter(), CallFilter(state="2"), CallFilter(q="caller = ann")
PROFILE, LONG = CallFilter(profile="caller=sip:4417@example.net"), CallFilter(q="duration > 60")
FILTERS = (EVERYTHING, RINGING, ANN, PROFILE, LONG)
STEPS = [
    [call(1), call(2, state=2, start_ns=0)],
    [call(3, caller="ann"), call(2, state=4)],
    [call(1, state=5, end_ns=NOW), call(4, state=2, start_ns=0, profiles=())],
    [call(4, state=5, end_ns=NOW, profiles=()), call(5, state=5, end_ns=NOW)],
    [call(6, caller="ann", state=2), call(3, caller="ann", state=5, end_ns=NOW)],
]


def counts(gauges: Gauges, now_ns: int, *filters: CallFilter) -> list[int]:
    found = gauges.read(filters, now_ns)
    return [found[chosen].count for chosen in filters]


def test_counts_are_what_the_table_says_after_every_change():
    gauges, found, told = Gauges(), [], []
    for number, step in enumerate(STEPS):
        record(*step)
        found.append(counts(gauges, NOW + number * FRESH_NS, *FILTERS))
        told.append([chosen.apply(DialogRow.objects.live()).count() for chosen in FILTERS])
    assert found == told
    assert found[-1][:4] == [2, 1, 1, 2]


def test_a_second_asks_only_for_what_changed_however_many_walls_there_are():
    record(*[call(number) for number in range(1, 40)])
    gauges = Gauges()
    counts(gauges, NOW, EVERYTHING, ANN)
    record(call(50, caller="ann"))
    with CaptureQueriesContext(connection) as asked:
        found = [counts(gauges, NOW + FRESH_NS, EVERYTHING, ANN) for _ in range(10)]
    texts = [query["sql"] for query in asked]
    assert (found, len(texts)) == ([[40, 1]] * 10, 3)  # the newest revision, the calls above the last, those of them that pass
    assert "revision" in texts[2]


def test_asking_for_all_live_calls_reads_their_index_and_no_history():
    record(call(1), call(2, state=5, end_ns=NOW))
    with CaptureQueriesContext(connection) as asked:
        counts(Gauges(), NOW, ANN)
    (text,) = [query["sql"] for query in asked if "'ann'" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {text}")
        plan = " ".join(str(line[-1]) for line in cursor.fetchall())
    assert any(f"INDEX {name}" in plan for name in ("dialog_live", "dialog_caller")), plan


def test_a_database_that_was_emptied_is_asked_anew():
    record(call(1), call(2))
    gauges = Gauges()
    first = counts(gauges, NOW, EVERYTHING)
    DialogRow.objects.all().delete()
    second = counts(gauges, NOW + FRESH_NS, EVERYTHING)
    record(call(3))
    assert [first, second, counts(gauges, NOW + 2 * FRESH_NS, EVERYTHING)] == [[2], [0], [1]]


def test_more_changes_than_are_followed_are_asked_anew(monkeypatch):
    monkeypatch.setattr(module, "MOST_CHANGED", 2)
    record(call(1))
    gauges = Gauges()
    counts(gauges, NOW, EVERYTHING, ANN)
    record(*[call(number, caller="ann") for number in range(2, 8)])
    assert counts(gauges, NOW + FRESH_NS, EVERYTHING, ANN) == [7, 6]


def test_filters_are_bounded_and_forgotten(monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    gauges = Gauges()
    for number in range(9):
        counts(gauges, NOW, CallFilter(caller=str(number)))
    kept = len(gauges._kept)
    counts(gauges, NOW + FORGOTTEN_NS + FRESH_NS, EVERYTHING)
    assert (kept, list(gauges._kept)) == (3, [EVERYTHING])


def test_trend_has_a_count_each_ten_seconds():
    record(call(1))
    gauges = Gauges()
    for second in range(21):
        found = gauges.read([EVERYTHING], NOW + second * FRESH_NS)[EVERYTHING]
    assert (list(found.past), found.since_ns) == ([1, 1, 1], NOW)
    assert POINT_NS == 10 * FRESH_NS
