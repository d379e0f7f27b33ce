"""SIP in WebSocket (RFC 6455, 7118): the upgrade and the frames of one direction. Knows HTTP only as far as the upgrade; knows no segment.

The masks are taken off, fragments are joined, control frames between them are passed over. Compressed messages (permessage-deflate) are
counted and not read: the dictionary they need would have to be followed from the connection's first byte.
"""

from dialogs.taps.counters import Counters
from dialogs.taps.framing import CR_LF, LOST, MAX_MESSAGE, Buffer, starts

MAX_UPGRADE = 16 * 1024
MIN_IN_SEARCH = 16
"A frame that is looked for must carry at least this much."

FIN, COMPRESSED, RESERVED, OPCODE, CONTROL = 0x80, 0x40, 0x30, 0x0F, 0x08
CONTINUATION, TEXT, BINARY = 0, 1, 2
KNOWN = frozenset((CONTINUATION, TEXT, BINARY, 8, 9, 10))
MASKED, SHORT = 0x80, 0x7F

Head = tuple[int, bytes, int, int]
"First byte, mask (b'' for none), where the payload begins, where it ends."


class WebSocketFraming:
    """The frames of one direction; each message of them is one SIP message."""

    __slots__ = ("_compressed", "_counters", "_open", "_parts", "_sip", "foreign")

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._parts = bytearray()
        self._open = False
        "A fragmented message has begun and not ended."

        self._compressed = False
        self._sip = False
        self.foreign = False
        "What came first is no SIP: this WebSocket is somebody else's."

    @property
    def held(self) -> int:
        """See `Framing`."""
        return len(self._parts)

    def cut(self, buffer: Buffer, at: int, out: list[bytes]) -> int:
        """See `Framing`: takes one frame."""
        head = read_head(buffer, at)
        if head is None:
            return at
        first, mask, begin, end = head
        opcode = first & OPCODE
        if first & RESERVED or opcode not in KNOWN or end - begin > MAX_MESSAGE or (opcode & CONTROL and (end - begin > 125 or not first & FIN)):
            return self._lost()
        if end > len(buffer):
            return at
        if opcode & CONTROL:
            return end
        if (opcode == CONTINUATION) != self._open:
            return self._lost()
        if opcode != CONTINUATION:
            self._compressed = bool(first & COMPRESSED)
        self._parts += unmasked(buffer[begin:end], mask)
        self._open = not first & FIN
        if not self._open:
            self._message(out)
        elif len(self._parts) > MAX_MESSAGE:
            return self._lost()
        return end

    def rest(self, buffer: Buffer, out: list[bytes]) -> None:
        """See `Framing`: of a frame without its end nothing is kept."""
        self._lost()

    def _lost(self) -> int:
        self._parts.clear()
        self._open = self._compressed = False
        return LOST

    def _message(self, out: list[bytes]) -> None:
        message = bytes(self._parts)
        self._parts.clear()
        if self._compressed:
            self._counters.skip("compressed WebSocket message")
            return
        message = message.lstrip(CR_LF)
        if message and starts(message, 0):
            self._sip = True
            out.append(message)
            return
        self._counters.skip("WebSocket message without SIP" if message else "keep-alive")
        self.foreign = bool(message) and not self._sip


def read_head(buffer: Buffer, at: int) -> Head | None:
    """Return the head of the frame that begins here, None while it is not whole."""
    size = len(buffer)
    if size - at < 2:
        return None
    first, second = buffer[at], buffer[at + 1]
    length, at = second & SHORT, at + 2
    if length > 125:
        width = 2 if length == 126 else 8
        if size - at < width:
            return None
        length = int.from_bytes(buffer[at : at + width], "big")
        at += width
    mask = b""
    if second & MASKED:
        if size - at < 4:
            return None
        mask = bytes(buffer[at : at + 4])
        at += 4
    return first, mask, at, at + length


def unmasked(payload: Buffer, mask: bytes) -> Buffer:
    """Take a mask off (or put it on)."""
    if not any(mask) or not payload:
        return payload
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(size, "little")


def sip_frame(buffer: Buffer, at: int) -> bool:
    """Tell whether a frame that begins here would carry the beginning of a SIP message."""
    head = read_head(buffer, at)
    if head is None or head[0] & 0x7F not in (TEXT, BINARY) or not MIN_IN_SEARCH <= head[3] - head[2] <= MAX_MESSAGE:
        return False
    return starts(unmasked(buffer[head[2] : min(head[3], head[2] + 1024)], head[1]), 0)


def frame_before(buffer: Buffer, payload: int, floor: int) -> int:
    """Return where the head stands of a frame without a mask whose payload begins at `payload`; -1 when there is none, or before `floor`."""
    for size in (2, 4, 10):
        begin = payload - size
        if begin >= floor and sip_frame(buffer, begin) and (head := read_head(buffer, begin)) is not None and head[2] == payload:
            return begin
    return -1


def upgrades(head: bytes) -> bool:
    """Tell whether an HTTP request or answer turns the connection into a WebSocket. RFC 6455, 4."""
    lower = head.lower()
    return b"\nupgrade:" in lower and b"websocket" in lower
