"""Minutes of profiles: what is noted of a tick, and what is written of a minute."""

import pytest

from dashboard.history.retention import MINUTES_NS, prune_minutes
from dashboard.history.rows import Change
from dashboard.ingest import trend
from dashboard.ingest.figures import write_figures
from dashboard.ingest.trend import MINUTE_NS, ProfileTrend
from dashboard.models import ProfileMinute
from dialogs.engine.profiles import Profiles
from tests.dashboard.history.calls import call

NOW = 1000 * MINUTE_NS
ANN = (("caller", "ann"), ("total", ""))


def changed(number: int, *, begun: bool = False, profiles=ANN, **fields) -> Change:
    return Change(call(number, profiles=profiles, **fields), "", (), "", None, begun=begun)


class Node:
    """Profiles of an engine, and the trend that looks at them."""

    def __init__(self) -> None:
        self.profiles = Profiles(("caller",), ("total",))
        self.trend = ProfileTrend("n1", self.profiles)
        self.trend.take([], NOW)

    def sizes(self, caller: int, total: int) -> None:
        self.profiles.sizes = {"caller": {"ann": caller}, "total": {None: total}}

    def take(self, *changes: Change, at_ns: int = NOW) -> list[tuple]:
        return [(row.name, row.value, row.at_ns, row.peak, row.last, row.begun, row.ended, row.answered) for row in self.trend.take(changes, at_ns)]


def test_minute_tells_peak_end_and_what_came_and_went():
    node = Node()
    node.sizes(3, 9)
    first = node.take(changed(1, begun=True), changed(2, begun=True), changed(3))
    node.sizes(1, 7)
    node.take(changed(1, state=5), changed(2, state=5, start_ns=0, end_code=486))
    rows = node.take(at_ns=NOW + MINUTE_NS)
    assert (first, rows, node.take(at_ns=NOW + 2 * MINUTE_NS)) == ([], [("total", "", NOW, 9, 7, 2, 2, 1), ("caller", "ann", NOW, 3, 1, 2, 2, 1)], [])


def test_call_that_ended_counts_once_and_a_challenge_not_at_all():
    node = Node()
    node.sizes(1, 1)
    for _ in range(2):
        node.take(changed(1, state=5))
        node.take(changed(2, state=5, start_ns=0, end_code=407))
    assert [row[5:] for row in node.take(at_ns=NOW + MINUTE_NS)] == [(0, 1, 1)] * 2


def test_values_and_rows_are_capped_and_counted(monkeypatch):
    monkeypatch.setattr(trend, "VALUES_MAX", 4)
    monkeypatch.setattr(trend, "ROWS_MAX", 2)
    monkeypatch.setattr(trend, "ENDED_MAX", 3)
    node = Node()
    node.profiles.sizes = {"caller": {str(number): number for number in range(9)}}
    node.take(*(changed(number, profiles=(("caller", str(number)),), state=5) for number in range(6)))
    rows = node.take(at_ns=NOW + MINUTE_NS)
    assert ([row[1] for row in rows], node.trend.lost, len(node.trend._ended)) == (["3", "2"], 4 + 2, 3)


@pytest.mark.django_db
def test_minutes_are_written_and_go_after_a_day():
    node = Node()
    node.sizes(1, 1)
    node.take(changed(1, begun=True))
    write_figures(node.trend.take([], NOW + MINUTE_NS))
    write_figures([])
    kept = ProfileMinute.objects.count()
    assert (kept, prune_minutes(NOW + MINUTES_NS), prune_minutes(NOW + MINUTES_NS + 1, 1), ProfileMinute.objects.count()) == (2, 0, 2, 0)
