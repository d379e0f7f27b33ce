"""Figures of the past, from samples."""

import msgspec
import pytest

from dashboard.live.kpis import HOUR_NS, PERIOD_NS, Latest, charts, last_hour, read, span_words
from dashboard.models import KpiSample
from dialogs.insight.kpi import CHARTS, Figures, bucket
from tests.dashboard.history.calls import NOW, SECOND

pytestmark = pytest.mark.django_db
END = NOW // PERIOD_NS * PERIOD_NS


def sample(before: int, node: str = "n1", **figures: object) -> None:
    """Store a sample that ended so many periods before END."""
    text = msgspec.json.encode(Figures(**({"seconds": 10} | figures))).decode()
    KpiSample.objects.create(node=node, at_ns=END - before * PERIOD_NS, figures=text)


def test_nodes_are_added_and_steps_are_in_order():
    sample(1, live=[0, 0, 0, 3], begun=2)
    sample(1, "n2", live=[0, 0, 0, 4], begun=1)
    sample(0, live=[0, 0, 0, 5])
    assert [(point.at_ns, point.figures.live[3], point.figures.begun) for point in read(END - HOUR_NS, END)] == [(END - PERIOD_NS, 7, 3), (END, 5, 0)]


def test_long_ranges_have_wider_steps():
    for before in range(6):
        sample(before, begun=1, live=[0, 0, 0, before])
    points = read(END - 60 * SECOND, END, most=2)
    assert (len(points) <= 3, sum(point.figures.begun for point in points), points[-1].figures.live[3]) == (True, 6, 0)


def test_last_hour_has_peak_answers_and_set_up():
    sample(5, live=[1, 0, 0, 9], answered=3, codes={486: 1}, setup={bucket(2 * SECOND): 3}, ring={bucket(SECOND): 3})
    sample(0, live=[0, 0, 0, 2])
    sample(400, live=[0, 0, 0, 99])  # more than an hour ago
    hour = last_hour(END)
    assert (hour.peak, hour.peak_ns, hour.answered, hour.figures.attempts) == (9, END - 5 * PERIOD_NS, 75, 4)
    assert [hour.setup95, hour.ring] == pytest.approx([2, 1], rel=0.1)
    assert (hour.line[0], hour.line.count(" "), hour.area.removeprefix(hour.line)) == ("M", 3, "V48H355.0Z")


def test_hour_without_samples_tells_nothing():
    hour = last_hour(END)
    assert (hour.peak, hour.answered, hour.setup95, hour.line) == (0, None, None, "")


def test_latest_reads_once_while_it_is_fresh(django_assert_num_queries):
    latest = Latest()
    with django_assert_num_queries(1):
        assert latest.read(END) is latest.read(END)


def test_charts_hold_all_lines_over_the_same_steps():
    sample(1, begun=5)
    sample(0, codes={503: 2}, answered=2)
    found = charts(END - HOUR_NS, END)
    assert [chart["name"] for chart in found] == list(CHARTS)
    assert {len(line["values"]) for chart in found for line in chart["series"]} == {2}
    (rate,) = [line for chart in found for line in chart["series"] if line["name"] == "rate"]
    (ser,) = [line for chart in found for line in chart["series"] if line["name"] == "ser"]
    assert (rate["values"], ser["values"]) == ([0.5, 0], [None, 50])


def test_span_is_said_with_both_its_ends():
    assert span_words(NOW - 60 * SECOND, NOW) == "2026-11-21 20:57:37Z..2026-11-21 20:58:36Z"
