"""What a masked number looks like, in texts and in SIP messages. Knows texts and bytes; knows no person, no row, no configuration.

Masking keeps the length: each character that is hidden becomes an `x`. So a message stays a message, and a Content-Length stays right. What is masked
twice is as if it had been masked once. Every pattern takes time in proportion to the text: what is masked was written by strangers.
"""

import re
from collections.abc import Iterable

HIDDEN = "x"

URI = re.compile(r"(?i)((?:sips?|pres|im)(?::|%3A))([^\s@<>\"]{1,256}?)(?=@|%40)|(tel(?::|%3A))([^\s;>?\"]{1,256})")
NUMBER = re.compile(r"(?<![\w.])(\+?\d{6,}+)(?!\w)")
ARROW = re.compile('(?<![^\\s"\u201c])([^\\s"\u201c]++)( (?:->|\N{RIGHTWARDS ARROW}) )([^\\s"\u201d]++)')
VALUE = re.compile(r"\+?\d{4,}")
DIGITS = re.compile(r"\d")

NAME_HEADERS = (
    *(b"from", b"f", b"to", b"t", b"contact", b"m", b"p-asserted-identity", b"p-preferred-identity", b"remote-party-id", b"diversion"),
    *(b"referred-by", b"b", b"refer-to", b"r", b"reply-to", b"history-info"),
)
NAMES = re.compile(rb"(?im)^((?:%s)[ \t]*+:\s*+)([^<\"\r\n]++)(?=\s*+<)" % b"|".join(NAME_HEADERS))
QUOTED = re.compile(rb'"((?:[^"\\\r\n]|\\.)*)"(?=\s*<)')
ORIGIN = re.compile(rb"(?m)^(o=)(?!-[ \t])(\S+)")
WIRE_URI = re.compile(URI.pattern.encode())
OWN_HEADERS = re.compile(rb"(?im)^(?:x|p)-[^:\r\n]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
WIRE_NUMBER = re.compile(NUMBER.pattern.encode())
PLUS_NUMBER = re.compile(rb"\+\d{6,}")

KNOWN_DIGITS = 3
"Digits that a party's number has at least to be looked for anywhere in a message."


def mask(number: str, keep: int) -> str:
    """Return a number or name with its first `keep` characters, and never more than half of it: "+49301234" -> "+493xxxxx"."""
    shown = min(keep, len(number) // 2)
    return number[:shown] + HIDDEN * (len(number) - shown)


def user_in(text: str) -> str:
    """Return the user of the first URI in a text, "" without one."""
    found = URI.search(text)
    return (found[2] or found[4]) if found else ""


def mask_name(name: str) -> str:
    """Return a display name of which only its shape is left."""
    return re.sub(r"\w", HIDDEN, name)


def mask_text(text: str, keep: int, known: Iterable[str] = ()) -> str:
    """Return a text without what is known of the parties, without the users of URIs, and without what looks like a number of six digits or more."""
    text = _uris(text, keep)
    if words := [re.escape(word) for word in sorted(set(known), key=len, reverse=True) if len(word) > 1]:
        text = re.sub(rf"(?<!\w)({'|'.join(words)})(?!\w)", lambda found: mask(found[1], keep), text)
    return NUMBER.sub(lambda found: mask(found[1], keep), text)


def mask_value(value: str, keep: int, known: Iterable[str] = ()) -> str:
    """Return a profile's value: a number of four digits or more is one by itself."""
    return mask(value, keep) if VALUE.fullmatch(value) else mask_text(value, keep, known)


def mask_parties(text: str, keep: int, known: Iterable[str] = ()) -> str:
    """Return a text in which "4417 -> 8000" may stand, with both sides masked."""
    return mask_text(ARROW.sub(lambda found: f"{_party(found[1], keep)}{found[2]}{_party(found[3], keep)}", text), keep, known)


def _party(text: str, keep: int) -> str:
    return _uris(text, keep) if ":" in text or "@" in text else mask(text, keep)


def _uris(text: str, keep: int) -> str:
    return URI.sub(lambda found: f"{found[1] or found[3]}{mask(found[2] or found[4], keep)}", text)


def mask_message(data: bytes, keep: int, known: Iterable[str] = ()) -> bytes:
    """Return a SIP message without its parties' numbers and names, as long as it was. `known`: what to look for beside what its URIs say."""
    wire = _Wire(keep, known)
    data = WIRE_URI.sub(wire.uri, data)
    data = NAMES.sub(lambda found: found[1] + wire.name(found[2]), data)
    data = QUOTED.sub(lambda found: b'"' + wire.name(found[1]) + b'"', data)
    data = ORIGIN.sub(lambda found: found[1] + wire.hide(found[2]), data)
    data = OWN_HEADERS.sub(lambda found: WIRE_NUMBER.sub(lambda number: wire.hide(number[1]), found[0]), data)
    data = PLUS_NUMBER.sub(lambda found: wire.hide(found[0]), data)
    return wire.known(data)


class _Wire:
    """Masks bytes, and remembers whose numbers it has met."""

    def __init__(self, keep: int, known: Iterable[str]) -> None:
        self.keep = keep
        self.met = {word.encode("utf-8", "surrogateescape") for word in known}

    def uri(self, found: re.Match[bytes]) -> bytes:
        """Return the beginning of a URI with its user masked."""
        self.met.add(found[2] or found[4])
        return (found[1] or found[3]) + self.hide(found[2] or found[4])

    def hide(self, number: bytes) -> bytes:
        """Return a number masked."""
        return mask(number.decode("latin-1"), self.keep).encode("latin-1")

    def name(self, name: bytes) -> bytes:
        """Return a display name masked; each byte beyond ASCII counts as a letter."""
        return re.sub(rb"[\w\x80-\xff]", HIDDEN.encode(), name)

    def known(self, data: bytes) -> bytes:
        """Return the message without the numbers that were met, wherever else they stand; with and without a plus."""
        met = {number.lstrip(b"+") for number in self.met}
        words = sorted((word for word in met if len(DIGITS.findall(word.decode("latin-1"))) >= KNOWN_DIGITS), key=len, reverse=True)
        if not words:
            return data
        found = re.compile(rb"(?<![A-Za-z0-9])(%s)(?![A-Za-z0-9])" % b"|".join(map(re.escape, words)))
        return found.sub(lambda match: self.hide(match[1]), data)
