"""What is counted of each caller."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.config import Config, Dialog
from dialogs.engine import Engine, callers
from dialogs.engine.callers import Caller, Callers
from dialogs.engine.states import CONFIRMED, EARLY, UNCONFIRMED
from dialogs.packet import Endpoint
from tests.dialogs.ladder import START_NS, packets, run

ALICE = "sip:alice@example.org"
ANSWERED = "alice -> bob INVITE\nbob -> alice 180\nbob -> alice 200\nalice -> bob ACK\n"
HOURS = 10 * 3600 * 10**9

COUNTED = {
    "setting up": ("alice -> bob INVITE", (1, 0, 0, 0, 0)),
    "ringing": ("alice -> bob INVITE\nbob -> alice 180", (1, 1, 0, 0, 0)),
    "no ACK": ("alice -> bob INVITE\nbob -> alice 200", (1, 0, 1, 0, 0)),
    "in call": (ANSWERED, (1, 0, 1, 0, 0)),
    "ended": (ANSWERED + "alice -> bob BYE cseq=2", (1, 0, 0, 0, 0)),
    "busy": ("alice -> bob INVITE\nbob -> alice 180\nbob -> alice 486", (1, 0, 0, 1, 0)),
    "refusal seen by its ACK": ("alice -> bob INVITE\nalice -> bob ACK branch=INVITE1", (1, 0, 0, 1, 0)),
    "challenged": ("alice -> bob INVITE\nbob -> alice 407", (1, 0, 0, 1, 0)),
    "challenged, tried again": ("alice -> bob INVITE\nbob -> alice 407\nalice -> bob INVITE cseq=2\nbob -> alice 180 cseq=2", (1, 1, 0, 0, 0)),
    "revived": ("alice -> bob INVITE\nbob -> alice 487\nbob -> alice 200", (1, 0, 1, 1, 0)),
    "two": (ANSWERED + "alice -> bob INVITE callid=2\nbob -> alice 180 callid=2", (2, 1, 1, 0, 0)),
}


@pytest.mark.parametrize(("ladder", "expected"), COUNTED.values(), ids=COUNTED)
def test_calls_count_for_their_caller_and_in_sum(ladder, expected):
    engine, _ = run(ladder)
    counted = engine.calls.callers
    assert (counted.of(ALICE), counted.total(), counted.of("sip:nobody@example.org")) == (Caller(ALICE, *expected), Caller("", *expected), None)


def test_time_out_counts_as_expired():
    engine, events = run(ANSWERED)
    engine.expire(events[-1].at_ns + HOURS)
    assert engine.calls.callers.total() == Caller("", 1, 0, 0, 0, 1)


def test_call_dropped_at_the_cap_counts_no_more():
    engine, _ = run(ANSWERED + "alice -> bob INVITE callid=2", Config(dialog=Dialog(max_dialogs=1)))
    assert engine.calls.callers.of(ALICE) == Caller(ALICE, 2, 0, 0, 0, 0)


def test_restored_call_counts_for_its_caller():
    engine, events = run(ANSWERED)
    other = Engine(Config(), "node")
    other.restore(engine.dump(events[0].uid))
    assert other.calls.callers.of(ALICE) == Caller(ALICE, 1, 0, 1, 0, 0)
    run("alice -> bob BYE cseq=2", engine=other)
    assert other.calls.callers.of(ALICE) == Caller(ALICE, 1, 0, 0, 0, 0)


def test_caller_idle_longest_is_forgotten_and_the_rest_of_its_calls_counts_nowhere(monkeypatch):
    monkeypatch.setattr(callers, "CALLERS_MAX", 2)
    counted = Callers()
    first, second = counted.begin("a", EARLY), counted.begin("b", EARLY)
    counted.move("a", first, EARLY, CONFIRMED)
    counted.begin("c", UNCONFIRMED)
    assert (len(counted), counted.forgotten, counted.of("b")) == (2, 1, None)
    counted.begin("b", UNCONFIRMED)
    counted.move("b", second, EARLY, CONFIRMED)
    counted.fail("b", second)
    assert (counted.of("b"), counted.forgotten, counted.total()) == (Caller("b", 1, 0, 0, 0, 0), 2, Caller("", 4, 0, 2, 1, 0))


def test_top_is_by_active_then_failed_then_processed():
    counted = Callers()
    for uri, active, failed, more in (("a", 0, 1, 0), ("b", 1, 0, 0), ("c", 0, 2, 0), ("d", 1, 3, 0), ("e", 0, 0, 2)):
        for _ in range(active):
            counted.begin(uri, CONFIRMED)
        for _ in range(failed):
            counted.fail(uri, counted.begin(uri, UNCONFIRMED))
        for _ in range(more):
            counted.begin(uri, UNCONFIRMED)
    assert [[caller.caller for caller in counted.top(most)] for most in (9, 2)] == [["d", "b", "c", "a", "e"], ["d", "b"]]


def test_long_uris_are_told_apart_by_their_beginning():
    counted = Callers()
    number = counted.begin("x" * 300, EARLY)
    counted.move("x" * 300, number, EARLY, None)
    assert counted.top(1) == [Caller("x" * 200, 1, 0, 0, 0, 0)]


WORDS = ("INVITE", "ACK to=b", "BYE cseq=2", "180", "200", "200 to=c", "486", "407", "INVITE cseq=2", "CANCEL")
HAPPENED = st.tuples(st.sampled_from(WORDS), st.sampled_from("xyz"), st.sampled_from("abc"), st.integers(0, 400))


@given(st.lists(HAPPENED, max_size=60))
@settings(max_examples=120)
def test_counts_equal_a_recount_after_anything(happened):
    engine, now_ns = Engine(Config(dialog=Dialog(max_dialogs=2))), START_NS
    for words, call_id, user, seconds in happened:
        now_ns += seconds * 10**9
        engine.expire(now_ns)
        drawn = packets(f"a -> b {words} callid={call_id} fromuri=sip:{user}@h")[0]
        engine.receive(drawn.changed(at_ns=now_ns, source=Endpoint("192.0.2.1", 5060), destination=Endpoint("192.0.2.2", 5060)))
        calls = list(engine.all_calls())
        for uri in ("", "sip:a@h", "sip:b@h", "sip:c@h"):
            of = engine.calls.callers.of(uri) if uri else engine.calls.callers.total()
            mine = [call for call in calls if not uri or call.caller.uri == uri]
            expected = (sum(call.state == EARLY for call in mine), sum(call.answered for call in mine))
            assert ((of.early, of.active) if of else (0, 0)) == expected
            assert of is None or min(of[1:]) >= 0
        total, table = engine.calls.callers.total(), engine.calls
        assert (total.processed, total.expired) == (table.processed + table.late_joins, table.expired)
