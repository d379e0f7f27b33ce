"""A followed folder over restarts of the ingest: each message is stored once, calls go on."""

import os
import signal
import time
from pathlib import Path

import pytest
from django.db import connection

from dashboard.history import segments
from dashboard.ingest import followed
from dashboard.ingest.followed import Followed
from dashboard.ingest.sources import Request
from dashboard.models import DialogRow, FollowedFile, TapStatus
from dialogs.taps import CaptureFile, FollowTap
from dialogs.taps.growing import Place
from tests.dashboard.ingest.test_loop import Running, row_in_state, until
from tests.dashboard.management.test_live import Process, rows
from tests.dialogs.taps.frames import pcap

BASIC = Path(__file__).resolve().parents[2] / "recordings" / "basic" / "capture.pcap"
RECORDED = [record for chunk in CaptureFile(BASIC).chunks() for record in chunk]
LATER_NS = (time.time_ns() - RECORDED[-1][0]) // 1000 * 1000
"A call of long ago would time out as soon as its folder is read."

FRAMES = [(at_ns + LATER_NS, frame) for at_ns, _, frame in RECORDED]
ANSWERED, WHOLE = 9, 13
"Frames of the recording until the call is up, and in all."

pytestmark = pytest.mark.django_db(transaction=True)


def written(first: int, end: int) -> bytes:
    """Return these frames of the recording as a capture file writes them."""
    return pcap(FRAMES[first:end])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "captures").mkdir()
    return tmp_path / "captures"


def read_up_to(frames):
    return lambda: FollowedFile.objects.filter(frames=frames, size__gt=0).first()


def times(var, column):
    return [message.at_ns for message in segments.read(var / "messages", column).messages]


ONCE = [at_ns for at_ns, _ in FRAMES]


@pytest.mark.asyncio
async def test_call_goes_on_over_a_restart_and_its_messages_are_stored_once(folder, tmp_path):
    asked = Request(follow=[folder])
    path = folder / "a.pcap"
    path.write_bytes(written(0, ANSWERED))
    async with Running(tmp_path, asked=asked):
        before = await until(row_in_state(4))
    async with Running(tmp_path, asked=asked) as running:
        await until(read_up_to(ANSWERED))
        assert running.sources.players[0].packets == 0
    with path.open("ab") as file:
        file.write(written(ANSWERED, WHOLE)[24:])
    async with Running(tmp_path, asked=asked):
        after = await until(row_in_state(5))
        assert (after.uid, after.start_ns, after.ended_by, after.messages) == (before.uid, before.start_ns, "caller", WHOLE)
        await until(read_up_to(WHOLE))
    async with Running(tmp_path, asked=asked) as running:
        await until(lambda: not running.sources.players[0].behind)
    row = await DialogRow.objects.aget()
    assert times(tmp_path, bytes(row.frames)) == ONCE


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_process_that_ends_or_is_killed_goes_on_where_it_was(folder, tmp_path, end):
    var = tmp_path / "var"
    (folder / "a.pcap").write_bytes(written(0, ANSWERED))
    for state, frames, more in ((4, ANSWERED, written(ANSWERED, WHOLE)[24:]), (5, WHOLE, b"")):
        begun = time.monotonic()
        process = Process(var, "ingest", "--follow", str(folder), "--hep", "")
        try:
            process.line("listens to folder:")
            while rows(var, "select state from dashboard_dialogrow")[0][0] != state:
                assert time.monotonic() < begun + 30
            while rows(var, "select frames from dashboard_followedfile where size > 0") != [(frames,)]:
                assert time.monotonic() < begun + 30
        finally:
            process.end(end)
        with (folder / "a.pcap").open("ab") as file:
            file.write(more)
    ((column, messages),) = rows(var, "select frames, messages from dashboard_dialogrow")
    assert (times(var, column), messages) == (ONCE, WHOLE)


@pytest.mark.asyncio
async def test_emptied_folder_is_forgotten_and_read_anew(folder, tmp_path):
    path = folder / "a.pcap"
    path.write_bytes(written(0, ANSWERED))
    async with Running(tmp_path, asked=Request(follow=[folder])):
        await until(read_up_to(ANSWERED))
        path.unlink()
        await until(lambda: not FollowedFile.objects.exists())
        path.write_bytes(written(ANSWERED, WHOLE))
        await until(read_up_to(WHOLE - ANSWERED))


@pytest.fixture
def kept(folder):
    """Returns what a node has kept of a folder, and the tap that is told of it."""
    (folder / "a.pcap").write_bytes(written(0, ANSWERED))
    return Followed("node", [FollowTap(folder)])


def place_of(path):
    status = path.stat()
    return Place(status.st_ino & (1 << 63) - 1, ONCE[0], ANSWERED, status.st_size, status.st_mtime_ns)


def collected(kept):
    """Have the folder read and what was read noted."""
    for tap in kept._taps.values():
        tap.due(1)
    kept.collect()


def test_place_is_stored_as_it_is_and_read_back(kept, folder):
    collected(kept)
    assert FollowedFile.objects.count() == 0
    kept.write()
    kept.write()
    again = Followed("node", [FollowTap(folder)])
    again.load()
    assert [Place(*row) for row in FollowedFile.objects.values_list(*Place._fields)] == [place_of(folder / "a.pcap")]
    assert [tap.due(1) for tap in again._taps.values()] == [[]]
    assert again.names == ["folder:" + "/".join(folder.parts[-2:])]


def test_nodes_and_folders_do_not_share_places(kept, folder, tmp_path):
    collected(kept)
    kept.write()
    (tmp_path / "other").mkdir()
    os.link(folder / "a.pcap", tmp_path / "other" / "a.pcap")
    for other in (Followed("other", [FollowTap(folder)]), Followed("node", [FollowTap(tmp_path / "other")])):
        other.load()
        assert [len(tap.due(1)) for tap in other._taps.values()] == [ANSWERED]


def test_places_of_files_that_are_gone_are_bounded(kept, folder, monkeypatch):
    monkeypatch.setattr(followed, "REMEMBERED", 2)
    collected(kept)
    kept.write()
    gone = [FollowedFile(node="node", folder=str(folder.resolve()), inode=-number, first_ns=number, frames=1, size=1, changed_ns=1) for number in range(1, 6)]
    FollowedFile.objects.bulk_create(gone)
    kept.load()
    assert list(FollowedFile.objects.order_by("-first_ns").values_list("inode", flat=True)) == [place_of(folder / "a.pcap").inode, -5, -4]


def damaged(folder):
    """Write a damaged capture whose name is no text."""
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.pcap")).write_bytes(written(0, ANSWERED) + b"\xff" * 32)


def test_name_that_is_no_text_is_stored(folder, tmp_path):
    damaged(folder)
    kept = Followed("node", [FollowTap(folder)])
    collected(kept)
    kept.write()
    assert FollowedFile.objects.get().error.endswith("?.pcap: damaged record")


@pytest.mark.asyncio
async def test_file_whose_name_is_no_text_does_not_end_the_ingest(folder, tmp_path):
    damaged(folder)
    async with Running(tmp_path, asked=Request(follow=[folder])):
        await until(lambda: TapStatus.objects.filter(error__endswith="?.pcap: damaged record").first())


@pytest.mark.asyncio
async def test_places_wait_while_calls_wait_for_the_database(folder, tmp_path):
    (folder / "a.pcap").write_bytes(written(0, ANSWERED))
    table = DialogRow._meta.db_table
    async with Running(tmp_path, asked=Request(follow=[folder])) as running:
        await until(read_up_to(ANSWERED))
        await until(lambda: renamed(table, "away"))
        with (folder / "a.pcap").open("ab") as file:
            file.write(written(ANSWERED, WHOLE)[24:])
        await until(lambda: running.ingest.recorder.waiting)
        assert await until(read_up_to(ANSWERED))
        await until(lambda: renamed("away", table))
        await until(read_up_to(WHOLE))


def renamed(table, name):
    """Take a table out of the database's sight, or back."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")
    return True
