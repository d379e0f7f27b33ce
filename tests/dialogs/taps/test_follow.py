"""A folder that is written to while it is read."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from dialogs.taps import CaptureError, FollowTap, follow
from dialogs.taps.follow import PERIOD_NS

from .captures import as_nobody
from .frames import INVITE, enhanced, ethernet, interface, ipv4, pcap, section, udp

AT = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}


def frame(number: int) -> bytes:
    return ethernet(ipv4(udp(INVITE.replace(b"a@b", b"c%d" % number))))


def capture(*seconds: int) -> bytes:
    return pcap([(AT + at * SECOND, frame(at)) for at in seconds])


class Watch:
    """Asks a tap each half second of a made-up clock."""

    def __init__(self, folder: Path) -> None:
        self.tap = FollowTap(folder)
        self.now_ns = AT

    def look(self, limit: int = 256) -> list[int]:
        """Return the seconds of the packets that are new."""
        self.now_ns += PERIOD_NS
        found = self.tap.due(self.now_ns, limit)
        while self.tap.behind:
            found += self.tap.due(self.now_ns, limit)
        assert {packet.tap for packet in found} <= {self.tap.name}
        return [(packet.at_ns - AT) // SECOND for packet in found]


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


def test_what_is_there_comes_in_time_order_and_then_what_is_new(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "z.pcap").write_bytes(capture(0, 1))
    (tmp_path / "a.pcap").write_bytes(capture(1, 2, 3))
    assert (watch.look(), watch.look()) == ([0, 1, 1, 2, 3], [])
    with (tmp_path / "a.pcap").open("ab") as file:
        file.write(capture(4, 5)[24:])
    (tmp_path / "b.pcap").write_bytes(capture(6))
    assert (watch.look(), watch.look(), watch.tap.packets, watch.tap.newest_ns) == ([4, 5, 6], [], 8, AT + 6 * SECOND)
    assert (watch.tap.recorded, watch.tap.dropped, watch.tap.error, watch.tap.undecodable) == (True, 0, "", 0)


def test_it_asks_each_half_second_and_at_once_while_more_waits(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(capture(*range(10)))
    tap = watch.tap
    assert (tap.behind, tap.next_due_ns()) == (True, 0)
    assert (len(tap.due(AT, 4)), tap.behind, tap.next_due_ns()) == (4, True, 0)
    assert [len(tap.due(AT, 4)) for _ in range(3)] == [4, 2, 0]
    assert (tap.behind, tap.next_due_ns()) == (False, AT + PERIOD_NS)
    tap.close()
    assert (tap.next_due_ns(), tap.due(AT * 2), tap.behind) == (None, [], False)


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_half_written_packet_is_read_when_the_rest_comes(watch: Watch, tmp_path: Path, form: str) -> None:
    whole = capture(*range(3))
    if form == "pcapng":
        whole = section() + interface() + b"".join(enhanced((AT + at * SECOND) // 1000, frame(at)) for at in range(3))
    found = []
    for end in range(len(whole) + 1):
        (tmp_path / "a.pcap").write_bytes(whole[:end])
        found += watch.look()
    assert (found, watch.tap.error) == ([0, 1, 2], "")


def test_file_begun_anew_is_read_anew(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "ring.pcap"
    path.write_bytes(capture(0, 1, 2))
    assert watch.look() == [0, 1, 2]
    path.write_bytes(capture(3))  # shorter
    assert watch.look() == [3]
    path.write_bytes(capture(4, 5, 6, 7))  # longer than what was read, which its size does not tell
    assert watch.look() == [4, 5, 6, 7]
    (tmp_path / "next").write_bytes(capture(8))
    (tmp_path / "next").replace(path)
    assert watch.look() == [8]


def test_renamed_file_is_read_on(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "trunk.pcap"
    path.write_bytes(capture(0))
    assert watch.look() == [0]
    with path.open("ab") as file:
        path.rename(tmp_path / "trunk.pcap.1")
        path.write_bytes(capture(2))
        file.write(capture(1)[24:])
    assert (watch.look(), watch.look()) == ([1, 2], [])


@pytest.mark.parametrize("kind", PACK)
def test_compressed_file_is_read_as_it_grows(watch: Watch, tmp_path: Path, kind: str) -> None:
    packed = PACK[kind](capture(0, 1)) + PACK[kind](capture(2)[24:])
    found = []
    for end in (10, len(packed) // 3, len(packed) - 30, len(packed)):
        (tmp_path / f"a.pcap.{kind}").write_bytes(packed[:end])
        found += watch.look()
    assert (found, watch.tap.error) == ([0, 1, 2], "")


@pytest.mark.parametrize("kind", PACK)
def test_rotated_file_that_is_packed_is_not_read_twice(watch: Watch, tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.pcap").write_bytes(capture(0, 1))
    assert watch.look() == [0, 1]
    (tmp_path / f"a.pcap.1.{kind}").write_bytes(PACK[kind](capture(0, 1)))
    (tmp_path / f"old.pcap.{kind}").write_bytes(PACK[kind](capture(-5)))
    (tmp_path / "a.pcap").unlink()
    assert (watch.look(), watch.look()) == ([-5], [])


@pytest.mark.parametrize("kind", PACK)
def test_what_came_just_before_the_packing_is_read_from_the_packed_file(watch: Watch, tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.pcap").write_bytes(capture(0, 1))
    (tmp_path / "b.pcap").write_bytes(capture(5, 6))
    assert watch.look() == [0, 1, 5, 6]
    (tmp_path / "a.pcap").unlink()
    (tmp_path / f"a.pcap.{kind}").write_bytes(PACK[kind](capture(0, 1, 2, 3)))
    (tmp_path / "b.pcap").write_bytes(capture(5, 6, 7, 8))
    (tmp_path / f"b.pcap.{kind}").write_bytes(PACK[kind](capture(5, 6, 7, 8)))
    assert (watch.look(), watch.look()) == ([2, 3, 7, 8], [])


WRONG = {
    "no capture": (b"words, more of them than a header has bytes", ""),
    "empty": (b"", ""),
    "link type": (pcap([(AT, frame(0))], link_type=147), "a.pcap: link type 147 (USER0) is not one Dialtap reads"),
    "damaged": (capture(0) + b"\xff" * 32, "a.pcap: damaged record"),
    "damaged gzip": (gzip.compress(capture(0)) + gzip.compress(os.urandom(3000))[:-1500] + bytes(1) + b"\xff" * 1499, "a.pcap: "),
}


@pytest.mark.parametrize(("content", "error"), WRONG.values(), ids=WRONG)
def test_wrong_file_is_said_and_the_others_are_read(watch: Watch, tmp_path: Path, content: bytes, error: str) -> None:
    (tmp_path / "a.pcap").write_bytes(content)
    watch.look()
    (tmp_path / "b.pcap").write_bytes(capture(5))
    assert (watch.look(), watch.tap.error.startswith(f"{tmp_path}/{error}" if error else ""), bool(watch.tap.error)) == ([5], True, bool(error))
    (tmp_path / "a.pcap").unlink()
    assert (watch.look(), watch.tap.error) == ([], "")


def test_damaged_file_is_left_alone_until_it_is_begun_anew(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(capture(0) + b"\xff" * 32)
    assert watch.look() == [0]
    with path.open("ab") as file:
        file.write(capture(1)[24:])
    assert (watch.look(), bool(watch.tap.error)) == ([], True)
    path.write_bytes(capture(2))
    assert (watch.look(), watch.tap.error) == ([2], "")


def test_folder_that_goes_away_is_said_and_read_on_when_it_is_back(watch: Watch, tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    watch = Watch(folder)
    (folder / "a.pcap").write_bytes(capture(0))
    assert watch.look() == [0]
    folder.rename(tmp_path / "elsewhere")
    assert (watch.look(), watch.tap.error) == ([], f"{folder}: No such file or directory")
    (tmp_path / "elsewhere").rename(folder)
    (folder / "b.pcap").write_bytes(capture(1))
    assert (watch.look(), watch.tap.error) == ([1], "")


def test_what_is_no_readable_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(capture(0))
    for path, words in ((tmp_path / "a.pcap", "not a directory"), (tmp_path / "none", "No such directory")):
        with pytest.raises(CaptureError) as refused:
            FollowTap(path)
        assert str(refused.value) == f"{path}: {words}"


def test_unreadable_file_is_said_and_read_once_it_may_be(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(capture(0))
    path.chmod(0)
    with as_nobody(tmp_path):
        assert (watch.look(), watch.tap.error) == ([], f"{path}: Permission denied")
    path.chmod(0o644)
    assert (watch.look(), watch.tap.error) == ([0], "")
    path.chmod(0)
    with path.open("ab") as file:
        file.write(capture(1)[24:])
    with as_nobody(tmp_path):
        assert (watch.look(), watch.tap.error) == ([], f"{path}: Permission denied")


def test_unreadable_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "captures"
    folder.mkdir(mode=0)
    with as_nobody(tmp_path), pytest.raises(CaptureError) as refused:
        FollowTap(folder)
    assert str(refused.value) == f"{folder}: Permission denied"


def test_file_that_goes_away_or_changes_between_look_and_reading_is_survived(watch: Watch, tmp_path: Path) -> None:
    for name, second in (("a", 0), ("b", 10), ("c", 20)):
        (tmp_path / f"{name}.pcap").write_bytes(capture(second, second + 1))
    found = watch.tap.due(AT, 1)  # the others are opened when their time comes
    (tmp_path / "b.pcap").unlink()
    (tmp_path / "c.pcap").write_bytes(b"no capture any more, but words")
    assert [(packet.at_ns - AT) // SECOND for packet in found] + watch.look() == [0, 1]
    assert watch.tap.error == f"{tmp_path / 'b.pcap'}: No such file or directory, and 1 more"


def test_first_packets_that_are_remembered_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "REMEMBERED", 2)
    watch = Watch(tmp_path)
    for number in range(4):
        (tmp_path / f"{number}.pcap").write_bytes(capture(number))
    assert (watch.look(), len(watch.tap._begun)) == ([0, 1, 2, 3], 2)


def test_folders_and_pipes_in_the_folder_are_left_alone(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    (tmp_path / "a.pcap").write_bytes(capture(0))
    assert (watch.look(), watch.tap.error) == ([0], "")
