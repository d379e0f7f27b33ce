"""Recorded traffic in the tables and the message store, as the ingest writes it."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from dashboard.history.recorder import Recorder
from dashboard.ingest.pending import Pending
from dashboard.models import DialogRow
from dialogs.config import Config
from dialogs.engine import Engine
from dialogs.insight import PeerNames
from dialogs.packet import Packet
from dialogs.taps import CaptureFile
from tests.dashboard.live.people import NOW

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


class Wire:
    """An ingest's engine and recorder: what is sent is stored by each `write`."""

    def __init__(self) -> None:
        self.engine = Engine(Config(), "n1")
        self.pending = Pending(self.engine, PeerNames(()), lambda _: "")

    def send(self, packets: Iterable[Packet]) -> "Wire":
        """Show packets to the engine."""
        for packet in packets:
            self.pending.take(self.engine.receive(packet))
        return self

    def write(self) -> DialogRow:
        """Store what changed; return the newest call's row."""
        recorder = Recorder("n1", lambda _: True, Path(settings.VAR) / "messages")
        recorder.write(self.pending.changes(), NOW)
        recorder.close()
        return DialogRow.objects.order_by("-init_ns")[0]


def packets_of(name: str) -> list[Packet]:
    """Return a recording's packets."""
    return list(CaptureFile(RECORDINGS / name / "capture.pcap"))


def recorded(name: str) -> DialogRow:
    """Write the call of a recording."""
    return Wire().send(packets_of(name)).write()
