import re

import pytest

from dialogs.taps import framing
from dialogs.taps.content import Content
from dialogs.taps.counters import Counters
from dialogs.taps.framing import MAX_HEAD, MAX_LINE, MAX_MESSAGE, find_start, first_line

from .captures import CAPTURES, need_captures
from .segments import message

A, B = message(1, b"v=0\r\n"), message(2, start=b"SIP/2.0 200 OK")


def framed(stream: bytes, size: int = 0) -> tuple[list[bytes], Counters]:
    """Return the messages of a stream that comes in pieces of a size."""
    counters, out = Counters(), []  # type: ignore[var-annotated]
    content = Content(counters, from_start=True)
    for at in range(0, len(stream), size or len(stream)):
        content.feed(stream[at : at + (size or len(stream))], out)
    return out, counters


HEAD = b"INVITE sip:a@b SIP/2.0\r\nVia: x\r\n"
LENGTHS = {
    "usual": b"Content-Length: 3\r\n\r\n",
    "compact": b"l:3\r\n\r\n",
    "compact, odd case": b"L :3\r\n\r\n",
    "odd case": b"cOnTeNt-lEnGtH\t:\t3\r\n\r\n",
    "folded": b"Content-Length:\r\n 3\r\n\r\n",
    "folded twice": b"Content-Length: \r\n\t\r\n 3\r\n\r\n",
    "bare line feeds": b"Content-Length: 3\n\n",
    "leading zeros": b"Content-Length: 003\r\n\r\n",
    "the first counts": b"Content-Length: 3\r\nContent-Length: 9\r\n\r\n",
}


@pytest.mark.parametrize("head", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("size", [1, 7, 0])
def test_body_is_as_long_as_it_says(head: bytes, size: int) -> None:
    stream = HEAD + head + b"abc"
    messages, counters = framed(stream + A + stream, size)
    assert (messages, counters.undecodable) == ([stream, A, stream], {})


@pytest.mark.parametrize(
    "head", [b"\r\n", b"Content-Length: -3\r\n\r\n", b"Content-Length: x\r\n\r\n", b"Content-Length:\r\n\r\n", b"X-Content-Length: 3\r\n\r\n"]
)
def test_message_without_a_length_has_no_body(head: bytes) -> None:
    assert framed(HEAD + head + A)[0] == [HEAD + head, A]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100, 0])
@pytest.mark.parametrize("between", [b"", b"\r\n", b"\r\n\r\n", b"\n", b"\r\n\r\n\r\n\r\n"])
def test_keep_alives_are_no_message(between: bytes, size: int) -> None:
    messages, counters = framed(between + A + between + B + between, size)
    assert (messages, counters.undecodable) == ([A, B], {})


GARBAGE = {
    "a line": b"garbage\r\n",
    "no line break": b"garbage",
    "bytes": b"\x00\xff\x80",
    "a header": b"Via: SIP/2.0/UDP h;branch=z\r\n",
    "a body longer than it said": b"o=- 1 IN IP4 192.0.2.1\r\ns=-\r\n\r\n",
    "a quoted start line": b"--x\r\nContent-Type: message/sipfrag\r\n\r\nSIP/2.0 200 OK\r\n\r\n--x--\r\n",
    "a line with the version": b"x SIP/2.0 y\r\n",
    "only the version": b" SIP/2.0\r\n",
}


@pytest.mark.parametrize("size", [1, 50, 0])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_skipped_to_the_next_start_line(garbage: bytes, size: int) -> None:
    messages, counters = framed(A + garbage + B + A, size)
    assert messages == [A, B, A]
    assert counters.undecodable.keys() == {"no SIP where a message should begin"}


def test_message_longer_than_the_cap_is_left_out() -> None:
    body = b"x" * (MAX_MESSAGE + 1)
    messages, counters = framed(A + message(3, body) + B, 30_000)
    assert (messages, counters.undecodable["SIP message too long"]) == ([A, B], 1)


def test_message_as_long_as_the_cap_is_read() -> None:
    body = b"x" * (MAX_MESSAGE - 120)
    assert framed(message(3, body) + B, 60_000)[0] == [message(3, body), B]


def test_head_without_an_end_is_left_out() -> None:
    messages, counters = framed(A + HEAD + b"X: y\r\n" * (MAX_HEAD // 4) + b"\r\n" + B, 10_000)
    assert (messages, counters.undecodable["SIP message too long"]) == ([A, B], 1)


FIRST_LINES = {
    b"INVITE sip:a SIP/2.0\r\n": True,
    b"INVITE sip:a b SIP/2.0\n": True,
    b"x-y.z sip:a SIP/2.0 \r\n": True,
    b"SIP/2.0 200 OK\r\n": True,
    b"SIP/2.0 700\r\n": True,
    b"INVITE sip:a SIP/2": None,
    b"SIP/2.0 200": None,
    b"I": None,
    b"INVITE SIP/2.0\r\n": False,
    b"INVITE sip:a SIP/3.0\r\n": False,
    b"SIP/2.0 20 OK\r\n": False,
    b"\x16\x03\x01": False,
    b"A" * MAX_LINE: False,
    b": a SIP/2.0\r\n": False,
}


@pytest.mark.parametrize(("line", "expected"), FIRST_LINES.items(), ids=[line[:20].decode("latin-1") for line in FIRST_LINES])
def test_first_line_is_a_start_line_or_not(line: bytes, expected: bool | None) -> None:
    assert first_line(line, 0) is expected


PLACES = {
    b"xx\r\nINVITE sip:a SIP/2.0\r\n": 4,
    b"</x>INVITE sip:a SIP/2.0\r\n": 4,
    b"endBYE sip:a SIP/2.0\r\n": 3,
    b"endSIP/2.0 180 R": 3,
    b"Via: SIP/2.0/UDP h\r\nBYE sip:a SIP/2.0\r\n": 20,
    b"SIP/2.0\r\n": -1,
    b"lower sip:a SIP/2.0\r\n": -1,
    b"BYE SIP/2.0\r\n": -1,
    b"SIP/2.0 999 x": -1,
    b"BYE sip:a SIP/2.0": -1,
}


@pytest.mark.parametrize(("text", "place"), PLACES.items())
def test_start_line_is_found(text: bytes, place: int) -> None:
    assert find_start(text, 0) == place


class Scanned:
    """Counts the bytes that a search looks at."""

    def __init__(self) -> None:
        self.bytes = 0

    def over(self, search: "re.Pattern[bytes]") -> object:
        def counted(buffer: bytes, at: int, *end: int) -> "re.Match[bytes] | None":
            found = search.search(buffer, at, *end)
            self.bytes += (found.end() if found else min([len(buffer), *end])) - at
            return found

        return counted


HOSTILE = {
    "a head that never ends, byte by byte": (lambda n: HEAD + b"a" * n, 1),
    "no line break, byte by byte": (lambda n: A + b"\x01" * n, 1),
    "small messages of line feeds": (lambda n: b"A b SIP/2.0\n\n" * (n // 13), 0),
    "garbage between small messages": (lambda n: b"\x01A b SIP/2.0\nx:\n\n" * (n // 17), 0),
    "start lines without a header": (lambda n: A + b"\x01" + b"A b SIP/2.0\n" * (n // 12), 0),
    "start lines, each with its blank line": (lambda n: A + b"\x01" + b"A b SIP/2.0\n\n" * (n // 13), 100),
    "versions in one line": (lambda n: A + b"\x01" + b" SIP/2.0" * (n // 8), 0),
    "capitals": (lambda n: A + b"\x01" + b"A" * n + b" SIP/2.0\r\n", 0),
}


@pytest.mark.parametrize(("stream", "size"), HOSTILE.values(), ids=HOSTILE)
def test_work_grows_with_the_bytes_only(stream: object, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    work = []
    for length in (8_000, 16_000, 32_000):
        scanned = Scanned()
        for name in ("_blank_line", "_anchor", "_length", "_method"):
            monkeypatch.setattr(framing, name, scanned.over(getattr(framing, name).__self__))
        framed(stream(length), size)  # type: ignore[operator]
        monkeypatch.undo()
        work.append(scanned.bytes)
    assert work[2] - work[1] <= 2.2 * (work[1] - work[0]) + 10_000


@need_captures
@pytest.mark.parametrize(("name", "count"), [("php-sip-generic", 227), ("lioneagle-sipparser", 26)])
@pytest.mark.parametrize("size", [1, 2, 4, 100, 1460, 131_072])
def test_recorded_streams_hold_as_many_messages_as_published(name: str, count: int, size: int) -> None:
    messages, counters = framed((CAPTURES / "messages" / "stream" / f"{name}.txt").read_bytes(), size)
    assert (len(messages), counters.undecodable) == (count, {})
