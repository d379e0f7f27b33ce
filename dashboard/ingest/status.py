"""What the node's taps say of themselves, written each second. Knows taps, engine and recorder; knows no loop."""

import time

from dashboard.history.recorder import Recorder
from dashboard.ingest.pending import Pending
from dashboard.ingest.sources import Sources
from dashboard.models import TapStatus
from dialogs.engine import Engine

PERIOD = 1.0
FIELDS = ("node", "at_ns", "newest_ns", "packets", "messages", "dropped", "undecodable", "duplicates", "recorded", "error")


class Status:
    """Keeps one TapStatus row a tap, and one for the engine itself, whose `dropped` are calls and messages it could not keep."""

    def __init__(self, node: str, sources: Sources, engine: Engine, recorder: Recorder, pending: Pending) -> None:
        self.node = node
        self.taps = [*sources.live, *sources.players]
        self.engine = engine
        self.recorder = recorder
        self.pending = pending
        self._messages = dict.fromkeys((tap.name for tap in self.taps), 0)
        self._written = 0.0

    def count(self, tap: str, messages: int) -> None:
        """Add SIP messages to a tap's figure."""
        self._messages[tap] += messages

    def write(self, now_ns: int) -> None:
        """Write the rows when a second has gone by; rows of taps that this node no longer has are deleted."""
        if time.monotonic() - self._written < PERIOD:
            return
        self._written = time.monotonic()
        rows = self.rows(now_ns)
        TapStatus.objects.filter(node=self.node).exclude(name__in=[row.name for row in rows]).delete()
        TapStatus.objects.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=FIELDS)

    def rows(self, now_ns: int) -> list[TapStatus]:
        """Return what stands for each tap now."""
        rows = [
            TapStatus(
                name=tap.name,
                node=self.node,
                at_ns=now_ns,
                newest_ns=tap.newest_ns,
                packets=tap.packets,
                messages=self._messages[tap.name],
                dropped=tap.dropped,
                undecodable=tap.undecodable,
                recorded=tap.recorded,
                error=tap.error,
            )
            for tap in self.taps
        ]
        return [*rows, self._engine(now_ns)]

    def _engine(self, now_ns: int) -> TapStatus:
        engine, recorder = self.engine, self.recorder
        return TapStatus(
            name=f"engine:{self.node}",
            node=self.node,
            at_ns=now_ns,
            newest_ns=max((tap.newest_ns for tap in self.taps), default=0),
            packets=engine.packets,
            messages=engine.messages,
            dropped=engine.evicted + recorder.dropped + recorder.rejected + recorder.messages_lost + self.pending.messages_lost,
            undecodable=engine.not_sip,
            duplicates=engine.mirrored,
            error=recorder.error,
        )
