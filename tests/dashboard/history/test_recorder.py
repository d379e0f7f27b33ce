"""The recorder on a real database file: upserts, revisions, waiting, restore."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from django.db import connection, connections

from dashboard.history import recorder as module
from dashboard.history.budget import MAX_CALL_MESSAGES
from dashboard.history.recorder import LOST_REASON, Recorder, Restorable
from dashboard.history.rows import KEPT_STATE, MAX_KEY, Notice
from dashboard.history.segments import read
from dashboard.models import Alert, DialogRow, ProfileEntry
from dialogs.engine.snapshot import CallSnapshot, decode
from tests.dashboard.history.calls import NOW, call, change, leg, never

pytestmark = pytest.mark.django_db(transaction=True)
locking = pytest.mark.skipif(connection.vendor != "sqlite", reason="locks SQLite's file")


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with closing(Recorder("n1", lambda tap: tap.startswith("file:"), tmp_path / "messages")) as recorder:
        yield recorder


def texts(recorder: Recorder, row: DialogRow) -> list[str]:
    return [message.data.decode() for message in read(recorder.segments.directory, bytes(row.frames)).messages]


def test_write_fills_the_row(recorder: Recorder) -> None:
    snapshot = call(end_ns=NOW + 9, end_reason="Normal", ended_by="callee", profiles=(("total", ""), ("caller", "sip:4417@example.net")))
    assert recorder.write([change(snapshot, "INVITE", peers=("alice\n", "edge-1"))], NOW) == 1
    row = DialogRow.objects.get()
    fields = {field.attname: getattr(row, field.attname) for field in DialogRow._meta.concrete_fields}
    assert (bytes(fields.pop("engine")), len(fields.pop("frames"))) == (b"state", 20)
    assert decode(bytes(fields.pop("detail"))) == snapshot
    assert fields == {
        "uid": "0000000000000001",
        "revision": 1,
        "node": "n1",
        "tap": "interface:any",
        "recorded": False,
        "call_id": "call-1@192.0.2.7",
        "h_entry": 2429,
        "h_id": 9601,
        "state": 4,
        "from_uri": "sip:4417@example.net",
        "from_user": "4417",
        "from_tag": "tag-caller",
        "to_uri": "sip:5000@example.net",
        "to_user": "5000",
        "to_tag": "tag-callee",
        "init_ns": snapshot.init_ns,
        "ring_ns": snapshot.ring_ns,
        "start_ns": snapshot.start_ns,
        "end_ns": NOW + 9,
        "last_ns": snapshot.last_ns,
        "end_code": 0,
        "end_reason": "Normal",
        "ended_by": "callee",
        "last_event": "ACK",
        "path": "alice -> edge-1",
        "peers": "\nalice\nedge-1\n",
        "evidence": '[["warn","no ACK for 12 s"]]',
        "profiles": '[["total",""],["caller","sip:4417@example.net"]]',
        "messages": 4,
        "user_agent": "",
        "incomplete": False,
    }
    assert [str(entry) for entry in ProfileEntry.objects.order_by("id")] == ["total", "caller=sip:4417@example.net"]


def test_write_again_changes_the_row_and_appends_its_frames(recorder: Recorder) -> None:
    recorder.write([change(call(), "INVITE", "100")], NOW)
    recorder.write([change(call(state=5, messages=6), "BYE", ended_by="operator:anna")], NOW)
    row = DialogRow.objects.get()
    assert (row.state, row.messages, row.ended_by, row.engine, row.revision) == (5, 6, "operator:anna", None, 2)
    assert texts(recorder, row) == ["INVITE", "100", "BYE"]
    assert ProfileEntry.objects.count() == 1


def test_frames_stay_bytes_on_every_value(recorder: Recorder) -> None:
    for _ in range(300):  # offsets and lengths run through NUL, quotes and invalid UTF-8
        recorder.write([change(call(), "x" * 400)], NOW)
    row = DialogRow.objects.get()
    assert (type(row.frames), len(row.frames), len(texts(recorder, row))) == (bytes, 6000, 300)


def test_call_that_begins_again_gives_up_what_was_stored(recorder: Recorder) -> None:
    for _reading in range(2):
        recorder.write([change(call(1), "INVITE", begun=True), change(call(2), "INVITE")], NOW)
        recorder.write([change(call(1), "200")], NOW)
    rows = DialogRow.objects.order_by("uid")
    assert [texts(recorder, row) for row in rows] == [["INVITE", "200"], ["INVITE", "INVITE"]]


def test_write_knows_recordings(recorder: Recorder) -> None:
    recorder.write([change(call(1)), change(call(2, tap="file:demo"))], NOW)
    assert list(DialogRow.objects.order_by("uid").values_list("recorded", flat=True)) == [False, True]


def test_write_of_nothing_writes_nothing(recorder: Recorder) -> None:
    assert (recorder.write([], NOW), recorder.revision) == (0, 0)


def test_each_transaction_has_its_own_revision(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BATCH", 2)
    assert recorder.write([change(call(number)) for number in range(5)], NOW) == 5
    assert list(DialogRow.objects.order_by("uid").values_list("revision", flat=True)) == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(("batch", "seconds", "following"), [(500, 0.2, 250), (1, 0.2, 1), (100, 0.02, 100), (100, 0.001, 200), (400, 0.001, module.MAX_BATCH)])
def test_transactions_are_paced_by_their_time(batch: int, seconds: float, following: int) -> None:
    assert module.paced(batch, seconds) == following


@pytest.mark.parametrize(("seconds", "sizes"), [(0.001, [2, 4, 8, 6]), (0.02, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]), (0.2, [2] + [1] * 18)])
def test_transactions_grow_while_they_are_quick(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, seconds: float, sizes: list[int]) -> None:
    clock = count(1000.0, seconds)
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    recorder.batch = 2
    recorder.write([change(call(number)) for number in range(20)], NOW)
    assert sorted(Counter(DialogRow.objects.values_list("revision", flat=True)).items()) == list(enumerate(sizes, 1))


def test_transactions_are_cut_by_size_too(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BATCH_BYTES", 100_000)
    recorder.write([change(call(number), engine=bytes(60_000)) for number in range(3)], NOW)
    assert list(DialogRow.objects.order_by("uid").values_list("revision", flat=True)) == [1, 2, 3]


def test_revisions_go_on_after_a_restart_and_after_retention(recorder: Recorder, tmp_path: Path) -> None:
    recorder.write([change(call(1))], NOW)
    with closing(Recorder("n2", never, tmp_path)) as other:
        other.write([change(call(2))], NOW)
    recorder.write([change(call(3))], NOW)
    DialogRow.objects.all().delete()
    recorder.write([change(call(4))], NOW)
    assert DialogRow.objects.get().revision == 4


@locking
def test_locked_database_keeps_the_calls_and_merges_them(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0)
    connection.close()
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert recorder.write([change(call(1), "INVITE", begun=True), change(call(2))], NOW) == 0
        assert recorder.error == "database: database is locked"
        assert recorder.write([change(call(1, state=5), "BYE")], NOW) == 0
        other.execute("ROLLBACK")
    assert recorder.write([], NOW) == 2
    assert (recorder.error, recorder.waiting) == ("", {})
    row = DialogRow.objects.get(uid=call(1).uid)
    assert (row.state, texts(recorder, row), DialogRow.objects.count()) == (5, ["INVITE", "BYE"], 2)
    connection.close()


def test_waiting_is_bounded(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    recorder.write([change(call(number)) for number in range(3)], NOW)
    assert (recorder.dropped, sorted(DialogRow.objects.values_list("uid", flat=True))) == (1, [call(1).uid, call(2).uid])


def test_a_call_that_the_database_refuses_is_lost_alone(recorder: Recorder) -> None:
    poison = call(2, end_code=1 << 70)
    assert recorder.write([change(call(1)), change(poison), change(call(3))], NOW) == 2
    assert (recorder.rejected, recorder.error.partition(":")[0]) == (1, "database refused a call")
    assert sorted(DialogRow.objects.values_list("uid", flat=True)) == [call(1).uid, call(3).uid]
    assert recorder.write([change(call(4))], NOW) == 1


@pytest.mark.parametrize(
    ("snapshot", "column", "expected"),
    [
        (call(call_id="a\0b"), "call_id", "ab"),
        (call(call_id="é☎" * 300), "call_id", "é☎" * 256),
        (call(call_id="x" * 70_000), "call_id", "x" * MAX_KEY),
        (call(h_id=1 << 70), "h_id", (1 << 63) - 1),
        (call(caller=leg("caller", "+49301234;npdi:secret")), "from_user", "+49301234"),
        (call(caller=leg("caller", "4417:secret")), "from_user", "4417"),
    ],
)
def test_hostile_values_fit_the_column(recorder: Recorder, snapshot: CallSnapshot, column: str, expected: object) -> None:
    assert recorder.write([change(snapshot)], NOW) == 1
    assert getattr(DialogRow.objects.get(), column) == expected


def test_broken_disk_loses_messages_and_says_so(recorder: Recorder) -> None:
    recorder.segments.directory.write_text("in the way")
    assert recorder.write([change(call(), "INVITE", "100")], NOW) == 1
    assert recorder.error.startswith("message store: ")
    assert recorder.messages_lost == 2
    recorder.segments.directory.unlink()
    recorder.write([change(call(), "180")], NOW)
    found = read(recorder.segments.directory, bytes(DialogRow.objects.get().frames))
    assert ([message.data for message in found.messages], found.more, recorder.error) == ([b"180"], 2, "")


def test_too_many_messages_are_counted(recorder: Recorder) -> None:
    recorder.write([change(call(), *["x"] * (MAX_CALL_MESSAGES + 3))], NOW)
    recorder.write([change(call(state=5), "x")], NOW)
    found = read(recorder.segments.directory, bytes(DialogRow.objects.get().frames))
    assert (len(found.messages), found.more) == (MAX_CALL_MESSAGES, 4)


def test_restore_gives_live_calls_of_this_node_only(recorder: Recorder) -> None:
    ended = change(call(2, state=5))
    recorder.write([change(call(1), "INVITE", engine=b"\0\xff"), ended, change(call(3, tap="file:x")), change(call(4, node="n2"))], NOW)
    assert list(recorder.restore()) == [Restorable(call(1).uid, b"\0\xff")]
    assert recorder.budget.calls[call(1).uid].messages == 1


def test_close_lost_ends_what_was_not_restored(recorder: Recorder) -> None:
    recorder.write([change(call(1)), change(call(2)), change(call(3, tap="file:x")), change(call(4, node="n2"))], NOW)
    DialogRow.objects.filter(uid=call(3).uid).update(detail=b"of another version")
    assert recorder.close_lost({call(1).uid}) == 2
    rows = {row.uid: row for row in DialogRow.objects.all()}
    lost = rows[call(2).uid]
    assert (lost.state, lost.end_ns, lost.end_reason, lost.engine, lost.revision) == (5, lost.last_ns, LOST_REASON, None, 2)
    assert lost.snapshot == call(2, state=5, end_ns=lost.last_ns, end_reason=LOST_REASON)
    assert [rows[call(number).uid].state for number in (1, 3, 4)] == [4, 5, 4]
    assert bytes(rows[call(3).uid].detail) == b"of another version"
    assert recorder.close_lost({call(1).uid}) == 0


def test_another_thread_reads_every_revision_once(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that only ever asks above the newest revision it has seen sees every row."""
    monkeypatch.setattr(module, "MAX_BATCH", 3)
    seen: set[str] = set()
    done = threading.Event()

    def follow() -> None:
        revision, last = 0, False
        while not last:
            last = done.wait(0.001)
            for uid, at in DialogRow.objects.changed_since(revision).values_list("uid", "revision"):
                seen.add(uid)
                revision = max(revision, at)
        connections.close_all()

    reader = threading.Thread(target=follow)
    reader.start()
    for tick in range(20):
        recorder.write([change(call(tick * 10 + number)) for number in range(10)], NOW)
    done.set()
    reader.join()
    assert len(seen) == 200


def engine_of(number: int) -> bytes | None:
    state = DialogRow.objects.get(uid=call(number).uid).engine
    return None if state is None else bytes(state)


def test_state_that_is_stored_stays_when_its_row_says_so(recorder: Recorder) -> None:
    states = []
    for engine in (KEPT_STATE, b"one", KEPT_STATE, b"two", None, KEPT_STATE):
        recorder.write([change(call(1), engine=engine)], NOW)
        states.append(engine_of(1))
    assert states == [b"", b"one", b"one", b"two", None, None]


def test_keep_stores_states_of_live_calls_and_moves_no_revision(recorder: Recorder) -> None:
    recorder.write([change(call(1), engine=None), change(call(2, state=5)), change(call(3), engine=None)], NOW)
    before = sorted(DialogRow.objects.values_list("uid", "revision"))
    assert recorder.keep([(call(1).uid, b"state"), (call(2).uid, b"ended meanwhile"), ("of nobody", b"x")])
    assert ([engine_of(number) for number in (1, 2, 3)], sorted(DialogRow.objects.values_list("uid", "revision"))) == ([b"state", None, None], before)
    assert [held.uid for held in recorder.restore()] == [call(1).uid]


@locking
def test_keep_waits_for_a_locked_database_and_for_its_rows(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder.write([change(call(1), engine=None)], NOW)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0)
    connection.close()
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        kept = [recorder.keep([(call(1).uid, b"state")])]
        assert recorder.error == "database: database is locked"
        recorder.write([change(call(1), engine=None)], NOW)
        other.execute("ROLLBACK")
        kept.append(recorder.keep([(call(1).uid, b"state")]))
    recorder.write([], NOW)
    kept.append(recorder.keep([(call(1).uid, b"state")]))
    assert (kept, engine_of(1)) == ([False, False, True], b"state")
    connection.close()


def test_forgotten_states_are_this_nodes_live_ones(recorder: Recorder) -> None:
    recorder.write([change(call(1)), change(call(2, node="n2"))], NOW)
    recorder.forget_states()
    assert [engine_of(number) for number in (1, 2)] == [None, b"state"]


@locking
def test_what_rules_said_is_written_with_its_call_once(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Notice(NOW, "alert", "58 calls\0"), Notice(NOW + 1, "terminate", "a rule asked")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0)
    connection.close()
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorder.write([change(call(1), notices=(one,))], NOW)
        other.execute("ROLLBACK")
    recorder.write([change(call(1), notices=(two,))], NOW)
    recorder.write([change(call(1))], NOW)
    found = Alert.objects.order_by("pk").values_list("at_ns", "kind", "text", "dialog_uid", "node", "seen")
    assert list(found) == [(NOW, "alert", "58 calls", call(1).uid, "n1", False), (NOW + 1, "terminate", "a rule asked", call(1).uid, "n1", False)]
    connection.close()
