"""URIs, addresses and comma lists of SIP headers (RFC 3261, 19.1 and 20.10). Knows header values; knows no message."""

import re
from functools import lru_cache
from typing import NamedTuple

from dialogs.sip.text import text

QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')


class URI(NamedTuple):
    """A SIP, SIPS or TEL URI in its parts."""

    scheme: str
    user: str
    "User part without password; the number of a tel: URI; may be empty."

    host: str
    "Host without brackets; may be empty."

    port: int
    "0 when absent."

    @classmethod
    def parse(cls, value: str) -> "URI":
        """Return the parts of any text; what cannot be found stays empty."""
        scheme, colon, rest = value.partition(":")
        if not colon:
            return cls("", "", value, 0)
        scheme = scheme.strip().lower()
        if scheme == "tel":
            return cls(scheme, rest.partition(";")[0], "", 0)
        # The last @: a user part may hold a raw one on the wire, and a host may not.
        user, at, address = rest.partition("?")[0].rpartition("@")
        if not at:
            user = ""
        address = address.partition(";")[0]
        host, port = _split_port(address)
        return cls(scheme, user.partition(":")[0], host, port)


def _split_port(address: str) -> tuple[str, int]:
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.lstrip(":")
    else:
        host, _, port = address.partition(":")
    return host, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0


class Address(NamedTuple):
    """A From, To or Contact value: display name, URI and tag."""

    name: str
    uri: str
    tag: str

    @classmethod
    def parse(cls, value: bytes) -> "Address":
        """Return name, URI and tag of a name-addr or addr-spec; a broken one gives what can be read."""
        name, uri = split_address(value)
        return cls(text(name), text(uri), text(tag_of(value)))


def split_address(value: bytes) -> tuple[bytes, bytes]:
    """Return (display name, URI) of a name-addr or addr-spec. Without brackets, what follows `;` belongs to the header (RFC 3261, 20.10)."""
    start = _open_bracket(value)
    if start < 0:
        return b"", value.partition(b";")[0].strip()
    end = value.find(b">", start)
    uri = value[start + 1 : end if end >= 0 else len(value)]
    name = value[:start].strip()
    if name[:1] == b'"':
        name = name[1:].removesuffix(b'"').replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    return name, uri.strip()


def _open_bracket(value: bytes) -> int:
    """Return where the `<` of a name-addr stands, outside of quotes; -1 without one."""
    if 0x22 not in value:
        return value.find(b"<")
    quoted = False
    for i, char in enumerate(value):
        if char == 0x22 and not (quoted and i and value[i - 1] == 0x5C):
            quoted = not quoted
        elif char == 0x3C and not quoted:
            return i
    return -1


@lru_cache(16384)  # From and To come again with every message of a call; bounded, whatever strangers send
def tag_of(value: bytes) -> bytes:
    """Return the tag of a From or To value, b"" without one."""
    end = value.rfind(b">")
    start = value.find(b";tag=", end + 1)
    if start < 0 or value.rfind(b'"') > end:
        return _odd_tag(value[end + 1 :])
    start += 5
    stop = value.find(b";", start)
    return (value[start:] if stop < 0 else value[start:stop]).strip()


def _odd_tag(params: bytes) -> bytes:
    """Find a tag in spellings that wire traffic has but few phones send: `; TAG = x`, quoted parameters beside it."""
    if 0x3D not in params:
        return b""
    for param in QUOTED.sub(b"", params).split(b";"):
        name, _, value = param.partition(b"=")
        if name.strip().lower() == b"tag":
            return value.strip()
    return b""


def split_list(value: bytes) -> list[bytes]:
    """Return the items of a comma list; commas in quotes and angle brackets do not split."""
    if 0x2C not in value:
        return [value.strip()]
    items, start, quoted, depth = [], 0, False, 0
    for i, char in enumerate(value):
        if char == 0x22 and not (quoted and value[i - 1] == 0x5C):
            quoted = not quoted
        elif quoted:
            continue
        elif char == 0x3C:
            depth += 1
        elif char == 0x3E:
            depth = max(0, depth - 1)
        elif char == 0x2C and not depth:
            items.append(value[start:i].strip())
            start = i + 1
    items.append(value[start:].strip())
    return [item for item in items if item]
