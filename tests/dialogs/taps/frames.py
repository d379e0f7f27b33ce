"""Bytes for the tap tests: headers of every layer and tiny capture files, each a plain function."""

import struct
from ipaddress import ip_address

INVITE = b"INVITE sip:bob@example.net SIP/2.0\r\nCall-ID: a@b\r\n\r\n"
V4 = ("192.0.2.1", "192.0.2.2")
V6 = ("2001:db8::1", "2001:db8::2")
PORTS = (5060, 5061)


def udp(payload: bytes = INVITE, ports: tuple[int, int] = PORTS, length: int | None = None) -> bytes:
    return struct.pack("!HHHH", *ports, 8 + len(payload) if length is None else length, 0) + payload


def ipv4(body: bytes, *, protocol: int = 17, options: bytes = b"", fragment: int = 0, total: int | None = None, version: int = 4, number: int = 7) -> bytes:
    header = 20 + len(options)
    source, destination = (ip_address(a).packed for a in V4)
    length = header + len(body) if total is None else total
    return struct.pack("!BBHHHBBH", version << 4 | header // 4, 0, length, number, fragment, 64, protocol, 0) + source + destination + options + body


def ipv6(body: bytes, *, following: int = 17, length: int | None = None, version: int = 6) -> bytes:
    source, destination = (ip_address(a).packed for a in V6)
    return struct.pack("!IHBB", version << 28, len(body) if length is None else length, following, 64) + source + destination + body


def v6_fragment(body: bytes, *, offset: int, more: bool, following: int = 17, number: int = 9) -> bytes:
    return ipv6(struct.pack("!BBHI", following, 0, offset | more, number) + body, following=44)


def ethernet(body: bytes, *tags: int, kind: int = 0x0800) -> bytes:
    return b"\x02" * 6 + b"\x04" * 6 + b"".join(struct.pack("!HH", tag, 24) for tag in tags) + struct.pack("!H", kind) + body


def pcap(frames: list[tuple[int, bytes]], *, link_type: int = 1, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    """Frames with times in ns."""
    divisor = 1 if magic == 0xA1B23C4D else 1000
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)
    for at_ns, frame in frames:
        seconds, fraction = divmod(at_ns, 1_000_000_000)
        out += struct.pack(order + "IIII", seconds, fraction // divisor, len(frame), len(frame))
        out += (bytes(8) if magic == 0xA1B2CD34 else b"") + frame
    return out


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link_type: int = 1, options: bytes = b"", order: str = "<", snaplen: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + options, order)


def enhanced(ticks: int, frame: bytes, number: int = 0, order: str = "<") -> bytes:
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame + bytes(-len(frame) % 4) + option(1, b"a comment", order), order)


def chunk(kind: int, value: bytes, vendor: int = 0) -> bytes:
    return struct.pack("!HHH", vendor, kind, 6 + len(value)) + value


def hep3(*chunks: bytes, magic: bytes = b"HEP3") -> bytes:
    body = b"".join(chunks)
    return magic + struct.pack("!H", 6 + len(body)) + body


def hep_of(payload: bytes, at_ns: int = 1_700_000_000_123_456_000) -> bytes:
    """A SIP message as an agent reports it."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return hep3(
        chunk(1, b"\x02"),
        chunk(2, b"\x11"),
        *(chunk(3 + n, ip_address(a).packed) for n, a in enumerate(V4)),
        *(chunk(7 + n, struct.pack("!H", port)) for n, port in enumerate(PORTS)),
        chunk(9, struct.pack("!I", seconds)),
        chunk(10, struct.pack("!I", rest // 1000)),
        chunk(11, b"\x01"),
        chunk(15, payload),
    )
