"""Live capture from an interface through libpcap (pcapy-ng). Knows the capture handle; frames are decoded in `ip`.

What was found out about pcapy-ng 2.1 with the libpcap 1.9.1 that its wheel brings:
- The binding blocks for ever on an idle link unless the handle is non-blocking; so it is, and `fileno()` is for the loop's selector.
- `next_batch` hands over many packets a call; frames of a full ring come at once, of a quiet one after the read time-out (10 ms).
- `activate` returns a code instead of raising, and the wrapper keeps libpcap's words for it to itself.
- On `lo` and on `any` the kernel shows each loopback packet going out and coming in; libpcap drops the outgoing one, so it arrives once
  (its counter "received" counts both).
- `any` has the cooked link type (113), for which libpcap knows no `vlan`; it knows it on Ethernet alone. A packet that crosses two interfaces arrives twice.
- The third figure of `stats` (dropped by the interface) is no loss of ours: it counts frames that the host's own stack had no use for,
  such as every frame of an unconfigured VLAN on a mirror port.
"""

import os
import socket
import struct
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pcapy

from dialogs.packet import Packet
from dialogs.taps.bpf import capture_filter
from dialogs.taps.counters import Counted
from dialogs.taps.errors import TapError
from dialogs.taps.health import Health, health_of
from dialogs.taps.ip import Decoder
from dialogs.taps.link import LINK_TYPES, unreadable

ETHERNET = 1
READ_TIMEOUT_MS = 10
NO_SUCH_DEVICE, NO_PERMISSION, NOT_UP, PROMISCUOUS_REFUSED = -5, -8, -9, -11
"libpcap's codes for what can go wrong when a handle is activated; above 0 are warnings."

REOPEN_NS = 2_000_000_000
"How often an interface that went away is tried again."

SETCAP = "setcap cap_net_raw,cap_net_admin+ep $(readlink -f .venv/bin/python)"
PERMISSION_ADVICE = f"run as root, or allow it once: {SETCAP}"
NOT_AGAIN = f"cannot be opened again without root: restart Dialtap, or allow capturing: {SETCAP}"

_frame_places = struct.Struct("=IIII")


class Wanted(NamedTuple):
    """How an interface is captured on."""

    ports: Sequence[int]
    extra_filter: str
    "The user's own expression, combined with ours by `and`."

    snaplen: int
    buffer_mb: int
    promiscuous: bool


class LiveTap(Counted):
    """Packets of one interface, or of "any"."""

    recorded = False

    def __init__(
        self,
        interface: str,
        ports: Sequence[int] = (5060,),
        extra_filter: str = "",
        snaplen: int = 65_535,
        buffer_mb: int = 64,
        promiscuous: bool = True,
    ) -> None:
        """Open the interface without blocking; raises TapError that says what is wrong and what to do."""
        self.interface = interface
        self.name = f"interface:{interface}"
        self.error = ""
        self.newest_ns = 0
        self.down_ns = 0
        "Since when the interface is away; 0 while it is there."

        self.decoder = Decoder(self.name, ports=ports)
        self.counters = self.decoder.counters
        self._wanted = Wanted(ports, extra_filter, snaplen, buffer_mb, promiscuous)
        self._retry_ns = 0
        self._dropped = 0
        "Of the handles before this one."

        self._handle: pcapy.Reader | None = None
        self._open()

    @property
    def dropped(self) -> int:
        """Packets that the kernel threw away because nobody fetched them in time."""
        return self._dropped + (0 if self._handle is None else int(self._handle.stats()[1]))

    def health(self) -> Health:
        """Return what was counted, by cause."""
        return health_of(self.counters, tcp_gaps=self.decoder.streams.gaps, tcp_evicted=self.decoder.streams.flows.evicted, down_ns=self.down_ns)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when packets wait; -1 once closed."""
        return -1 if self._handle is None else int(self._handle.getfd())

    def drain(self, limit: int = 256) -> list[Packet]:
        """Return what has arrived, never wait. Looks at `limit` frames at most: call again while the descriptor is readable.

        When the interface goes away `error` says so, and the tap is closed until `reopen` finds it again.
        """
        packets: list[Packet] = []
        if self._handle is None:
            return packets
        try:
            frames, places = self._handle.next_batch(limit)
        except pcapy.PcapError as error:
            self._lose(str(error))
            return packets
        for seconds, microseconds, offset, length in _frame_places.iter_unpack(places):
            at_ns = seconds * 1_000_000_000 + microseconds * 1000
            self.decoder.decode(at_ns, self._link, frames[offset : offset + length], packets)
        self.counters.frames += len(places) // _frame_places.size
        self.counters.packets += len(packets)
        if packets:
            self.newest_ns = packets[-1].at_ns
        return packets

    def expire(self, now_ns: int) -> list[Packet]:
        """Return what has waited too long behind holes in TCP streams: on an idle link no segment comes that would let it go."""
        packets: list[Packet] = []
        self.decoder.streams.expire(now_ns, packets)
        self.counters.packets += len(packets)
        return packets

    def reopen(self, now_ns: int) -> bool:
        """Return whether an interface that had gone away is captured on again; tried every 2 s at most. A tap that was closed stays closed."""
        if not self.down_ns or now_ns < self._retry_ns:
            return False
        self._retry_ns = now_ns + REOPEN_NS
        try:
            self._open()
        except TapError:
            if not may_sniff():
                self.error = f"{self.interface}: {NOT_AGAIN}{_since(self.down_ns)}"
            return False
        self.error, self.down_ns, self._retry_ns = "", 0, 0
        return True

    def close(self) -> None:
        """Give the interface back for good; the counters keep their last values."""
        self.down_ns = 0
        self._release()

    def _lose(self, words: str) -> None:
        """Let go of an interface that went away."""
        self.down_ns = time.time_ns()
        self.error = f"{self.interface}: {words}{_since(self.down_ns)}"
        self._release()

    def _release(self) -> None:
        if self._handle is not None:
            self._dropped = self.dropped
            self._handle.close()
            self._handle = None

    def _open(self) -> None:
        self._handle = _activated(self.interface, self._wanted)
        try:
            self._prepare(self._handle, self._wanted.ports, self._wanted.extra_filter)
        except TapError:
            self._release()
            raise

    def _prepare(self, handle: "pcapy.Reader", ports: Sequence[int], extra_filter: str) -> None:
        link_type = handle.datalink()
        link = LINK_TYPES.get(link_type)
        if link is None:
            raise TapError(f"interface {self.interface}: {unreadable(link_type)}")
        self._link = link
        try:
            if extra_filter.strip():
                handle.setfilter(extra_filter)  # alone first: then libpcap's words are about the user's text, not ours
            handle.setfilter(capture_filter(ports, extra_filter, vlan=link_type == ETHERNET))
        except pcapy.PcapError as error:
            raise TapError(f"filter {extra_filter!r}: {error}") from error
        handle.setnonblock(1)


def may_sniff() -> bool:
    """Tell whether this process may open a capture; opens a packet socket that receives nothing and closes it."""
    if not sys.platform.startswith("linux"):
        return os.geteuid() == 0
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError:
        return False
    return True


def interfaces() -> list[str]:
    """Return the names of the network interfaces of this machine, "any" first."""
    return ["any", *sorted(name for _, name in socket.if_nameindex())]


def _activated(interface: str, wanted: Wanted) -> "pcapy.Reader":
    try:
        handle = pcapy.create(interface)
        handle.set_snaplen(wanted.snaplen)
        handle.set_promisc(wanted.promiscuous and interface != "any")  # "any" has no promiscuous mode
        handle.set_timeout(READ_TIMEOUT_MS)
        handle.set_buffer_size(wanted.buffer_mb * 1024 * 1024)
        code = handle.activate()
    except pcapy.PcapError as error:
        raise TapError(f"interface {interface}: {error}") from error
    if code < 0:
        handle.close()
        raise TapError(_reason(interface, code))
    return handle


def _since(at_ns: int) -> str:
    return f", since {datetime.fromtimestamp(at_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _reason(interface: str, code: int) -> str:
    """Say what libpcap's code means, and what to do about it."""
    if code in (NO_PERMISSION, PROMISCUOUS_REFUSED) or not may_sniff():
        return f"no permission to capture on {interface}: {PERMISSION_ADVICE}"
    if code == NO_SUCH_DEVICE:
        return f"no interface {interface} here; there are: {', '.join(interfaces())}"
    if code == NOT_UP:
        return f"interface {interface} is down: ip link set {interface} up"
    return f"interface {interface} cannot be captured on (libpcap's code {code})"
