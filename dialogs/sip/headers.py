"""Header names and how a header is found in the head of a message. Knows bytes; knows no message.

A head begins with the line feed that ends the start line, so that every header stands behind one.
Here and in the other hot places bytes are looked for with `find`, or as a number: `b"," in value` first fails to read its left side
as a number, which takes ten times as long.
"""

import re

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
FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")
BLANK = b" \t"
"How a line begins that continues the one before it."

BLANKS = re.compile(rb"(\n[^\s:]+)[ \t]+:")


def _keys(name: bytes) -> tuple[bytes, ...]:
    return tuple(b"\n" + spelling + b":" for spelling in (name, *(short for short, long in COMPACT.items() if long == name)))


KEYS = {name: _keys(name) for name in {spelled.lower().encode() for spelled in COMMON} | set(COMPACT.values())}
"How a header begins a line of a lower-cased head: long and compact."


def keys_of(name: bytes) -> tuple[bytes, ...]:
    """Return the beginnings of lines under which a header stands; `name` is lower case and long."""
    return KEYS.get(name) or _keys(name)


def plain(head: bytes) -> bytes:
    """Return a head without folds (RFC 3261, 7.3.1) and without blanks before colons; a plain one stays the same."""
    if head.find(b" :") < 0 and head.find(b"\t:") < 0 and head.find(b"\n ") < 0 and head.find(b"\n\t") < 0:
        return head
    return BLANKS.sub(rb"\1:", FOLD.sub(b" ", head))


def find(head: bytes, lower: bytes, keys: tuple[bytes, ...]) -> list[bytes] | None:
    """Return the values that stand behind these beginnings of lines, in order; None when one of them is folded."""
    places = []
    for key in keys:
        start = lower.find(key)
        while start >= 0:
            end = head.find(b"\n", start + 1)
            if end < 0:
                end = len(head)
            elif end + 1 < len(head) and head[end + 1] in BLANK:
                return None
            places.append((start, head[start + len(key) : end].strip()))
            start = lower.find(key, end)
    if len(places) > 1:
        places.sort()
    return [value for _, value in places]


def canonical(name: str) -> bytes:
    """Return the long lower-case name of a header in any spelling."""
    lower = name.encode("utf-8", "surrogateescape").strip().lower()
    return COMPACT.get(lower, lower)


def branch_of(via: bytes) -> bytes:
    """Return the branch parameter of the first element of a Via value."""
    start = via.find(b"branch=")
    if start < 0:
        return b""
    end = via.find(b";", start)
    value = via[start + 7 : end] if end > 0 else via[start + 7 :]
    if 0x2C in value or 0x20 in value:  # a comma, a blank
        value = value.lstrip().partition(b",")[0].partition(b" ")[0]
    return value.strip()
