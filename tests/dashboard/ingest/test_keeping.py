"""Which engine states are stored, by mode."""

import pytest

from dashboard.history.rows import KEPT_STATE
from dashboard.ingest import keeping as module
from dashboard.ingest.keeping import Held, Keeping
from dialogs.config import Config, Dialog
from dialogs.engine import Engine
from tests.dialogs.ladder import run

SECOND = 10**9
NOW = 1_700_000_100 * SECOND
RINGING = "alice -> bob INVITE\nbob -> alice 180"
ANSWERED = RINGING + "\nbob -> alice 200\nalice -> bob ACK"


def kept(mode, ladder=RINGING, **values):
    """Return (keeping, engine, the one call's uid)."""
    engine, events = run(ladder, Config(dialog=Dialog(db_mode=mode, **values)))
    return Keeping(engine.config.dialog, engine), engine, events[0].uid


@pytest.mark.parametrize(
    ("mode", "row", "at_the_end"),
    [(0, False, False), (1, True, False), (2, False, True), (3, False, True)],
    ids=["none", "realtime", "delayed", "shutdown"],
)
def test_mode_says_when_a_state_is_stored(mode, row, at_the_end):
    keeping, engine, uid = kept(mode)
    state = engine.dump(uid)
    assert keeping.of(engine.snapshot(uid)) == (state if row else None)
    assert keeping.last() == ([Held(uid, state)] if at_the_end else [])


@pytest.mark.parametrize(
    ("values", "loads", "empties"),
    [
        ({"db_mode": 0}, False, False),
        ({"db_mode": 1}, True, False),
        ({"db_mode": 2}, True, False),
        ({"db_mode": 3}, True, True),
        ({"db_mode": 1, "db_skip_load": True}, False, False),
    ],
)
def test_start_reads_back_what_the_mode_stores(values, loads, empties):
    keeping = Keeping(Dialog(**values), Engine(Config()))
    assert (keeping.loads, keeping.empties) == (loads, empties)


def test_delayed_stores_each_period_what_has_changed():
    keeping, engine, uid = kept(2, db_update_period=60)
    assert keeping.due(NOW) == []
    keeping.of(engine.snapshot(uid))
    assert keeping.due(NOW + 59 * SECOND) == []
    stored = keeping.due(NOW + 60 * SECOND)
    assert stored == [Held(uid, engine.dump(uid))]
    assert keeping.due(NOW + 61 * SECOND) == stored  # the database did not take it: once more
    keeping.done(stored)
    assert (keeping.due(NOW + 62 * SECOND), keeping.due(NOW + 200 * SECOND), keeping.last()) == ([], [], [])


def test_stored_state_stays_while_it_tells_the_calls_state_and_no_longer():
    keeping, engine, uid = kept(2)
    keeping.due(NOW)
    rows = [keeping.of(engine.snapshot(uid))]
    keeping.done(keeping.due(NOW + 60 * SECOND))
    run("bob -> alice 183", engine=engine)
    rows.append(keeping.of(engine.snapshot(uid)))
    run("bob -> alice 200", engine=engine)
    rows += [keeping.of(engine.snapshot(uid)), keeping.of(engine.snapshot(uid))]
    run("alice -> bob ACK\nalice -> bob BYE cseq=2", engine=engine)
    rows.append(keeping.of(engine.snapshot(uid)))
    assert (rows, keeping.last()) == ([None, KEPT_STATE, None, None, None], [])


def test_restored_state_stays_too():
    keeping, engine, uid = kept(2, ANSWERED)
    keeping.restored([uid, "of nobody"])
    assert keeping.of(engine.snapshot(uid)) == KEPT_STATE


def test_period_is_spread_over_ticks(monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    engine, _ = run("\n".join(f"alice -> bob INVITE callid={number}" for number in range(5)), Config(dialog=Dialog(db_mode=2)))
    keeping = Keeping(engine.config.dialog, engine)
    keeping.due(NOW)
    for call in engine.all_calls():
        keeping.of(engine.snapshot(call.uid))
    sizes = []
    for tick in range(4):
        stored = keeping.due(NOW + 60 * SECOND + tick)
        keeping.done(stored)
        sizes.append(len(stored))
    assert sizes == [2, 2, 1, 0]


def test_call_that_ended_in_its_period_is_not_stored():
    keeping, engine, uid = kept(2)
    keeping.due(NOW)
    keeping.of(engine.snapshot(uid))
    run("bob -> alice 486", engine=engine)
    assert keeping.due(NOW + 60 * SECOND) == []
    keeping.done([])


def test_clock_set_back_does_not_stop_the_periods():
    keeping, engine, uid = kept(2)
    keeping.due(NOW)
    keeping.of(engine.snapshot(uid))
    assert [held.uid for held in keeping.due(NOW - 3600 * SECOND)] == [uid]
