"""What the node's taps say of themselves, written each second. Knows taps, engine and recorder; knows no loop."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from dashboard.history.recorder import Recorder
from dashboard.history.rows import clean
from dashboard.ingest.door import Door
from dashboard.ingest.heard import Heard
from dashboard.ingest.pending import Pending
from dashboard.ingest.sources import Sources
from dashboard.models import TapStatus
from dialogs.engine import Engine
from dialogs.insight.traffic import PeerTraffic
from dialogs.packet import Packet
from dialogs.taps.health import Asked, Health, PeerCounted, Report, encode

PERIOD = 1.0
CALLERS_SHOWN = 50
PEERS_SHOWN = 50
"Addresses without a name."

FIELDS = ("node", "at_ns", "newest_ns", "packets", "messages", "dropped", "undecodable", "duplicates", "recorded", "error", "blind_ns", "detail")


class Meter:
    """What the ingest itself counts of one tap, and how fast its figures grow."""

    def __init__(self) -> None:
        self.messages = self.duplicates = 0
        self._packets_before = self._messages_before = self._lost_before = 0
        self._before = 0.0
        self._rates = (-1.0, -1.0)
        self._lost_ns = 0
        self.blind_ns = 0
        "When this tap last said that it does not work."

    def report(self, health: Health, packets: int, lost: int, now_ns: int) -> Report:
        """Return the report of this moment; rates are those since the one before."""
        now = time.monotonic()
        if self._before:
            elapsed = max(now - self._before, 0.001)
            self._rates = (round((packets - self._packets_before) / elapsed, 1), round((self.messages - self._messages_before) / elapsed, 1))
        lost += health.tcp_gaps + health.incomplete
        if lost > self._lost_before:
            self._lost_ns = now_ns
        self._before, self._packets_before, self._messages_before, self._lost_before = now, packets, self.messages, lost
        return Report(health=health, packets_rate=self._rates[0], messages_rate=self._rates[1], lost_ns=self._lost_ns)


class Status:
    """Keeps one TapStatus row a tap, and one for the engine itself, whose `dropped` are calls and messages it could not keep."""

    def __init__(
        self,
        node: str,
        sources: Sources,
        engine: Engine,
        recorder: Recorder,
        pending: Pending,
        heard: Heard,
        door: Door,
        traffic: PeerTraffic,
        beside: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        """`beside`: what else the node's report says (fields of `Report`)."""
        self.node = node
        self.taps = [*sources.live, *sources.players]
        self.engine = engine
        self.recorder = recorder
        self.pending = pending
        self.heard = heard
        self.door = door
        self.traffic = traffic
        self._beside = beside
        self._listens = bool(sources.live)
        self._meters = {tap.name: Meter() for tap in self.taps}
        self._own = Meter()
        self.since_ns = 0
        "When the first report was made."

        self._written = 0.0

    def count(self, tap: str, packets: Sequence[Packet], messages: int, duplicates: int) -> None:
        """Take note of what a tap has just handed over: its packets, the SIP messages among them, and how many were a mirror's second copies."""
        meter = self._meters[tap]
        meter.messages += messages
        meter.duplicates += duplicates
        self.heard.note(packets)

    def due(self, now_ns: int) -> list[TapStatus]:
        """Return the rows when a second has gone by since the last ones, else none. Runs where the taps are read: they count without locks."""
        if time.monotonic() - self._written < PERIOD:
            return []
        self._written = time.monotonic()
        return self.rows(now_ns)

    def write(self, rows: list[TapStatus]) -> None:
        """Write rows; those of taps that this node no longer has are deleted."""
        if rows:
            TapStatus.objects.filter(node=self.node).exclude(name__in=[row.name for row in rows]).delete()
            TapStatus.objects.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=FIELDS)

    def rows(self, now_ns: int) -> list[TapStatus]:
        """Return what stands for each tap now."""
        self.since_ns = self.since_ns or now_ns
        rows = []
        for tap in self.taps:
            meter, dropped = self._meters[tap.name], tap.dropped
            report = meter.report(tap.health(), tap.packets, dropped, now_ns)
            meter.blind_ns = now_ns if tap.error else meter.blind_ns
            rows.append(
                TapStatus(
                    name=tap.name,
                    node=self.node,
                    at_ns=now_ns,
                    newest_ns=tap.newest_ns,
                    packets=tap.packets,
                    messages=meter.messages,
                    dropped=dropped,
                    undecodable=tap.undecodable,
                    duplicates=meter.duplicates,
                    recorded=tap.recorded,
                    error=clean(tap.error),  # names files, whose names may be any bytes
                    blind_ns=meter.blind_ns,
                    detail=encode(report),
                )
            )
        return [*rows, self._engine(now_ns)]

    def _engine(self, now_ns: int) -> TapStatus:
        engine, recorder = self.engine, self.recorder
        self._own.messages = engine.messages
        lost = engine.evicted + recorder.dropped + recorder.rejected + recorder.messages_lost + self.pending.messages_lost
        report = self._own.report(Health(), engine.packets, lost, now_ns)
        report = msgspec.structs.replace(report, since_ns=self.since_ns, heard=self.heard.last if self._listens else {}, **self._counted(now_ns))
        return TapStatus(
            name=f"engine:{self.node}",
            node=self.node,
            at_ns=now_ns,
            newest_ns=max((tap.newest_ns for tap in self.taps), default=0),
            packets=engine.packets,
            messages=engine.messages,
            dropped=lost,
            undecodable=engine.not_sip,
            duplicates=engine.mirrored,
            error=recorder.error,
            detail=encode(report),
        )

    def _counted(self, now_ns: int) -> dict[str, Any]:
        """Return what the node counted, bounded: the greatest callers and the busiest addresses only."""
        callers, door = self.engine.calls.callers, self.door
        return {
            "calls": callers.total(),
            "callers": tuple(callers.top(CALLERS_SHOWN)),
            "callers_known": len(callers),
            "callers_forgotten": callers.forgotten,
            "peers": tuple(PeerCounted(*counted) for counted in self.traffic.top(PEERS_SHOWN, now_ns)),
            "peers_since_ns": self.traffic.since_ns(now_ns),
            "peers_known": len(self.traffic),
            "peers_forgotten": self.traffic.forgotten,
            "notices_lost": self.pending.notices_lost,
            "door": Asked(door.requests, door.faults, door.malformed, door.connections, door.refused),
            **self._beside(),
        }
