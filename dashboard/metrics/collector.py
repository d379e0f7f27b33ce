"""Our figures in prometheus-client's families, made anew for each scrape. Knows the format's library; counts nothing, reads nothing."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from dashboard.metrics.gathered import METRICS
from dashboard.metrics.metric import Kind, Measured, Metric, Values


class Scrape(Collector):
    """What one scrape is shown."""

    def __init__(self, measured: Measured, *, numbers: bool) -> None:
        """`numbers`: whether labels may hold parties' numbers."""
        self._measured = measured
        self._numbers = numbers

    def collect(self) -> Iterator[Family]:
        """Yield the families that have a sample."""
        for metric in METRICS:
            samples = self._measured.get(metric.name)
            if samples and (self._numbers or not metric.numbers):
                family = FAMILIES[metric.kind](metric)
                for labels, values in samples:
                    _add(family, metric, labels, values)
                yield family


FAMILIES = {
    Kind.COUNTER: lambda metric: CounterMetricFamily(metric.name, metric.help, labels=metric.labels),
    Kind.GAUGE: lambda metric: GaugeMetricFamily(metric.name, metric.help, labels=metric.labels),
    Kind.HISTOGRAM: lambda metric: HistogramMetricFamily(metric.name, metric.help, labels=metric.labels),
}


def _add(family: Family, metric: Metric, labels: Sequence[str], values: Values) -> None:
    if isinstance(family, HistogramMetricFamily):
        total, *counts = values
        bounds = (*map(str, metric.bounds), "+Inf")
        family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
        family.add_metric(labels, values[0])


def exposition(measured: Measured, accept: str, *, numbers: bool) -> tuple[bytes, str]:
    """Return the text of a scrape in the format that its reader likes best, and the format's name."""
    registry = CollectorRegistry()
    registry.register(Scrape(measured, numbers=numbers))
    ProcessCollector(registry=registry)  # process_*: of this process
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
