"""Samples of the key figures: counts what changes and makes a row a period. Knows changes and the table; what is counted is dialogs.insight.kpi's business."""

from collections.abc import Iterable

import msgspec

from dashboard.history.rows import Change, clean
from dashboard.models import KpiSample
from dialogs.insight.kpi import Tally

PERIOD_NS = 10_000_000_000
"Periods end at whole multiples of it, so that those of several nodes are the same."


class Sampling:
    """The figures of one node. `take` runs where the engine lives."""

    def __init__(self, node: str, now_ns: int) -> None:
        self.node = clean(node, 64)
        self.tally = Tally(now_ns)
        self._period = now_ns // PERIOD_NS

    def take(self, changes: Iterable[Change], now_ns: int) -> list[KpiSample]:
        """Count what changed in this tick; return the sample of a period that is over."""
        for change in changes:
            self.tally.take(change.snapshot)
        period = now_ns // PERIOD_NS
        if period == self._period:
            return []
        self._period = period
        return [KpiSample(node=self.node, at_ns=period * PERIOD_NS, figures=msgspec.json.encode(self.tally.close(now_ns)).decode())]
