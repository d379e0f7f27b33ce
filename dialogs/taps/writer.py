"""Packets as a pcapng file that Wireshark, tshark and Dialtap itself read: one link of bare IP, times in nanoseconds. Knows headers; knows no SIP.

Link headers, and those of IP and UDP, are not kept with a message, so they are made anew, with right checksums. A message of a stream
becomes a datagram of its own, with a comment that names its transport. draft-ietf-opsawg-pcapng-04.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from dialogs.packet import Endpoint, Packet

RAW_IP = 101
SNAPLEN = 0x40000
"Above the longest packet: IPv6 with 65,535 bytes behind its header."

MAX_PAYLOAD = 65_535 - 20 - 8
"What a UDP datagram of IPv4 holds; a longer message of a stream is cut, and says so."

MAX_COMMENT = 4096
UDP = 17
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_COMMENT, _APPLICATION, _RESOLUTION = 1, 4, 9
_NOWHERE = IPv4Address(0)

Address = IPv4Address | IPv6Address


def pcapng(packets: Iterable[tuple[Packet, Sequence[str]]], about: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield a capture file piece by piece: a head, then a piece for each packet with the comments that stand beside it.

    `about`: comments on the whole, after "written by Dialtap".
    """
    comments = [_option(_COMMENT, _comment(words)) for words in ("written by Dialtap", *about)]
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options(*comments, _option(_APPLICATION, b"Dialtap"))
    interface = struct.pack("<HHI", RAW_IP, 0, SNAPLEN) + _options(_option(_RESOLUTION, b"\x09"))
    yield _block(_SECTION, section) + _block(_INTERFACE, interface)
    for number, (packet, words) in enumerate(packets):
        yield _packet(packet, words, number)


def _packet(packet: Packet, words: Sequence[str], number: int) -> bytes:
    """Return one packet's block."""
    said = [*words]
    if packet.transport != "udp":
        said.append(f"seen over {packet.transport.upper()}; written as UDP")
    if len(packet.data) > MAX_PAYLOAD:
        said.append(f"cut: {len(packet.data):,} bytes do not fit into a datagram")
    frame = _datagram(packet.source, packet.destination, packet.data[:MAX_PAYLOAD], number)
    at_ns = max(0, packet.at_ns)
    head = struct.pack("<IIIII", 0, at_ns >> 32 & 0xFFFFFFFF, at_ns & 0xFFFFFFFF, len(frame), len(frame))
    return _block(_PACKET, head + frame + bytes(-len(frame) % 4) + _options(*(_option(_COMMENT, _comment(text)) for text in said)))


def _datagram(source: Endpoint, destination: Endpoint, payload: bytes, number: int) -> bytes:
    """Return the payload behind a header of UDP and one of IP: version 6 as soon as one of the addresses is."""
    ends: list[Address] = [_address(source.host), _address(destination.host)]
    if any(end.version == 6 for end in ends):
        ends = [end if isinstance(end, IPv6Address) else IPv6Address(0xFFFF << 32 | int(end)) for end in ends]
    addresses = b"".join(end.packed for end in ends)
    length = 8 + len(payload)
    header = struct.pack("!HHHH", source.port & 0xFFFF, destination.port & 0xFFFF, length, 0)
    check = _checksum(addresses + struct.pack("!II", length, UDP) + header + payload) or 0xFFFF  # 0 would say that there is none
    udp = header[:6] + check.to_bytes(2) + payload
    if ends[0].version == 6:
        return struct.pack("!IHBB", 6 << 28, length, UDP, 64) + addresses + udp
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, number & 0xFFFF, 0x4000, 64, UDP, 0) + addresses
    return ip[:10] + _checksum(ip).to_bytes(2) + ip[12:] + udp


def _address(host: str) -> Address:
    """Return a host's address; 0.0.0.0 for what is none, for a packet without addresses cannot be written."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return _NOWHERE


def _checksum(data: bytes) -> int:
    """Return the Internet checksum of RFC 1071. A number of n 16 bit words leaves, divided by 65,535, what their sum leaves."""
    total = int.from_bytes(data + bytes(len(data) & 1))
    return ~(total % 0xFFFF or (0xFFFF if total else 0)) & 0xFFFF


def _comment(words: str) -> bytes:
    return words.encode("utf-8", "replace")[:MAX_COMMENT].decode("utf-8", "ignore").encode()


def _options(*options: bytes) -> bytes:
    """Return the options of a block with the mark of their end; nothing for none."""
    return b"".join((*options, bytes(4))) if options else b""


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
