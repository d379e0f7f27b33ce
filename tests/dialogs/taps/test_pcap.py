import gzip
import io
import os
import struct
import threading
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dialogs.taps import CaptureError, CaptureFile
from dialogs.taps.records import LATEST_NS, Pcapng, Record, recognise

from .frames import INVITE, block, enhanced, ethernet, interface, ipv4, option, pcap, section, udp

FRAME = ethernet(ipv4(udp()))
AT = 1_700_000_000_123_456_000
NS = 1_700_000_000_123_456_789


def read(content: bytes) -> CaptureFile:
    return CaptureFile("trunk.pcap", io.BytesIO(content))


def times(content: bytes) -> list[int]:
    packets = list(read(content))
    assert {p.data for p in packets} <= {INVITE}
    return [p.at_ns for p in packets]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "at_ns"), [(0xA1B2C3D4, AT), (0xA1B23C4D, NS), (0xA1B2CD34, AT)])
def test_pcap_of_every_kind_gives_its_times(order: str, magic: int, at_ns: int) -> None:
    assert times(pcap([(at_ns, FRAME), (at_ns + 5_000_000_000, FRAME)], order=order, magic=magic)) == [at_ns, at_ns + 5_000_000_000]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("options", "ticks", "at_ns"),
    [
        (b"", AT // 1000, AT),
        ((9, b"\x09"), NS, NS),
        ((9, b"\x03"), AT // 1_000_000, AT // 1_000_000 * 1_000_000),
        ((9, b"\x0c"), 5_000_000_123_456_789_007, 5_000_000_123_456_789),
        ((9, b"\x8a"), 1024 * 1_700_000_000 + 512, 1_700_000_000_500_000_000),
        ((14, 1_700_000_000), 123_456, AT),
        ((14, -1), AT // 1000 + 1_000_000, AT),
        ((14, -(2**63)), 1, 0),
        ((9, b"\x00"), 2**64 - 1, LATEST_NS),
    ],
)
def test_pcapng_times_follow_the_interface(order: str, options: tuple[int, bytes | int] | bytes, ticks: int, at_ns: int) -> None:
    encoded = b""
    if isinstance(options, tuple):
        code, value = options
        encoded = option(code, struct.pack(order + "q", value) if isinstance(value, int) else value, order)
    content = section(order) + interface(1, option(2, b"eth0", order) + encoded + option(0, b"", order), order) + enhanced(ticks, FRAME, order=order)
    assert times(content) == [at_ns]


def test_pcapng_with_several_sections_and_interfaces() -> None:
    little = section() + interface(1) + interface(101) + interface(189)
    little += enhanced(1, FRAME) + block(0x0BAD, b"what is this") + enhanced(2, FRAME[14:], 1) + enhanced(3, FRAME, 2)
    big = section(">") + interface(101, order=">") + enhanced(4, FRAME[14:], order=">")
    file = read(little + big)
    assert [p.at_ns for p in file] == [1000, 2000, 4000]
    assert (file.counters.skipped, file.counters.frames, file.truncated) == ({"link type": 1}, 4, False)


def test_pcapng_simple_and_old_packet_blocks() -> None:
    simple = block(3, struct.pack("<I", len(FRAME)) + FRAME)
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 7, len(FRAME), len(FRAME)) + FRAME)
    assert times(section() + interface() + old + simple) == [7000, 7000]
    assert [len(p.data) for p in read(section() + interface(snaplen=50) + simple)] == [8]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress], ids=["plain", "gzip", "zstd"])
def test_file_is_read_again_from_its_beginning(tmp_path: Path, pack: "type[bytes]") -> None:
    path = tmp_path / "trunk.pcap"
    path.write_bytes(pack(pcap([(AT, FRAME)] * 3000)))
    file = CaptureFile(path)
    for _ in range(2):
        assert [p.at_ns for p in file] == [AT] * 3000
    assert (file.name, file.recorded, file.packets, file.dropped, file.undecodable) == ("file:trunk.pcap", True, 6000, 0, 0)
    assert (file.error, file.newest_ns, file.truncated, file.counters.frames) == ("", AT, False, 6000)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress], ids=["plain", "gzip", "zstd"])
def test_truncated_tail_keeps_what_came_before(pack: "type[bytes]") -> None:
    noise = os.urandom(200_000)  # so that compression leaves something to cut
    content = pack(pcap([(AT, FRAME), (AT, ethernet(noise, kind=0x0806)), (AT, FRAME)]))
    file = read(content[:-20])
    packets = list(file)
    assert [p.data for p in packets][:1] == [INVITE]
    assert len(packets) == 1
    assert file.truncated
    assert file.error != ""


def test_every_cut_of_a_file_is_survived() -> None:
    whole = pcap([(AT, FRAME)] * 2)
    record = (len(whole) - 24) // 2
    for size in range(24, len(whole)):
        file = read(whole[:size])
        assert len(list(file)) == (size - 24) // record
        assert file.truncated is ((size - 24) % record != 0)


DAMAGED = {
    "pcap record of 4 GB": pcap([(AT, FRAME)]) + struct.pack("<IIII", 1, 1, 0xFFFFFFFF, 1),
    "pcapng block too short": section() + interface() + enhanced(1, FRAME) + struct.pack("<III", 6, 8, 0),
    "pcapng block of odd length": section() + interface() + enhanced(1, FRAME) + struct.pack("<III", 6, 33, 0) + bytes(30),
    "pcapng unknown interface": section() + interface() + enhanced(1, FRAME) + enhanced(2, FRAME, 7),
    "pcapng section without byte order": section() + interface() + enhanced(1, FRAME) + block(0x0A0D0D0A, bytes(16)),
    "pcapng empty packet block": section() + interface() + enhanced(1, FRAME) + block(6, b""),
    "pcapng simple block without interface": section() + interface() + enhanced(1, FRAME) + section() + block(3, bytes(8)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_record_ends_the_reading(content: bytes) -> None:
    file = read(content)
    assert len(list(file)) == 1
    assert (file.truncated, file.error) == (True, "damaged record")


def test_record_longer_than_a_chunk_is_read() -> None:
    big = section() + interface() + block(0x0BAD, bytes(3_000_000)) + enhanced(1, FRAME)
    assert times(big) == [1000]


REFUSED = {
    "empty": (b"", "trunk.pcap is empty"),
    "text": (b"hello, this is no capture at all", "trunk.pcap is no capture file (pcap or pcapng)"),
    "short": (pcap([])[:20], "trunk.pcap is no capture file (pcap or pcapng)"),
    "broken gzip": (b"\x1f\x8b" + bytes(30), "trunk.pcap is no capture file (pcap or pcapng)"),
    "link type": (pcap([], link_type=147), "trunk.pcap: link type 147 (USER0) is not one Dialtap reads"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_file_is_refused_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(CaptureError) as caught:
        read(content)
    assert str(caught.value) == message


def test_pcapng_without_any_known_link_type_says_so() -> None:
    with pytest.raises(CaptureError) as caught:
        list(read(section() + interface(189) + enhanced(1, FRAME)))
    assert str(caught.value) == "trunk.pcap: link type 189 (USB_LINUX) is not one Dialtap reads"


def test_missing_file_and_directory_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.pcap", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(CaptureError) as caught:
            CaptureFile(path)
        assert str(caught.value) == f"{path}: {reason}"


def test_pipe_is_read_as_it_comes() -> None:
    reading, writing = os.pipe()
    content = pcap([(AT, FRAME), (AT + 1000, FRAME)])
    first = len(content) - 40  # the second record stays incomplete until the first has been seen
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as sender:
        feeder = threading.Thread(target=sender.write, args=(content[:first],))
        feeder.start()
        packets = iter(CaptureFile("-", stream))
        assert next(packets).at_ns == AT
        feeder.join()
        sender.write(content[first:])
        assert next(packets).at_ns == AT + 1000


def test_link_type_ignores_the_frame_check_sequence_bits() -> None:
    content = bytearray(pcap([(AT, FRAME)]))
    content[20:24] = struct.pack("<I", 0x2400_0001)
    assert times(bytes(content)) == [AT]


@given(st.binary(max_size=300))
def test_random_bytes_behind_a_good_magic_never_raise(tail: bytes) -> None:
    for head in (pcap([]), pcap([], magic=0xA1B2CD34, order=">")):
        list(read(head + tail))
    list(read(section() + interface() + tail))


@given(st.binary(max_size=60), st.lists(st.tuples(st.sampled_from([1, 2, 3, 6, 0x0A0D0D0A]), st.binary(max_size=60)), max_size=6))
def test_random_blocks_never_raise(tail: bytes, blocks: list[tuple[int, bytes]]) -> None:
    content = section() + interface() + b"".join(block(kind, body) for kind, body in blocks) + tail
    try:
        list(read(content))
    except CaptureError as error:
        assert "link type" in str(error)  # noqa: PT017 -- the one thing that may be said about content


def test_records_come_out_the_same_however_the_file_is_cut() -> None:
    content = section() + interface() + enhanced(1, FRAME) + block(9, b"x") + enhanced(2, FRAME)
    for size in range(1, 120, 7):
        format_, rest, out = Pcapng(), b"", list[Record]()
        for at in range(0, len(content), size):
            rest += content[at : at + size]
            rest = rest[format_.records(rest, out) :]
        assert ([at_ns for at_ns, _, _ in out], rest) == ([1000, 2000], b"")


def test_recognise_wants_a_whole_header() -> None:
    assert recognise(pcap([])[:23]) is None
    assert isinstance(recognise(section()[:24]), Pcapng)
