"""HEP, the feed of Homer's agents: versions 1, 2 and 3 (also under its older magic EEP3) as one plain function. Knows no socket.

HEPv3: "HEP3", total length, then chunks of vendor, type, length (all counted with their heads, all big endian).
"""

import struct
import zlib
from typing import NamedTuple

from dialogs.packet import Packet
from dialogs.taps.addresses import AddressBook

VERSION_3 = (b"HEP3", b"EEP3")
OLDER = (b"\x01\x10\x02", b"\x01\x28\x0a", b"\x02\x10\x02", b"\x02\x28\x0a")
"Version, length of the header, address family."

MAGICS = VERSION_3 + OLDER
SIP = 1
"Payload type; what is without one is SIP."

MAX_INFLATED = 262_144
"Bytes that a compressed payload may grow to; what is bigger is refused."

TRANSPORTS = {6: "tcp", 17: "udp", 22: "tls", 132: "sctp"}
"By IP protocol. Kamailio writes 22 for TLS, WS and WSS."

(
    FAMILY,
    PROTOCOL,
    SOURCE_4,
    DESTINATION_4,
    SOURCE_6,
    DESTINATION_6,
    SOURCE_PORT,
    DESTINATION_PORT,
    SECONDS,
    MICROSECONDS,
    PAYLOAD_TYPE,
    AGENT,
    KEEP_ALIVE,
    KEY,
    PAYLOAD,
    COMPRESSED,
    CORRELATION,
) = range(1, 18)
"Chunk types of vendor 0."

AF_INET6 = 10
AGENT_NAME = 19

_chunk_head = struct.Struct("!HHH").unpack_from


class HepMessage(NamedTuple):
    """One HEP datagram, opened."""

    packet: Packet
    "What the agent saw, with the agent's time and addresses."

    payload_type: int
    "1 is SIP; 5 RTCP as JSON, 100 log lines ..."

    agent: int = 0
    "Capture agent id."

    agent_name: bytes = b""
    key: bytes = b""
    "The authentication key as sent."

    correlation: bytes = b""
    "Call-ID that a payload other than SIP belongs to."


def decode(datagram: bytes, received_ns: int, tap: str = "", book: AddressBook | None = None) -> HepMessage | None:
    """Open a HEP datagram; None when it is none or is damaged. Without a time of its own it gets `received_ns`. Never raises."""
    book = book or AddressBook()
    try:
        if datagram.startswith(VERSION_3):
            return _version_3(datagram, received_ns, tap, book)
        if datagram.startswith(OLDER):
            return _version_1_or_2(datagram, received_ns, tap, book)
    except (IndexError, struct.error, zlib.error):
        return None
    return None


def _version_3(datagram: bytes, received_ns: int, tap: str, book: AddressBook) -> HepMessage | None:
    chunks = _chunks(datagram)
    pair = _address_key(chunks) if chunks is not None else None
    if chunks is None or pair is None:
        return None
    payload = chunks[PAYLOAD] if PAYLOAD in chunks else _inflate(chunks.get(COMPRESSED))
    if payload is None:
        return None
    at_ns = received_ns
    if SECONDS in chunks:
        at_ns = _number(chunks, SECONDS, 0) * 1_000_000_000 + min(_number(chunks, MICROSECONDS, 0), 999_999) * 1000
    source, destination = book.pair(pair)
    return HepMessage(
        Packet(at_ns, source, destination, TRANSPORTS.get(_number(chunks, PROTOCOL, 17), "udp"), payload, tap),
        _number(chunks, PAYLOAD_TYPE, SIP),
        _number(chunks, AGENT, 0),
        chunks.get(AGENT_NAME, b""),
        chunks.get(KEY, b""),
        chunks.get(CORRELATION, b""),
    )


def _chunks(datagram: bytes) -> dict[int, bytes] | None:
    """Take the chunks of vendor 0 by type, skip those of others; None when a length does not fit."""
    end = datagram[4] << 8 | datagram[5]
    if end > len(datagram):
        return None
    chunks = {}
    at = 6
    while at < end:
        vendor, kind, length = _chunk_head(datagram, at)
        if length < 6 or at + length > end:
            return None
        if vendor == 0:
            chunks[kind] = datagram[at + 6 : at + length]
        at += length
    return chunks


def _address_key(chunks: dict[int, bytes]) -> bytes | None:
    """Return addresses and ports as an address book wants them; None without two addresses of one family."""
    if SOURCE_6 in chunks and (SOURCE_4 not in chunks or _number(chunks, FAMILY, 0) == AF_INET6):
        size, addresses = 32, chunks[SOURCE_6] + chunks.get(DESTINATION_6, b"")
    else:
        size, addresses = 8, chunks.get(SOURCE_4, b"") + chunks.get(DESTINATION_4, b"")
    ports = _port(chunks, SOURCE_PORT) + _port(chunks, DESTINATION_PORT)
    return addresses + ports if len(addresses) == size else None


def _port(chunks: dict[int, bytes], kind: int) -> bytes:
    return chunks.get(kind, b"")[-2:].rjust(2, b"\0")


def _number(chunks: dict[int, bytes], kind: int, default: int) -> int:
    value = chunks.get(kind)
    return default if value is None else int.from_bytes(value[-4:], "big")


def _inflate(compressed: bytes | None) -> bytes | None:
    """Undo zlib or gzip, up to the cap."""
    if compressed is None:
        return None
    inflater = zlib.decompressobj(wbits=47)  # 32 + 15: either header
    payload = inflater.decompress(compressed, MAX_INFLATED)
    return None if inflater.unconsumed_tail or not inflater.eof else payload


def _version_1_or_2(datagram: bytes, received_ns: int, tap: str, book: AddressBook) -> HepMessage | None:
    """Read the fixed header of the older versions: family, protocol, ports, addresses; version 2 adds time and agent, little endian."""
    version, length, _, protocol = struct.unpack_from("BBBB", datagram)
    if len(datagram) <= length:
        return None
    source, destination = book.pair(datagram[8:length] + datagram[4:8])
    at_ns, agent, body = received_ns, 0, length
    if version == 2:
        seconds, microseconds, agent = struct.unpack_from("<IIH", datagram, length)
        at_ns = seconds * 1_000_000_000 + min(microseconds, 999_999) * 1000
        # the structure ends with two bytes of padding, which some agents leave out
        body += 10 if datagram[length + 10 : length + 12].isalpha() else 12
    if body >= len(datagram):
        return None
    packet = Packet(at_ns, source, destination, TRANSPORTS.get(protocol, "udp"), datagram[body:], tap)
    return HepMessage(packet, SIP, agent)
