"""Several files as one recording."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from dialogs.taps import CaptureError, CaptureFile, Captures, Player, open_recording
from dialogs.taps.link import LINK_TYPES
from dialogs.taps.merged import in_time_order
from dialogs.taps.records import Record

from .captures import REPOSITORY, as_nobody
from .frames import INVITE, enhanced, ethernet, interface, ipv4, pcap, section, udp

AT = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
FRAME = ethernet(ipv4(udp()))


def numbered(number: int) -> bytes:
    return ethernet(ipv4(udp(INVITE.replace(b"a@b", b"c%d" % number))))


def files(folder: Path, **seconds: list[int]) -> list[Path]:
    """Write captures with a message at each of these seconds."""
    paths = []
    for name, times in seconds.items():
        paths.append(folder / f"{name}.pcap")
        paths[-1].write_bytes(pcap([(AT + at * SECOND, numbered(at)) for at in times]))
    return paths


def seconds_of(recording: Captures | CaptureFile) -> list[int]:
    return [(packet.at_ns - AT) // SECOND for packet in recording]


def test_files_are_merged_in_time_order_as_often_as_wanted(tmp_path: Path) -> None:
    recording, notes = open_recording(files(tmp_path, b=[1, 4, 6], a=[0, 5, 9], c=[10]))
    assert [seconds_of(recording) for _ in range(2)] == [[0, 1, 4, 5, 6, 9, 10]] * 2
    assert (recording.name, recording.packets, recording.undecodable, recording.error, notes) == ("file:b.pcap and 2 more", 14, 0, "", [])
    assert (recording.newest_ns, {packet.tap for packet in recording}) == (AT + 10 * SECOND, {recording.name})


def test_folder_is_its_captures_in_order_of_their_first_packet(tmp_path: Path) -> None:
    files(tmp_path, b=[1, 2], a=[3, 4], empty=[])
    (tmp_path / "README").write_text("these are captures of the trunk, taken by hand")
    (tmp_path / "none.pcap").write_bytes(b"")
    recording, notes = open_recording([tmp_path])
    assert (seconds_of(recording), recording.name) == ([1, 2, 3, 4], f"folder:{tmp_path.parent.name}/{tmp_path.name}")
    assert notes == [f"left out: {tmp_path / 'README'} is no capture file (pcap or pcapng)"]


def test_folder_of_one_capture_is_that_capture(tmp_path: Path) -> None:
    (path,) = files(tmp_path, a=[1])
    recording, _ = open_recording([tmp_path])
    assert (recording.name, seconds_of(recording)) == (f"file:{path.name}", [1])


def test_folder_without_a_capture_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as empty:
        open_recording([tmp_path])
    (tmp_path / "notes.txt").write_text("nothing but words, more than a header has")
    (tmp_path / "usb.pcap").write_bytes(section() + interface(189) + enhanced(1, FRAME))
    with pytest.raises(CaptureError) as other:
        open_recording([tmp_path])
    reason = f"{tmp_path / 'usb.pcap'}: link type 189 (USB_LINUX) is not one Dialtap reads"
    assert (str(empty.value), str(other.value)) == (f"{tmp_path}: no capture in it", f"{tmp_path}: no capture in it ({reason})")


def test_datagram_whose_fragments_lie_in_two_files_is_whole(tmp_path: Path) -> None:
    whole = udp(INVITE + b"x" * 40)
    for name, at_ns, piece in (("1", AT, ipv4(whole[:32], fragment=0x2000)), ("2", AT + SECOND, ipv4(whole[32:], fragment=4))):
        (tmp_path / f"{name}.pcap").write_bytes(pcap([(at_ns, ethernet(piece))]))
    recording, _ = open_recording([tmp_path])
    assert [packet.data for packet in recording] == [whole[8:]]


def test_frame_of_an_unknown_link_type_beside_a_known_one_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.pcapng").write_bytes(section() + interface() + interface(189) + enhanced(1, FRAME) + enhanced(2, FRAME, 1))
    files(tmp_path, b=[1])
    recording, _ = open_recording([tmp_path])
    assert (len(list(recording)), recording.counters.skipped["link type"], recording.counters.frames) == (2, 1, 3)


def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path: Path) -> None:
    first, second = files(tmp_path, a=[0, 1], b=[2, 3])
    first.write_bytes(first.read_bytes()[:-5])
    recording, _ = open_recording([first, second])
    assert isinstance(recording, Captures)
    assert (seconds_of(recording), recording.error) == ([0, 2, 3], "a.pcap: cut in the middle of a record")
    assert [file.truncated for file in recording.files] == [True, False]


def test_files_have_one_common_time_when_played(tmp_path: Path) -> None:
    recording, _ = open_recording(files(tmp_path, a=[0, 60], b=[30]))
    player = Player(recording, start_ns=0, speed=10)
    assert [packet.at_ns for packet in player.due(SECOND * 60)] == [0, 3 * SECOND, 6 * SECOND]


def test_only_files_that_overlap_in_time_are_open_together() -> None:
    link = LINK_TYPES[1]
    opened: list[int] = []
    most = 0

    def part(number: int) -> list[Record]:
        return [(number * 10 + at, link, b"") for at in range(13)]

    def open_part(number: int):
        def reading():
            nonlocal most
            opened.append(number)
            most = max(most, len(opened))
            yield from part(number)
            opened.remove(number)

        return reading

    times = [record[0] for record in in_time_order((number * 10, open_part(number)) for number in reversed(range(500)))]
    assert (times, most, opened) == (sorted(record[0] for number in range(500) for record in part(number)), 2, [])


class Endless:
    """A capture of a given number of packets that is made while it is read, and counts what was asked of it."""

    def __init__(self, packets: int) -> None:
        self.left = packets
        self.given = 0
        self.waiting = pcap([])

    def read(self, size: int) -> bytes:
        while self.left and len(self.waiting) < size:
            self.waiting += struct.pack("<IIII", 1, 1, len(FRAME), len(FRAME)) + FRAME
            self.left -= 1
        given, self.waiting = self.waiting[:size], self.waiting[size:]
        self.given += len(given)
        return given


def test_stream_is_read_no_further_ahead_than_a_chunk() -> None:
    stream = Endless(60_000)
    record = 16 + len(FRAME)
    ahead = 0
    number = -1
    for number, _ in enumerate(CaptureFile("-", stream)):  # type: ignore[arg-type]
        ahead = max(ahead, stream.given - 24 - (number + 1) * record)
    assert (number, stream.given) == (59_999, 24 + 60_000 * record)
    assert ahead <= 256 * 1024 + record


def test_unreadable_files_are_said(tmp_path: Path) -> None:
    (path,) = files(tmp_path, a=[1])
    path.chmod(0)
    for asked in (path, tmp_path):
        with pytest.raises(CaptureError) as refused, as_nobody(tmp_path):
            open_recording([asked])
        assert "Permission denied" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_terminal_and_closed_standard_input_are_refused(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    program = "from dialogs.taps import open_recording\ntry: open_recording(['-'])\nexcept Exception as error: print(type(error).__name__, error)"
    command = [sys.executable, "-c", program]
    at_terminal = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    closed = subprocess.run(["sh", "-c", 'exec "$0" "$@" <&-', *command], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    os.close(ours)
    os.close(theirs)
    assert at_terminal.stdout.startswith("CaptureError standard input is a terminal: pipe a capture into it")
    assert closed.stdout == "CaptureError standard input: Bad file descriptor\n"


def test_standard_input_is_read_once_only(tmp_path: Path) -> None:
    (path,) = files(tmp_path, a=[1, 2])
    program = "from dialogs.taps import open_recording\nprint(len(list(open_recording(['-', *sys.argv[1:]])[0])))"
    command = [sys.executable, "-c", f"import sys\n{program}"]
    with path.open("rb") as stdin:
        both = subprocess.run([*command, str(path)], stdin=stdin, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    with path.open("rb") as stdin:
        twice = subprocess.run([*command, "-"], stdin=stdin, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert (both.stdout, twice.stderr.splitlines()[-1]) == ("4\n", "dialogs.taps.errors.CaptureError: standard input can be read once: give - once")
