"""Calls whose INVITE was not seen."""

import pytest

from dialogs.config import Config, Dialog, Rule
from dialogs.engine import Created, Engine, Said, Seen, strays
from dialogs.engine.unseen import CALLEE_ONLY, CALLER_ONLY, GUESSED, LATE, REQUESTS_ONLY
from dialogs.packet import SECOND
from tests.dialogs.ladder import address, feed, packets, run, states

DIALOG = "\nalice -> bob OPTIONS callid=later"
"Something else, so that time goes on."

RE_INVITE = "alice -> bob INVITE to=b cseq=7\nbob -> alice 200 cseq=7\nalice -> bob ACK cseq=7"
JOINS = {  # what is seen in the first second -> states, notes, who called
    "ringing": ("bob -> alice 180", [2], (LATE,), "alice"),
    "answer": ("bob -> alice 200\nbob -> alice 200 branch=r", [3], (LATE, CALLEE_ONLY), "alice"),
    "answer and ACK": ("bob -> alice 200\nalice -> bob ACK", [3, 4], (LATE,), "alice"),
    "ACK overtook": ("alice -> bob ACK\nbob -> alice 200", [3, 4], (LATE,), "alice"),
    "short call": ("bob -> alice 200\nalice -> bob ACK\nalice -> bob BYE cseq=2", [3, 4, 5], (LATE,), "alice"),
    "BYE overtook": ("alice -> bob BYE cseq=2\nbob -> alice 200", [3, 5], (LATE,), "alice"),
    "behind a proxy": ("bob -> proxy 180\nproxy -> alice 180\nbob -> proxy 200\nproxy -> alice 200", [2, 3], (LATE, CALLEE_ONLY), "alice"),
    "after a fork that was refused": ("carol -> alice 486 to=c\nalice -> carol ACK to=c\nbob -> alice 180", [2], (LATE,), "alice"),
    "re-INVITE": (RE_INVITE, [4], (GUESSED,), "alice"),
    "callee's re-INVITE": ("bob -> alice INVITE reverse to=b cseq=1\nalice -> bob 200 reverse cseq=1", [4], (GUESSED,), "bob"),
    "UPDATE": ("alice -> bob UPDATE cseq=3\nbob -> alice 200 of=UPDATE cseq=3", [4], (GUESSED,), "alice"),
    "INFO, one direction": ("alice -> bob INFO cseq=3", [4], (GUESSED, CALLER_ONLY), "alice"),
    "UPDATE while it rings": ("alice -> bob UPDATE cseq=3\nbob -> alice 180", [2], (LATE,), "alice"),
    "PRACK": ("alice -> bob PRACK cseq=3 RAck:9_1_INVITE", [2], (GUESSED,), "alice"),
    "PRACK, then the answer": ("alice -> bob PRACK cseq=3 RAck:9_1_INVITE\nbob -> alice 200\nalice -> bob ACK", [2, 3, 4], (GUESSED,), "alice"),
}


@pytest.mark.parametrize(("ladder", "path", "notes", "caller"), JOINS.values(), ids=JOINS)
def test_what_proves_a_call_begins_it(ladder, path, notes, caller):
    engine, events = run(ladder + "\n+1.1s" + DIALOG)
    (call,) = engine.all_calls()
    shown = engine.snapshot(call.uid)
    assert (states(events), shown.state, shown.incomplete) == (path, path[-1], notes)
    assert (shown.caller.uri, shown.init_ns, engine.outside) == (f"sip:{caller}@example.org", shown.transitions[0].at_ns, engine.messages - call.messages)
    assert [type(event) for event in events[:2]] == [Seen, Created]
    assert (engine.calls.late_joins, engine.calls.processed, engine.families, engine.all_records()) == (1, 0, 0, [])


NO_CALLS = {
    "BYE": "alice -> bob BYE cseq=2\nbob -> alice 200 of=BYE cseq=2",
    "ACK": "alice -> bob ACK",
    "refusal": "bob -> alice 486\nalice -> bob ACK",
    "trying": "bob -> alice 100 to=b",
    "CANCEL": "alice -> bob CANCEL to=b",
    "ringing without To-tag": "bob -> alice 180 to=-",
    "answer without From-tag": "bob -> alice 200 from=-",
    "subscription": "alice -> bob SUBSCRIBE to=b\nbob -> alice NOTIFY reverse\nbob -> alice 200 of=NOTIFY",
    "others": "alice -> bob REFER\nalice -> bob OPTIONS\nalice -> bob MESSAGE\nbob -> alice 200 of=UPDATE\nbob -> alice 200 of=INFO",
    "PRACK of nothing": "alice -> bob PRACK",
    "PRACK of what is no number": "alice -> bob PRACK RAck:1_x_INVITE",
    "PRACK of a number too long": "alice -> bob PRACK RAck:1_12345678901_INVITE",
}


@pytest.mark.parametrize("ladder", NO_CALLS.values(), ids=NO_CALLS)
def test_what_proves_no_call_begins_none(ladder):
    engine, events = run(ladder + "\n+1.1s" + DIALOG)
    assert (events, engine.outside, list(engine.all_calls())) == ([], engine.messages, [])


def test_call_is_joined_when_its_second_is_over_and_not_before():
    engine, events = run("bob -> alice 200\nalice -> bob ACK")
    first_ns = packets("bob -> alice 200")[0].at_ns
    due_ns = engine.next_timeout()
    assert (events, due_ns, engine.expire(first_ns + SECOND)) == ([], first_ns + SECOND + 1, [])
    assert states(engine.expire(due_ns)) == [3, 4]
    assert engine.next_timeout() > due_ns
    (call,) = engine.all_calls()
    assert (call.init_ns, call.start_ns, engine.packets, engine.messages, engine.outside) == (first_ns, first_ns, 2, 2, 0)


ENDS = {
    "BYE": ("alice -> bob BYE cseq=8", "caller"),
    "callee's BYE": ("bob -> alice BYE reverse", "callee"),
    "nothing more": ("+21600s" + DIALOG, "timeout"),
}


@pytest.mark.parametrize(("end", "by"), ENDS.values(), ids=ENDS)
def test_call_that_was_joined_late_ends_as_any_other(end, by):
    engine, _ = run(RE_INVITE + "\n+1.1s" + DIALOG + "\n+5s\n" + end)
    (call,) = engine.all_calls()
    assert (int(call.state), call.ended_by, call.start_ns) == (5, by, call.init_ns)
    assert set(engine.calls.by_state.values()) == {0, 1}


STILL_RANG = {  # what follows an UPDATE that came while it rang
    "rings": ("bob -> alice 180", [4, 2], 0),
    "answered": ("bob -> alice 200\nalice -> bob ACK", [4, 2, 3, 4], 0),
    "refused": ("bob -> alice 486", [4, 2, 5], 486),
    "a later INVITE's answer": ("bob -> alice 180 cseq=5\nbob -> alice 488 cseq=5", [4], 0),
    "no number": ("bob -> alice 180 cseq=x", [4], 0),
}


@pytest.mark.parametrize(("ladder", "path", "code"), STILL_RANG.values(), ids=STILL_RANG)
def test_call_that_was_thought_to_be_up_still_rings(ladder, path, code):
    engine, events = run("alice -> bob UPDATE cseq=3\n+1.1s" + DIALOG + "\n" + ladder)
    (call,) = engine.all_calls()
    assert (states(events), call.end_code, engine.calls.anomalies) == (path, code, 0)
    assert sum(engine.calls.by_state.values()) == engine.calls.by_state[path[-1]] == 1


def test_joined_call_that_is_refused_fails():
    engine, events = run("bob -> alice 180\n+1.1s" + DIALOG + "\nbob -> alice 486\nalice -> bob ACK")
    assert (states(events), engine.calls.failed) == ([2, 5], 1)


def test_identity_comes_from_the_cookie():
    call_id = "callid=541d3f2c-43fd-43b6-af24-bad1fbf85eb6"
    for seen in (f"bob -> alice 200 {call_id} route=<sip:p;did=e1e.4f22>", f"alice -> bob INFO {call_id} Route:<sip:p;did=e1e.4f22>"):
        engine, _ = run(seen + "\n+1.1s" + DIALOG)
        (call,) = engine.all_calls()
        assert (call.h_entry, call.h_id, call.did_seen) == (3614, 8948, True)


VERY_LATE = {  # what proved the call, its state, what is still not seen
    "answer": ("bob -> alice 180", 2, ()),
    "callee's request": ("bob -> alice INFO reverse cseq=1", 4, (REQUESTS_ONLY,)),
}


@pytest.mark.parametrize(("ladder", "state", "notes"), VERY_LATE.values(), ids=VERY_LATE)
def test_invite_that_comes_very_late_completes_its_call(ladder, state, notes):
    engine, _ = run(ladder + "\n+2s\nalice -> bob INVITE\nproxy -> bob INVITE branch=p")
    (call,) = engine.all_calls()
    shown = engine.snapshot(call.uid)
    assert (shown.state, shown.incomplete, shown.caller.uri, shown.request_uri) == (state, notes, "sip:alice@example.org", "sip:bob@example.org")
    assert (call.late, call.caller.address, call.invite.others) == (False, address("alice"), (b"z9hG4bKp",))
    assert (engine.families, engine.calls.processed, engine.calls.late_joins, len(engine.all_records())) == (1, 1, 0, 1)


def test_invite_of_the_next_call_leaves_a_joined_one_that_ended():
    engine, _ = run("bob -> alice 200\nalice -> bob BYE cseq=2\n+2s\nalice -> bob INVITE cseq=3 from=n")
    assert [(int(call.state), call.late) for call in engine.all_calls()] == [(5, True), (1, False)]
    assert (engine.families, engine.calls.processed, engine.calls.late_joins) == (1, 1, 1)


def test_joined_call_survives_a_restart():
    engine, _ = run("bob -> alice 200\nalice -> bob ACK\n+1.1s" + DIALOG)
    (call,) = engine.all_calls()
    again = Engine(Config(), "node")
    assert again.restore(engine.dump(call.uid)) == call.uid
    feed(again, packets("alice -> bob INVITE", call.last_ns + 1))
    (back,) = again.all_calls()
    assert (back.late, again.calls.by_state, again.families) == (False, engine.calls.by_state, 1)


def test_rules_see_a_joined_call():
    rules = (
        Rule(do=({"set_profile": ["caller", "$fu"]}, {"log": "created"})),
        Rule(on="early", do=({"log": "early"},)),
        Rule(on="confirmed", do=({"log": "confirmed"},)),
    )
    said = {}
    for seen in ("bob -> alice 180", "alice -> bob PRACK RAck:9_1_INVITE", "alice -> bob UPDATE", "bob -> alice 200\nalice -> bob ACK"):
        engine, events = run(seen + "\n+1.1s" + DIALOG, Config(rule=rules))
        said[seen] = [event.text for event in events if isinstance(event, Said)]
        assert (engine.calls.profiles.size("caller"), engine.records.profiles.sizes) == (1, {})
    assert list(said.values()) == [["created", "early"]] * 2 + [["created", "confirmed"]] * 2


@pytest.mark.parametrize("start", ["alice -> bob INVITE\n", ""], ids=["begun", "joined"])
def test_ignored_call_is_not_joined(start):
    rules = (Rule(when='$fU == "alice"', do=({"ignore": True},)),)
    engine, events = run(start + "bob -> alice 200\nalice -> bob ACK\n+1.1s\nalice -> bob UPDATE cseq=2\n+1.1s" + DIALOG, Config(rule=rules))
    assert (events, engine.ignored, list(engine.all_calls()), engine.calls.late_joins) == ([], 1, [], 0)
    assert (engine.calls.profiles.sizes, set(engine.calls.by_state.values())) == ({}, {0})


def flood(engine, number, each_ns):
    """Feed answers to INVITEs that nobody sent; return the most calls there were at once."""
    (drawn,) = packets("bob -> alice 200 callid=stranger")
    most = 0
    for i in range(number):
        at_ns = drawn.at_ns + i * each_ns
        feed(engine, [drawn.changed(at_ns=at_ns, data=drawn.data.replace(b"stranger", b"%d" % i))])
        most = max(most, engine.calls.by_state[3])
    return most


def test_flood_of_answers_makes_no_more_calls_than_the_cap_and_drops_none():
    engine = Engine(Config(dialog=Dialog(max_dialogs=50)), "node")
    feed(engine, packets("alice -> bob INVITE callid=mine", packets("a -> b 200")[0].at_ns - 5 * SECOND))
    assert flood(engine, 400, SECOND // 100) == 49
    assert (engine.evicted, engine.calls.late_joins, next(engine.all_calls()).call_id) == (0, 49, b"mine")
    assert (engine.outside, engine.messages) == (401 - 50, 401)


def test_flood_that_is_faster_than_the_strays_are_many_joins_nobody(monkeypatch):
    monkeypatch.setattr(strays, "STRAYS_MAX", 20)
    engine = Engine(Config(), "node")
    assert (flood(engine, 400, SECOND // 100), engine.outside) == (0, 400)
    assert len(engine.strays.over(strays.NEVER)) == 20
