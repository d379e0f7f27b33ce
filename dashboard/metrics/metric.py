"""What a metric is, and how the ingest's figures travel to the process that serves them. Knows names and values; knows nothing that is measured.

Adding a metric is one line in a table (`node`, `taps`, `stored`, `feeds` or `web`) and one in docs/metrics.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from dashboard.history.rows import clean
from dialogs.insight.totals import Histogram

LABEL_MAX = 128
"Characters of a label's value: it may come from the wire."

OTHERS = "(others)"

type Labels = tuple[str, ...]
type Values = tuple[float, ...]
type Sample = tuple[Labels, Values]
"Values of its labels, and its value; of a histogram the sum and then the counts between the bounds."

type Measured = dict[str, list[Sample]]
type Told = float | Histogram | Mapping[str, float] | Iterable[tuple[Sequence[str], float | Histogram]]
"What a reader may give: one value, values by their only label, or pairs of labels and value."


class Kind(StrEnum):
    """Prometheus' types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One metric: a line of a table."""

    name: str
    "A counter's ends in _total, and no gauge has its name without that."

    kind: Kind
    help: str
    labels: Labels
    "All of them, those that its table gives to each of its metrics first."

    read: Callable[[Any], Told]
    "Takes what its table measures. Costs next to nothing: it runs where packets are read."

    bounds: Sequence[float] = ()
    "Of a histogram."

    numbers: bool = False
    "Whether a label may hold a party's number: not for everybody."


def samples(metric: Metric, subject: Any, given: Labels = ()) -> list[Sample]:
    """Return what a metric says of a subject, one sample for each labels; `given` are the labels that its table gives.

    Samples whose labels are the same once they are cleaned are added up: a scrape that has one twice is refused as a whole.
    """
    told = metric.read(subject)
    if isinstance(told, int | float | Histogram):
        told = [((), told)]
    elif isinstance(told, Mapping):
        told = [((label,), value) for label, value in told.items()]
    found: dict[Labels, Values] = {}
    for labels, value in told:
        key = given + tuple(clean(label, LABEL_MAX) for label in labels)
        numbers = tuple(value.numbers()) if isinstance(value, Histogram) else (float(value),)
        before = found.get(key)
        found[key] = tuple(a + b for a, b in zip(before, numbers, strict=True)) if before else numbers
    return list(found.items())


def measure(table: Iterable[Metric], subject: Any, given: Labels = ()) -> Measured:
    """Return what a table says of a subject, by metric."""
    return {metric.name: samples(metric, subject, given) for metric in table}


def packed(measured: Measured) -> msgspec.Raw:
    """Return figures as they are stored with the node's report."""
    return msgspec.Raw(msgspec.json.encode(measured))


def unpacked(table: Iterable[Metric], raw: msgspec.Raw) -> Measured:
    """Return stored figures; nothing of a metric that another version wrote and this one does not know so."""
    try:
        stored = msgspec.json.decode(raw, type=dict[str, list[tuple[tuple[str, ...], tuple[float, ...]]]])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return {}
    return {metric.name: [sample for sample in stored.get(metric.name, ()) if fits(metric, sample)] for metric in table}


def fits(metric: Metric, sample: Sample) -> bool:
    """Return whether a sample has the labels and values of its metric."""
    return len(sample[0]) == len(metric.labels) and len(sample[1]) == (len(metric.bounds) + 2 if metric.bounds else 1)
