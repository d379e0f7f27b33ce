"""The message store on a real disk: appended, read, damaged, pruned."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dashboard.history.messages import Frame, StoredMessage, pack
from dashboard.history.segments import DAY_NS, HOUR_NS, Found, Pruned, SegmentWriter, name_of, prune, read, segment_of, usage

NOW = 1_795_294_717 * 10**9  # 2026-11-21 20:58:37 UTC


def message(text: str) -> StoredMessage:
    return StoredMessage(NOW, "192.0.2.1:5060", "192.0.2.2:5060", "udp", repeat=False, data=text.encode())


def texts(found: Found) -> list[str]:
    return [message.data.decode() for message in found.messages]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SegmentWriter]:
    with closing(SegmentWriter(tmp_path / "messages")) as writer:
        yield writer


def test_append_then_read(writer: SegmentWriter) -> None:
    first = writer.append(NOW, [[message("INVITE"), message("100")], [message("other call")]])
    second = writer.append(NOW + 1, [[message("200")]])
    assert read(writer.directory, pack([first[0], *second])) == Found((message("INVITE"), message("100"), message("200")), (), 0)
    assert [path.name for path in writer.directory.iterdir()] == ["2026-11-21T20.zst"]
    assert (writer.directory / "2026-11-21T20.zst").stat().st_mode & 0o007 == 0


def test_append_begins_a_file_each_hour(writer: SegmentWriter) -> None:
    frames = [writer.append(NOW + hour * HOUR_NS, [[message(str(hour))]])[0] for hour in range(3)]
    assert sorted(path.name for path in writer.directory.iterdir()) == ["2026-11-21T20.zst", "2026-11-21T21.zst", "2026-11-21T22.zst"]
    assert texts(read(writer.directory, pack(frames))) == ["0", "1", "2"]


def test_append_after_a_crash_leaves_the_torn_frame_alone(writer: SegmentWriter) -> None:
    first = writer.append(NOW, [[message("before")]])
    writer.close()
    path = writer.directory / name_of(first[0].segment)
    path.write_bytes(path.read_bytes() + b"\x28\xb5\x2f\xfd torn")
    with closing(SegmentWriter(writer.directory)) as again:
        second = again.append(NOW, [[message("after")]])
    assert texts(read(writer.directory, pack([*first, *second]))) == ["before", "after"]


def test_append_after_unlink_writes_a_file_that_exists(writer: SegmentWriter) -> None:
    lost = writer.append(NOW, [[message("lost")]])
    (writer.directory / name_of(lost[0].segment)).unlink()
    kept = writer.append(NOW, [[message("kept")]])
    assert texts(read(writer.directory, pack(kept))) == ["kept"]


def test_append_on_a_broken_disk_raises_and_recovers(writer: SegmentWriter) -> None:
    writer.directory.write_text("a file where the directory should be")
    with pytest.raises(OSError, match="File exists"):
        writer.append(NOW, [[message("x")]])
    writer.directory.unlink()
    assert texts(read(writer.directory, pack(writer.append(NOW, [[message("x")]])))) == ["x"]


def test_append_on_a_full_disk_raises_and_recovers(writer: SegmentWriter) -> None:
    writer.append(NOW, [[message("x")]])
    path = writer.directory / name_of(writer.segment)
    writer.close()
    path.rename(writer.directory / "kept")
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        writer.append(NOW, [[message("y")]])
    path.unlink()
    assert texts(read(writer.directory, pack(writer.append(NOW, [[message("z")]])))) == ["z"]


def test_read_says_what_retention_took(writer: SegmentWriter) -> None:
    frames = [writer.append(NOW + hour * HOUR_NS, [[message(str(hour))]])[0] for hour in (0, 0, 1)]
    (writer.directory / name_of(frames[0].segment)).unlink()
    found = read(writer.directory, pack(frames))
    assert (texts(found), found.gone) == (["1"], ("messages of 2026-11-21 20:00 UTC are no longer kept",))


@pytest.mark.parametrize(
    "frame",
    [
        Frame(NOW // HOUR_NS, 3, 40),
        Frame(NOW // HOUR_NS, 1 << 62, 10),
        Frame(NOW // HOUR_NS, (1 << 64) - 1, 10),
        Frame(NOW // HOUR_NS, 0, (1 << 32) - 1),
        Frame(1 << 60, 0, 10),
    ],
    ids=["into-a-frame", "behind-the-end", "offset-nonsense", "length-nonsense", "hour-nonsense"],
)
def test_read_says_what_is_damaged(writer: SegmentWriter, frame: Frame) -> None:
    good = writer.append(NOW, [[message("good")]])
    found = read(writer.directory, pack([*good, frame]))
    assert (texts(found), found.gone) == (["good"], ("some messages are damaged on the disk",))


def test_read_counts_what_was_not_stored(tmp_path: Path) -> None:
    assert read(tmp_path, pack([Frame(0, 2, 0), Frame(0, 7, 0)])) == Found((), (), 7)


@pytest.mark.parametrize("name", ["2026-11-21T21", "x.zst", "2026-11-21T21.zst.bak", "2026-13-21T21.zst", ""])
def test_segment_of_other_files_is_none(name: str) -> None:
    assert segment_of(name) is None


def test_segment_names_go_both_ways() -> None:
    assert segment_of(name_of(NOW // HOUR_NS)) == NOW // HOUR_NS


def stored(directory: Path, hours: tuple[int, ...], size: int) -> None:
    for hour in hours:
        (directory / name_of(NOW // HOUR_NS - hour)).write_bytes(bytes(size))


@pytest.mark.parametrize(
    ("days", "gb", "left", "pruned"),
    [
        (0, 0, [200, 100, 2, 1, 0], Pruned()),
        (7, 0, [100, 2, 1, 0], Pruned(1, 1000)),
        (0, 3000e-9, [2, 1, 0], Pruned(2, 2000)),
        (4, 2500e-9, [1, 0], Pruned(3, 3000)),
        (0, 1e-9, [0], Pruned(4, 4000)),
        (1e-6, 0, [0], Pruned(4, 4000)),
    ],
    ids=["no-limit", "days", "gb", "both", "tiny-gb", "tiny-days"],
)
def test_prune_unlinks_the_oldest(tmp_path: Path, days: float, gb: float, left: list[int], pruned: Pruned) -> None:
    stored(tmp_path, (0, 1, 2, 100, 200), 1000)
    (tmp_path / "notes.txt").write_text("not ours")
    assert prune(tmp_path, NOW, days, gb) == pruned
    assert {path.name for path in tmp_path.iterdir()} == {name_of(NOW // HOUR_NS - hour) for hour in left} | {"notes.txt"}
    assert usage(tmp_path) == (len(left), 1000 * len(left))


def test_prune_keeps_exactly_what_is_not_yet_too_old(tmp_path: Path) -> None:
    stored(tmp_path, (24,), 10)
    end = (NOW // HOUR_NS - 23) * HOUR_NS
    assert prune(tmp_path, end + DAY_NS, 1, 0) == Pruned()
    assert prune(tmp_path, end + DAY_NS + 1, 1, 0) == Pruned(1, 10)


def test_prune_without_a_directory_is_nothing(tmp_path: Path) -> None:
    assert (prune(tmp_path / "none", NOW, 7, 5), usage(tmp_path / "none")) == (Pruned(), (0, 0))
