"""Everything of one scrape: what this process counts, what the database has, what each ingest has reported. Knows the tables; knows no format.

All is read from the database, as the pages do it: whether the ingest shares this process or runs elsewhere makes no difference, and it is never asked.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

from django.db import Error

from dashboard.history.fed import figures
from dashboard.metrics.feeds import FEEDS
from dashboard.metrics.metric import Kind, Measured, Metric, measure, unpacked
from dashboard.metrics.node import NODE
from dashboard.metrics.stored import STORED
from dashboard.metrics.taps import TAPS, Seen
from dashboard.metrics.web import WEB
from dashboard.models import TapStatus
from dialogs.packet import SECOND
from dialogs.taps.health import Report, decode

SILENT_NS = 10 * SECOND
"An ingest that has not reported for so long is down: what it said last is not given on as if it were now."

GONE_NS = 24 * 3600 * SECOND
"One that has not reported for so long is no more of this installation."

ENGINE = "engine:"


class Node(NamedTuple):
    """One ingest, as it has last reported."""

    name: str
    at_ns: int
    report: Report
    taps: list[TapStatus]

    def is_up(self, now_ns: int) -> bool:
        """Return whether it has reported lately."""
        return now_ns - self.at_ns < SILENT_NS


type Nodes = tuple[list[Node], int]
"Those of this installation, and the time of the look."


def ups(found: Nodes) -> dict[str, float]:
    """Return which ingests have reported lately."""
    nodes, now_ns = found
    return {node.name: node.is_up(now_ns) for node in nodes}


def ages(found: Nodes) -> dict[str, float]:
    """Return how old each ingest's report is, seconds."""
    nodes, now_ns = found
    return {node.name: max(0, now_ns - node.at_ns) / SECOND for node in nodes}


def begins(found: Nodes) -> dict[str, float]:
    """Return when each ingest began, seconds of the epoch."""
    return {node.name: node.report.since_ns / SECOND for node in found[0]}


DATABASE = (Metric("dialtap_database_up", Kind.GAUGE, "1 while the database answers.", (), bool),)
NODES = (
    Metric("dialtap_ingest_up", Kind.GAUGE, "1 while an ingest reports; without it only its age is told.", ("node",), ups),
    Metric("dialtap_ingest_report_age_seconds", Kind.GAUGE, "Since an ingest last reported; it does so each second.", ("node",), ages),
    Metric("dialtap_ingest_start_time_seconds", Kind.GAUGE, "When an ingest began, seconds of the epoch.", ("node",), begins),
)
METRICS: tuple[Metric, ...] = (*WEB, *DATABASE, *STORED, *FEEDS, *NODES, *NODE, *TAPS)


def nodes(now_ns: int) -> list[Node]:
    """Return the ingests of the last day. Raises django.db.Error."""
    taps: dict[str, list[TapStatus]] = {}
    engines = []
    for row in TapStatus.objects.filter(at_ns__gt=now_ns - GONE_NS).order_by("name"):
        if row.name.startswith(ENGINE):
            engines.append(row)
        else:
            taps.setdefault(row.node, []).append(row)
    return [Node(row.node, row.at_ns, decode(row.detail), taps.get(row.node, [])) for row in engines]


def gather() -> Measured:
    """Return the samples of this moment, by metric. Never fails for want of a database: it says so."""
    now_ns = time.time_ns()
    found = measure(WEB, None)
    try:
        found |= _read(now_ns)
    except Error:
        return found | measure(DATABASE, 0)
    return found | measure(DATABASE, 1)


def _read(now_ns: int) -> Measured:
    found = measure(STORED, now_ns) | measure(FEEDS, (figures(), now_ns))
    known = nodes(now_ns)
    found |= measure(NODES, (known, now_ns))
    for node in known:
        for part in _parts(node, now_ns):
            for name, samples in part.items():
                found.setdefault(name, []).extend(samples)
    return found


def _parts(node: Node, now_ns: int) -> Iterator[Measured]:
    """Yield what an ingest has reported, while it does, of itself and of its taps."""
    if not node.is_up(now_ns):
        return
    yield unpacked(NODE, node.report.measured)
    for row in node.taps:
        yield measure(TAPS, Seen(row, decode(row.detail), node.report.since_ns, now_ns), (node.name, row.name))
