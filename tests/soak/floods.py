"""Traffic of somebody who wants to fill our memory: endless things that begin and never end. Plain generators of frames; knows no tap."""

import struct
from collections.abc import Iterator
from itertools import count

_HEADS = struct.Struct("!BBHHHBBHII")
PROXY = 0xC0000201


def _ipv4(number: int, protocol: int, body: bytes, fragment: int = 0) -> bytes:
    """A packet from an address and with an identification of its own."""
    return _HEADS.pack(0x45, 0, 20 + len(body), number & 0xFFFF, fragment, 64, protocol, 0, 0x0A000000 | number >> 4, PROXY) + body


def _tcp(number: int, sequence: int, flags: int, payload: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", 1024 + number % 60_000, 5060, sequence, 0, 0x50, flags, 1000, 0, 0) + payload


def half_open() -> Iterator[list[bytes]]:
    """Connections of which only the SYN comes."""
    for number in count():
        yield [_ipv4(number, 6, _tcp(number, 1, 2))]


def unfinished() -> Iterator[list[bytes]]:
    """Connections that begin a message and never end it."""
    start = b"INVITE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9\r\nX-Fill: " + b"x" * 400
    for number in count():
        yield [_ipv4(number, 6, _tcp(number, 1, 2)), _ipv4(number, 6, _tcp(number, 2, 24, start))]


def gaps() -> Iterator[list[bytes]]:
    """Connections in which the first bytes are missing, so that the later ones wait for them."""
    for number in count():
        yield [_ipv4(number, 6, _tcp(number, 1, 2)), _ipv4(number, 6, _tcp(number, 500, 24, b"x" * 500))]


def first_fragments() -> Iterator[list[bytes]]:
    """Datagrams of which only the first piece comes."""
    piece = struct.pack("!HHHH", 5060, 5060, 3000, 0) + b"INVITE sip:bob@example.net SIP/2.0\r\n" + b"x" * 468
    for number in count():
        yield [_ipv4(number, 17, piece, 0x2000)]


def invites() -> Iterator[list[bytes]]:
    """Calls that nobody answers."""
    for number in count():
        message = (
            f"INVITE sip:{number}@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{number}\r\nFrom: <sip:a@example.net>;tag={number}\r\n"
            f"To: <sip:{number}@example.net>\r\nCall-ID: flood-{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.9>\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        yield [_ipv4(number, 17, struct.pack("!HHHH", 5060, 5060, 8 + len(message), 0) + message)]
