"""HEP, the feed of Homer's agents: versions 1, 2 and 3 (also under its older magic EEP3) as one plain function. Knows no socket.

HEPv3: "HEP3", total length, then chunks of vendor, type, length (all counted with their heads, all big endian).
"""

import hmac
import struct
import zlib
from typing import NamedTuple

from dialogs.packet import Endpoint, Packet
from dialogs.taps.addresses import AddressBook

VERSION_3 = (b"HEP3", b"EEP3")
FAMILIES = {16: (2,), 40: (10, 28, 30)}
"Length of the older versions' header -> its address family, as Linux, FreeBSD and macOS number IPv6."

OLDER = tuple(bytes((version, length, family)) for version in (1, 2) for length, families in FAMILIES.items() for family in families)
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

METHODS = b"INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK UPDATE INFO SUBSCRIBE NOTIFY REFER MESSAGE PUBLISH"
STARTS = (b"SIP/2.0 ", *(method + b" " for method in METHODS.split()))
"How SIP messages begin."

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


_NOWHERE = Endpoint("", 0)
WRONG_KEY = HepMessage(Packet(0, _NOWHERE, _NOWHERE, "", b""), 0)
NO_KEY = HepMessage(Packet(0, _NOWHERE, _NOWHERE, "", b""), 0)
"What `decode` answers, this very object, when a key is asked for: nothing more of the datagram is opened."


def decode(datagram: bytes, received_ns: int, tap: str = "", book: AddressBook | None = None, key: bytes = b"") -> HepMessage | None:
    """Open a HEP datagram; None when it is none or is damaged. Never raises.

    Without a time of its own it gets `received_ns`. With a `key`, what lacks it is WRONG_KEY or, as all of versions 1 and 2, NO_KEY.
    """
    book = book or AddressBook()
    try:
        if datagram.startswith(VERSION_3):
            return _version_3(datagram, received_ns, tap, book, key)
        if datagram.startswith(OLDER):
            return NO_KEY if key else _version_1_or_2(datagram, received_ns, tap, book)
    except (IndexError, struct.error, zlib.error):
        return None
    return None


def frame_size(buffer: bytes | bytearray, at: int) -> int:
    """Return how many bytes the version 3 message that begins at `at` takes, its 6 bytes of head included; 0 when none begins there."""
    size = buffer[at + 4] << 8 | buffer[at + 5]
    return size if size >= 6 and buffer.startswith(VERSION_3, at) else 0


def _version_3(datagram: bytes, received_ns: int, tap: str, book: AddressBook, key: bytes) -> HepMessage | None:
    chunks = _chunks(datagram)
    if chunks is None:
        return None
    if key and not hmac.compare_digest(chunks.get(KEY, b""), key):
        return WRONG_KEY if KEY in chunks else NO_KEY
    pair = _address_key(chunks)
    payload = chunks[PAYLOAD] if PAYLOAD in chunks else _inflate(chunks.get(COMPRESSED))
    if pair is None or payload is None:
        return None
    at_ns = received_ns
    if seconds := _number(chunks, SECONDS, 0):
        at_ns = seconds * 1_000_000_000 + min(_number(chunks, MICROSECONDS, 0), 999_999) * 1000
    kind = _number(chunks, PAYLOAD_TYPE, SIP)
    known = book.pairs.get(pair) or book.remember(pair)
    known.packets += kind == SIP  # reports on media go their own ways
    return HepMessage(
        Packet(at_ns, known.source, known.destination, TRANSPORTS.get(_number(chunks, PROTOCOL, 17), "udp"), payload, tap),
        kind,
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
        at_ns = seconds * 1_000_000_000 + min(microseconds, 999_999) * 1000 if seconds else received_ns
        body += _time_block(datagram, length)
    if body >= len(datagram):
        return None
    packet = Packet(at_ns, source, destination, TRANSPORTS.get(protocol, "udp"), datagram[body:], tap)
    return HepMessage(packet, SIP, agent)


def _time_block(datagram: bytes, at: int) -> int:
    """Return the length of version 2's time: 12 bytes with the padding of the C structure, whose two bytes may hold anything; some agents leave them out."""
    unpadded = not datagram.startswith(STARTS, at + 12) and datagram[at + 10 : at + 12].isalpha()
    return 10 if unpadded else 12
