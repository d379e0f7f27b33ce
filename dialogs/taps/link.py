"""Link layers: where the network packet begins in a captured frame. Knows headers up to the Ethertype; knows nothing of IP.

A reader takes a frame and returns (Ethertype, offset of what it announces). It may raise IndexError or struct.error on a frame that
is cut short; the caller counts that. To add a link type: write one reader, add one line to `LINK_TYPES`.
What an Ethertype announces that is no IP packet but holds one (MPLS, PPPoE ...) is in `tunnels`.
Numbers are those of https://www.tcpdump.org/linktypes.html.
"""

from collections.abc import Callable
from struct import unpack_from

IPV4 = 0x0800
IPV6 = 0x86DD
MPLS = 0x8847
PPPOE = 0x8864
OTHER = 0
"The Ethertype of what is not announced by any number we know."

VLAN_TAGS = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))
"802.1Q, 802.1ad and two older numbers for the outer tag of QinQ."

PPP_PROTOCOLS = {0x0021: IPV4, 0x0057: IPV6, 0x0281: MPLS, 0x0283: MPLS}
"PPP numbers its network protocols itself; the lower byte alone is odd, so the upper one may be left out. RFC 1661, section 6.5"

AF_INET = 2
AF_INET6 = frozenset((10, 24, 28, 30))
"Linux, the BSDs, FreeBSD, Darwin."

LinkReader = Callable[[bytes], tuple[int, int]]


def ethernet(frame: bytes) -> tuple[int, int]:
    """Read an Ethernet II header with any number of VLAN tags."""
    kind = frame[12] << 8 | frame[13]
    if kind in VLAN_TAGS:
        return _behind_tags(frame, 14)
    return kind, 14


def ethernet_at(frame: bytes, at: int) -> tuple[int, int]:
    """Read an Ethernet header that begins at `at`: a frame inside a tunnel."""
    kind = frame[at + 12] << 8 | frame[at + 13]
    if kind in VLAN_TAGS:
        return _behind_tags(frame, at + 14)
    return kind, at + 14


def linux_sll(frame: bytes) -> tuple[int, int]:
    """Read the 16 bytes that Linux puts before packets of the "any" device."""
    kind = frame[14] << 8 | frame[15]
    if kind in VLAN_TAGS:
        return _behind_tags(frame, 16)
    return kind, 16


def linux_sll2(frame: bytes) -> tuple[int, int]:
    """Read the 20 bytes of the newer form, which begins with the Ethertype."""
    kind = frame[0] << 8 | frame[1]
    if kind in VLAN_TAGS:
        return _behind_tags(frame, 20)
    return kind, 20


def bsd_null(frame: bytes) -> tuple[int, int]:
    """Read the address family of a BSD loopback, in the byte order of the machine that captured."""
    (family,) = unpack_from("<I", frame)
    if family > 0xFFFF:
        (family,) = unpack_from(">I", frame)
    return _of_family(family), 4


def bsd_loop(frame: bytes) -> tuple[int, int]:
    """Read the address family of an OpenBSD loopback, in network byte order."""
    return _of_family(unpack_from(">I", frame)[0]), 4


def raw_ip(frame: bytes) -> tuple[int, int]:
    """Take the version from the IP header itself."""
    version = frame[0] >> 4
    if version == 4:
        return IPV4, 0
    return (IPV6 if version == 6 else OTHER), 0


def raw_ipv4(_frame: bytes) -> tuple[int, int]:
    """Take the link type's word for it."""
    return IPV4, 0


def raw_ipv6(_frame: bytes) -> tuple[int, int]:
    """Take the link type's word for it."""
    return IPV6, 0


def ppp(frame: bytes) -> tuple[int, int]:
    """Read a PPP header with or without address and control field, or Cisco's HDLC in its place. RFC 1661, RFC 1662."""
    if frame[0] in (0x0F, 0x8F):
        return c_hdlc(frame)
    return ppp_at(frame, 2 if frame[:2] == b"\xff\x03" else 0)


def ppp_at(frame: bytes, at: int) -> tuple[int, int]:
    """Read the protocol number of PPP, of one byte or two."""
    if frame[at] & 1:
        return PPP_PROTOCOLS.get(frame[at], OTHER), at + 1
    return PPP_PROTOCOLS.get(frame[at] << 8 | frame[at + 1], OTHER), at + 2


def ppp_with_direction(frame: bytes) -> tuple[int, int]:
    """Read PPP behind a byte that tells which way the packet went."""
    kind, at = ppp(frame[1:7])
    return kind, at + 1


def c_hdlc(frame: bytes) -> tuple[int, int]:
    """Read Cisco's HDLC: address, control, Ethertype. RFC 1547, section 4.3.1"""
    return frame[2] << 8 | frame[3], 4


def pppoe(_frame: bytes) -> tuple[int, int]:
    """Take the link type's word for it: no Ethernet header stands before the PPPoE header."""
    return PPPOE, 0


def mpls(_frame: bytes) -> tuple[int, int]:
    """Take the link type's word for it: the frame begins with the label stack."""
    return MPLS, 0


LINK_TYPES: dict[int, LinkReader] = {
    0: bsd_null,
    1: ethernet,
    9: ppp,
    12: raw_ip,  # DLT_RAW on most systems
    14: raw_ip,  # DLT_RAW on OpenBSD
    50: ppp,  # PPP in HDLC-like framing
    51: pppoe,
    101: raw_ip,  # LINKTYPE_RAW
    104: c_hdlc,
    108: bsd_loop,
    113: linux_sll,
    204: ppp_with_direction,
    219: mpls,
    228: raw_ipv4,
    229: raw_ipv6,
    276: linux_sll2,
}

NAMES = {
    105: "IEEE802_11",
    119: "IEEE802_11_PRISM",
    127: "IEEE802_11_RADIOTAP",
    **{147 + n: f"USER{n}" for n in range(16)},
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    195: "IEEE802_15_4_WITHFCS",
    220: "USB_LINUX_MMAPPED",
    227: "CAN_SOCKETCAN",
    239: "NFLOG",
    249: "USBPCAP",
    252: "WIRESHARK_UPPER_PDU",
}
"Link types that people meet and Dialtap does not read: only for the message that says so."


def unreadable(link_type: int) -> str:
    """Say in words that this link type is not one of ours."""
    name = NAMES.get(link_type)
    return f"link type {link_type}{f' ({name})' if name else ''} is not one Dialtap reads"


def _behind_tags(frame: bytes, at: int) -> tuple[int, int]:
    """Walk over VLAN tags; `at` is where the first tag's two bytes of priority and VLAN number stand."""
    kind = frame[at + 2] << 8 | frame[at + 3]
    at += 4
    while kind in VLAN_TAGS:
        kind = frame[at + 2] << 8 | frame[at + 3]
        at += 4
    return kind, at


def _of_family(family: int) -> int:
    if family == AF_INET:
        return IPV4
    return IPV6 if family in AF_INET6 else OTHER
