import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.taps.content import Content
from dialogs.taps.counters import Counters
from dialogs.taps.framing import MAX_MESSAGE
from dialogs.taps.websocket import MAX_UPGRADE, frame_before, read_head, unmasked

from .segments import message

ASK = b"GET /sip HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nUPGRADE: WebSocket\r\n\r\n"
MASK = b"\x37\xfa\x21\x3d"
A, B = message(1, b"v=0\r\n" * 20), message(2, start=b"SIP/2.0 200 OK")
LONG = message(3, b"x" * 70_000)


def frame(payload: bytes, first: int = 0x81, mask: bytes = b"", form: int = 0) -> bytes:
    size = len(payload)
    form = form or (126 if size > 0xFFFF else 0)
    if form == 127 or size > 0xFFFF:
        head = bytes((first, 127 | 0x80 * bool(mask))) + struct.pack("!Q", size)
    elif form == 126 or size > 125:
        head = bytes((first, 126 | 0x80 * bool(mask))) + struct.pack("!H", size)
    else:
        head = bytes((first, size | 0x80 * bool(mask)))
    return head + mask + (bytes(unmasked(payload, mask)) if mask else payload)


def read(stream: bytes, size: int = 0, *, from_start: bool = True) -> tuple[list[bytes], Content, Counters]:
    counters, out = Counters(), []  # type: ignore[var-annotated]
    content = Content(counters, from_start=from_start)
    for at in range(0, len(stream), size or len(stream)):
        content.feed(stream[at : at + (size or len(stream))], out)
    return out, content, counters


GOOD = {
    "masked": ASK + frame(A, mask=MASK) + frame(B, mask=b"\0\0\0\0"),
    "answers": ANSWER + frame(A) + frame(B),
    "binary": ASK + frame(A, 0x82, MASK) + frame(B, 0x82, MASK),
    "16 bit lengths": ASK + frame(A, mask=MASK, form=126) + frame(B, form=126),
    "64 bit lengths": ASK + frame(A, mask=MASK, form=127) + frame(B, form=127),
    "fragments": ASK + frame(A[:9], 0x01, MASK) + frame(A[9:50], 0x00, MASK) + frame(A[50:], 0x80, MASK) + frame(B),
    "controls between": ASK + frame(A[:9], 0x01) + frame(b"ping", 0x89, MASK) + frame(A[9:], 0x80) + frame(b"", 0x8A) + frame(B) + frame(b"\x03\xe8", 0x88),
    "empty fragments": ASK + frame(b"", 0x01) + frame(A, 0x00) + frame(b"", 0x80) + frame(B),
    "line breaks before": ASK + frame(b"\r\n" + A) + frame(B),
}


@pytest.mark.parametrize("size", [1, 3, 64, 0])
@pytest.mark.parametrize("stream", GOOD.values(), ids=GOOD)
def test_frames_carry_messages(stream: bytes, size: int) -> None:
    messages, content, counters = read(stream, size)
    assert (messages, content.transport, content.held, counters.undecodable) == ([A, B], "ws", 0, {})


def test_long_frame_is_read() -> None:
    assert read(ASK + frame(LONG, mask=MASK), 1460)[0] == [LONG]


def test_keep_alive_in_a_frame_is_counted() -> None:
    messages, _, counters = read(ASK + frame(b"\r\n\r\n") + frame(A) + frame(b"pong?"))
    assert (messages, counters.skipped) == ([A], {"keep-alive": 1, "WebSocket message without SIP": 1})


def test_compressed_messages_are_counted_and_passed_over() -> None:
    stream = ANSWER + frame(b"\xaa\xbb", 0xC1) + frame(b"\xcc", 0x41) + frame(b"\xdd", 0x80) + frame(A)
    messages, _, counters = read(stream)
    assert (messages, counters.skipped) == ([A], {"compressed WebSocket message": 2})


BROKEN = {
    "reserved bits": frame(A, 0xA1),
    "reserved opcode": frame(A, 0x83),
    "long control frame": frame(b"x" * 126, 0x89),
    "fragmented control frame": frame(b"x", 0x09),
    "continuation of nothing": frame(A, 0x80),
    "new message inside another": frame(A[:9], 0x01) + frame(b"x", 0x81),
    "longer than the cap": b"\x82\x7f" + struct.pack("!Q", MAX_MESSAGE + 1),
    "fragments longer than the cap": frame(b"x" * 200_000, 0x01) + frame(b"x" * 200_000, 0x00),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_broken_frame_is_passed_over_to_the_next_message(broken: bytes) -> None:
    counters, out = Counters(), []  # type: ignore[var-annotated]
    content = Content(counters, from_start=True)
    for segment in (ANSWER, frame(A), broken, frame(B, mask=MASK)):
        content.feed(segment, out)
    assert (out[0], out[-1], content.transport) == (A, B, "ws")
    assert counters.undecodable == {"no SIP where a message should begin": 1}


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x" * MAX_UPGRADE,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"POST /RPC HTTP/1.1\r\n\r\n",
        ASK + frame(b"{}", mask=MASK) + frame(A, mask=MASK),
    ],
    ids=lambda stream: stream[:20].decode(),
)
def test_other_http_is_nothing_for_us(stream: bytes) -> None:
    messages, content, _ = read(stream)
    assert (messages, content.other, content.held) == ([], True, 0)


@pytest.mark.parametrize("mask", [b"", MASK])
def test_frames_are_found_in_the_middle(mask: bytes) -> None:
    counters, out = Counters(), []  # type: ignore[var-annotated]
    content = Content(counters, from_start=False)
    for segment in (b"\x99 the end of something", frame(A, mask=mask), frame(B, mask=mask) + frame(A, mask=mask)):
        content.feed(segment, out)
    assert (out, content.transport) == ([A, B, A], "ws")


@pytest.mark.parametrize("form", [0, 126, 127])
def test_answers_are_found_inside_a_segment(form: int) -> None:
    short = message(4)[:12] + b"\r\n\r\n" if form == 0 else A
    short = b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n" if form == 0 else short
    messages, content, _ = read(b"\x99\x99" + frame(short, form=form) + frame(B), from_start=False)
    assert (messages, content.transport) == ([short, B], "ws")


def test_no_frame_stands_before_bare_sip() -> None:
    assert frame_before(b"xxxxxxxxxxxx" + A, 12, 0) == -1
    assert frame_before(A, 0, 0) == -1


@pytest.mark.parametrize("cut", range(14))
def test_head_needs_all_its_bytes(cut: int) -> None:
    assert read_head(frame(A, mask=MASK, form=127)[:cut], 0) is None


def test_loss_inside_a_fragmented_message_loses_that_one() -> None:
    messages, content, _ = read(ANSWER + frame(A[:9], 0x01))
    assert content.held == 9
    content.lose(messages)
    content.feed(frame(A[30:], 0x80), messages)
    content.feed(frame(B), messages)
    assert (messages, content.held, content.transport) == ([B], 0, "ws")


@given(st.binary(max_size=600), st.binary(min_size=4, max_size=4))
def test_mask_taken_off_twice_is_on_again(payload: bytes, mask: bytes) -> None:
    assert unmasked(unmasked(payload, mask), mask) == payload
    assert unmasked(payload, mask) == bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@given(st.binary(max_size=300), st.integers(0, 40))
def test_frames_never_raise(junk: bytes, size: int) -> None:
    read(ASK + junk, size)
    read(frame(A, mask=MASK) + junk, size, from_start=False)
