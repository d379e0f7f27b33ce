"""Taps: where packets come from. Files are iterated; players, streams and followed folders have `next_due_ns()`, `due()`
and `close()`; live taps have `fileno()`, `drain()` and `close()`.

Every tap has `name`, `recorded`, `packets`, `dropped`, `undecodable`, `error` and `newest_ns`.
"""

from dialogs.taps.bpf import capture_filter
from dialogs.taps.counters import Counters
from dialogs.taps.errors import CaptureError, TapError
from dialogs.taps.follow import FollowTap
from dialogs.taps.hep import HepMessage
from dialogs.taps.hep import decode as decode_hep
from dialogs.taps.hep_gate import read_key
from dialogs.taps.hep_stream import HepStreamTap
from dialogs.taps.hep_tap import HepTap
from dialogs.taps.ip import Decoder
from dialogs.taps.live import LiveTap, interfaces, may_sniff
from dialogs.taps.merged import Captures, open_recording
from dialogs.taps.pcap import CaptureFile
from dialogs.taps.player import Player
from dialogs.taps.stream import StreamTap
from dialogs.taps.writer import pcapng

__all__ = [
    "CaptureError",
    "CaptureFile",
    "Captures",
    "Counters",
    "Decoder",
    "FollowTap",
    "HepMessage",
    "HepStreamTap",
    "HepTap",
    "LiveTap",
    "Player",
    "StreamTap",
    "TapError",
    "capture_filter",
    "decode_hep",
    "interfaces",
    "may_sniff",
    "open_recording",
    "pcapng",
    "read_key",
]
