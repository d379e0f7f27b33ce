"""A capture file read into a database of its own, by the same engine and recorder as what is live. Knows packets; knows no loop and no page.

Runs in a process of its own (`manage.py open_capture`), so that neither pages nor taps wait for it. Rules, profiles and peers are the configuration's;
there is no controller, no door, no limit: what is read here cannot act.
"""

import time
from collections.abc import Iterable

from django.conf import settings
from django.db import connections

from dashboard.history.recorder import Recorder
from dashboard.ingest.pending import Pending
from dashboard.models import Alert, DialogRow, Order, OrderRequest, ProfileEntry
from dashboard.workspace import store
from dashboard.workspace.routing import connect, messages_folder
from dashboard.workspace.store import Progress
from dialogs.engine import Engine
from dialogs.insight import PeerNames
from dialogs.packet import Packet
from dialogs.taps import CaptureError, open_recording

BATCH = 2000
"Packets between two writes and reports."

MOST_PACKETS = 5_000_000
END = "still up when the capture ended"


class Reader:
    """Reads one opened file."""

    def __init__(self, ident: str) -> None:
        """Make the database's tables."""
        self.ident = ident
        self.alias = connect(ident)
        with connections[self.alias].schema_editor() as editor:
            for model in (DialogRow, ProfileEntry, Order, OrderRequest, Alert):
                editor.create_model(model)
        self.node = f"file-{ident}"
        self.engine = Engine(settings.DIALTAP, self.node)
        self.recorder = Recorder(self.node, lambda _tap: True, messages_folder(self.alias), self.alias)
        self.pending = Pending(self.engine, PeerNames(settings.DIALTAP.peer), lambda _call: "")
        self.packets = self.calls = self.at_ns = 0

    def read(self, packets: Iterable[Packet]) -> bool:
        """Read to the end and close what is still up; False when the file was closed meanwhile."""
        for packet in packets:
            self._feed(packet)
            if self.packets % BATCH == 0 and not self._write("reading"):
                return False
            if self.packets >= MOST_PACKETS:
                break
        if not self._write("reading"):
            return False
        self.recorder.close_lost((), END)
        return True

    def close(self) -> None:
        """Close the files."""
        self.recorder.close()
        connections[self.alias].close()

    def _feed(self, packet: Packet) -> None:
        engine = self.engine
        if engine.is_due(packet.at_ns):
            self.pending.take(engine.expire(packet.at_ns))
        self.pending.take(engine.receive(packet))
        self.packets += 1
        self.at_ns = max(self.at_ns, packet.at_ns)

    def _write(self, state: str) -> bool:
        changes = self.pending.changes()
        self.calls += sum(change.begun for change in changes)
        if not store.report(self.ident, Progress(state, self.packets, self.calls, self.at_ns, self.recorder.error)):
            return False
        self.recorder.write(changes, time.time_ns())
        return True


def read_file(ident: str) -> None:
    """Read an opened file; what becomes of it stands in its progress."""
    reader = Reader(ident)
    try:
        source, notes = open_recording([store.folder(ident) / store.CAPTURE])
        if not reader.read(source):
            return
        words = " ".join(notes) or ("The capture is cut or damaged; what came before was read." if getattr(source, "truncated", False) else "")
        if reader.packets >= MOST_PACKETS:
            words = f"Only the first {MOST_PACKETS:,} packets were read."
        store.report(ident, Progress("done", reader.packets, reader.calls, reader.at_ns, words))
    except (CaptureError, OSError) as error:
        store.report(ident, Progress("failed", reader.packets, reader.calls, reader.at_ns, str(error).replace(str(store.folder(ident)), "")))
    finally:
        reader.close()
        store.read_out(ident)
