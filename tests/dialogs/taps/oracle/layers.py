"""Network packets and what carries them: fragments, tunnels, link layers. Each a plain function over bytes; knows no SIP and no file."""

import itertools
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

UDP, TCP, GRE, IPIP, IPV6_IN_IP = 17, 6, 47, 4, 41
IPV4, IPV6 = 0x0800, 0x86DD


@dataclass(frozen=True)
class Network:
    """The addresses of one made capture: no other capture has them."""

    number: int
    version: int = 4

    def address(self, host: int) -> bytes:
        """Return the raw address of a host."""
        if self.version == 4:
            return IPv4Address((10 << 24) | (self.number << 8) | host).packed
        return IPv6Address((0xFD00 << 112) | (self.number << 64) | host).packed

    @property
    def ethertype(self) -> int:
        """The Ethertype of its packets."""
        return IPV4 if self.version == 4 else IPV6


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def ip(network: Network, source: int, destination: int, protocol: int, body: bytes) -> bytes:
    """Return one whole IP packet."""
    ends = network.address(source) + network.address(destination)
    if network.version == 4:
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0) + ends + body
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + ends + body


def fragments(packet: bytes, number: int, chance: random.Random) -> list[bytes]:
    """Return an IP packet cut at random places, at most five."""
    header = 20 if packet[0] >> 4 == 4 else 40
    body = packet[header:]
    edges = sorted({0, len(body), *(8 * chance.randrange(1, max(2, len(body) // 8)) for _ in range(chance.randint(1, 4)))})
    return [_fragment(packet[:header], body[start:end], start, number, more=end < len(body)) for start, end in itertools.pairwise(edges)]


def _fragment(header: bytes, piece: bytes, start: int, number: int, *, more: bool) -> bytes:
    if header[0] >> 4 == 4:
        return header[:2] + struct.pack("!HHH", 20 + len(piece), number, (0x2000 if more else 0) | start >> 3) + header[8:] + piece
    extension = struct.pack("!BBHI", header[6], 0, start | more, number)
    return header[:4] + struct.pack("!HB", 8 + len(piece), 44) + header[7:] + extension + piece


# --- tunnels: (network packet, its Ethertype, the outer network) -> (packet, Ethertype)

Tunnel = Callable[[bytes, int, Network], tuple[bytes, int]]
OUTER = (201, 202)


def vlan(packet: bytes, kind: int, _outer: Network) -> tuple[bytes, int]:
    return struct.pack("!HH", 24, kind) + packet, 0x8100


def qinq(packet: bytes, kind: int, _outer: Network) -> tuple[bytes, int]:
    return struct.pack("!HHHH", 7, 0x8100, 24, kind) + packet, 0x88A8


def pppoe(packet: bytes, kind: int, _outer: Network) -> tuple[bytes, int]:
    return struct.pack("!BBHH", 0x11, 0, 17, 2 + len(packet)) + ppp_protocol(kind) + packet, 0x8864


def mpls(packet: bytes, _kind: int, _outer: Network) -> tuple[bytes, int]:
    return struct.pack("!II", 100 << 12 | 64, 200 << 12 | 0x100 | 64) + packet, 0x8847


def ipip(packet: bytes, kind: int, outer: Network) -> tuple[bytes, int]:
    return ip(outer, *OUTER, IPIP if kind == IPV4 else IPV6_IN_IP, packet), outer.ethertype


def gre(packet: bytes, kind: int, outer: Network) -> tuple[bytes, int]:
    return ip(outer, *OUTER, GRE, struct.pack("!HH", 0, kind) + packet), outer.ethertype


def gre_keyed(packet: bytes, kind: int, outer: Network) -> tuple[bytes, int]:
    """With checksum, key and sequence number, carrying an Ethernet frame."""
    return ip(outer, *OUTER, GRE, struct.pack("!HHHHII", 0xB000, 0x6558, 0, 0, 77, 1) + ethernet(packet, kind)), outer.ethertype


def erspan(packet: bytes, kind: int, outer: Network) -> tuple[bytes, int]:
    """Type II: GRE with a sequence number, then 8 bytes, then the frame."""
    return ip(outer, *OUTER, GRE, struct.pack("!HHIHHI", 0x1000, 0x88BE, 5, 0x1000 | 24, 9, 0) + ethernet(packet, kind)), outer.ethertype


def vxlan(packet: bytes, kind: int, outer: Network) -> tuple[bytes, int]:
    return ip(outer, *OUTER, UDP, udp(51_000, 4789, struct.pack("!II", 0x08000000, 4096 << 8) + ethernet(packet, kind))), outer.ethertype


def gtp(packet: bytes, _kind: int, outer: Network) -> tuple[bytes, int]:
    return ip(outer, *OUTER, UDP, udp(2152, 2152, struct.pack("!BBHI", 0x30, 255, len(packet), 99) + packet)), outer.ethertype


def gtp_numbered(packet: bytes, _kind: int, outer: Network) -> tuple[bytes, int]:
    """With a sequence number, which brings four more bytes."""
    return ip(outer, *OUTER, UDP, udp(2152, 2152, struct.pack("!BBHIHBB", 0x32, 255, 4 + len(packet), 99, 3, 0, 0) + packet)), outer.ethertype


ON_ETHERNET: tuple[Tunnel, ...] = (vlan, qinq, pppoe, mpls)
"Announced by an Ethertype: only at the outside."

IN_IP: tuple[Tunnel, ...] = (ipip, gre, gre_keyed, erspan, vxlan, gtp, gtp_numbered)
"Carried by IP themselves: under any link layer, also one in another."


# --- link layers: (packet, Ethertype) -> frame


def ppp_protocol(kind: int) -> bytes:
    return struct.pack("!H", 0x21 if kind == IPV4 else 0x57)


def ethernet(packet: bytes, kind: int) -> bytes:
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2" + struct.pack("!H", kind) + packet


def sll(packet: bytes, kind: int) -> bytes:
    return struct.pack("!HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\1\0\0", kind) + packet


def sll2(packet: bytes, kind: int) -> bytes:
    return struct.pack("!HHIHBB8s", kind, 0, 3, 1, 0, 6, b"\x02\0\0\0\0\1\0\0") + packet


def raw(packet: bytes, _kind: int) -> bytes:
    return packet


def null(packet: bytes, kind: int) -> bytes:
    return struct.pack("<I", 2 if kind == IPV4 else 30) + packet


def loop(packet: bytes, kind: int) -> bytes:
    return struct.pack(">I", 2 if kind == IPV4 else 24) + packet


def ppp(packet: bytes, kind: int) -> bytes:
    return b"\xff\x03" + ppp_protocol(kind) + packet


LINKS: dict[str, tuple[int, Callable[[bytes, int], bytes]]] = {
    "ethernet": (1, ethernet),
    "sll": (113, sll),
    "sll2": (276, sll2),
    "raw": (101, raw),
    "null": (0, null),
    "loop": (108, loop),
    "ppp": (9, ppp),
}
