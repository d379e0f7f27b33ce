"""Session timers (RFC 4028) as evidence."""

import pytest

from dialogs.config import Config
from dialogs.engine import Engine, Noted
from dialogs.insight import why
from dialogs.packet import SECOND
from tests.dialogs.ladder import feed, packets, run, states

INVITE = "alice -> bob INVITE"
ACK = "\nalice -> bob ACK"
AGREED = f"{INVITE} Session-Expires:1800 Min-SE:90\nbob -> alice 200 Session-Expires:1800;refresher=uac{ACK}"
HEARD = {  # ladder -> (interval, refresher, Min-SE), None without a timer
    "none": (f"{INVITE}\nbob -> alice 200{ACK}", None),
    "agreed": (AGREED, (1800, "caller", 90)),
    "callee refreshes, compact": (f"{INVITE}\nbob -> alice 200 X:90_;_Refresher_=_UAS", (90, "callee", 0)),
    "nobody is named": (f"{INVITE}\nbob -> alice 200 Session-Expires:90;x=1", (90, "", 0)),
    "only asked for": (f"{INVITE} X:90;refresher=uas Min-SE:60", (90, "callee", 60)),
    "declined": (f"{INVITE} Session-Expires:90\nbob -> alice 200", (0, "", 0)),
    "put in by the proxy": (f"{INVITE} X:90\nbob -> proxy 200\nproxy -> alice 200 X:90;refresher=uac", (90, "caller", 0)),
    "left out by the proxy": (f"{INVITE} X:90\nbob -> proxy 200 X:90;refresher=uas\nproxy -> alice 200", (90, "callee", 0)),
    "too small": (f"{INVITE} X:60\nbob -> alice 422 Min-SE:120", (60, "", 120)),
    "too small, nothing asked": (f"{INVITE}\nbob -> alice 422 Min-SE:120", (0, "", 120)),
    "tried again": (f"{INVITE} X:60\nbob -> alice 422 Min-SE:120\nalice -> bob INVITE cseq=2 X:120 Min-SE:120", (120, "", 120)),
    "callee's UPDATE": (AGREED + "\nbob -> alice UPDATE reverse X:600\nalice -> bob 200 of=UPDATE reverse X:600;refresher=uac", (600, "callee", 90)),
    "asked is not agreed": (AGREED + "\nalice -> bob UPDATE cseq=2 X:600", (1800, "caller", 90)),
    "ended": (AGREED + "\nalice -> bob UPDATE cseq=2\nbob -> alice 200 of=UPDATE cseq=2", (0, "", 90)),
    "no number": (f"{INVITE} X:soon\nbob -> alice 200 X:;refresher=uac", None),
    "no such number": (f"{INVITE} X:1234567890", None),
    "of others": (AGREED + "\nalice -> bob INFO cseq=2 X:600", (1800, "caller", 90)),
}


def timer(engine):
    """Return the snapshot's session timer."""
    (call,) = engine.all_calls()
    return engine.snapshot(call.uid).session


@pytest.mark.parametrize(("ladder", "expected"), HEARD.values(), ids=HEARD)
def test_timer_is_what_the_messages_say(ladder, expected):
    session = timer(run(ladder)[0])
    assert (session and (session.interval, session.refresher, session.min_se)) == expected


REFRESHED = {  # what is seen 1000 s after the answer -> how long after the answer the next refresh is due; 0 for never
    "nothing": ("", 1800),
    "UPDATE": ("\nalice -> bob UPDATE cseq=2 X:1800\nbob -> alice 200 of=UPDATE cseq=2 X:1800;refresher=uac", 2800),
    "re-INVITE": ("\nalice -> bob INVITE to=b cseq=2 X:1800\nbob -> alice 200 cseq=2 X:1800;refresher=uac", 2800),
    "shorter": ("\nalice -> bob UPDATE cseq=2 X:100\nbob -> alice 200 of=UPDATE cseq=2 X:100;refresher=uac", 1100),
    "a request alone": ("\nalice -> bob UPDATE cseq=2 X:1800", 2800),
    "refused": ("\nalice -> bob UPDATE cseq=2 X:1800\nbob -> alice 491 of=UPDATE cseq=2", 1800),
    "no timer any more": ("\nalice -> bob UPDATE cseq=2\nbob -> alice 200 of=UPDATE cseq=2", 0),
    "the answer again": ("\nbob -> alice 200 Session-Expires:1800;refresher=uac", 1800),
    "the end": ("\nalice -> bob BYE cseq=2", 0),
}


@pytest.mark.parametrize(("ladder", "seconds"), REFRESHED.values(), ids=REFRESHED)
def test_refresh_is_due_an_interval_after_the_last(ladder, seconds):
    engine, events = run(AGREED + "\n+1000s" + ladder)
    (call,) = engine.all_calls()
    due_ns = timer(engine).due_ns
    assert ((due_ns - call.start_ns) // SECOND if due_ns else 0) == seconds
    last_ns = max(event.at_ns for event in events)
    assert [event.text for event in engine.expire(last_ns + 4000 * SECOND) if isinstance(event, Noted)] == ["session timer expired"] * bool(seconds)


def test_missing_refresh_is_said_once_and_moves_nothing():
    engine, _ = run(AGREED)
    (call,) = engine.all_calls()
    due_ns = timer(engine).due_ns
    assert (engine.next_timeout() <= due_ns, engine.expire(due_ns - 1)) == (True, [])
    assert engine.expire(due_ns + 7) == [Noted(call.uid, due_ns, "session timer expired")]
    assert engine.expire(due_ns + 60 * SECOND) == []
    assert (int(call.state), timer(engine).expired_ns, timer(engine).due_ns) == (4, due_ns, 0)
    assert why(engine.snapshot(call.uid)) == (("warn", "session timer expired: no refresh by caller for 1800 s"),)


def test_nobody_in_particular_was_to_refresh():
    engine, _ = run(f"{INVITE}\nbob -> alice 200 X:90{ACK}\n+100s\nalice -> bob OPTIONS")
    (call,) = engine.all_calls()
    assert why(engine.snapshot(call.uid))[0] == ("warn", "session timer expired: no refresh by either side for 90 s")


def test_refresh_that_comes_after_all_is_believed_and_expected_again():
    engine, events = run(AGREED + "\n+1900s\nalice -> bob UPDATE cseq=2\nbob -> alice 200 of=UPDATE cseq=2 X:1800;refresher=uac")
    (call,) = engine.all_calls()
    assert [event.text for event in events if isinstance(event, Noted)] == ["session timer: 1800 s", "session timer expired", "session timer: 1800 s"]
    assert (timer(engine).expired_ns, why(engine.snapshot(call.uid)), states(events)) == (0, (), [1, 3, 4])
    assert [type(event) for event in engine.expire(timer(engine).due_ns)] == [Noted]


def test_timer_of_a_restored_call_runs_on():
    engine, _ = run(AGREED)
    (call,) = engine.all_calls()
    again = Engine(Config(), "node")
    again.restore(engine.dump(call.uid))
    assert (timer(again), [type(event) for event in again.expire(timer(again).due_ns)]) == (timer(engine), [Noted])


def test_timer_of_a_call_that_was_joined_late_is_heard_by_its_refresh():
    engine = Engine(Config(), "node")
    feed(engine, packets("alice -> bob UPDATE cseq=9 X:90;refresher=uac\n+1.1s\nalice -> bob OPTIONS callid=other"))
    (call,) = engine.all_calls()
    assert (timer(engine).interval, timer(engine).due_ns) == (90, call.init_ns + 90 * SECOND)
