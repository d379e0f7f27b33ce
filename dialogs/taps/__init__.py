"""Taps: where packets come from. Files and players are read as they are; live taps have `fileno()`, `drain()` and `close()`.

Every tap has `name`, `recorded`, `packets`, `dropped`, `undecodable`, `error` and `newest_ns`.
"""

from dialogs.taps.bpf import capture_filter
from dialogs.taps.counters import Counters
from dialogs.taps.errors import CaptureError, TapError
from dialogs.taps.hep import HepMessage
from dialogs.taps.hep import decode as decode_hep
from dialogs.taps.hep_tap import HepTap
from dialogs.taps.ip import Decoder
from dialogs.taps.live import LiveTap, interfaces, may_sniff
from dialogs.taps.pcap import CaptureFile
from dialogs.taps.player import Player

__all__ = [
    "CaptureError",
    "CaptureFile",
    "Counters",
    "Decoder",
    "HepMessage",
    "HepTap",
    "LiveTap",
    "Player",
    "TapError",
    "capture_filter",
    "decode_hep",
    "interfaces",
    "may_sniff",
]
