"""The HEP listener on TCP: version 3 messages, one after the other, framed by their own length. Knows connections; what a message means is `hep_intake`'s.

One epoll descriptor stands for the listener and all connections, so that the loop sees one tap with one descriptor. Every store is capped: the
connections, the bytes of a message that has begun (its length has 16 bits), and the time that a connection may owe one.
"""

import os
import select
import socket
import time
from collections.abc import Callable, Iterable

from dialogs.packet import Packet
from dialogs.taps import hep, hep_gate
from dialogs.taps.errors import TapError
from dialogs.taps.hep_intake import HepIntake, address_of, opened

READ = 32_768
"Bytes taken from a connection before others have their turn."

READS = 64
"Connections looked at in one drain, at most."

MAX_CONNECTIONS = 256
BACKLOG = 128
PATIENCE = 30.0
"Seconds that a connection may take for its first message, or for the rest of one that has begun."

IDLE = 3600.0
"Seconds that an agent may be silent between messages; dead ones are found by TCP's own keep-alive before."

KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 3)) if hasattr(socket, "TCP_KEEPIDLE") else ()

ENDED, GARBAGE, TOO_SLOW, SILENT, CROWDED, BROKEN = "ended", "not HEP", "no whole message in time", "silent too long", "too many connections", "broken off"
"Why connections are closed."


class Connection:
    """One agent's connection and what has come of its next message."""

    __slots__ = ("buffer", "host", "proven", "since", "socket")

    def __init__(self, accepted: socket.socket, host: str, now: float) -> None:
        self.socket = accepted
        self.host = host
        self.buffer = bytearray()
        self.proven = False
        "Whether a message came that we may take."

        self.since = now
        "When it came; later, when its last message came or its next one began."

    @property
    def owes(self) -> bool:
        """Whether it should have said something by now."""
        return not self.proven or bool(self.buffer)

    def messages(self) -> tuple[list[bytes], bool]:
        """Cut the whole messages out of the buffer; false when what follows is not HEP."""
        found: list[bytes] = []
        buffer, at = self.buffer, 0
        while len(buffer) - at >= 6:
            size = hep.frame_size(buffer, at)
            if not size:
                return found, False
            if len(buffer) - at < size:
                break
            found.append(bytes(buffer[at : at + size]))
            at += size
        del buffer[:at]
        return found, True


class HepStreamTap(HepIntake):
    """Packets that HEP agents report over TCP."""

    dropped = 0
    "TCP slows its sender down instead."

    def __init__(
        self,
        host: str,
        port: int,
        allow: Iterable[str] = (),
        key: bytes = b"",
        clock: Callable[[], int] = time.time_ns,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Listen on an address, by the same rules as `HepTap`. `clock`: epoch nanoseconds; `seconds`: of waiting. Raises TapError."""
        super().__init__(allow, key, clock)
        if not hasattr(select, "epoll"):
            raise TapError(f"HEP listener {host}:{port}: HEP over TCP needs Linux (epoll)")
        self.closed: dict[str, int] = {}
        "Connections closed so far, by cause."

        self._last: dict[str, str] = {}  # cause -> address that it last happened to
        self._seconds = seconds
        self._swept = 0.0
        self._connections: dict[int, Connection] = {}
        self._listener = opened(socket.SOCK_STREAM, host, port, _listening, open_to_others=self._gate.open_to_others)
        self.address, text = address_of(self._listener)
        self.name = f"hep:{text}/tcp"
        self._spare = os.dup(self._listener.fileno())
        self._poll = select.epoll()
        self._listener.listen(BACKLOG)
        self._poll.register(self._listener, select.EPOLLIN)

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._connections)

    def _refusals(self) -> dict[str, int]:
        last = self._last
        closed = {f"connections closed, the last of {last[cause]}: {cause}": count for cause, count in self.closed.copy().items() if cause != ENDED}
        return super()._refusals() | closed

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when anything waits; -1 once closed."""
        return -1 if self._poll.closed else self._poll.fileno()

    def drain(self, limit: int = 256) -> list[Packet]:
        """Return packets that wait: about `limit`, for what one read brought is never kept back. Never waits."""
        packets: list[Packet] = []
        if self._poll.closed:
            return packets
        self.error = ""
        now, received_ns = self._seconds(), self._clock()
        self._sweep(now)
        for _ in range(READS):
            ready = self._poll.poll(0, 1) if len(packets) < limit else []  # one at a time: the kernel puts it at the end of its line
            if not ready:
                break
            connection = self._connections.get(ready[0][0])
            if connection is None:
                self._accept(now)
            else:
                self._read(connection, now, received_ns, packets)
        return self._count(packets)

    def close(self) -> None:
        """Give the port back and hang up; the counters keep their last values."""
        if self._poll.closed:
            return
        for connection in list(self._connections.values()):
            self._hang_up(connection, ENDED)
        self._poll.close()
        self._listener.close()
        os.close(self._spare)

    # Connections

    def _accept(self, now: float) -> None:
        try:
            accepted, address = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:  # usually no descriptor left: the reserve lets us refuse instead of being asked for ever
            self.error = error.strerror or str(error)
            self._refuse_by_reserve()
            return
        host = address[0]
        if not self._gate.admits(host):
            accepted.close()
            self._gate.refuse(host, hep_gate.STRANGER)
            return
        if len(self._connections) >= MAX_CONNECTIONS and not self._make_room():
            accepted.close()
            self._tally(CROWDED, host)
            return
        accepted.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEP_ALIVE:
            accepted.setsockopt(socket.IPPROTO_TCP, option, value)
        self._connections[accepted.fileno()] = Connection(accepted, host, now)
        self._poll.register(accepted, select.EPOLLIN)

    def _refuse_by_reserve(self) -> None:
        os.close(self._spare)
        try:
            refused, address = self._listener.accept()
            refused.close()
            self._tally(CROWDED, address[0])
        except OSError as error:
            self.error = error.strerror or str(error)
        finally:
            self._spare = os.dup(self._listener.fileno())

    def _make_room(self) -> bool:
        """Hang up on who has never sent a message, the first come; false when all have."""
        unproven = next((connection for connection in self._connections.values() if not connection.proven), None)
        if unproven is not None:
            self._hang_up(unproven, CROWDED)
        return unproven is not None

    def _sweep(self, now: float) -> None:
        """Hang up on those whose time is over; looked at once a second, when anything comes."""
        if 0 <= now - self._swept < 1.0:
            return
        self._swept = now
        for connection in list(self._connections.values()):
            if now - connection.since > (PATIENCE if connection.owes else IDLE):
                self._hang_up(connection, TOO_SLOW if connection.owes else SILENT)

    def _hang_up(self, connection: Connection, cause: str) -> None:
        descriptor = connection.socket.fileno()
        self._poll.unregister(descriptor)
        connection.socket.close()
        del self._connections[descriptor]
        self._tally(cause, connection.host)

    def _tally(self, cause: str, host: str) -> None:
        self._last[cause] = host
        self.closed[cause] = self.closed.get(cause, 0) + 1

    # Bytes

    def _read(self, connection: Connection, now: float, received_ns: int, packets: list[Packet]) -> None:
        try:
            came = connection.socket.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            self._end(connection, BROKEN)
            return
        if not came:
            self._end(connection, ENDED)
            return
        if connection.proven and not connection.buffer:
            connection.since = now
        connection.buffer += came
        messages, is_hep = connection.messages()
        for message in messages:
            connection.proven |= self._take(message, connection.host, received_ns, packets)
            if connection.proven:  # wrong keys buy no time
                connection.since = now
        if not is_hep:
            self.counters.fail("HEP")
            self._hang_up(connection, GARBAGE)

    def _end(self, connection: Connection, cause: str) -> None:
        if connection.buffer:
            self.counters.fail("HEP cut short")
        self._hang_up(connection, cause)


def _listening(listener: socket.socket) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
