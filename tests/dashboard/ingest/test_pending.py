"""What a tick hands to the recorder."""

from dashboard.ingest import pending as module
from dashboard.ingest.pending import Pending
from dialogs.config import Config, Peer, Rule
from dialogs.engine import Engine
from dialogs.insight import PeerNames
from tests.dialogs.ladder import START_NS, address, feed, packets, run


def nobody(_call):
    return ""


RINGING = "alice -> proxy INVITE\nproxy -> bob INVITE branch=p\nbob -> proxy 180 branch=p"


def collected(ladder, ended_by=nobody):
    """Return a Pending that has taken a ladder."""
    peers = PeerNames([Peer("edge", (address("proxy").host,), "proxy")])
    engine = Engine(Config(), "node")
    pending = Pending(engine, peers, ended_by)
    pending.take(feed(engine, packets(ladder)))
    return pending


def test_touched_call_is_one_change_with_its_messages():
    pending = collected(RINGING)
    (change,) = pending.changes()
    assert (change.snapshot.state, change.path, change.ended_by, len(change.messages)) == (2, "edge", "", 3)
    assert (change.messages[0].source, change.messages[0].repeat, change.engine) == (str(address("alice")), False, pending.engine.dump(change.snapshot.uid))
    assert pending.changes() == []


def test_ended_call_has_no_engine_state_and_its_operator():
    (change,) = collected("alice -> bob INVITE\nbob -> alice 486", lambda _call: "operator:ann").changes()
    assert (change.engine, change.ended_by, change.evidence) == (None, "operator:ann", (("plain", "busy"),))


def test_touch_writes_a_call_again():
    pending = collected(RINGING)
    (change,) = pending.changes()
    pending.touch(change.snapshot.uid)
    pending.touch("of nobody")
    assert [again.messages for again in pending.changes()] == [[]]


def test_refresh_that_did_not_come_is_written_without_a_message():
    pending = collected("alice -> bob INVITE\nbob -> alice 200 X:90;refresher=uas\nalice -> bob ACK")
    (before,) = pending.changes()
    pending.take(pending.engine.expire(before.snapshot.session.due_ns))
    (after,) = pending.changes()
    assert (before.evidence, after.evidence, after.messages) == ((), (("warn", "session timer expired: no refresh by callee for 90 s"),), [])


def test_call_forgotten_before_it_was_written_is_written_as_it_was():
    engine, events = run("alice -> bob INVITE\nbob -> alice 486")
    pending = Pending(engine, PeerNames([]), nobody)
    pending.take([*events, *engine.expire(events[-1].at_ns + 60 * 10**9)])
    (change,) = pending.changes()
    assert (change.snapshot.end_code, len(change.messages), change.engine) == (486, 2, None)


def test_call_forgotten_after_it_was_written_is_left_alone():
    pending = collected("alice -> bob INVITE\nbob -> alice 486")
    (change,) = pending.changes()
    pending.take(pending.engine.expire(change.snapshot.end_ns + 60 * 10**9))
    assert pending.changes() == []


def test_messages_are_capped_and_counted_but_the_call_is_kept(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 600)
    pending = collected(RINGING)
    assert (pending.full, pending.messages_lost) == (True, 1)
    (change,) = pending.changes()
    assert (len(change.messages), change.snapshot.messages, pending.full) == (2, 3, False)


SPEAKING = Config(rule=(Rule(do=({"alert": "$fU calls"}, {"webhook": "$tU"}, {"terminate": ["callee", "fraud"]}, {"log": "x"})),))


def test_what_rules_say_goes_with_the_call_but_for_the_log():
    engine, events = run(RINGING, SPEAKING)
    pending = Pending(engine, PeerNames([]), nobody)
    pending.take(events)
    (change,) = pending.changes()
    assert [(notice.at_ns, notice.kind, notice.text) for notice in change.notices] == [
        (START_NS, "alert", "alice calls"),
        (START_NS, "webhook", "bob"),
        (START_NS, "terminate", "a rule asked to end this call: ending by rule is off (callee: fraud)"),
    ]
    pending.touch(change.snapshot.uid)
    assert [again.notices for again in pending.changes()] == [()]


def test_flood_of_notices_is_capped_in_each_tick_and_counted(monkeypatch):
    monkeypatch.setattr(module, "NOTICES", 2)
    engine, events = run(RINGING, SPEAKING)
    pending = Pending(engine, PeerNames([]), nobody)
    kept = []
    for _ in range(2):
        pending.take(events)
        kept += [len(change.notices) for change in pending.changes()]
    assert (kept, pending.notices_lost) == ([2, 2], 2)
