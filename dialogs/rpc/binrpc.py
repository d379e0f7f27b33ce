"""BINRPC version 1, the protocol of Kamailio's `ctl` and its client kamcmd: records, requests, replies (reference 15.3). Knows bytes; knows no command.

A packet is a header (magic and version, type and sizes, length, cookie) and records. Lengths and numbers are big-endian.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from dialogs.rpc.errors import Fault, Malformed
from dialogs.rpc.registry import PAUSE, Gradual, Value

MAGIC = 0xA1
REQUEST, REPLY, FAULT = 0, 1, 3
INT, STR, DOUBLE, STRUCT, ARRAY, NAME, BYTES = range(7)
STRUCT_END, ARRAY_END = 0x83, 0x84
BODY_MAX = 32 * 1024
"Of a request: the original's own limit."

REPLY_MAX = 128 * 1024 - 10
"kamcmd reads no more: its buffer, less the longest header."

NULL = b"<null string>"
DEPTH_MAX = 8
INT_BYTES = 4


class Packet(NamedTuple):
    """A request as it came."""

    cookie: bytes
    "Echoed as it is."

    body: bytes


def take(buffer: bytearray) -> Packet | None:
    """Take the first whole packet out of a buffer; None when more bytes are needed. Raises Malformed for what is no request."""
    if not buffer:
        return None
    if buffer[0] != MAGIC:
        raise Malformed("not BINRPC version 1")
    if len(buffer) < 2:
        return None
    kind, lengths, cookies = buffer[1] >> 4, (buffer[1] >> 2 & 3) + 1, (buffer[1] & 3) + 1
    if kind != REQUEST:
        raise Malformed("not a request")
    head = 2 + lengths + cookies
    if len(buffer) < head:
        return None
    size = int.from_bytes(buffer[2 : 2 + lengths])
    if size > BODY_MAX:
        raise Malformed("request too long")
    if len(buffer) < head + size:
        return None
    packet = Packet(bytes(buffer[2 + lengths : head]), bytes(buffer[head : head + size]))
    del buffer[: head + size]
    return packet


def request(body: bytes) -> tuple[str, list[Value]]:
    """Return a request's method and parameters. Raises Malformed."""
    method, *parameters = values(body) or [None]
    if not isinstance(method, str):
        raise Malformed("bad request method: no string")
    return method, parameters


def values(body: bytes) -> list[Value]:
    """Return the records of a body; structs as dicts, arrays as lists. Raises Malformed."""
    found: list[Value] = []
    at = 0
    while at < len(body):
        value, at = _record(body, at, DEPTH_MAX)
        found.append(value)
    return found


def _record(body: bytes, at: int, depth: int) -> tuple[Value, int]:
    first = body[at]
    kind, size, at = first & 15, first >> 4 & 7, at + 1
    if kind in (STRUCT, ARRAY):
        if first & 0xF0 or not depth:
            raise Malformed("bad request: structs in the wrong place")
        return _nested(body, at, kind, depth - 1)
    if kind == DOUBLE:
        size = first >> 4
    elif first & 0x80:
        size, at = int.from_bytes(body[at : at + size]), at + size
    raw = body[at : at + size]
    if len(raw) < size:
        raise Malformed("bad request: a record ends too early")
    return _scalar(kind, raw), at + size


def _scalar(kind: int, raw: bytes) -> Value:
    if kind in (STR, NAME):
        if not raw.endswith(b"\0"):
            raise Malformed("bad request: a string without end")
        return decoded(raw[:-1])
    if kind in (INT, DOUBLE):
        if len(raw) > 2 * INT_BYTES:
            raise Malformed("bad request: a number too long")
        number = int.from_bytes(raw, signed=len(raw) >= INT_BYTES)
        return number if kind == INT else number / 1000
    if kind == BYTES:
        return raw
    raise Malformed("bad request: a record of no known type")


def decoded(raw: bytes) -> str:
    """Return bytes as a text, as listings do: UTF-8, else Latin-1; control characters stay what they are."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _nested(body: bytes, at: int, kind: int, depth: int) -> tuple[Value, int]:
    members: dict[str, Value] = {}
    items: list[Value] = []
    end = STRUCT_END if kind == STRUCT else ARRAY_END
    while at < len(body):
        first = body[at]
        if first == end:
            return (members or items if kind == STRUCT else items), at + 1
        named = kind == STRUCT and first & 15 == NAME
        name, at = _record(body, at, 0) if named else ("", at)
        if at >= len(body):
            break
        value, at = _record(body, at, depth)
        if named:
            members[name] = value
        else:
            items.append(value)
    raise Malformed("bad request: a struct without end")


def packet(kind: int, cookie: bytes, body: bytes) -> bytes:
    """Return a reply or fault with its header."""
    length = max(1, (len(body).bit_length() + 7) // 8)
    return bytes((MAGIC, kind << 4 | (length - 1) << 2 | len(cookie) - 1)) + len(body).to_bytes(length) + cookie + body


def fault(cookie: bytes, given: Fault) -> bytes:
    """Return the packet of a fault."""
    return packet(FAULT, cookie, encode(given.code) + encode(given.text))


def encode(value: Value) -> bytes:
    """Return one value as records. Arrays go as structs whose members have no names, as the original's do; numbers have 32 bits."""
    if isinstance(value, dict):
        return b"\x03" + _members(value) + b"\x83"
    if isinstance(value, tuple):
        return b"\x03" + b"".join(map(_members, value)) + b"\x83"
    if isinstance(value, list):
        return b"\x03" + b"".join(map(encode, value)) + b"\x83"
    if isinstance(value, float):
        return _number(DOUBLE, round(value * 1000))
    if isinstance(value, int):
        return _number(INT, value)
    return _string(STR, NULL if value is None else str(value).encode("utf-8", "replace"))


def gradually(struct: Gradual) -> Iterator[bytes]:
    """Yield a struct with a long array piece by piece, nothing where there is a pause."""
    yield b"\x03" + _members(struct.head) + _string(NAME, struct.name.encode()) + b"\x03"
    for value in struct.values:
        yield b"" if value is PAUSE else _members(value)
    yield b"\x83\x83"


def _members(struct: dict[str, Any]) -> bytes:
    return b"".join(_string(NAME, key.encode("utf-8", "replace")) + encode(value) for key, value in struct.items())


def _number(kind: int, value: int) -> bytes:
    value &= 0xFFFFFFFF
    size = (value.bit_length() + 7) // 8
    return bytes((size << 4 | kind,)) + value.to_bytes(size)


def _string(kind: int, raw: bytes) -> bytes:
    raw = raw.replace(b"\0", b"") + b"\0"
    if len(raw) < 8:
        return bytes((len(raw) << 4 | kind,)) + raw
    size = (len(raw).bit_length() + 7) // 8
    return bytes((0x80 | size << 4 | kind,)) + len(raw).to_bytes(size) + raw
