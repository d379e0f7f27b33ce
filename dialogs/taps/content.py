"""What one direction of a TCP connection carries: SIP, SIP in WebSocket, or nothing for us. Knows framings; knows no sequence number, no time.

Decided by content, on any port. A stream seen from its first byte shows in its first line what it is. One that is joined later is searched for
the next start line, or for a frame that carries one; so is one that lost bytes, or step with its sender.
"""

from collections.abc import Callable

from dialogs.taps.counters import Counters
from dialogs.taps.framing import CR_LF, Buffer, Framing, SipFraming, find_start, first_line, keep_from, skip_breaks
from dialogs.taps.websocket import MAX_UPGRADE, WebSocketFraming, frame_before, sip_frame, upgrades

MAX_SEARCH = 64 * 1024
"How far a joined stream that never carried SIP is searched."

OUT_OF_STEP = "no SIP where a message should begin"
HTTP = (b"GET ", b"HTTP/1.1 101")

Step = Callable[["Content", Buffer, int, list[bytes]], int]
"Works at an offset, returns where to go on."


class Content:
    """Takes the bytes of a stream in order and gives its messages."""

    __slots__ = ("_boundary", "_buffer", "_counters", "_framing", "_known", "_left", "_step", "other", "transport")

    def __init__(self, counters: Counters, *, from_start: bool) -> None:
        """`from_start`: the first bytes will be the connection's first."""
        self._counters = counters
        self._buffer = bytearray()
        self._boundary = 0
        "Where in the buffer the newest segment begins."

        self._framing: Framing = SipFraming(counters)
        self._known = from_start
        "The bytes that come next stand where a message may begin."

        self._left = MAX_SEARCH
        self._step: Step = Content._open
        self.transport = "tcp"
        self.other = False
        "It carries nothing for us; nothing more need be fed."

    @property
    def held(self) -> int:
        """Bytes kept of messages that are not whole yet."""
        return len(self._buffer) + self._framing.held

    def feed(self, data: bytes, out: list[bytes]) -> None:
        """Take the next bytes and append the messages that they complete."""
        buffer = self._buffer
        if not buffer:
            self._boundary = 0
            at = self._work(data, out)
            if at < len(data):
                buffer += data[at:]
            return
        self._boundary = len(buffer)
        buffer += data
        del buffer[: self._work(buffer, out)]

    def lose(self, out: list[bytes]) -> None:
        """Go on behind bytes that are missing; append what is left of the message they belonged to."""
        if self._step is Content._cut:
            self._framing.rest(self._buffer, out)
            self._search()
        else:
            self._known = False
            self._step = Content._open
        self._buffer.clear()

    def _work(self, buffer: Buffer, out: list[bytes]) -> int:
        at, end = 0, len(buffer)
        while at < end:
            step = self._step
            moved = step(self, buffer, at, out)
            if moved == at and step is self._step:
                break
            at = moved
        return at

    # Steps

    def _open(self, buffer: Buffer, at: int, out: list[bytes]) -> int:
        """Decide by the first line."""
        if buffer[at] in CR_LF:
            return skip_breaks(buffer, at)
        line = first_line(buffer, at)
        if line:
            self._frame(SipFraming(self._counters), "tcp")
            return at
        if buffer.startswith(HTTP, at):
            self._step = Content._upgrade
            return at
        if line is None:
            return at
        if self._known:
            return self._give_up(buffer)
        self._step = Content._find
        return at

    def _upgrade(self, buffer: Buffer, at: int, out: list[bytes]) -> int:
        """Read HTTP up to its blank line."""
        end = buffer.find(b"\r\n\r\n", at, at + MAX_UPGRADE)
        if end < 0:
            return self._give_up(buffer) if len(buffer) - at >= MAX_UPGRADE else at
        if not upgrades(bytes(buffer[at:end])):
            return self._give_up(buffer)
        self._frame(WebSocketFraming(self._counters), "ws")
        return end + 4

    def _cut(self, buffer: Buffer, at: int, out: list[bytes]) -> int:
        """Cut one message or frame."""
        framing = self._framing
        moved = framing.cut(buffer, at, out)
        if moved >= 0:
            if isinstance(framing, WebSocketFraming) and framing.foreign:
                return self._give_up(buffer)
            return moved
        self._counters.fail(OUT_OF_STEP)
        self._search()
        return at + 1

    def _find(self, buffer: Buffer, at: int, out: list[bytes]) -> int:
        """Look for a frame where the newest segment begins, then for a start line anywhere."""
        boundary = max(at, self._boundary)
        if boundary == self._boundary and boundary < len(buffer) and sip_frame(buffer, boundary):
            self._frame(WebSocketFraming(self._counters), "ws")
            return boundary
        found = find_start(buffer, at)
        if found < 0:
            kept = keep_from(buffer, at)
            self._left -= kept - at
            return self._give_up(buffer) if self._left < 0 else kept
        frame = frame_before(buffer, found, at)
        if frame >= 0:
            self._frame(WebSocketFraming(self._counters), "ws")
            return frame
        if self.transport == "ws":  # what stands bare there is inside a frame that cannot be read
            return buffer.find(b"\n", found) + 1 or found + 8
        self._frame(SipFraming(self._counters, doubtful=found != self._boundary), "tcp")
        return found

    def _skip(self, buffer: Buffer, at: int, out: list[bytes]) -> int:
        return len(buffer)

    # Changes of what it is

    def _frame(self, framing: Framing, transport: str) -> None:
        self._framing = framing
        self.transport = transport
        self._step = Content._cut

    def _search(self) -> None:
        """Look for the next message of a stream that is known to carry SIP: for ever."""
        self._left = 1 << 62
        self._step = Content._find

    def _give_up(self, buffer: Buffer) -> int:
        self.other = True
        self._step = Content._skip
        return len(buffer)
