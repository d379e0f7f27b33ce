import struct
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.packet import Endpoint, Packet
from dialogs.taps import addresses
from dialogs.taps.addresses import AddressBook
from dialogs.taps.ip import Decoder
from dialogs.taps.link import LINK_TYPES, ethernet_at

from .frames import INVITE, PORTS, V4, V6, chunk, ethernet, hep3, hep_of, ipv4, ipv6, udp, v6_fragment

AT = 1_700_000_000_000_000_001
PAIR_4 = (Endpoint(V4[0], PORTS[0]), Endpoint(V4[1], PORTS[1]))
PAIR_6 = (Endpoint(V6[0], PORTS[0]), Endpoint(V6[1], PORTS[1]))


def decoded(*frames: bytes, link_type: int = 1, unpack_hep: bool = False) -> tuple[list[Packet], Decoder]:
    decoder = Decoder("file:x", unpack_hep=unpack_hep)
    out: list[Packet] = []
    for frame in frames:
        decoder.decode(AT, LINK_TYPES[link_type], frame, out)
    return out, decoder


GOOD = {
    "ipv4": (1, ethernet(ipv4(udp())), PAIR_4),
    "vlan": (1, ethernet(ipv4(udp()), 0x8100), PAIR_4),
    "qinq": (1, ethernet(ipv6(udp()), 0x88A8, 0x8100, kind=0x86DD), PAIR_6),
    "options": (101, ipv4(udp(), options=b"\x01" * 8), PAIR_4),
    "ethernet padding": (1, ethernet(ipv4(udp()) + bytes(20)), PAIR_4),
    "padding inside ip": (101, ipv4(udp() + bytes(9)), PAIR_4),
    "total length 0": (101, ipv4(udp(), total=0), PAIR_4),
    "udp length 0": (101, ipv4(udp(length=0)), PAIR_4),
    "ipv6": (101, ipv6(udp()), PAIR_6),
    "ipv6 jumbo": (101, ipv6(udp(), length=0), PAIR_6),
    "ipv6 padding": (1, ethernet(ipv6(udp()) + bytes(8), kind=0x86DD), PAIR_6),
    "hop-by-hop": (101, ipv6(b"\x11\x00" + bytes(6) + udp(), following=0), PAIR_6),
    "routing, destination options": (101, ipv6(b"\x3c\x01" + bytes(14) + b"\x11\x00" + bytes(6) + udp(), following=43), PAIR_6),
    "authentication": (101, ipv6(b"\x11\x01" + bytes(10) + udp(), following=51), PAIR_6),
    "atomic fragment": (101, v6_fragment(udp(), offset=0, more=False), PAIR_6),
}


@pytest.mark.parametrize(("link_type", "frame", "pair"), GOOD.values(), ids=GOOD)
def test_decode_yields_the_payload(link_type: int, frame: bytes, pair: tuple[Endpoint, Endpoint]) -> None:
    packets, decoder = decoded(frame, link_type=link_type)
    assert packets == [Packet(AT, *pair, "udp", INVITE, "file:x")]
    assert (decoder.counters.skipped, decoder.counters.undecodable) == ({}, {})


def test_decode_keeps_what_the_snap_length_left() -> None:
    packets, _ = decoded(ethernet(ipv4(udp()))[:-10])
    assert [p.data for p in packets] == [INVITE[:-10]]


SKIPPED = {
    "arp": (ethernet(b"", kind=0x0806), "not IP"),
    "icmp quoting SIP": (ethernet(ipv4(bytes(8) + ipv4(udp()), protocol=1)), "ICMP"),
    "icmpv6": (ethernet(ipv6(bytes(8) + INVITE, following=58), kind=0x86DD), "ICMPv6"),
    "tcp": (ethernet(ipv4(INVITE, protocol=6)), "TCP without SIP"),
    "unknown protocol": (ethernet(ipv4(INVITE, protocol=253)), "other IP protocol"),
    "crlf": (ethernet(ipv4(udp(b"\r\n\r\n"))), "keep-alive"),
    "nothing": (ethernet(ipv4(udp(b""))), "keep-alive"),
    "stun": (ethernet(ipv4(udp(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)))), "STUN"),
    "rtp": (ethernet(ipv4(udp(b"\x80\x00" + bytes(170)))), "RTP"),
    "other": (ethernet(ipv4(udp(b"\x05\x00" + bytes(10)))), "not SIP"),
    "hep where it may not be unpacked": (ethernet(ipv4(udp(b"\x01\x10\x02" + bytes(30)))), "not SIP"),
}


@pytest.mark.parametrize(("frame", "cause"), SKIPPED.values(), ids=SKIPPED)
def test_decode_counts_what_is_not_sip(frame: bytes, cause: str) -> None:
    packets, decoder = decoded(frame)
    assert (packets, decoder.counters.skipped, decoder.counters.undecodable) == ([], {cause: 1}, {})


UNDECODABLE = {
    "empty": (b"", "cut short"),
    "ethernet only": (ethernet(b""), "cut short"),
    "half an ip header": (ethernet(ipv4(udp())[:8]), "cut short"),
    "half a udp header": (ethernet(ipv4(udp())[:24]), "cut short"),
    "ipv6 cut in an extension": (ethernet(ipv6(b"\x11", following=0), kind=0x86DD), "cut short"),
    "version 5 as ipv4": (ethernet(ipv4(udp(), version=5)), "IP header"),
    "version 5 as ipv6": (ethernet(ipv6(udp(), version=5), kind=0x86DD), "IP header"),
    "header of 4 bytes": (ethernet(b"\x41" + ipv4(udp())[1:]), "IP header"),
}


@pytest.mark.parametrize(("frame", "cause"), UNDECODABLE.values(), ids=UNDECODABLE)
def test_decode_counts_what_cannot_be_read(frame: bytes, cause: str) -> None:
    packets, decoder = decoded(frame)
    assert (packets, decoder.counters.skipped, decoder.counters.undecodable) == ([], {}, {cause: 1})


@pytest.mark.parametrize("payload", [b"\r\n" + INVITE, b"!odd%-method sip:a@b SIP/2.0\r\n\r\n", b"invite sip:a@b sip/2.0\r\n\r\n"])
def test_decode_leaves_unusual_start_lines_to_the_parser(payload: bytes) -> None:
    assert [p.data for p in decoded(ethernet(ipv4(udp(payload))))[0]] == [payload]


def test_fragments_of_both_versions_become_one_packet() -> None:
    whole = udp(INVITE + bytes(3000))
    v4 = [ipv4(whole[at : at + 1480], fragment=at // 8 | (0x2000 if at + 1480 < len(whole) else 0)) for at in (1480, 0, 2960)]
    v6 = [v6_fragment(whole[at : at + 1448], offset=at, more=at + 1448 < len(whole)) for at in (0, 2896, 1448)]
    packets, decoder = decoded(*v4, *v6, link_type=101)
    assert packets == [Packet(AT, *pair, "udp", whole[8:], "file:x") for pair in (PAIR_4, PAIR_6)]
    assert decoder.counters.skipped == {"fragments": 6}


def test_fragments_of_tcp_are_no_packet() -> None:
    packets, decoder = decoded(ipv4(INVITE[:40], protocol=6, fragment=0x2000), ipv4(INVITE[40:], protocol=6, fragment=5), link_type=101)
    assert (packets, decoder.counters.skipped) == ([], {"fragments": 2, "TCP without SIP": 1})


def test_hep_is_unpacked_in_recordings_only() -> None:
    frame = ethernet(ipv4(udp(hep_of(INVITE), ports=(40000, 9060))))
    recorded, _ = decoded(frame, unpack_hep=True)
    assert recorded == [Packet(1_700_000_000_123_456_000, *PAIR_4, "udp", INVITE, "file:x")]
    live, _ = decoded(frame)
    assert [p.data[:4] for p in live] == [b"HEP3"]  # for the parser, which knows no such start line


def test_hep_in_recordings_is_counted_when_damaged_or_not_sip() -> None:
    version_1 = struct.pack("!BBBBHH", 1, 16, 2, 17, *PORTS) + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + INVITE
    rtcp = hep3(chunk(3, bytes(4)), chunk(4, bytes(4)), chunk(11, b"\x05"), chunk(15, b"{}"))
    frames = [ethernet(ipv4(udp(payload))) for payload in (version_1, rtcp, b"HEP3\xff\xff", b"\x02\x10\x02")]
    packets, decoder = decoded(*frames, unpack_hep=True)
    assert packets == [Packet(AT, *PAIR_4, "udp", INVITE, "file:x")]
    assert (decoder.counters.skipped, decoder.counters.undecodable) == ({"HEP without SIP": 1}, {"HEP": 2})


def test_endpoints_are_shared() -> None:
    (first, second), _ = decoded(ethernet(ipv4(udp())), ethernet(ipv4(udp(b"ACK sip:x SIP/2.0"))))
    assert first.source is second.source


def test_address_book_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MAX_PAIRS", 10)
    monkeypatch.setattr(addresses, "MAX_ENDPOINTS", 8)
    book = AddressBook()
    for n in range(100):
        pair = book.pair(bytes([10, 0, 0, n, 10, 0, 1, n, 0x13, 0xC4, 0, n]))
        assert pair == (Endpoint(f"10.0.0.{n}", 5060), Endpoint(f"10.0.1.{n}", n))
        assert len(book.pairs) <= 10
        assert len(book._endpoints) <= 8


@given(st.sampled_from(sorted(LINK_TYPES)), st.binary(max_size=200))
def test_decode_never_raises(link_type: int, frame: bytes) -> None:
    decoded(frame, link_type=link_type, unpack_hep=True)


@given(st.sampled_from([f for _, f, _ in GOOD.values()]), st.data())
def test_decode_never_raises_on_damaged_frames(frame: bytes, data: st.DataObject) -> None:
    damaged = bytearray(frame[: data.draw(st.integers(0, len(frame)))])
    for place in data.draw(st.lists(st.integers(0, max(0, len(damaged) - 1)), max_size=6)):
        if damaged:
            damaged[place] = data.draw(st.integers(0, 255))
    for link_type in (1, 101):
        decoded(bytes(damaged), link_type=link_type, unpack_hep=True)


@given(st.sampled_from([f for link_type, f, _ in GOOD.values() if link_type == 1]), st.data())
def test_decode_reads_plain_frames_as_it_reads_all_others(frame: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(frame) - 1))
    frame = frame[:at] + data.draw(st.binary(max_size=4)) + frame[data.draw(st.integers(at, len(frame))) :]
    step_by_step, out = Decoder("file:x"), []
    step_by_step.decode(AT, partial(ethernet_at, at=0), frame, out)
    packets, decoder = decoded(frame)
    assert packets == out
    assert decoder.counters.skipped == step_by_step.counters.skipped
    assert decoder.counters.undecodable == step_by_step.counters.undecodable


def test_taps_know_no_django() -> None:
    sources = (Path(__file__).parents[3] / "dialogs" / "taps").glob("*.py")
    assert [path.name for path in sources if "import django" in path.read_text() or "from dashboard" in path.read_text()] == []
