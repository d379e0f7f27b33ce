"""One SIP message: what every message needs is read at once, everything else when asked. Knows bytes; knows no packet, no dialog, no time.

Tolerance is the point (a monitor that drops a strange message loses a call): compact and odd-case names, folding, bare LF,
a missing blank line, repeated headers, Latin-1. `parse` returns None for what has no SIP start line and raises on nothing.
"""

from dialogs.sip.address import Address, split_address, split_list, tag_of
from dialogs.sip.text import text

METHODS = {
    name.encode(): name
    for name in (
        *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "REFER"),
        *("NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH"),
    )
}
COMPACT = {
    b"i": b"call-id",
    b"m": b"contact",
    b"e": b"content-encoding",
    b"l": b"content-length",
    b"c": b"content-type",
    b"f": b"from",
    b"s": b"subject",
    b"k": b"supported",
    b"t": b"to",
    b"v": b"via",
    b"x": b"session-expires",
    b"r": b"refer-to",
    b"b": b"referred-by",
    b"o": b"event",
    b"u": b"allow-events",
}
COMMON = (
    *("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Length", "Content-Type", "Max-Forwards", "Record-Route", "Route"),
    *("User-Agent", "Server", "Allow", "Supported", "Require", "Expires", "Authorization", "Proxy-Authorization", "WWW-Authenticate"),
    *("Proxy-Authenticate", "Subject", "Reason", "Session-Expires", "Min-SE", "P-Asserted-Identity", "Accept", "Date", "Event"),
)
# Spelling on the wire -> name: one dict look-up for nearly every header that exists.
NAMES = {spelling: name.lower().encode() for name in COMMON for spelling in (name.encode(), name.lower().encode(), name.upper().encode())} | {
    spelling: name for compact, name in COMPACT.items() for spelling in (compact, compact.upper())
}
REASON_MAX = 80


class Message:
    """What requests and responses share."""

    __slots__ = ("_first", "_head", "_more", "call_id", "cseq", "data", "from_tag", "method", "status", "to_tag")

    method: str
    "Upper case. For a response: the method of its CSeq."

    status: int
    "0 for a request."

    call_id: bytes
    cseq: int
    "CSeq number; -1 when it is missing or no number."

    from_tag: bytes
    to_tag: bytes
    data: bytes
    "The message as it was received."

    def __init__(self, data: bytes, head_end: int, start_end: int) -> None:
        self.data = data
        self._head = head_end
        self._first: dict[bytes, bytes] = {}
        self._more: list[tuple[bytes, bytes]] = []
        first = self._first
        for line in _header_lines(data[start_end:head_end]):
            colon = line.find(b":")
            raw = line[:colon] if colon > 0 else b""
            name = NAMES.get(raw) or _name(raw)
            if name in first:
                self._more.append((name, line[colon + 1 :]))
            else:
                first[name] = line[colon + 1 :]
        self.call_id = first.get(b"call-id", b"").strip()
        self.from_tag = tag_of(first.get(b"from", b""))
        self.to_tag = tag_of(first.get(b"to", b""))

    def _cseq(self) -> tuple[int, bytes]:
        parts = self._first.get(b"cseq", b"").split(None, 1)
        if not parts or not parts[0].isdigit() or len(parts[0]) > 10:
            return -1, parts[1].strip() if len(parts) > 1 else b""
        return int(parts[0]), parts[1].strip() if len(parts) > 1 else b""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    # Headers by name

    def values(self, name: bytes) -> list[bytes]:
        """Return every value of a header in order, unsplit; `name` is lower case and long."""
        first = self._first.get(name)
        if first is None:
            return []
        if not self._more:
            return [first.strip()]
        return [first.strip(), *(value.strip() for other, value in self._more if other == name)]

    def header(self, name: str) -> str | None:
        """Return the first value of a header in any spelling, None without it."""
        value = self._first.get(_canonical(name))
        return None if value is None else text(value.strip())

    def headers(self, name: str) -> list[str]:
        """Return every value of a header in any spelling, in order, unsplit."""
        return [text(value) for value in self.values(_canonical(name))]

    def items(self, name: bytes) -> list[bytes]:
        """Return the elements of a comma-list header (Via, Contact, Route, Record-Route) over all its lines."""
        return [item for value in self.values(name) for item in split_list(value)]

    # What is computed when asked

    @property
    def cseq_text(self) -> str:
        """The CSeq number as it was written: Kamailio keeps "0042"."""
        parts = self._first.get(b"cseq", b"").split(None, 1)
        return text(parts[0]) if parts else ""

    @property
    def branch(self) -> bytes:
        """The branch of the topmost Via, b"" without one (RFC 3261, 8.1.1.7)."""
        via = self._first.get(b"via", b"")
        start = via.find(b"branch=")
        if start < 0:
            return b""
        start += 7
        value = via[start:]
        for stop in (b";", b","):
            value = value.partition(stop)[0]
        return value.strip()

    @property
    def from_(self) -> Address:
        """The From header."""
        return Address.parse(self._first.get(b"from", b"").strip())

    @property
    def to(self) -> Address:
        """The To header."""
        return Address.parse(self._first.get(b"to", b"").strip())

    @property
    def contacts(self) -> list[str]:
        """The URIs of Contact; ["*"] for the star."""
        return [text(split_address(item)[1]) for item in self.items(b"contact")]

    @property
    def record_route(self) -> list[str]:
        """The Record-Route entries, top first."""
        return [text(item) for item in self.items(b"record-route")]

    @property
    def route(self) -> list[str]:
        """The Route entries, top first."""
        return [text(item) for item in self.items(b"route")]

    @property
    def body(self) -> bytes:
        """What follows the blank line, cut to Content-Length where that is shorter (RFC 3261, 18.3)."""
        body = self.data[self._head :]
        body = body[4:] if body[:4] == b"\r\n\r\n" else body[2:]
        length = self._first.get(b"content-length", b"").strip()
        return body[: int(length)] if length.isdigit() and len(length) < 10 else body

    @property
    def request_uri(self) -> str:
        """The Request-URI, "" for a response."""
        line = self.data[: self.data.find(b"\n")].strip()
        return "" if self.status else text(b" ".join(line.split()[1:-1]))

    @property
    def reason(self) -> str:
        """The reason phrase cut to a sane length, "" for a request."""
        line = self.data[12 : self.data.find(b"\n")].strip()
        return text(line[:REASON_MAX]) if self.status else ""

    @property
    def summary(self) -> str:
        """The message in a few words: "INVITE", "180 Ringing", "200 OK (BYE)"."""
        if not self.status:
            return self.method
        words = f"{self.status} {self.reason}".rstrip()
        return words if self.method == "INVITE" else f"{words} ({self.method})"


class Request(Message):
    """A SIP request."""

    __slots__ = ()

    def __init__(self, data: bytes, head_end: int, start_end: int, method: bytes) -> None:
        super().__init__(data, head_end, start_end)
        self.method = METHODS.get(method) or text(method[:32]).upper()
        self.status = 0
        self.cseq = self._cseq()[0]


class Response(Message):
    """A SIP response."""

    __slots__ = ()

    def __init__(self, data: bytes, head_end: int, start_end: int, status: int) -> None:
        super().__init__(data, head_end, start_end)
        self.status = status
        self.cseq, method = self._cseq()
        self.method = METHODS.get(method) or text(method[:32]).upper()


def parse(data: bytes) -> Request | Response | None:
    """Return the message in these bytes, None when they hold no SIP start line. Never raises."""
    if data[:1] in b"\r\n":
        data = data.lstrip(b"\r\n")
    start_end = data.find(b"\n")
    if start_end < 0:
        return None
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        head_end = data.find(b"\n\n")
        if head_end < 0:
            head_end = len(data)
    if data[:8] == b"SIP/2.0 ":
        code = data[8:11]
        if code.isdigit() and data[11:12] in b" \r\n" and code >= b"100":
            return Response(data, head_end, start_end + 1, int(code))
        return None
    line = data[:start_end].rstrip()
    if line[-8:] != b" SIP/2.0":
        return None
    method, _, rest = line.partition(b" ")
    if not method or len(rest) < 9 or not method.isalnum():
        return _odd_request(data, head_end, start_end, method, rest)
    return Request(data, head_end, start_end + 1, method)


def _odd_request(data: bytes, head_end: int, start_end: int, method: bytes, rest: bytes) -> Request | None:
    """Accept the token characters that methods may have beside letters and digits (RFC 3261, 25.1: extension-method)."""
    if method and len(rest) >= 9 and all(c > 0x20 and c not in b'()<>@,;:\\"/[]?={}\x7f' for c in method) and method.isascii():
        return Request(data, head_end, start_end + 1, method)
    return None


def _header_lines(head: bytes) -> list[bytes]:
    """Split a head into header lines; folded ones (RFC 3261, 7.3.1) are joined by one blank."""
    lines = head.split(b"\n")
    if b"\n " not in head and b"\n\t" not in head:
        return lines
    unfolded: list[bytes] = []
    for line in lines:
        if unfolded and line[:1] in (b" ", b"\t"):
            unfolded[-1] = unfolded[-1].rstrip() + b" " + line.strip()
        else:
            unfolded.append(line)
    return unfolded


def _name(raw: bytes) -> bytes:
    """Return the long lower-case name of a header in an uncommon spelling."""
    name = raw.strip().lower()
    return COMPACT.get(name, name)


def _canonical(name: str) -> bytes:
    return _name(name.encode("utf-8", "surrogateescape"))
