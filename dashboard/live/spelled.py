"""One message spelled for people: lines cut into coloured pieces, its SDP in words; and how two messages differ. Knows SIP bytes; knows no page."""

import difflib
import re
from typing import NamedTuple

from dashboard.history.messages import StoredMessage
from dialogs.insight import sdp
from dialogs.sip import parse, text

LONGEST = 65536
"Bytes of a message that are shown."

MOST_LINES = 1000
"Lines of each message that are compared."

PIECES = re.compile(r'"[^"]{0,400}"|<[^<>]{0,400}>|(?<=;)(?:branch|tag|received|rport|did|expires)=[^;,\s>]{1,200}')
"What stands out in a header: quoted text, a URI, what names a transaction or a dialog. Bounded: it runs over a stranger's text."


class Piece(NamedTuple):
    """Some text of a line, and what it is."""

    kind: str
    '"b" first line, "i" header name, "u" URI, quoted text or parameter that stands out, "body", "" plain.'

    text: str


class Spelled(NamedTuple):
    """A message for people."""

    number: int
    stored: StoredMessage
    summary: str
    lines: tuple[tuple[Piece, ...], ...]
    media: tuple[str, ...]
    "Its SDP in words."

    cut: int
    "Bytes that are not shown."


class Difference(NamedTuple):
    """A line of two messages: in both, or of one only."""

    sign: str
    '" ", "-" (only the first has it) or "+".'

    text: str


def spell(number: int, stored: StoredMessage) -> Spelled:
    """Return the message of this number, cut into lines and pieces."""
    head, _, body = stored.data[:LONGEST].replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *headers = [text(line) for line in head.split(b"\n")]
    lines = [(Piece("b", first),), *map(pieces, headers)]
    if body:
        lines += [(), *((Piece("body", text(line)),) for line in body.split(b"\n"))]
    parsed = parse(stored.data)
    media = tuple(one.words for one in sdp.read(parsed.body)) if parsed else ()
    return Spelled(number, stored, parsed.summary if parsed else "not SIP", tuple(lines), media, max(0, len(stored.data) - LONGEST))


def pieces(line: str) -> tuple[Piece, ...]:
    """Return a header's line as its pieces."""
    name, colon, value = line.partition(":")
    if not colon or line[:1] in " \t":
        return (Piece("", line),)
    found, at = [Piece("i", name), Piece("", colon)], 0
    for match in PIECES.finditer(value):
        found += [Piece("", value[at : match.start()]), Piece("u", match[0])]
        at = match.end()
    return tuple(piece for piece in (*found, Piece("", value[at:])) if piece.text)


def compare(one: StoredMessage, other: StoredMessage) -> list[Difference]:
    """Return the lines of two messages, those that only one has marked."""
    left, right = ([text(line) for line in stored.data[:LONGEST].replace(b"\r\n", b"\n").split(b"\n")][:MOST_LINES] for stored in (one, other))
    found: list[Difference] = []
    for kind, start, end, from_, to in difflib.SequenceMatcher(None, left, right).get_opcodes():
        if kind == "equal":
            found += [Difference(" ", line) for line in left[start:end]]
        else:
            found += [*(Difference("-", line) for line in left[start:end]), *(Difference("+", line) for line in right[from_:to])]
    return found
