"""What is told of calls: moments of whole ladders, through the engine."""

import pytest

from dashboard.ingest.moments import CHALLENGED_NS, Moments
from dashboard.ingest.pending import Pending
from dialogs.config import Config
from dialogs.engine import Engine
from dialogs.insight import PeerNames
from dialogs.packet import SECOND
from tests.dialogs.ladder import packets

BEGIN = "alice -> bob INVITE\n"
ANSWERED = BEGIN + "bob -> alice 180\nbob -> alice 200\nalice -> bob ACK\n"
CHALLENGED = BEGIN + "bob -> alice 407\nalice -> bob ACK\n"
AGAIN = "alice -> bob INVITE cseq=2 branch=again\nbob -> alice 200 cseq=2 branch=again\nalice -> bob ACK cseq=2 branch=again2\n"


def moments(*ticks: str, seconds: float = 0.0, last: bool = False) -> list[tuple[str, ...]]:
    """Return the moments of each tick in which these ladders pass, and of one `seconds` after."""
    engine = Engine(Config(), "n1")
    pending = Pending(engine, PeerNames(()), lambda _call: "")
    found, whole, done = [], "", 0
    for ladder in ticks:
        whole += ladder
        passed = packets(whole)
        for packet in passed[done:]:
            pending.take(engine.expire(packet.at_ns))
            pending.take(engine.receive(packet))
        done = len(passed)
        now = passed[-1].at_ns
        found += [change.moments for change in pending.changes(now)]
    found += [change.moments for change in pending.changes(now)]  # the tick that first sees what is held
    found += [change.moments for change in pending.changes(now + int(seconds * SECOND), last=last)]
    return [each for each in found if each]


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ((BEGIN,), [("dialog:created",)]),
        ((ANSWERED,), [("dialog:created", "dialog:start")]),
        ((BEGIN, "bob -> alice 180\nbob -> alice 200\n", "alice -> bob ACK\n"), [("dialog:created",), ("dialog:start",)]),
        ((ANSWERED, "alice -> bob BYE cseq=2\n"), [("dialog:created", "dialog:start"), ("dialog:end",)]),
        ((ANSWERED, "alice -> bob BYE cseq=2\n", "bob -> alice 200 BYE cseq=2\n"), [("dialog:created", "dialog:start"), ("dialog:end",)]),
        ((ANSWERED + "alice -> bob BYE cseq=2\n",), [("dialog:created", "dialog:start", "dialog:end")]),
        ((BEGIN, "bob -> alice 486\n", "alice -> bob ACK\n"), [("dialog:created",), ("dialog:failed",)]),
        ((BEGIN, "alice -> bob CANCEL\nbob -> alice 487\n"), [("dialog:created",), ("dialog:failed",)]),
    ],
)
def test_each_moment_is_told_once(ticks, expected):
    assert moments(*ticks) == expected


def test_challenge_is_no_failure_when_the_caller_tries_again():
    assert moments(CHALLENGED, AGAIN, seconds=60) == [("dialog:created",), ("dialog:start",)]
    assert moments(CHALLENGED + AGAIN, seconds=60) == [("dialog:created", "dialog:start")]


def test_challenge_is_a_failure_when_nothing_follows():
    assert moments(CHALLENGED, seconds=4) == [("dialog:created",)]
    assert moments(CHALLENGED, seconds=CHALLENGED_NS / SECOND) == [("dialog:created",), ("dialog:failed",)]


def test_challenge_that_is_waited_for_at_the_end_is_told():
    assert moments(CHALLENGED, last=True) == [("dialog:created",), ("dialog:failed",)]


def test_challenged_calls_that_are_waited_for_are_capped(monkeypatch):
    monkeypatch.setattr("dashboard.ingest.moments.HELD_MAX", 0)
    assert moments(CHALLENGED) == [("dialog:created",), ("dialog:failed",)]


def test_call_that_the_engine_forgets_first_is_told_all_the_same():
    engine = Engine(Config(), "n1")
    pending = Pending(engine, PeerNames(()), lambda _call: "")
    for packet in packets(CHALLENGED):
        pending.take(engine.receive(packet))
    pending.changes(packets(CHALLENGED)[-1].at_ns)
    pending.take(engine.expire(packets(CHALLENGED)[-1].at_ns + 3600 * SECOND))
    assert [change.moments for change in pending.changes(0)] == [("dialog:failed",)]


def test_call_that_is_joined_late_and_up_begins_and_starts():
    ladder = "alice -> bob UPDATE cseq=7\nbob -> alice 200 UPDATE cseq=7\n"
    engine = Engine(Config(), "n1")
    pending = Pending(engine, PeerNames(()), lambda _call: "")
    for packet in packets(ladder):
        pending.take(engine.receive(packet))
    pending.take(engine.expire(packets(ladder)[-1].at_ns + 2 * SECOND))
    assert [change.moments for change in pending.changes(0)] == [("dialog:created", "dialog:start")]


def test_nothing_is_remembered_of_a_tick_that_is_over():
    moments_ = Moments()
    moments_.clear()
    assert (list(moments_.due(0)), moments_.awaits("x")) == ([], False)
