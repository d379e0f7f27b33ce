"""Live capture from an interface through libpcap (pcapy-ng). Knows the capture handle; frames are decoded in `ip`.

What was found out about pcapy-ng 2.1 with the libpcap 1.9.1 that its wheel brings:
- The binding blocks for ever on an idle link unless the handle is non-blocking; so it is, and `fileno()` is for the loop's selector.
- `next_batch` hands over many packets a call; frames of a full ring come at once, of a quiet one after the read time-out (10 ms).
- `activate` returns a code instead of raising, and the wrapper keeps libpcap's words for it to itself.
- On `lo` and on `any` the kernel shows each loopback packet going out and coming in; libpcap drops the outgoing one, so it arrives once
  (its counter "received" counts both).
- `any` has the cooked link type (113), for which libpcap knows no `vlan`. A packet that crosses two interfaces arrives twice.
- The third figure of `stats` (dropped by the interface) is no loss of ours: it counts frames that the host's own stack had no use for,
  such as every frame of an unconfigured VLAN on a mirror port.
"""

import os
import socket
import struct
import sys
from collections.abc import Sequence

import pcapy

from dialogs.packet import Packet
from dialogs.taps.bpf import capture_filter
from dialogs.taps.counters import Counted
from dialogs.taps.errors import TapError
from dialogs.taps.ip import Decoder
from dialogs.taps.link import LINK_TYPES, unreadable

COOKED = frozenset((113, 276))
READ_TIMEOUT_MS = 10
NO_SUCH_DEVICE, NO_PERMISSION, NOT_UP, PROMISCUOUS_REFUSED = -5, -8, -9, -11
"libpcap's codes for what can go wrong when a handle is activated; above 0 are warnings."

PERMISSION_ADVICE = "run as root, or allow it once: setcap cap_net_raw,cap_net_admin+ep $(readlink -f .venv/bin/python)"

_frame_places = struct.Struct("=IIII")


class LiveTap(Counted):
    """Packets of one interface, or of "any"."""

    recorded = False

    def __init__(
        self,
        interface: str,
        ports: Sequence[int] = (5060,),
        extra_filter: str = "",
        snaplen: int = 65_535,
        buffer_mb: int = 16,
    ) -> None:
        """Open the interface without blocking; raises TapError that says what is wrong and what to do."""
        self.interface = interface
        self.name = f"interface:{interface}"
        self.error = ""
        self.newest_ns = 0
        self.decoder = Decoder(self.name)
        self.counters = self.decoder.counters
        self._dropped = 0
        self._handle: pcapy.Reader | None = _activated(interface, snaplen, buffer_mb)
        try:
            self._prepare(self._handle, ports, extra_filter)
        except TapError:
            self.close()
            raise

    @property
    def dropped(self) -> int:
        """Packets that the kernel threw away because nobody fetched them in time."""
        if self._handle is not None:
            self._dropped = int(self._handle.stats()[1])
        return self._dropped

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when packets wait; -1 once closed."""
        return -1 if self._handle is None else int(self._handle.getfd())

    def drain(self, limit: int = 256) -> list[Packet]:
        """Return what has arrived, never wait. Looks at `limit` frames at most: call again while the descriptor is readable.

        When the interface goes away `error` says so, and the tap is closed.
        """
        packets: list[Packet] = []
        if self._handle is None:
            return packets
        try:
            frames, places = self._handle.next_batch(limit)
        except pcapy.PcapError as error:
            self.error = f"{self.interface}: {error}"
            self.close()
            return packets
        for seconds, microseconds, offset, length in _frame_places.iter_unpack(places):
            at_ns = seconds * 1_000_000_000 + microseconds * 1000
            self.decoder.decode(at_ns, self._link, frames[offset : offset + length], packets)
        self.counters.frames += len(places) // _frame_places.size
        self.counters.packets += len(packets)
        if packets:
            self.newest_ns = packets[-1].at_ns
        return packets

    def close(self) -> None:
        """Give the interface back; the counters keep their last values."""
        if self._handle is not None:
            _ = self.dropped
            self._handle.close()
            self._handle = None

    def _prepare(self, handle: "pcapy.Reader", ports: Sequence[int], extra_filter: str) -> None:
        link_type = handle.datalink()
        link = LINK_TYPES.get(link_type)
        if link is None:
            raise TapError(f"interface {self.interface}: {unreadable(link_type)}")
        self._link = link
        try:
            if extra_filter.strip():
                handle.setfilter(extra_filter)  # alone first: then libpcap's words are about the user's text, not ours
            handle.setfilter(capture_filter(ports, extra_filter, vlan=link_type not in COOKED))
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


def _activated(interface: str, snaplen: int, buffer_mb: int) -> "pcapy.Reader":
    try:
        handle = pcapy.create(interface)
        handle.set_snaplen(snaplen)
        handle.set_promisc(interface != "any")  # "any" has no promiscuous mode
        handle.set_timeout(READ_TIMEOUT_MS)
        handle.set_buffer_size(buffer_mb * 1024 * 1024)
        code = handle.activate()
    except pcapy.PcapError as error:
        raise TapError(f"interface {interface}: {error}") from error
    if code < 0:
        handle.close()
        raise TapError(_reason(interface, code))
    return handle


def _reason(interface: str, code: int) -> str:
    """Say what libpcap's code means, and what to do about it."""
    if code in (NO_PERMISSION, PROMISCUOUS_REFUSED) or not may_sniff():
        return f"no permission to capture on {interface}: {PERMISSION_ADVICE}"
    if code == NO_SUCH_DEVICE:
        return f"no interface {interface} here; there are: {', '.join(interfaces())}"
    if code == NOT_UP:
        return f"interface {interface} is down: ip link set {interface} up"
    return f"interface {interface} cannot be captured on (libpcap's code {code})"
