"""Header names and how a header is found in the head of a message. Knows bytes; knows no message.

Every header stands behind a line feed, the first one behind that of the start line.
Here and in the other hot places bytes are looked for with `find`, or as a number: `b"," in value` first fails to read its left side
as a number, which takes ten times as long.
"""

import re
from functools import lru_cache

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
BLANK = b" \t"
"How a line begins that continues the one before it (RFC 3261, 7.3.1)."

FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")


@lru_cache(256)  # the names that messages are asked for; bounded, whatever rules are written
def pattern_of(name: bytes) -> re.Pattern[bytes]:
    """Return what finds the values of a header, long and compact, in any case, with blanks before the colon and with the lines that continue it.

    Sets of letters in place of IGNORECASE: the expression then skips from one line feed to the next.
    """
    spellings = (name, *(short for short, long in COMPACT.items() if long == name))
    any_case = (b"".join(b"[%c%c]" % (c, c - 32) if 0x61 <= c <= 0x7A else re.escape(b"%c" % c) for c in spelling) for spelling in spellings)
    return re.compile(rb"\n(?:" + b"|".join(any_case) + rb")[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)")


def find(data: bytes, name: bytes, start: int, end: int) -> list[bytes]:
    """Return the values of a header in order; `name` is lower case and long, `start` the line feed before the first header."""
    values: list[bytes] = pattern_of(name).findall(data, start, end)
    return [(value if value.find(b"\n") < 0 else FOLD.sub(b" ", value)).strip() for value in values] if values else values


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
