"""What a reader gives becomes samples; what travels with the report is doubted."""

import msgspec
import pytest

from dashboard.metrics.metric import LABEL_MAX, Kind, Metric, measure, packed, samples, unpacked
from dialogs.insight.totals import Histogram
from tests.dashboard.metrics.histograms import observed

PLAIN = Metric("m", Kind.GAUGE, "", (), lambda given: given)
LABELLED = Metric("m", Kind.GAUGE, "", ("node", "one"), lambda given: given)
TIMED = Metric("m", Kind.HISTOGRAM, "", ("node",), lambda given: given, (1.0, 2.0))


@pytest.mark.parametrize(
    ("metric", "told", "found"),
    [
        (PLAIN, 3, [((), (3.0,))]),
        (PLAIN, True, [((), (1.0,))]),
        (PLAIN, [], []),
        (LABELLED, {"a": 1, "b": 2}, [(("n", "a"), (1.0,)), (("n", "b"), (2.0,))]),
        (LABELLED, [(("a",), 1), (("a",), 2)], [(("n", "a"), (3.0,))]),
        (LABELLED, {"a\0": 1, "a": 2}, [(("n", "a"), (3.0,))]),
        (LABELLED, {"x" * LABEL_MAX + "1": 1, "x" * LABEL_MAX + "2": 2}, [(("n", "x" * LABEL_MAX), (3.0,))]),
        (LABELLED, {"\ud800": 1}, [(("n", "?"), (1.0,))]),
        (TIMED, observed(Histogram((1.0, 2.0)), 0.5, 1.0, 1.5, 9.0), [(("n",), (12.0, 2.0, 1.0, 1.0))]),
    ],
)
def test_reader_gives_samples(metric, told, found):
    assert samples(metric, told, ("n",)[: len(metric.labels)]) == found


def test_figures_travel_with_the_report():
    told = measure((LABELLED,), {"a": 1, "b": 2.5}, ("n",))
    assert unpacked((LABELLED,), packed(told)) == told


@pytest.mark.parametrize(
    "stored",
    [
        b"{}",
        b"[]",
        b"no JSON",
        b'{"m":[[["n"],[1]]]}',  # a label too few
        b'{"m":[[["n","a"],[1,2]]]}',  # a histogram now, or then
        b'{"m":[[["n","a"],["1"]]]}',
        b'{"other":[[["n","a"],[1]]]}',
    ],
)
def test_what_another_version_measured_is_left_out(stored):
    assert unpacked((LABELLED,), msgspec.Raw(stored)).get("m", []) == []
