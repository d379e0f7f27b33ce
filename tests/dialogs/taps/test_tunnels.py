import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.packet import Endpoint, Packet
from dialogs.taps import bpf
from dialogs.taps.ip import Decoder
from dialogs.taps.link import LINK_TYPES
from dialogs.taps.tunnels import ETHERTYPES, MAX_DEPTH, PROTOCOLS, UDP_PORTS

from .frames import INVITE, PORTS, V4, V6, ethernet, ipv4, ipv6, udp
from .tunnelled import GRE, erspan_3, fragments_in_a_tunnel, gre, gtp, labels, nested, over, pppoe, tunnels, vxlan

PAIR_4 = (Endpoint(V4[0], PORTS[0]), Endpoint(V4[1], PORTS[1]))
PAIR_6 = (Endpoint(V6[0], PORTS[0]), Endpoint(V6[1], PORTS[1]))
CALL = Packet(1, *PAIR_4, "udp", INVITE, "file:x")
TUNNELLED = tunnels(ipv4(udp()))


def decoded(*frames: bytes, link_type: int = 1, ports: tuple[int, ...] = ()) -> tuple[list[Packet], Decoder]:
    decoder = Decoder("file:x", ports=ports)
    out: list[Packet] = []
    for frame in frames:
        decoder.decode(1, LINK_TYPES[link_type], frame, out)
    return out, decoder


@pytest.mark.parametrize(("link_type", "frame"), TUNNELLED.values(), ids=TUNNELLED)
def test_tunnel_gives_up_its_call(link_type: int, frame: bytes) -> None:
    packets, decoder = decoded(frame, link_type=link_type)
    assert (packets, decoder.counters.skipped, decoder.counters.undecodable) == ([CALL], {}, {})


INNER_V6 = {
    "pppoe": ethernet(pppoe(ipv6(udp()), b"\x00\x57"), kind=0x8864),
    "mpls": ethernet(labels(4, 5) + ipv6(udp()), kind=0x8847),
    "pseudowire": ethernet(labels(4) + ethernet(ipv6(udp()), kind=0x86DD), kind=0x8847),
    "ipv6 in ipv4": over(41, ipv6(udp())),
    "gre": over(GRE, gre(0x86DD, ipv6(udp()))),
    "gtp": over(17, gtp(ipv6(udp()))),
}


@pytest.mark.parametrize("frame", INNER_V6.values(), ids=INNER_V6)
def test_tunnel_gives_up_ipv6(frame: bytes) -> None:
    assert decoded(frame)[0] == [Packet(1, *PAIR_6, "udp", INVITE, "file:x")]


NOT_READ = {
    "pppoe discovery": (ethernet(pppoe(b"", code=9), kind=0x8863), {"not IP": 1}, {}),
    "pppoe with another code": (ethernet(pppoe(ipv4(udp()), code=9), kind=0x8864), {}, {"tunnel header": 1}),
    "ppp control": (ethernet(pppoe(b"\1\1\0\4", b"\xc0\x21"), kind=0x8864), {"not IP": 1}, {}),
    "mpls with neither": (ethernet(labels(4) + bytes(40), kind=0x8847), {"not IP": 1}, {}),
    "mpls with an unknown nibble": (ethernet(labels(4) + b"\xf0" * 40, kind=0x8847), {}, {"tunnel header": 1}),
    "mpls without a bottom": (ethernet(b"\0\0\x10\x40" * 9, kind=0x8847), {}, {"cut short": 1}),
    "gre with routing": (over(GRE, gre(0x0800, ipv4(udp()), 0x4000, bytes(4))), {}, {"tunnel header": 1}),
    "gre of pptp": (over(GRE, gre(0x880B, ipv4(udp()), 0x2001, bytes(4))), {}, {"tunnel header": 1}),
    "gre keep-alive": (over(GRE, gre(0, b"")), {"not IP": 1}, {}),
    "erspan of another version": (over(GRE, gre(0x88BE, bytes(40), 0x1000, bytes(4))), {}, {"tunnel header": 1}),
    "erspan 3 of another version": (over(GRE, gre(0x22EB, b"\0" + erspan_3(bytes(40))[1:], 0x1000, bytes(4))), {}, {"tunnel header": 1}),
    "vxlan with arp": (over(17, vxlan(ethernet(b"", kind=0x0806))), {"not IP": 1}, {}),
    "vxlan without an identifier": (over(17, vxlan(ethernet(ipv4(udp(b"\0"))), 0)), {"not SIP": 1}, {}),
    "vxlan too short": (over(17, vxlan(bytes(13))), {"not SIP": 1}, {}),
    "gtp echo": (over(17, gtp(bytes(4), 0x32, kind=1)), {"not SIP": 1}, {}),
    "gtp prime": (over(17, gtp(bytes(4), 0x20)), {"not SIP": 1}, {}),
    "gtp with an endless extension": (over(17, gtp(b"", 0x34, b"\0\0\0\x85\0\0\0\0")), {"not SIP": 1}, {}),
    "gtp with no ip": (over(17, gtp(b"\xf0\0\0\0\0")), {"not SIP": 1}, {}),
    "gtp cut in an extension": (over(17, gtp(b"", 0x34, b"\0\0\0\x85")), {}, {"cut short": 1}),
    "nothing in ip": (over(4, b""), {}, {"cut short": 1}),
}


@pytest.mark.parametrize(("frame", "skipped", "undecodable"), NOT_READ.values(), ids=NOT_READ)
def test_what_is_no_tunnel_of_ours_is_counted(frame: bytes, skipped: dict[str, int], undecodable: dict[str, int]) -> None:
    packets, decoder = decoded(frame)
    assert (packets, decoder.counters.skipped, decoder.counters.undecodable) == ([], skipped, undecodable)


@pytest.mark.parametrize("port", UDP_PORTS)
@pytest.mark.parametrize("payload", [INVITE, b"\r\n" + INVITE, b"0x30 sip:a@b SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"])
def test_call_on_the_port_of_a_tunnel_is_a_call(port: int, payload: bytes) -> None:
    assert [p.data for p in decoded(over(17, udp(payload, ports=(5060, port))))[0]] == [payload]


def test_tunnels_are_followed_to_their_depth() -> None:
    packets, decoder = decoded(nested(ipv4(udp()), MAX_DEPTH), nested(ipv4(udp()), MAX_DEPTH + 1), nested(ipv4(udp()), 1), link_type=101)
    assert (packets, decoder.counters.undecodable) == ([CALL, CALL], {"tunnels too deep": 1})


def test_tunnel_cut_short_leaves_the_next_frame_alone() -> None:
    whole = nested(ipv4(udp()), MAX_DEPTH)
    packets, decoder = decoded(*[whole[:170]] * 20, whole, link_type=101)
    assert (packets, decoder.counters.undecodable) == ([CALL], {"cut short": 20})


def test_fragments_inside_and_outside_a_tunnel_become_one_packet() -> None:
    payload = INVITE + bytes(2000)
    packets, decoder = decoded(*fragments_in_a_tunnel(ipv4(udp(payload))))
    assert packets == [CALL.changed(data=payload)]
    assert (decoder.counters.incomplete, decoder.counters.skipped) == (0, {"fragments": 6})


def test_ports_hold_in_tunnels_too() -> None:
    elsewhere = tunnels(ipv4(udp(ports=(7000, 7001))))
    packets, decoder = decoded(*(frame for link_type, frame in elsewhere.values() if link_type == 1), ports=(5060,))
    assert (packets, set(decoder.counters.skipped)) == ([], {"other port"})
    assert decoded(*(frame for link_type, frame in TUNNELLED.values() if link_type == 1), ports=(5060,))[0][0] == CALL
    assert decoded(ethernet(ipv4(udp(ports=(7000, 5061)))), ports=(5060,))[0] != []


def test_every_tunnel_passes_the_capture_filter() -> None:
    assert all(f"ip proto {number} or ip6 proto {number}" in bpf.TUNNELS for number in PROTOCOLS)
    assert all(f"udp dst port {port}" in bpf.TUNNELS for port in UDP_PORTS)


FRAMES = st.sampled_from(list(TUNNELLED.values()) + [(1, frame) for frame in INNER_V6.values()])


@given(st.sampled_from(sorted(LINK_TYPES)), st.sampled_from(sorted(ETHERTYPES)), st.binary(max_size=120))
def test_random_bytes_behind_every_ethertype_never_raise(link_type: int, kind: int, body: bytes) -> None:
    decoded(kind.to_bytes(2) + body, link_type=276)
    decoded(body, link_type=link_type)


@given(st.sampled_from(sorted(PROTOCOLS)), st.binary(max_size=120))
def test_random_bytes_in_every_ip_protocol_never_raise(protocol: int, body: bytes) -> None:
    decoded(ipv4(body, protocol=protocol), ipv6(body, following=protocol), link_type=101)


@given(st.sampled_from(sorted(UDP_PORTS)), st.sampled_from([b"", b"\x08\0\0\0", b"\x34\xff", b"\x30\xff"]), st.binary(max_size=120))
def test_random_bytes_on_every_tunnel_port_never_raise(port: int, head: bytes, body: bytes) -> None:
    decoded(ipv4(udp(head + body, ports=(1, port))), link_type=101)


@given(FRAMES, st.data())
def test_damaged_tunnels_never_raise(tunnel: tuple[int, bytes], data: st.DataObject) -> None:
    link_type, frame = tunnel
    damaged = bytearray(frame[: data.draw(st.integers(1, len(frame)))])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=6)):
        damaged[place] = data.draw(st.integers(0, 255))
    decoded(bytes(damaged), link_type=link_type)
