import struct

import pytest

from dialogs.taps.link import IPV4, IPV6, LINK_TYPES, MPLS, PPPOE, unreadable

FRAMES = {
    "ethernet": (1, bytes(12) + b"\x08\x00", (IPV4, 14)),
    "ethernet v6": (1, bytes(12) + b"\x86\xdd", (IPV6, 14)),
    "ethernet arp": (1, bytes(12) + b"\x08\x06", (0x0806, 14)),
    "vlan": (1, bytes(12) + b"\x81\x00\x00\x18\x08\x00", (IPV4, 18)),
    "qinq": (1, bytes(12) + b"\x88\xa8\x00\x18\x81\x00\x00\x19\x86\xdd", (IPV6, 22)),
    "three tags": (1, bytes(12) + b"\x91\x00\x00\x18\x92\x00\x00\x19\x81\x00\x00\x20\x08\x00", (IPV4, 26)),
    "sll": (113, bytes(14) + b"\x08\x00", (IPV4, 16)),
    "sll vlan": (113, bytes(14) + b"\x81\x00\x00\x18\x08\x00", (IPV4, 20)),
    "sll2": (276, b"\x86\xdd" + bytes(18), (IPV6, 20)),
    "sll2 vlan": (276, b"\x81\x00" + bytes(18) + b"\x00\x18\x08\x00", (IPV4, 24)),
    "null little": (0, struct.pack("<I", 2), (IPV4, 4)),
    "null big": (0, struct.pack(">I", 2), (IPV4, 4)),
    "null darwin v6": (0, struct.pack("<I", 30), (IPV6, 4)),
    "null other": (0, struct.pack("<I", 7), (0, 4)),
    "loop": (108, struct.pack(">I", 24), (IPV6, 4)),
    "raw v4": (101, b"\x45", (IPV4, 0)),
    "raw v6": (12, b"\x60", (IPV6, 0)),
    "raw openbsd": (14, b"\x45", (IPV4, 0)),
    "raw other": (101, b"\x10", (0, 0)),
    "ppp": (9, b"\x00\x21", (IPV4, 2)),
    "ppp v6": (9, b"\x00\x57", (IPV6, 2)),
    "ppp with address and control": (9, b"\xff\x03\x00\x21", (IPV4, 4)),
    "ppp compressed": (9, b"\xff\x03\x57", (IPV6, 3)),
    "ppp mpls": (9, b"\x02\x81", (MPLS, 2)),
    "ppp control": (9, b"\xff\x03\xc0\x21", (0, 4)),
    "ppp hdlc": (50, b"\xff\x03\x00\x21", (IPV4, 4)),
    "ppp hdlc, cisco": (50, b"\x8f\x00\x86\xdd", (IPV6, 4)),
    "cisco hdlc": (104, b"\x0f\x00\x08\x00", (IPV4, 4)),
    "ppp with direction": (204, b"\x00\xff\x03\x00\x21", (IPV4, 5)),
    "pppoe": (51, b"", (PPPOE, 0)),
    "mpls": (219, b"", (MPLS, 0)),
    "ipv4": (228, b"", (IPV4, 0)),
    "ipv6": (229, b"", (IPV6, 0)),
}


@pytest.mark.parametrize(("link_type", "frame", "expected"), FRAMES.values(), ids=FRAMES)
def test_link_reader_finds_the_network_packet(link_type: int, frame: bytes, expected: tuple[int, int]) -> None:
    assert LINK_TYPES[link_type](frame) == expected


@pytest.mark.parametrize("link_type", [0, 1, 9, 12, 14, 50, 101, 104, 108, 113, 204, 276])
def test_link_reader_says_cut_short(link_type: int) -> None:
    with pytest.raises((IndexError, struct.error)):
        LINK_TYPES[link_type](b"")


def test_unreadable_link_type_is_named() -> None:
    assert unreadable(147) == "link type 147 (USER0) is not one Dialtap reads"
    assert unreadable(4711) == "link type 4711 is not one Dialtap reads"
