"""A capture that arrives through a pipe."""

import gzip
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from dialogs.packet import Packet
from dialogs.taps import CaptureError, StreamTap
from dialogs.taps.stream import IDLE_NS, OLD_NS, QUEUE, SETTLED_NS, is_arriving

from .frames import INVITE, ethernet, ipv4, pcap, udp

AT = 1_700_000_000_000_000_000
FRAME = ethernet(ipv4(udp()))
CONTENT = pcap([(AT + n * 1000, FRAME) for n in range(3)])


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
def opened(pipe: Path) -> Iterator[list[StreamTap]]:
    made: list[StreamTap] = []
    yield made
    for tap in made:
        tap.close()


def large(number: int) -> bytes:
    return pcap([]) + pcap([(AT, FRAME)])[24:] * number


def writer_of(pipe: Path, content: bytes) -> threading.Thread:
    """Write into the pipe from a thread, as another program would, and close it."""
    thread = threading.Thread(target=pipe.write_bytes, args=(content,))
    thread.start()
    return thread


def read_to_end(tap: StreamTap, now_ns: int = AT) -> list[Packet]:
    found: list[Packet] = []
    end = time.monotonic() + 60
    while tap.next_due_ns() is not None:
        assert time.monotonic() < end
        found += tap.due(now_ns)
    return found


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress], ids=["plain", "gzip", "zstd"])
def test_pipe_is_read_to_its_end_with_its_times(pipe: Path, opened: list[StreamTap], pack: "type[bytes]") -> None:
    writer = writer_of(pipe, pack(CONTENT))
    tap = StreamTap(pipe)
    opened.append(tap)
    assert [(packet.at_ns, packet.data, packet.tap) for packet in read_to_end(tap)] == [(AT + n * 1000, INVITE, "file:pipe") for n in range(3)]
    writer.join()
    assert (tap.packets, tap.dropped, tap.undecodable, tap.recorded, tap.newest_ns) == (3, 0, 0, True, AT + 2000)
    assert (tap.error, tap.next_due_ns(), tap.due(AT)) == ("the stream has ended", None, [])


def test_start_does_not_wait_for_a_writer(pipe: Path, opened: list[StreamTap]) -> None:
    tap = StreamTap(pipe)
    opened.append(tap)
    assert (tap.due(AT), tap.next_due_ns(), tap.behind) == ([], AT + IDLE_NS, False)
    writer = writer_of(pipe, CONTENT)
    assert len(read_to_end(tap)) == 3
    writer.join()


def test_what_came_is_there_before_the_rest_comes(pipe: Path, opened: list[StreamTap]) -> None:
    tap = StreamTap(pipe)
    opened.append(tap)
    with pipe.open("r+b", buffering=0) as sender:
        sender.write(CONTENT[:-20])
        found: list[Packet] = []
        end = time.monotonic() + 60
        while len(found) < 2:
            assert time.monotonic() < end
            found += tap.due(AT)
        assert tap.due(AT) == []


def test_capture_cut_in_its_middle_says_so(pipe: Path, opened: list[StreamTap]) -> None:
    writer = writer_of(pipe, CONTENT[:-5])
    opened.append(StreamTap(pipe))
    assert (len(read_to_end(opened[0])), opened[0].error) == (2, "the stream has ended: cut in the middle of a record")
    writer.join()


REFUSED = {
    "words": (b"no capture, but enough of words to tell", "is no capture file (pcap or pcapng)"),
    "nothing": (b"", "is empty"),
    "link type": (pcap([], link_type=147), ": link type 147 (USER0) is not one Dialtap reads"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_wrong_stream_is_refused_at_the_start(tmp_path: Path, content: bytes, words: str) -> None:
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    try:
        with pytest.raises(CaptureError) as refused:
            StreamTap(Path(f"/dev/fd/{reading}"))
        assert str(refused.value) in {f"/dev/fd/{reading}{words}", f"/dev/fd/{reading} {words}"}
    finally:
        os.close(reading)


def test_wrong_stream_that_comes_late_is_said_by_the_tap(pipe: Path, opened: list[StreamTap]) -> None:
    tap = StreamTap(pipe)
    opened.append(tap)
    writer = writer_of(pipe, gzip.compress(b"no capture, but enough of words to tell"))
    assert (read_to_end(tap), tap.error) == ([], f"{pipe} is no capture file (pcap or pcapng)")
    writer.join()


def test_slow_reader_makes_the_writer_wait_and_loses_nothing(pipe: Path, opened: list[StreamTap]) -> None:
    number = 20_000 * QUEUE
    writer = writer_of(pipe, large(number))
    tap = StreamTap(pipe)
    opened.append(tap)
    found = len(tap.due(AT))
    assert writer.is_alive()
    assert found + len(read_to_end(tap)) == number
    writer.join()


def test_stream_of_long_ago_is_an_import_until_it_has_settled(pipe: Path, opened: list[StreamTap]) -> None:
    tap = StreamTap(pipe)
    opened.append(tap)
    late = AT + OLD_NS * 2
    with pipe.open("r+b", buffering=0) as sender:
        sender.write(CONTENT)
        end = time.monotonic() + 60
        read = 0
        while read < 3:
            assert time.monotonic() < end
            read += len(tap.due(late))
        seen = [tap.behind]
        for at_ns in (late + SETTLED_NS - 1, late + SETTLED_NS):
            tap.due(at_ns)
            seen.append(tap.behind)
    assert seen == [True, True, False]


def test_close_ends_the_waiting_also_of_a_full_queue(pipe: Path) -> None:
    with pipe.open("r+b", buffering=0):
        quiet = StreamTap(pipe)
        quiet.due(AT)
        quiet.close()
        quiet.close()
        assert (quiet.next_due_ns(), quiet.due(AT)) == (None, [])
    full = StreamTap(pipe)
    full.due(AT)
    sender = threading.Thread(target=lambda: _write_on(pipe))
    sender.start()
    end = time.monotonic() + 60
    while full.next_due_ns() != 0:
        assert time.monotonic() < end
    full.close()
    sender.join()


def _write_on(pipe: Path) -> None:
    """Write a large capture until nobody reads it any more."""
    try:
        pipe.write_bytes(large(100_000))
    except BrokenPipeError:
        return


def test_what_is_read_as_it_comes(pipe: Path, tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(CONTENT)
    asked = [Path("-"), pipe, Path(os.devnull), tmp_path / "a.pcap", tmp_path, tmp_path / "none"]
    assert [is_arriving(path) for path in asked] == [True, True, True, False, False, False]


def test_missing_pipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as refused:
        StreamTap(tmp_path / "none")
    assert str(refused.value) == f"{tmp_path / 'none'}: No such file or directory"
