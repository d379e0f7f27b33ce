"""A followed folder after a restart: what was read before is not handed out again, what came since is."""

import gzip
import os
import struct
from pathlib import Path

import pytest

from dialogs.taps.growing import Place

from .frames import ethernet, ipv4, pcap
from .segments import message
from .test_follow import AT, SECOND, Watch, capture


class Restarted:
    """A folder that is followed by one run after the other; places are kept as a database would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stored: dict[int, Place] = {}
        self.watch = self.again()

    def again(self) -> Watch:
        self.watch = Watch(self.folder)
        self.watch.tap.resume(self.stored.values())
        return self.watch

    def look(self, limit: int = 256) -> list[int]:
        found = self.watch.look(limit)
        self.store()
        return found

    def store(self) -> None:
        forgotten, places = self.watch.tap.news()
        if forgotten:
            self.stored.clear()
        self.stored |= {place.inode: place for place in places}


@pytest.fixture
def runs(tmp_path: Path) -> Restarted:
    folder = tmp_path / "captures"
    folder.mkdir()
    return Restarted(folder)


def grow(path: Path, *seconds: int) -> None:
    with path.open("ab") as file:
        file.write(capture(*seconds)[24:])


def segment(sequence: int, payload: bytes, flags: int = 24) -> bytes:
    return ethernet(ipv4(struct.pack("!HHIIBBHHH", 40_000, 5060, sequence, 0, 0x50, flags, 1000, 0, 0) + payload, protocol=6))


def test_file_that_was_read_is_left_alone(runs: Restarted) -> None:
    (runs.folder / "a.pcap").write_bytes(capture(0, 1))
    (runs.folder / "b.txt").write_text("no capture, but words enough for a header")
    assert runs.look() == [0, 1]
    tap = runs.again().tap
    assert (runs.look(), runs.look(), tap.packets, tap.counters.frames, runs.watch.tap.news()) == ([], [], 0, 0, (False, []))


@pytest.mark.parametrize("limit", [1, 2, 256])
def test_file_that_grew_is_read_on(runs: Restarted, limit: int) -> None:
    (runs.folder / "a.pcap").write_bytes(capture(0, 1))
    (runs.folder / "b.pcap").write_bytes(capture(2))
    assert runs.look(limit) == [0, 1, 2]
    grow(runs.folder / "a.pcap", 3, 4)
    (runs.folder / "c.pcap").write_bytes(capture(5))
    runs.again()
    assert (runs.look(limit), runs.look(limit)) == ([3, 4, 5], [])
    grow(runs.folder / "a.pcap", 6)
    assert runs.look(limit) == [6]
    grow(runs.folder / "a.pcap", 7)
    runs.again()
    assert (runs.look(limit), runs.look(limit)) == ([7], [])


@pytest.mark.parametrize("stopped", range(1, 9))
def test_run_that_ends_in_the_middle_loses_and_repeats_nothing(runs: Restarted, stopped: int) -> None:
    (runs.folder / "a.pcap").write_bytes(capture(0, 2, 4, 6))
    (runs.folder / "b.pcap").write_bytes(capture(0, 3, 5, 7))
    found = runs.watch.tap.due(AT, stopped)
    runs.watch.tap.close()
    runs.store()
    runs.again()
    assert [(packet.at_ns - AT) // SECOND for packet in found] + runs.look() == [0, 0, 2, 3, 4, 5, 6, 7]


def test_message_over_two_segments_is_whole_also_when_the_run_ends_between_them(runs: Restarted) -> None:
    whole = message(1)
    start, first, second = segment(0, b"", 2), segment(1, whole[:40]), segment(41, whole[40:])
    path = runs.folder / "a.pcap"
    path.write_bytes(pcap([(AT, start), (AT, first)]))
    assert runs.look() == []
    path.write_bytes(pcap([(AT, start), (AT, first), (AT + SECOND, second)]))
    tap = runs.again().tap
    (packet,) = tap.due(AT)
    assert (packet.data, packet.transport) == (whole, "tcp")


def test_renamed_file_is_known_and_a_new_one_in_its_place_is_new(runs: Restarted) -> None:
    path = runs.folder / "trunk.pcap"
    path.write_bytes(capture(0, 1))
    assert runs.look() == [0, 1]
    path.rename(runs.folder / "trunk.pcap.1")
    grow(runs.folder / "trunk.pcap.1", 2)
    path.write_bytes(capture(3))
    runs.again()
    assert (runs.look(), runs.look()) == ([2, 3], [])


def test_file_begun_anew_is_read_anew(runs: Restarted) -> None:
    path = runs.folder / "ring.pcap"
    path.write_bytes(capture(0, 1))
    assert runs.look() == [0, 1]
    path.write_bytes(capture(5, 6))  # the same inode and size
    os.utime(path, ns=(AT, AT))
    runs.again()
    assert runs.look() == [5, 6]


def test_rotated_file_that_was_packed_meanwhile_is_not_read_twice(runs: Restarted) -> None:
    path = runs.folder / "a.pcap"
    path.write_bytes(capture(0, 1))
    assert runs.look() == [0, 1]
    path.unlink()
    (runs.folder / "a.pcap.gz").write_bytes(gzip.compress(capture(0, 1, 2)))
    runs.again()
    assert (runs.look(), runs.look()) == ([2], [])
    runs.again()
    assert runs.look() == []


def test_two_files_that_begin_at_the_same_moment_are_told_apart(runs: Restarted) -> None:
    for name in ("a", "b"):
        (runs.folder / f"{name}.pcap").write_bytes(capture(0, 1))
    assert runs.look() == [0, 0, 1, 1]
    for name, second in (("a", 2), ("b", 3)):
        grow(runs.folder / f"{name}.pcap", second)
    runs.again()
    assert runs.look() == [2, 3]


def test_damaged_file_is_still_said(runs: Restarted) -> None:
    (runs.folder / "a.pcap").write_bytes(capture(0) + b"\xff" * 32)
    assert runs.look() == [0]
    runs.again()
    assert (runs.look(), runs.watch.tap.error) == ([], f"{runs.folder / 'a.pcap'}: damaged record")


def test_emptied_folder_begins_anew(runs: Restarted) -> None:
    path = runs.folder / "a.pcap.gz"
    path.write_bytes(gzip.compress(capture(0)))
    assert (runs.look(), len(runs.stored)) == ([0], 1)
    path.unlink()
    assert (runs.look(), runs.stored) == ([], {})
    path.write_bytes(gzip.compress(capture(0)))
    assert runs.look() == [0]


def test_empty_folder_in_the_place_of_the_right_one_changes_nothing(runs: Restarted, tmp_path: Path) -> None:
    (runs.folder / "a.pcap").write_bytes(capture(0))
    assert runs.look() == [0]
    runs.folder.rename(tmp_path / "aside")
    runs.folder.mkdir()
    assert (runs.look(), len(runs.stored)) == ([], 1)
    runs.again()
    assert (runs.look(), len(runs.stored)) == ([], 1)
    runs.folder.rmdir()
    (tmp_path / "aside").rename(runs.folder)
    grow(runs.folder / "a.pcap", 1)
    assert (runs.look(), runs.look()) == ([1], [])


def test_place_fits_the_database(runs: Restarted) -> None:
    (runs.folder / "a.pcap").write_bytes(capture(0, 1))
    runs.look()
    (place,) = runs.stored.values()
    status = (runs.folder / "a.pcap").stat()
    assert place == Place(status.st_ino & (1 << 63) - 1, AT, 2, status.st_size, status.st_mtime_ns, "")
