"""Tunnels: where the packet begins that another one carries. Knows the headers between the two; knows no IP header and no transport.

An opener takes the bytes and the offset of the tunnel's own header, and returns (Ethertype, offset) of what is inside, or None when this
is not that tunnel after all. It may raise IndexError on a header that is cut short; the caller counts that.
To add a tunnel: write one opener, add one line to the table of what announces it: an Ethertype, an IP protocol or a UDP port. The capture
filter lets in what the latter two tables name.

A UDP port proves nothing: a call may use it. An opener of `UDP_PORTS` therefore checks the header first and raises only behind it. It is asked
only about payloads that do not begin with a letter, which nearly all SIP does.
"""

from collections.abc import Callable

from dialogs.taps.link import IPV4, IPV6, MPLS, OTHER, PPPOE, VLAN_TAGS, ethernet_at, ppp_at

MAX_DEPTH = 8
"Tunnels inside tunnels that are followed."

ETHERNET = 0x6558
"Transparent Ethernet bridging: a frame inside GRE. RFC 1701"

ERSPAN_1_2 = 0x88BE
ERSPAN_3 = 0x22EB

Inner = tuple[int, int]
Opener = Callable[[bytes, int], Inner | None]


def pppoe(frame: bytes, at: int) -> Inner | None:
    """Open a PPPoE session: 6 bytes, then PPP without address and control field. RFC 2516."""
    if frame[at] != 0x11 or frame[at + 1]:  # version, type, code 0: session data
        return None
    return ppp_at(frame, at + 6)


def mpls(frame: bytes, at: int) -> Inner | None:
    """Open a label stack. Nothing in it says what follows: an IP version, or Ethernet with or without a control word. RFC 3032, RFC 4448."""
    while not frame[at + 2] & 1:  # the bottom of the stack
        at += 4
    at += 4
    if frame[at] >> 4 and not _is_ethernet(frame, at):
        return ip(frame, at)
    for start in (at + 4, at):
        if _is_ethernet(frame, start):
            return ethernet_at(frame, start)
    return OTHER, at


def ethernet(frame: bytes, at: int) -> Inner | None:
    """Open an Ethernet frame."""
    return ethernet_at(frame, at)


def vlan(frame: bytes, at: int) -> Inner | None:
    """Open a VLAN tag that a tunnel announces in place of a frame."""
    return frame[at + 2] << 8 | frame[at + 3], at + 4


def ip(frame: bytes, at: int) -> Inner | None:
    """Take the IP version from the first header itself."""
    version = frame[at] >> 4
    if version == 4:
        return IPV4, at
    return (IPV6, at) if version == 6 else None


def ipv4(_frame: bytes, at: int) -> Inner | None:
    """Take the IP protocol's word for it. RFC 2003."""
    return IPV4, at


def ipv6(_frame: bytes, at: int) -> Inner | None:
    """Take the IP protocol's word for it. RFC 2473, RFC 4213."""
    return IPV6, at


def gre(frame: bytes, at: int) -> Inner | None:
    """Open GRE with any of checksum, key and sequence number; not with routing, which nobody uses. RFC 2784, RFC 2890."""
    flags, kind = frame[at], frame[at + 2] << 8 | frame[at + 3]
    if flags & 0x40 or frame[at + 1] & 7:  # routing; another version than 0
        return None
    checksum, key, sequence = flags & 0x80, flags & 0x20, flags & 0x10
    at += 4 + (4 if checksum else 0) + (4 if key else 0) + (4 if sequence else 0)
    if kind == ERSPAN_1_2:
        return _erspan_2(frame, at) if sequence else ethernet_at(frame, at)
    return (kind, at) if kind != ETHERNET else ethernet_at(frame, at)


def erspan_3(frame: bytes, at: int) -> Inner | None:
    """Open type III: 12 bytes, 8 more when the last bit says so; then a frame or, for frame type 2, an IP packet. draft-foschiano-erspan-03."""
    if frame[at] >> 4 != 2:
        return None
    frame_type = frame[at + 10] >> 2 & 0x1F
    at += 20 if frame[at + 11] & 1 else 12
    return ip(frame, at) if frame_type == 2 else ethernet_at(frame, at)


def mpls_in_ip(_frame: bytes, at: int) -> Inner | None:
    """Take the IP protocol's word for it. RFC 4023."""
    return MPLS, at


def vxlan(body: bytes, at: int) -> Inner | None:
    """Open VXLAN, also with a group policy: a valid network identifier, 8 bytes in all, then a frame. RFC 7348."""
    if body[at : at + 1] not in (b"\x08", b"\x88") or len(body) < at + 8 + 14:
        return None
    return ethernet_at(body, at + 8)


def gtp_u(body: bytes, at: int) -> Inner | None:
    """Open a GTP-U G-PDU with its optional sequence number and any chain of extension headers. 3GPP TS 29.281, section 5."""
    head = body[at : at + 12]
    if len(head) < 12 or head[0] & 0xF8 != 0x30 or head[1] != 0xFF:  # version 1, no GTP', user data
        return None
    at += 8
    if head[0] & 7:
        following = head[11]
        at += 4
        while following and head[0] & 4:
            if not body[at]:  # its own length, in fours
                return None
            at += body[at] << 2
            following = body[at - 1]
    return ip(body, at)


ETHERTYPES: dict[int, Opener] = {
    MPLS: mpls,
    0x8848: mpls,  # multicast
    PPPOE: pppoe,
    ETHERNET: ethernet,
    ERSPAN_3: erspan_3,
    **dict.fromkeys(VLAN_TAGS, vlan),
}

PROTOCOLS: dict[int, Opener] = {
    4: ipv4,
    41: ipv6,
    47: gre,
    137: mpls_in_ip,
}

UDP_PORTS: dict[int, Opener] = {
    2152: gtp_u,
    4789: vxlan,
    8472: vxlan,  # Linux before the number was assigned
}


def _erspan_2(frame: bytes, at: int) -> Inner | None:
    """Open type II: 8 bytes that begin with version 1, then a frame."""
    return ethernet_at(frame, at + 8) if frame[at] >> 4 == 1 else None


def _is_ethernet(frame: bytes, at: int) -> bool:
    """Tell whether an Ethernet header stands here: by an Ethertype of IP, and behind it that IP version and a length that fits."""
    try:
        kind, at = ethernet_at(frame, at)
        if kind == IPV4 and frame[at] >> 4 == 4:
            return frame[at + 2] << 8 | frame[at + 3] <= len(frame) - at
        return kind == IPV6 and frame[at] >> 4 == 6 and frame[at + 4] << 8 | frame[at + 5] <= len(frame) - at - 40
    except IndexError:
        return False
