"""One SIP message: what every message needs is read at once, everything else when asked. Knows bytes; knows no packet, no dialog, no time.

Tolerance is the point (a monitor that drops a strange message loses a call): compact and odd-case names, folding, bare LF,
a missing blank line, repeated headers, Latin-1. `parse` returns None for what has no SIP start line and raises on nothing.
"""

from functools import lru_cache

from dialogs.sip import headers
from dialogs.sip.address import Address, split_address, split_list, tag_of
from dialogs.sip.text import text

METHODS = {
    name.encode(): name
    for name in (
        *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "REFER"),
        *("NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH"),
    )
}
START_MAX = 96
CSEQ_DIGITS = 10
METHOD_MAX = 64
FIRST = tuple((name, len(name)) for name in (b"\nCall-ID:", b"\nFrom:", b"\nTo:", b"\nCSeq:", b"\nVia:"))
"""The headers that every message needs, as nearly every sender spells them: a find for each costs a fraction of a look at every line.
A message that has one of them in another spelling, folded or not at all is read again the tolerant way."""

BLANK = headers.BLANK
AFTER_CODE = frozenset(b" \r\n")


def _usual(data: bytes, at: int, head_end: int) -> list[bytes] | None:
    """Return the values of FIRST; None when one is not there in that spelling, or folded, or another Via may stand above."""
    if head_end == len(data):
        return None
    found, find, start = [], data.find, at
    for key, size in FIRST:
        start = find(key, at, head_end)
        end = find(b"\n", start + 1)
        if start < 0 or data[end + 1] in BLANK:
            return None
        found.append(data[start + size : end].strip())
    return None if start != at and data[at:start].lower().find(b"\nv") >= 0 else found


class Message:
    """What requests and responses share."""

    __slots__ = (
        *("_body_at", "_contacts", "_cseq", "_from", "_from_address", "_record_route", "_request_uri", "_start_end", "_to", "_to_address"),
        *("branch", "call_id", "cseq", "data", "from_tag", "method", "status", "to_tag"),
    )

    method: str
    "As it was sent: methods are case-sensitive (RFC 3261, 7.1). For a response: the method of its CSeq."

    status: int
    "0 for a request."

    call_id: bytes
    cseq: int
    "CSeq number; -1 when it is missing or no number."

    from_tag: bytes
    to_tag: bytes
    branch: bytes
    'The branch of the topmost Via, b"" without one (RFC 3261, 8.1.1.7).'

    data: bytes
    "The message as it was received."

    def __init__(self, data: bytes, head_end: int, start_end: int, status: int, method: bytes) -> None:
        self.data = data
        self.status = status
        self._body_at = head_end
        self._start_end = start_end
        self._from_address: Address | None = None
        self._to_address: Address | None = None
        self._contacts: list[str] | None = None
        self._record_route: list[str] | None = None
        self._request_uri: str | None = "" if status else None
        self.call_id, self._from, self._to, self._cseq, via = _usual(data, start_end - 1, head_end) or self._unusual()
        self.from_tag = tag_of(self._from)
        self.to_tag = tag_of(self._to)
        self.branch = headers.branch_of(via)
        self.cseq, named = cseq_of(self._cseq)
        self.method = named if status else METHODS.get(method) or text(method[:METHOD_MAX])

    def _unusual(self) -> list[bytes]:
        """Return the values of FIRST in whatever spelling they come, b"" where there is none."""
        return [(self.values(name[1:-1].lower()) or [b""])[0] for name, _ in FIRST]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    # Headers by name

    def values(self, name: bytes) -> list[bytes]:
        """Return every value of a header in order, unsplit; `name` is lower case and long."""
        return headers.find(self.data, name, self._start_end - 1, self._body_at)

    def header(self, name: str) -> str | None:
        """Return the first value of a header in any spelling, None without it."""
        values = self.values(headers.canonical(name))
        return text(values[0]) if values else None

    def headers(self, name: str) -> list[str]:
        """Return every value of a header in any spelling, in order, unsplit."""
        return [text(value) for value in self.values(headers.canonical(name))]

    def items(self, name: bytes) -> list[bytes]:
        """Return the elements of a comma-list header (Via, Contact, Route, Record-Route) over all its lines."""
        return [item for value in self.values(name) for item in split_list(value)]

    # What is computed when asked

    @property
    def cseq_text(self) -> str:
        """The CSeq number as it was written: Kamailio keeps "0042"."""
        parts = self._cseq.split(None, 1)
        return text(parts[0]) if parts else ""

    @property
    def from_(self) -> Address:
        """The From header."""
        if self._from_address is None:
            self._from_address = Address.parse(self._from)
        return self._from_address

    @property
    def to(self) -> Address:
        """The To header."""
        if self._to_address is None:
            self._to_address = Address.parse(self._to)
        return self._to_address

    @property
    def contacts(self) -> list[str]:
        """The URIs of Contact; ["*"] for the star. Made once: not to be changed."""
        if self._contacts is None:
            self._contacts = [text(split_address(item)[1]) for item in self.items(b"contact")]
        return self._contacts

    @property
    def record_route(self) -> list[str]:
        """The Record-Route entries, top first. Made once: not to be changed."""
        if self._record_route is None:
            self._record_route = [text(item) for item in self.items(b"record-route")]
        return self._record_route

    @property
    def route(self) -> list[str]:
        """The Route entries, top first."""
        return [text(item) for item in self.items(b"route")]

    @property
    def head(self) -> bytes:
        """The start line and the headers."""
        return self.data[: self._body_at]

    @property
    def body(self) -> bytes:
        """What follows the blank line, cut to Content-Length where that is shorter (RFC 3261, 18.3)."""
        body = self.data[self._body_at :]
        body = body[4:] if body[:4] == b"\r\n\r\n" else body[2:]
        length = (self.values(b"content-length") or [b""])[0]
        return body[: int(length)] if length.isdigit() and len(length) < 10 else body

    @property
    def start_line(self) -> bytes:
        """The first line, cut to a sane length."""
        end = self._start_end
        return self.data[: end if end < START_MAX else START_MAX].strip()

    @property
    def request_uri(self) -> str:
        """The Request-URI, "" for a response. Made once: both views keep it."""
        if self._request_uri is None:
            self._request_uri = text(b" ".join(self.data[: self._start_end].split()[1:-1]))
        return self._request_uri

    @property
    def reason(self) -> str:
        """The reason phrase cut to a sane length, "" for a request."""
        return text(self.start_line[12:]) if self.status else ""

    @property
    def summary(self) -> str:
        """The message in a few words: "INVITE", "180 Ringing", "200 OK (BYE)"."""
        return summary(self.start_line, self.method)


@lru_cache(4096)  # a few numbers and methods are on every wire; bounded, whatever strangers send
def cseq_of(value: bytes) -> tuple[int, str]:
    """Return number and method of a CSeq value; -1 when the number is missing or none."""
    number, _, named = value.replace(b"\t", b" ").partition(b" ")
    method = named.strip()
    return int(number) if number.isdigit() and len(number) <= CSEQ_DIGITS else -1, METHODS.get(method) or text(method[:METHOD_MAX])


class Request(Message):
    """A SIP request."""

    __slots__ = ()


class Response(Message):
    """A SIP response."""

    __slots__ = ()


def summary(start_line: bytes, method: str) -> str:
    """Return a message in a few words from its start line and the method of its CSeq."""
    if start_line[:8] != b"SIP/2.0 ":
        return method
    words = text(start_line[8:])
    return words if method == "INVITE" else f"{words} ({method})"


def parse(data: bytes) -> Request | Response | None:
    """Return the message in these bytes, None when they hold no SIP start line. Never raises."""
    start_end = data.find(b"\n")
    if start_end < 2 or data[0] == 0x0D:  # line breaks before the message (RFC 3261, 7.5), or no line at all
        data = data.lstrip(b"\r\n")
        start_end = data.find(b"\n")
        if start_end < 0:
            return None
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        head_end = data.find(b"\n\n")
        if head_end < 0:
            head_end = len(data)
    if data.startswith(b"SIP/2.0 "):
        code = data[8:11]
        if code.isdigit() and data[11] in AFTER_CODE and code >= b"100":
            return Response(data, head_end, start_end + 1, int(code), b"")
        return None
    line = data[:start_end].rstrip()
    if not line.endswith(b" SIP/2.0"):
        return None
    method, _, rest = line.partition(b" ")
    if not method or len(rest) < 9 or not method.isalnum():
        return _odd_request(data, head_end, start_end, method, rest)
    return Request(data, head_end, start_end + 1, 0, method)


def _odd_request(data: bytes, head_end: int, start_end: int, method: bytes, rest: bytes) -> Request | None:
    """Accept the token characters that methods may have beside letters and digits (RFC 3261, 25.1: extension-method)."""
    if method and len(rest) >= 9 and all(c > 0x20 and c not in b'()<>@,;:\\"/[]?={}\x7f' for c in method) and method.isascii():
        return Request(data, head_end, start_end + 1, 0, method)
    return None
