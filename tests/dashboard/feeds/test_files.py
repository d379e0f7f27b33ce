"""Event files on a real disk, and lines that strangers' texts cannot forge."""

import json
import os
import resource

import pytest

from dashboard.feeds.files import EventFile, call_end, token
from dashboard.feeds.window import Item
from dialogs.packet import SECOND

DAY = 86400 * SECOND
START = 1_795_294_717 * SECOND  # 2026-11-21 20:58:37 UTC


def items(*revisions: int, size: int = 0) -> list[Item]:
    return [Item(number, "k", "alert", "", json.dumps({"Revision": number, "Pad": "x" * size}, separators=(",", ":")).encode()) for number in revisions]


def lines(path) -> list[int]:
    return [json.loads(line)["Revision"] for line in path.read_text().splitlines()]


class Clock:
    now_ns = START

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def file(tmp_path):
    made = EventFile(tmp_path / "out" / "events.ndjson", 1000, 3, Clock())
    yield made
    made.close()


def test_events_are_lines_and_the_file_is_its_owners(file):
    file.write(items(1, 2))
    file.write(items(3))
    assert (lines(file.path), oct(file.path.stat().st_mode & 0o777)) == ([1, 2, 3], "0o640")


def test_nothing_is_written_twice_and_half_a_line_is_mended(file, tmp_path):
    file.write(items(1, 2))
    file.close()
    with file.path.open("a") as half:
        half.write('{"Revision":3,"Pa')
    again = EventFile(file.path, 1000, 3)
    again.write(items(2, 3, 4))
    again.close()
    assert lines(file.path) == [1, 2, 3, 4]


def test_full_file_is_closed_and_so_many_are_kept(file):
    for number in range(1, 31):
        file.write(items(number, size=300))
    closed = file.kept()
    assert [path.name for path in closed] == [f"events.2026-11-21.{number:04d}.ndjson" for number in (5, 6, 7)]
    assert [lines(path) for path in closed] == [[17, 18, 19, 20], [21, 22, 23, 24], [25, 26, 27, 28]]
    assert (lines(file.path), file.closed) == ([29, 30], 7)


def test_after_a_crash_at_the_change_of_files_nothing_is_written_twice(file):
    for number in range(1, 5):
        file.write(items(number, size=300))
    file._rotate()
    again = EventFile(file.path, 1000, 3)
    again.write(items(3, 4, 5))
    again.close()
    assert (lines(again.kept()[0]), lines(file.path)) == ([1, 2, 3, 4], [5])


def test_new_day_begins_a_new_file(file):
    file.write(items(1))
    os.utime(file.path, (START // SECOND, START // SECOND))
    file._clock.now_ns += DAY // 8  # 23:58
    file.write(items(2))
    file._clock.now_ns += 60 * 120 * SECOND  # past midnight
    file.write(items(3))
    file._clock.now_ns += 60 * SECOND
    file.write(items(4))
    assert [(path.name, lines(path)) for path in (*file.kept(), file.path)] == [("events.2026-11-21.0001.ndjson", [1, 2]), ("events.ndjson", [3, 4])]


def test_file_of_yesterday_is_closed_after_a_restart(file):
    file.write(items(1))
    file.close()
    os.utime(file.path, (START // SECOND, START // SECOND))
    later = Clock()
    later.now_ns = START + DAY
    again = EventFile(file.path, 1000, 3, later)
    again.write(items(2))
    again.close()
    assert [(path.name, lines(path)) for path in (*again.kept(), file.path)] == [("events.2026-11-21.0001.ndjson", [1]), ("events.ndjson", [2])]


def test_file_that_is_moved_away_is_begun_anew(file):
    file.write(items(1))
    file.path.rename(file.path.with_name("taken"))
    file.write(items(2))
    assert (lines(file.path), lines(file.path.with_name("taken"))) == ([2], [1])


def test_full_disk_is_an_error_and_the_events_come_again(tmp_path):
    file = EventFile(tmp_path / "events.ndjson", 1000, 3)
    file.write(items(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))  # what a full disk is like: so much fits, then no more
    try:
        with pytest.raises(OSError, match="too large"):
            file.write(items(2, 3, size=300))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    file.failed()
    file.write(items(2, 3, size=300))
    file.close()
    assert lines(file.path) == [1, 2, 3]


def test_closed_files_of_others_are_left_alone(file):
    file.write(items(1))
    for name in ("events.2026-11-21.x.ndjson", "events.old.ndjson", "other.2026-11-21.0001.ndjson"):
        file.path.with_name(name).touch()
    assert file.kept() == []


BODY = {
    "Event": "dialog:end",
    "From": "sip:4417@example.net",
    "To": "sip:5000@example.net",
    "CallID": "a b",
    "BillSec": 91.25,
    "Duration": 99.12,
    "Code": 0,
    "Reason": "",
    "EndedBy": "caller",
    "Variables": {},
}


def line(**given: object) -> str:
    return call_end(json.dumps(BODY | given).encode())


def test_line_of_a_call_says_who_and_how_long():
    assert line() == r"CALL_END: from=sip:4417@example.net to=sip:5000@example.net duration=91.250 total=99.120 ended_by=caller call_id=a\x20b"
    failed = line(Event="dialog:failed", Code=486, Reason="Busy Here", EndedBy="callee")
    assert failed == r"CALL_FAILED: from=sip:4417@example.net to=sip:5000@example.net code=486 reason=Busy\x20Here ended_by=callee call_id=a\x20b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "-"),
        ("alice", "alice"),
        ("müller", "müller"),
        ("a b\tc", r"a\x20b\x09c"),
        ("x\r\nCALL_END: from=forged", r"x\x0d\x0aCALL_END:\x20from=forged"),
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202egnp.exe\u200b\u2028", r"\u202egnp.exe\u200b\u2028"),
        ("\U000e0041", r"\U000e0041"),
        ("a\\nb", r"a\x5cnb"),
        ("\ud800", r"\ud800"),
        ("x" * 300, "x" * 256 + "..."),
    ],
)
def test_value_is_one_word_of_one_line(text, expected):
    assert token(text) == expected
