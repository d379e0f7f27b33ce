"""The HEP listener on UDP. Knows its socket; what a datagram means and who may send is `hep_intake`'s.

Read by "readable, then drain": asyncio's own datagram protocol lost half of 40,000 datagrams a second, this none.
Losses are counted by the kernel (SO_MEMINFO): asked once a drain instead of a control message on every datagram.
"""

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable

from dialogs.packet import Packet
from dialogs.taps import hep_gate
from dialogs.taps.hep_intake import HepIntake, address_of, opened

RECEIVE_BUFFER = 64 * 1024 * 1024
"Room for a burst of 40,000 full-sized messages; the kernel takes it only while it is needed."
MAX_DATAGRAM = 65_535

_SO_RCVBUFFORCE = 33  # Linux; the socket module has no names for these two
_SO_MEMINFO = 55
_MEMINFO_DROPS = struct.Struct("=32xI")


class HepTap(HepIntake):
    """Packets that HEP agents report over UDP."""

    def __init__(self, host: str, port: int, allow: Iterable[str] = (), key: bytes = b"", clock: Callable[[], int] = time.time_ns) -> None:
        """Listen on an address; raises TapError when it is taken, is not ours, or lets in strangers.

        `allow`: networks that may send, "192.0.2.0/24" or "192.0.2.7". `key`: what each datagram must carry. With neither: loopback only, and then
        only on a loopback address. `clock`: epoch nanoseconds.
        """
        super().__init__(allow, key, clock)
        self._dropped = 0
        self._socket: socket.socket | None = opened(socket.SOCK_DGRAM, host, port, _grow_buffer, open_to_others=self._gate.open_to_others)
        self.address, text = address_of(self._socket)
        self.name = f"hep:{text}"

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel threw away because the buffer was full; 0 where the kernel does not say."""
        if self._socket is not None and sys.platform.startswith("linux"):
            (self._dropped,) = _MEMINFO_DROPS.unpack(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))
        return self._dropped

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when datagrams wait; -1 once closed."""
        return -1 if self._socket is None else self._socket.fileno()

    def drain(self, limit: int = 256) -> list[Packet]:
        """Return the packets of the datagrams that wait, at most `limit` datagrams; never waits."""
        packets: list[Packet] = []
        if self._socket is None:
            return packets
        self.error = ""
        receive, received_ns = self._socket.recvfrom, self._clock()
        admits, take = self._gate.admits, self._take
        for _ in range(limit):
            try:
                datagram, sender = receive(MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError as error:  # said once: the next drain tries again
                self.error = str(error)
                break
            if admits(sender[0]):
                take(datagram, sender[0], received_ns, packets)
            else:
                self.counters.frames += 1
                self._gate.refuse(sender[0], hep_gate.STRANGER)
        return self._count(packets)

    def close(self) -> None:
        """Give the port back; the counters keep their last values."""
        if self._socket is not None:
            _ = self.dropped
            self._socket.close()
            self._socket = None


def _grow_buffer(listener: socket.socket) -> None:
    """Ask for a big receive buffer: past the system's limit when we may, else up to it."""
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
