"""What may stand in a request that we write, and what else a URI says. Knows the grammar of RFC 3261, 25; knows no dialog, no transport.

Everything that comes from the wire, from a configuration or from a person passes here before it becomes a line of a request.
"""

import re

from dialogs.sip import URI
from dialogs.sip.address import split_address

TOKEN = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]+")
WORD = re.compile(rb"[\x21-\x7e\x80-\xff]+")
"More than RFC 3261's `callid` and tags may hold: what a phone chose is given back as it was."

ADDRESS = re.compile(r"[^\x00-\x20\x7f<>\"\ud800-\udc7f\udd00-\udfff]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
"Also what UTF-8 cannot write. Surrogates from DC80 to DCFF are bytes of the wire that were no UTF-8."

ESCAPED = re.compile(r"\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()")
OWN = frozenset(
    (
        *("via", "v", "route", "max-forwards", "to", "t", "from", "f", "call-id", "i", "cseq", "content-length", "l", "content-type", "c"),
        *("contact", "m", "authorization", "proxy-authorization", "record-route"),
    )
)
"Headers that extra lines may not bring: they decide where a request goes and what it belongs to."


class Unsendable(ValueError):
    """A request cannot be written with this; the words say what and why."""


def header_text(name: str, value: str) -> str:
    """Return a header's value stripped; Unsendable for one that would end its line."""
    if CONTROL.search(value):
        raise Unsendable(f"{name}: control characters are not sent: {value!r}")
    return value.strip()


def uri_text(name: str, value: str) -> str:
    """Return a URI as it stands on the request line; Unsendable for blanks, brackets, quotes, an unknown scheme."""
    if not ADDRESS.fullmatch(value) or URI.parse(value).scheme not in ("sip", "sips", "tel"):
        raise Unsendable(f"{name}: expected a SIP URI, got {value!r}")
    return value


def header_uri(name: str, value: str) -> str:
    """Return a URI for use in angle brackets (From, To): any scheme, nothing that ends the brackets."""
    if not ADDRESS.fullmatch(value):
        raise Unsendable(f"{name}: expected a URI, got {value!r}")
    return value


def word(name: str, value: bytes) -> bytes:
    """Return a Call-ID or tag as it is; Unsendable for an empty one and for blanks and control characters."""
    if not WORD.fullmatch(value) or (name != "Call-ID" and any(char in b';,"<>' for char in value)):
        raise Unsendable(f"{name}: cannot be repeated byte for byte: {value!r}")
    return value


def wire_bytes(name: str, shown: str) -> bytes:
    """Return the bytes behind text of a snapshot; Unsendable when the text is not all that was on the wire (see dialogs.sip.text)."""
    if not shown.isascii() or ESCAPED.search(shown):
        raise Unsendable(f"{name}: the bytes on the wire are not known from {shown!r}")
    return shown.encode("ascii")


def extra_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return header lines (`dlg_extra_hdrs`) as they may be added; Unsendable for one that is no header, or is ours to write."""
    checked = []
    for line in lines:
        name, colon, value = line.rstrip("\r\n").partition(":")
        name = name.strip()
        if not colon or not TOKEN.fullmatch(name.encode()) or name.lower() in OWN:
            raise Unsendable(f"extra header: {line!r} cannot be added")
        checked.append(f"{name}: {header_text(name, value)}")
    return tuple(checked)


def reason_value(words: str, cause: int = 200) -> str:
    """Return the value of a Reason header (RFC 3326); Unsendable for words with control characters."""
    words = header_text("Reason", words).replace("\\", "\\\\").replace('"', '\\"')
    return f'SIP;cause={cause};text="{words}"'


def uri_parameters(uri: str) -> dict[str, str]:
    """Return the parameters of a SIP URI by lower-case name, "" for a flag; without its headers (`?`)."""
    address = uri.partition("?")[0].rpartition("@")[2]
    pairs = (piece.partition("=") for piece in address.split(";")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def without_parameters(uri: str, names: tuple[str, ...]) -> str:
    """Return a SIP URI without these parameters; all else stays as it was."""
    rest, mark, headers = uri.partition("?")
    user, at, address = rest.rpartition("@")
    pieces = address.split(";")
    kept = [pieces[0], *(piece for piece in pieces[1:] if piece.partition("=")[0].strip().lower() not in names)]
    return f"{user}{at}{';'.join(kept)}{mark}{headers}"


def without_headers(uri: str) -> str:
    """Return a URI as it may be a Request-URI: the headers (`?`) and `method` are no part of one (RFC 3261, 19.1.1)."""
    return without_parameters(uri.partition("?")[0], ("method",))


def route_uri(entry: str) -> str:
    """Return the URI of an entry of a route set; Unsendable when there is none."""
    return uri_text("Route", split_address(entry.encode("utf-8", "surrogateescape"))[1].decode("utf-8", "surrogateescape"))


def escaped(value: bytes) -> str:
    """Return a value for the headers part of a URI (RFC 3261, 25.1: hvalue): everything but `unreserved` as %XX."""
    return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in value)


def quoted(value: str) -> str:
    """Return a quoted-string; Unsendable for control characters."""
    return '"' + header_text("quoted string", value).replace("\\", "\\\\").replace('"', '\\"') + '"'
