import struct
import tracemalloc
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.packet import Endpoint, Packet
from dialogs.taps import CaptureFile, Decoder, flows, tcp
from dialogs.taps.flows import IDLE_NS
from dialogs.taps.link import LINK_TYPES
from dialogs.taps.tcp import FIN, GAP_NS, RST, SYN, WINDOW

from .captures import CAPTURES, is_message, need_captures
from .frames import ethernet, ipv4, ipv6
from .segments import AT, BACK, KEY, SECOND, Tap, message

A, B, C = message(1, b"v=0\r\n"), message(2, start=b"SIP/2.0 200 OK"), message(3, b"x" * 3000)
WRAPS = 2**32 - 20
ENDS = (Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5061))


def pieces(stream: bytes, first: int, *edges: int) -> list[tuple[int, bytes]]:
    places = [0, *edges, len(stream)]
    return [(first + a, stream[a:b]) for a, b in pairwise(places)]


def test_message_gets_the_time_and_addresses_of_the_segment_that_completes_it() -> None:
    tap = Tap().open().send(1, A[:50]).wait(1).send(51, A[50:] + B)
    assert tap.packets == [Packet(AT + SECOND, *ENDS, "tcp", data, "file:x") for data in (A, B)]
    assert tap.streams._book.traffic() == {"192.0.2.1": (0, 2), "192.0.2.2": (2, 0)}


ORDERS = {
    "in order": [0, 1, 2, 3],
    "reversed": [3, 2, 1, 0],
    "one late": [1, 0, 2, 3],
    "repeated": [0, 0, 1, 1, 0, 2, 3, 3, 2],
    "repeated while waiting": [3, 3, 2, 3, 2, 0, 1],
}


@pytest.mark.parametrize("first", [1, WRAPS])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_segments_are_put_in_order(order: list[int], first: int) -> None:
    cut = pieces(A + B, first, 10, 60, 100)
    tap = Tap().open(first)
    for number in order:
        tap.send(*cut[number])
    assert (tap.messages, tap.streams.flows.held, tap.streams.gaps) == ([A, B], 0, 0)


@pytest.mark.parametrize("first", [1, WRAPS])
def test_overlapping_segments_count_once(first: int) -> None:
    stream = A + B
    tap = Tap().open(first)
    for begin, end in ((0, 30), (10, 40), (90, 130), (80, 100), (35, 95), (0, len(stream))):
        tap.send(first + begin, stream[begin:end])
    assert (tap.messages, tap.streams.flows.held) == ([A, B], 0)


@pytest.mark.parametrize("missing", [1, 3])
def test_gap_is_skipped_after_a_while(missing: int) -> None:
    tap = Tap().open().send(1, A).send(1 + len(A), B[:20]).send(21 + len(A) + missing, B[20 + missing :] + A)
    tap.wait(GAP_NS / SECOND - 0.1).send(1, b"x", key=BACK)
    assert (tap.messages, tap.streams.gaps) == ([A], 0)
    tap.wait(0.2).send(1, b"x", key=BACK)
    assert (tap.messages, tap.streams.gaps, tap.streams.flows.held) == ([A, A], 1, 1)
    assert tap.packets[-1].at_ns == tap.now_ns


def test_gap_at_a_start_line_loses_one_message_only() -> None:
    tap = Tap().open().send(1, A).send(1 + len(A) + len(B), A).wait(4)
    tap.streams.expire(tap.now_ns, tap.packets)
    assert (tap.messages, tap.streams.gaps) == ([A, A], 1)


def test_gap_is_skipped_when_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "MAX_WAITING", 5 * len(A))
    tap = Tap().open().send(1, A)
    for number in range(2, 8):
        tap.send(1 + number * len(A), A)
    assert (len(tap.messages), tap.streams.gaps, tap.streams.flows.held) == (7, 1, 0)


def test_gap_is_skipped_when_too_many_pieces_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "MAX_PIECES", 3)
    tap = Tap().open()
    for number in range(1, 9):
        tap.send(number * 1000, A)
    assert (len(tap.messages), tap.streams.gaps, tap.streams.flows.held) == (5, 5, 3 * len(A))


def test_several_gaps_are_waited_for_one_after_the_other() -> None:
    tap = Tap().open().send(1, A).send(1001, A).wait(1).send(2001, A)
    tap.wait(2).streams.expire(tap.now_ns, tap.packets)
    assert (len(tap.messages), tap.streams.gaps) == (2, 1)
    tap.wait(3).streams.expire(tap.now_ns, tap.packets)
    assert (len(tap.messages), tap.streams.gaps, tap.streams.flows.held) == (3, 2, 0)


def test_finish_gives_what_waits_and_forgets_everything() -> None:
    tap = Tap().open().send(1, A).send(1001, A).open(key=BACK)
    tap.streams.finish(tap.packets)
    assert (tap.messages, tap.streams.gaps, len(tap.streams.flows), tap.streams.flows.held) == ([A, A], 1, 0, 0)
    assert tap.send(1, A).messages == [A, A, A]


def test_stream_joined_in_the_middle_begins_at_the_next_start_line() -> None:
    assert Tap().send(777, A[70:]).send(777 + len(A) - 70, B).messages == [B]


def test_directions_are_apart() -> None:
    tap = Tap().open().open(key=BACK).send(1, A[:9]).send(1, B[:9], key=BACK).send(10, A[9:]).send(10, B[9:], key=BACK)
    assert [(packet.source, packet.data) for packet in tap.packets] == [(ENDS[0], A), (ENDS[1], B)]


@pytest.mark.parametrize("end", [FIN, RST])
def test_what_comes_again_after_the_end_is_not_a_second_message(end: int) -> None:
    tap = Tap().open().send(1, A).send(1 + len(A), flags=end).send(1, A).send(1 + len(A), flags=end)
    assert (tap.messages, tap.counters.skipped) == ([A], {"TCP retransmission": 1})


def test_end_that_comes_early_waits_for_the_bytes() -> None:
    tap = Tap().open().send(1, A[:9]).send(1 + len(A), flags=FIN).send(10, A[9:])
    assert (tap.messages, tap.streams.gaps) == ([A], 0)
    assert tap.send(10, A[9:]).messages == [A]


def test_end_keeps_what_is_left() -> None:
    tap = Tap().open().send(1, A).send(1 + len(A), A[:-2], FIN)
    assert (tap.messages, tap.streams.flows.held) == ([A, A[:-2]], 0)


def test_reset_gives_up_on_gaps() -> None:
    tap = Tap().open().send(1, A[:9]).send(1001, B).send(5000, flags=RST)
    assert (tap.messages, tap.streams.gaps, tap.streams.flows.held) == ([B], 1, 0)


def test_ports_are_used_again() -> None:
    tap = Tap().open().send(1, A).send(1 + len(A), B[:20]).open(70_000).send(70_000, A)
    assert tap.messages == [A, A]


def test_repeated_syn_changes_nothing() -> None:
    assert Tap().open().send(1, A[:9]).open().send(10, A[9:]).messages == [A]


def test_syn_may_carry_bytes() -> None:
    assert Tap().send(0, A, SYN).send(1 + len(A), B).messages == [A, B]


@pytest.mark.parametrize("jump", [WINDOW + 5000, -WINDOW - 5000])
def test_far_away_segment_begins_anew(jump: int) -> None:
    tap = Tap().open().send(1, A).send(1 + len(A) + jump, B).send(1 + len(A) + jump + len(B), A)
    assert (tap.messages, tap.streams.gaps) == ([A, B, A], 0)


def test_ports_used_again_without_a_syn_are_joined() -> None:
    tap = Tap().open().send(1, A).send(1 + len(A), flags=FIN).send(5000, B)
    assert tap.messages == [A, B]


def test_far_away_segment_is_not_of_the_syn() -> None:
    assert Tap().open().send(WINDOW * 4, A).messages == [A]


def test_keep_alive_probe_is_passed_over() -> None:
    tap = Tap().open().send(1, A).send(len(A), b"\0").send(len(A)).send(1 + len(A), B)
    assert tap.messages == [A, B]


def test_end_far_away_is_not_waited_for() -> None:
    tap = Tap().open().send(1, A).send(WINDOW * 3, flags=FIN)
    assert (tap.send(1 + len(A), B).messages, tap.streams.flows.held) == ([A, B], 0)


def test_snap_length_is_no_gap_to_wait_for() -> None:
    tap = Tap().open().send(1, A[:-3], missing=3).send(1 + len(A), B).send(1, A[:-3], missing=3)
    assert (tap.messages, tap.streams.gaps) == ([A[:-3], B], 1)


def test_snap_length_of_a_waiting_segment_is_waited_for() -> None:
    tap = Tap().open().send(1 + len(A), B, missing=7).send(1, A)
    assert (tap.messages, tap.streams.gaps) == ([A, B], 0)


TLS = b"\x16\x03\x01\x00\x05hello"


def test_encrypted_connection_is_counted_once_and_passed_over() -> None:
    tap = Tap().open().send(1, TLS).send(11, TLS).send(21, A)
    assert (tap.messages, tap.encrypted, tap.counters.skipped) == ([], [KEY], {"TCP without SIP": 3})
    assert tap.open(9000).send(9000, A).messages == [A]


def test_connection_without_sip_is_passed_over() -> None:
    tap = Tap().open().send(1, b"SSH-2.0\r\n").send(10, A)
    assert (tap.messages, len(tap.streams.flows), tap.streams.flows.held, tap.counters.skipped) == ([], 1, 0, {"TCP without SIP": 2})


def test_connection_without_sip_drops_what_waits() -> None:
    tap = Tap().open().send(4, b"-2.0\r\n").send(1, b"SSH", FIN)
    assert (tap.messages, tap.streams.flows.held, tap.streams.flows.gapped) == ([], 0, {})


def test_end_of_an_unknown_connection_is_nothing() -> None:
    tap = Tap().send(1, flags=FIN).open().send(1, flags=RST)
    assert (tap.messages, len(tap.streams.flows)) == ([], 0)


def test_sip_in_websocket_is_told_by_its_transport() -> None:
    ask = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
    tap = Tap().open().send(1, ask).send(1 + len(ask), bytes((0x82, len(B))) + B)
    assert [(packet.transport, packet.data) for packet in tap.packets] == [("ws", B)]


# Below an IP header


def tcp_header(sequence: int, flags: int = 0, length: int = 20, ports: tuple[int, int] = (5060, 5061)) -> bytes:
    return struct.pack("!HHIIBBHHH", *ports, sequence, 0, length << 2, flags, 0, 0, 0) + bytes(max(0, length - 20))


def decoded(*bodies: bytes, ports: tuple[int, ...] = ()) -> tuple[list[bytes], Decoder]:
    decoder, out = Decoder("file:x", ports=ports), []  # type: ignore[var-annotated]
    for body in bodies:
        decoder.decode(AT, LINK_TYPES[101], body, out)
    decoder.finish(out)
    return [packet.data for packet in out], decoder


def test_segments_of_both_versions_are_read_with_options_and_padding() -> None:
    four = ethernet(ipv4(tcp_header(1, length=32) + A, protocol=6) + bytes(9))[14:]
    six = ipv6(tcp_header(1) + B, following=6)
    assert decoded(ipv4(tcp_header(0, SYN), protocol=6), four, six)[0] == [A, B]


def test_segment_in_fragments_is_read() -> None:
    whole = tcp_header(1) + A
    messages, decoder = decoded(ipv4(whole[:64], protocol=6, fragment=0x2000), ipv4(whole[64:], protocol=6, fragment=8))
    assert (messages, decoder.counters.skipped) == ([A], {"fragments": 2})


def test_segment_cut_by_the_snap_length_keeps_its_place() -> None:
    cut = ipv4(tcp_header(1) + A, protocol=6)[:-3]
    messages, decoder = decoded(cut, ipv4(tcp_header(1 + len(A)) + B, protocol=6))
    assert (messages, decoder.streams.gaps) == ([A[:-3], B], 1)


COUNTED = {
    "no data": (ipv4(tcp_header(1), protocol=6), {"TCP without data": 1}, {}),
    "padding is no data": (ethernet(ipv4(tcp_header(1), protocol=6) + bytes(6))[14:], {"TCP without data": 1}, {}),
    "header too short": (ipv4(tcp_header(1, length=16) + A, protocol=6), {}, {"TCP header": 1}),
    "header longer than the segment": (ipv4(tcp_header(1, length=60)[:40], protocol=6), {}, {"TCP header": 1}),
    "half a header": (ipv4(tcp_header(1)[:10], protocol=6), {}, {"cut short": 1}),
    "another port": (ipv4(tcp_header(1, ports=(80, 81)) + A, protocol=6), {"other port": 1}, {}),
}


@pytest.mark.parametrize(("body", "skipped", "undecodable"), COUNTED.values(), ids=COUNTED)
def test_segments_without_messages_are_counted(body: bytes, skipped: dict[str, int], undecodable: dict[str, int]) -> None:
    messages, decoder = decoded(body, ports=(5060,))
    assert (messages, decoder.counters.skipped, decoder.counters.undecodable) == ([], skipped, undecodable)


def test_encrypted_peer_is_named() -> None:
    _, decoder = decoded(ipv4(tcp_header(1, ports=(40_000, 5061)) + TLS, protocol=6))
    assert (decoder.counters.encrypted, decoder.counters.skipped) == ({"192.0.2.1": 1}, {"TCP without SIP": 1})


LAB = {
    **{name: {"tcp": 13} for name in ("tcp-tcp", "tcp-big-segmented", "control-end-tcp")},
    "tcp-udp": {"tcp": 7, "udp": 6},
    "udp-tcp": {"tcp": 6, "udp": 7},
    "ws": {"ws": 7, "udp": 6},
    "ws-callee-bye": {"ws": 7, "udp": 6},
}


@need_captures
@pytest.mark.parametrize("name", LAB)
def test_recorded_streams_are_read_whole(name: str) -> None:
    file = CaptureFile(CAPTURES / name / "capture.pcap")
    packets = list(file)
    assert all(map(is_message, packets))
    assert (Counter(packet.transport for packet in packets), file.decoder.streams.gaps, file.undecodable) == (LAB[name], 0, 0)
    assert list(file) == packets


# Caps


def key(number: int) -> bytes:
    return bytes([10, number >> 16 & 255, number >> 8 & 255, number & 255, 192, 0, 2, 2]) + b"\x13\xc4\x13\xc5"


def flood(tap: Tap, count: int) -> int:
    """Send SYNs of many hosts; return the memory in use after the first half and the growth since."""
    tracemalloc.start()
    for number in range(count // 2):
        tap.streams.segment(AT, key(number), number, SYN, b"", tap.packets)
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count // 2, count):
        tap.streams.segment(AT, key(number), number, SYN, b"", tap.packets)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown


@pytest.mark.parametrize("count", [50_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_flood_of_half_open_connections_is_bounded(count: int) -> None:
    tap = Tap().open().send(1, A)
    assert flood(tap, count) < 1_000_000
    assert (len(tap.streams.flows), len(tap.streams.flows.half_open)) == (1 + flows.MAX_HALF_OPEN, flows.MAX_HALF_OPEN)
    assert (tap.streams._book.pairs.keys(), tap.streams.flows.evicted) == ({KEY}, count - flows.MAX_HALF_OPEN)
    assert tap.send(1 + len(A), B).messages == [A, B]


def test_connection_idle_for_longest_is_evicted_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "MAX_FLOWS", 3)
    tap = Tap()
    for number in (1, 2, 3, 1, 4):
        tap.send(1 if number != 1 or not tap.messages else 1 + len(A), A, key=key(number))
    assert (list(tap.streams.flows.by_key), tap.streams.flows.evicted) == ([key(3), key(1), key(4)], 1)


def test_connections_that_are_idle_are_forgotten() -> None:
    tap = Tap()
    for number in range(5):
        tap.send(1, A[:20], key=key(number))
    tap.wait(IDLE_NS / SECOND).send(1, A)
    assert (list(tap.streams.flows.by_key), tap.streams.flows.evicted, tap.streams.flows.held) == ([KEY], 0, 0)


def test_others_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "MAX_OTHERS", 10)
    tap = Tap()
    for number in range(100):
        tap.open(key=key(number)).send(1, b"\x00", key=key(number))
    assert len(tap.streams.flows) == 10


@pytest.mark.parametrize("begin", [b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 9999\r\n\r\n", b""], ids=["unfinished", "waiting"])
def test_bytes_in_all_are_bounded(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "MAX_BYTES", 10_000)
    tap, most = Tap(), 0
    for number in range(50):
        tap.open(key=key(number)).send(1 if begin else 99, begin + b"x" * 900, key=key(number))
        most = max(most, tap.streams.flows.held)
    assert (most <= 10_000, tap.streams.flows.evicted >= 38, len(tap.streams.flows.by_key) <= 12) == (True, True, True)
    assert tap.streams.flows.held == sum(flow.held for flow in tap.streams.flows.by_key.values())


def test_one_connection_may_be_over_the_cap_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "MAX_BYTES", 100)
    tap = Tap().open().send(300, C).send(1, A).send(1 + len(A), B)
    assert (tap.streams.flows.evicted, tap.streams.flows.held, tap.messages) == (1, 0, [A, B])


def test_waiting_pieces_are_joined_in_linear_time() -> None:
    work = []
    for count in (500, 1000, 2000):
        tap, stream = Tap().open(), b"".join(message(number) for number in range(count))
        size = len(stream) // count
        for at in range(size, len(stream), size):
            tap.send(1 + at, stream[at : at + size])
        fed: list[int] = []
        flow = tap.streams.flows.by_key[KEY]
        flow.content = _Counting(flow.content, fed)  # type: ignore[assignment]
        tap.send(1, stream[:size])
        assert len(tap.messages) == count
        work.append(sum(fed))
        assert work[-1] == len(stream)


class _Counting:
    """A content that writes down how much it is fed."""

    def __init__(self, content: object, fed: list[int]) -> None:
        self._content = content
        self._fed = fed

    def __getattr__(self, name: str) -> object:
        return getattr(self._content, name)

    def feed(self, data: bytes, out: list[bytes]) -> None:
        self._fed.append(len(data))
        self._content.feed(data, out)  # type: ignore[attr-defined]


# Properties

BODIES = st.lists(st.tuples(st.binary(max_size=40), st.sampled_from([b"OPTIONS sip:a SIP/2.0", b"SIP/2.0 200 OK"])), min_size=1, max_size=6)


@given(BODIES, st.integers(0, 2**32 - 1), st.data())
def test_any_cutting_order_and_repetition_gives_the_same_messages(bodies: list[tuple[bytes, bytes]], first: int, data: st.DataObject) -> None:
    sent = [message(number, body, start) for number, (body, start) in enumerate(bodies)]
    stream = b"\r\n\r\n".join(sent)
    edges = sorted(data.draw(st.lists(st.integers(1, len(stream) - 1), max_size=20, unique=True)))
    cut = pieces(stream, first, *edges)
    for place, part in data.draw(st.lists(st.sampled_from(cut), max_size=6)):  # again, and longer on both sides
        begin = max(0, place - first - data.draw(st.integers(0, 30)))
        cut.append((first + begin, stream[begin : place - first + len(part) + data.draw(st.integers(0, 30))]))
    keys = [at + data.draw(st.integers(0, 6)) for at in range(len(cut))]
    tap = Tap().open(first)
    for _, (place, part) in sorted(zip(keys, cut, strict=True), key=lambda pair: pair[0]):
        tap.send(place, part)
    tap.send(first + len(stream), flags=FIN)
    assert (tap.messages, tap.streams.gaps, tap.streams.flows.held) == (sent, 0, 0)


SEGMENTS = st.tuples(
    st.one_of(st.integers(0, 2000), st.integers(0, 2**32 - 1)),
    st.one_of(st.binary(max_size=60), st.sampled_from([A, B, A[:50], TLS])),
    st.sampled_from([0, 0, 0, SYN, FIN, RST, SYN | FIN, 255]),
    st.sampled_from([KEY, BACK, bytes(36)]),
    st.sampled_from([0, 0, 0, 1, 70_000]),
    st.sampled_from([0, 0, 1, 5, -3, 700]),
)


@given(st.lists(SEGMENTS, max_size=25))
def test_segments_never_raise_and_the_sums_hold(segments: list[tuple[int, bytes, int, bytes, int, float]]) -> None:
    tap = Tap()
    for sequence, payload, flags, pair, missing, seconds in segments:
        tap.wait(seconds).send(sequence, payload, flags, key=pair, missing=missing)
        streams = tap.streams
        assert streams.flows.held == sum(flow.held for flow in streams.flows.by_key.values())
        assert streams.flows.gapped.keys() == {key for key, flow in streams.flows.by_key.items() if flow.waiting is not None}
        assert streams.flows.holders.keys() == {key for key, flow in streams.flows.by_key.items() if flow.held}
    tap.streams.finish(tap.packets)
    assert (len(tap.streams.flows), tap.streams.flows.held) == (0, 0)
