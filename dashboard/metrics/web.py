"""What this process, which serves the pages, counts: its browsers and its callers. Knows where the counts are; counts nothing itself."""

from typing import Any, Protocol

from dashboard.metrics.metric import Kind, Metric
from dashboard.rpc import access
from dialogs.insight.totals import WORK_BOUNDS, Histogram
from dialogs.rpc.commands.server import VERSION

COUNTER, GAUGE, HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM


class Pushes(Protocol):
    """The hub, as it is measured: `dashboard.live.hub`."""

    clients: set[Any]
    sent: int
    given_up: int
    snapshots: dict[str, int]
    ticks: Histogram

    @property
    def queued(self) -> int:
        """How many frames wait for their browser."""
        ...


_hubs: list[Pushes] = []


def watch(hub: Pushes) -> None:
    """Say which hub runs in this process."""
    _hubs[:] = [hub]


def hub() -> Pushes:
    """Return the hub of this process."""
    return _hubs[-1]


WEB = (
    Metric("dialtap_build_info", GAUGE, "1, with the version.", ("version",), lambda _: {VERSION: 1}),
    Metric("dialtap_hub_clients", GAUGE, "Browsers that are connected.", (), lambda _: len(hub().clients)),
    Metric("dialtap_hub_frames_total", COUNTER, "Frames for browsers.", (), lambda _: hub().sent),
    Metric("dialtap_hub_snapshots_total", COUNTER, "Frames that load everything; gap, overflow: resyncs.", ("reason",), lambda _: hub().snapshots),
    Metric("dialtap_hub_queued_frames", GAUGE, "Frames that wait for their browser.", (), lambda _: hub().queued),
    Metric("dialtap_hub_given_up_total", COUNTER, "Browsers that were cut off because they stayed behind.", (), lambda _: hub().given_up),
    Metric("dialtap_hub_tick_seconds", HISTOGRAM, "What a look at the tables for all browsers takes.", (), lambda _: hub().ticks, WORK_BOUNDS),
    Metric("dialtap_http_turned_away_total", COUNTER, "Callers of programs' addresses that were too many.", ("what",), lambda _: access.turned_away()),
)
