import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.taps.content import MAX_SEARCH, Content
from dialogs.taps.counters import Counters

from .segments import message

A, B = message(1, b"v=0\r\n"), message(2, start=b"SIP/2.0 200 OK")


def content(*segments: bytes, from_start: bool = True) -> tuple[Content, list[bytes]]:
    made, out = Content(Counters(), from_start=from_start), []  # type: ignore[var-annotated]
    for segment in segments:
        made.feed(segment, out)
    return made, out


@pytest.mark.parametrize(
    "first",
    [b"\x16\x03\x01", b"220 mail.example.net ESMTP\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00", b"x" * 9000, b"POST / HTTP/1.1\r\n", b"{}\n"],
)
def test_stream_of_another_kind_is_known_by_its_first_bytes(first: bytes) -> None:
    made, out = content(first, A)
    assert (made.other, made.held, out) == (True, 0, [])


@pytest.mark.parametrize("first", [b"I", b"SIP/2", b"GE", b"\r\n", b"HTTP/1."])
def test_first_bytes_that_decide_nothing_are_kept(first: bytes) -> None:
    assert not content(first)[0].other


def test_stream_joined_in_the_middle_is_searched() -> None:
    made, out = content(b"=0 0\r\na=sendrecv\r\n", b"\x00\x01", A[:20], A[20:] + B, from_start=False)
    assert (out, made.transport, made.other) == ([A, B], "tcp", False)


def test_stream_joined_in_the_middle_is_searched_for_so_long() -> None:
    line = b"\x01" * 1000 + b"\n"
    made, out = content(*[line] * (MAX_SEARCH // 1001), from_start=False)
    assert not made.other
    made.feed(line, out)
    made.feed(A, out)
    assert (made.other, made.held, out) == (True, 0, [])


def test_stream_that_carried_sip_is_searched_for_ever() -> None:
    assert content(A, *[b"\x01" * 1000] * 200, B)[1] == [A, B]


def test_loss_inside_a_body_keeps_the_head() -> None:
    made, out = content(A, A[:-3])
    made.lose(out)
    made.feed(B, out)
    assert out == [A, A[:-3], B]
    assert made._counters.undecodable == {"SIP message without its end": 1}


def test_loss_inside_a_head_loses_the_message() -> None:
    made, out = content(A, A[:30])
    made.lose(out)
    made.feed(A[40:] + B, out)
    assert (out, made._counters.undecodable) == ([A, B], {})


def test_loss_before_anything_was_seen_makes_it_a_join() -> None:
    made, out = content()
    made.lose(out)
    made.feed(b"\x01\r\n" + A, out)
    assert out == [A]


def test_loss_between_messages_says_nothing() -> None:
    made, out = content(A)
    made.lose(out)
    made.lose(out)
    made.feed(B, out)
    assert (out, made._counters.undecodable) == ([A, B], {})


@given(
    st.lists(st.one_of(st.binary(max_size=50), st.sampled_from([A, B, A[:40], A[40:], b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"])), max_size=8),
    st.booleans(),
)
def test_content_never_raises(segments: list[bytes], from_start: bool) -> None:
    made, out = content(*segments, from_start=from_start)
    made.lose(out)
    assert sum(map(len, out)) <= sum(map(len, segments))
