"""Every tunnel around an IP packet: name -> (link type, frame). Bytes only, written from the standards and not from the code."""

import struct

from .frames import ethernet, ipv4, ipv6, udp

GRE, PORT = 47, 49_152


def labels(*numbers: int) -> bytes:
    """Label stack entries, the last one with the bottom bit."""
    return b"".join(struct.pack("!I", n << 12 | (place == len(numbers) - 1) << 8 | 64) for place, n in enumerate(numbers))


def pppoe(packet: bytes, protocol: bytes = b"\x00\x21", code: int = 0) -> bytes:
    return struct.pack("!BBHH", 0x11, code, 7, len(protocol) + len(packet)) + protocol + packet


def gre(kind: int, body: bytes, flags: int = 0, options: bytes = b"") -> bytes:
    return struct.pack("!HH", flags, kind) + options + body


def vxlan(frame: bytes, flags: int = 0x08) -> bytes:
    return udp(bytes([flags, 0, 0, 0, 0, 0, 42, 0]) + frame, ports=(PORT, 4789))


def gtp(packet: bytes, flags: int = 0x30, options: bytes = b"", kind: int = 255) -> bytes:
    return udp(struct.pack("!BBHI", flags, kind, len(options) + len(packet), 99) + options + packet, ports=(2152, 2152))


def erspan_3(body: bytes, *, frame_type: int = 0, subheader: bytes = b"") -> bytes:
    return struct.pack("!HHIHBB", 0x2000, 1, 12345, 0, frame_type << 2, bool(subheader)) + subheader + body


def over(protocol: int, body: bytes) -> bytes:
    """An Ethernet frame with an IPv4 packet of this protocol."""
    return ethernet(ipv4(body, protocol=protocol, number=1))


def tunnels(packet: bytes) -> dict[str, tuple[int, bytes]]:
    """Put an IPv4 packet into everything that is read."""
    frame = ethernet(packet)
    tagged = ethernet(packet, 0x8100)
    return {
        "pppoe": (1, ethernet(pppoe(packet), kind=0x8864)),
        "pppoe with the short protocol": (1, ethernet(pppoe(packet, b"\x21"), kind=0x8864)),
        "pppoe in a vlan": (1, ethernet(pppoe(packet), 0x8100, kind=0x8864)),
        "pppoe link": (51, pppoe(packet)),
        "mpls": (1, ethernet(labels(17) + packet, kind=0x8847)),
        "mpls, three labels, multicast": (1, ethernet(labels(1, 2, 3) + packet, kind=0x8848)),
        "mpls in a vlan": (1, ethernet(labels(17) + packet, 0x8100, kind=0x8847)),
        "mpls link": (219, labels(17) + packet),
        "mpls over ppp": (9, b"\xff\x03\x02\x81" + labels(17) + packet),
        "pseudowire": (1, ethernet(labels(17) + frame, kind=0x8847)),
        "pseudowire with a control word": (1, ethernet(labels(17) + b"\0\0\0\1" + tagged, kind=0x8847)),
        "pseudowire to an address that begins like ipv4": (1, ethernet(labels(17) + b"\x4c" + frame[1:], kind=0x8847)),
        "sll mpls": (113, bytes(14) + b"\x88\x47" + labels(17) + packet),
        "ppp": (9, b"\x00\x21" + packet),
        "ppp with address and control": (9, b"\xff\x03\x00\x21" + packet),
        "ppp with all fields compressed": (9, b"\x21" + packet),
        "ppp hdlc": (50, b"\xff\x03\x00\x21" + packet),
        "cisco hdlc on a ppp link": (50, b"\x0f\x00\x08\x00" + packet),
        "cisco hdlc": (104, b"\x8f\x00\x08\x00" + packet),
        "ppp with direction": (204, b"\x01\xff\x03\x00\x21" + packet),
        "ip in ip": (1, over(4, packet)),
        "ipv4 in ipv6": (101, ipv6(packet, following=4)),
        "ipv4 in ipv6 behind an option": (101, ipv6(b"\x04\x00" + bytes(6) + packet, following=60)),
        "ip in ip behind authentication": (101, ipv4(b"\x04\x04" + bytes(22) + packet, protocol=51)),
        "gre": (1, over(GRE, gre(0x0800, packet))),
        "gre in ipv6": (101, ipv6(gre(0x0800, packet), following=GRE)),
        "gre with key": (1, over(GRE, gre(0x0800, packet, 0x2000, bytes(4)))),
        "gre with checksum, key and sequence": (1, over(GRE, gre(0x0800, packet, 0xB000, bytes(12)))),
        "gre ethernet": (1, over(GRE, gre(0x6558, tagged))),
        "gre vlan": (1, over(GRE, gre(0x8100, b"\0\x18\x08\0" + packet))),
        "gre mpls": (1, over(GRE, gre(0x8847, labels(5, 6) + packet))),
        "sll gre tap": (113, bytes(14) + b"\x65\x58" + frame),
        "erspan 1": (1, over(GRE, gre(0x88BE, frame))),
        "erspan 2": (1, over(GRE, gre(0x88BE, b"\x10\x18" + bytes(6) + frame, 0x1000, bytes(4)))),
        "erspan 3": (1, over(GRE, gre(0x22EB, erspan_3(frame), 0x1000, bytes(4)))),
        "erspan 3 with subheader": (1, over(GRE, gre(0x22EB, erspan_3(frame, subheader=bytes(8)), 0x1000, bytes(4)))),
        "erspan 3 with an ip packet": (1, over(GRE, gre(0x22EB, erspan_3(packet, frame_type=2), 0x1000, bytes(4)))),
        "mpls in ip": (1, over(137, labels(5) + packet)),
        "vxlan": (1, over(17, vxlan(tagged))),
        "vxlan with group policy": (1, over(17, vxlan(frame, 0x88))),
        "vxlan on linux's port": (1, over(17, udp(b"\x08" + bytes(7) + frame, ports=(PORT, 8472)))),
        "gtp": (1, over(17, gtp(packet))),
        "gtp with sequence number": (1, over(17, gtp(packet, 0x32, b"\0\1\0\0"))),
        "gtp with extension headers": (1, over(17, gtp(packet, 0x34, b"\0\0\0\x85\1\x10\0\xc0\2" + bytes(6) + b"\0"))),
        "gtp with an npdu number": (1, over(17, gtp(packet, 0x31, b"\0\0\1\x85"))),
    }


def nested(packet: bytes, depth: int) -> bytes:
    """Put an IPv4 packet into so many others."""
    for _ in range(depth):
        packet = ipv4(packet, protocol=4)
    return packet


def fragments_in_a_tunnel(packet: bytes) -> list[bytes]:
    """VXLAN whose outer packet was fragmented, for a tunnelled packet that was a fragment itself; each fragment a frame."""
    body, out = packet[20:], []
    cut = len(body) // 16 * 8
    for place, (more, piece) in enumerate(((True, body[:cut]), (False, body[cut:]))):
        inner = ipv4(piece, fragment=(0x2000 if more else cut // 8), number=77)
        outer = vxlan(ethernet(inner))
        half = len(outer) // 16 * 8
        out.append(ethernet(ipv4(outer[half:], fragment=half // 8, number=100 + place)))
        out.append(ethernet(ipv4(outer[:half], fragment=0x2000, number=100 + place)))
    return out
