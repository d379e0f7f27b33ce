"""SIP messages cut out of a byte stream by Content-Length (RFC 3261, 18.3). Knows start lines and that one header; knows no segment, no gap.

Offsets are always those of the caller's buffer; what a framer remembers between calls is relative to where the unfinished message begins,
so the caller may cut the buffer off before that. All work is linear in the bytes fed, however they are cut.
"""

import re
from typing import Protocol

from dialogs.taps.counters import Counters

MAX_MESSAGE = 256 * 1024
MAX_HEAD = 64 * 1024
MAX_LINE = 8 * 1024
MAX_LINE_IN_SEARCH = 2 * 1024
LOST = -1
"What stands here is no start line."

CR_LF = b"\r\n"
TOKEN = rb"[A-Za-z0-9\-.!%*_+`'~]"
"RFC 3261, 25.1."

Buffer = bytes | bytearray

_starts = re.compile(rb"SIP/2\.0 [1-9]\d\d[ \r\n]|" + TOKEN + rb"{1,64} [^\n]+ SIP/2\.0[ \t]*\r?\n").match
_token = re.compile(TOKEN).match
_breaks = re.compile(rb"[\r\n]*").match
_blank_line = re.compile(rb"\n\r?\n").search
_length = re.compile(rb"\n(?:content-length|l)[ \t]*:(?:[ \t]|\r?\n[ \t])*(\d{0,12})", re.IGNORECASE).search
_header_follows = re.compile(rb"[^\n]*\n" + TOKEN + rb"{1,64}[ \t]*:").match
_anchor = re.compile(rb"SIP/2\.0(?: [1-6]\d\d[ \r\n]|[ \t]*\r?\n)").search
_method = re.compile(rb"[A-Z]" + TOKEN + rb"{0,31} [^ ]").search


class Framing(Protocol):
    """A way to cut messages out of a buffer."""

    def cut(self, buffer: Buffer, at: int, out: list[bytes]) -> int:
        """Append the message that begins at `at`; return where to go on (`at`: more bytes are needed), LOST when nothing begins here."""

    def rest(self, buffer: Buffer, out: list[bytes]) -> None:
        """Append what can be saved of the message at the buffer's beginning, of which the end will never come."""

    @property
    def held(self) -> int:
        """Bytes kept beside the buffer."""


class SipFraming:
    """Messages one behind the other; what carries no Content-Length has no body."""

    __slots__ = ("_counters", "_needed", "_searched", "doubtful")

    held = 0

    def __init__(self, counters: Counters, *, doubtful: bool = False) -> None:
        self._counters = counters
        self._needed = 0
        self._searched = 0
        self.doubtful = doubtful
        "Found by searching: a body may quote a start line (message/sipfrag), so a header must follow it."

    def cut(self, buffer: Buffer, at: int, out: list[bytes]) -> int:
        """See `Framing`. Line breaks before a start line are keep-alives (RFC 5626, 3.5.1)."""
        if len(buffer) - at < self._needed:
            return at
        if buffer[at] in CR_LF:
            return skip_breaks(buffer, at)
        blank = _blank_line(buffer, at + self._searched)
        if blank is None:
            return self._unfinished(buffer, at)
        if not starts(buffer, at):
            self._forget()
            return LOST
        end = self._end(buffer, at, blank.end())
        if end > len(buffer):
            self._needed, self._searched = end - at, blank.start() - at
            return at
        self._forget()
        if end > 0:
            out.append(bytes(buffer[at:end]))
            return end
        return blank.end()

    def rest(self, buffer: Buffer, out: list[bytes]) -> None:
        """See `Framing`: a message whose head is whole is worth more than none."""
        if self._needed:
            self._counters.fail("SIP message without its end")
            out.append(bytes(buffer))

    def _forget(self) -> None:
        self._needed = self._searched = 0

    def _unfinished(self, buffer: Buffer, at: int) -> int:
        """Tell whether a head that has no end yet can become one."""
        if first_line(buffer, at) is False:
            self._forget()
            return LOST
        if len(buffer) - at > MAX_HEAD:
            self._forget()
            self._counters.fail("SIP message too long")
            return len(buffer)
        self._searched = max(0, len(buffer) - at - 2)
        return at

    def _end(self, buffer: Buffer, at: int, body: int) -> int:
        """Return where the message ends; 0 for one that is not to be taken."""
        if self.doubtful and not _header_follows(buffer, at, body):
            return 0
        found = _length(buffer, at, body)
        length = int(found[1] or 0) if found else 0
        if body - at + length > MAX_MESSAGE:
            self._counters.fail("SIP message too long")
            return 0
        self.doubtful = False
        return body + length


def skip_breaks(buffer: Buffer, at: int) -> int:
    """Return where the line breaks that begin here end."""
    found = _breaks(buffer, at)
    return found.end() if found else at


def starts(buffer: Buffer, at: int) -> bool:
    """Tell whether a whole start line stands here."""
    return _starts(buffer, at, at + MAX_LINE) is not None


def first_line(buffer: Buffer, at: int) -> bool | None:
    """Tell whether a start line stands here; None while more bytes are needed to know."""
    if buffer.find(b"\n", at, at + MAX_LINE) >= 0:
        return starts(buffer, at)
    return None if len(buffer) - at < MAX_LINE and _token(buffer, at) else False


def find_start(buffer: Buffer, at: int) -> int:
    """Return where the next whole start line begins, also behind a body that does not end its line; -1 without one."""
    floor = at
    while (anchor := _anchor(buffer, at)) is not None:
        begin, at = anchor.start(), anchor.end()
        if buffer[begin + 7] == 0x20 and buffer[begin + 8 : begin + 9].isdigit():
            return begin
        if begin > floor and buffer[begin - 1] == 0x20:
            line = max(floor, begin - MAX_LINE_IN_SEARCH, buffer.rfind(b"\n", floor, begin) + 1)
            method = _method(buffer, line, begin - 1)
            if method is not None:
                return method.start()
        floor = at
    return -1


def keep_from(buffer: Buffer, at: int) -> int:
    """Return from where on bytes must be kept when no start line was found: that of the last line, unless it is too long for one."""
    return max(at, len(buffer) - MAX_LINE_IN_SEARCH, buffer.rfind(b"\n", at) + 1)
