"""The configurations that people start from: each is right, and does over calls what it says."""

import json
from pathlib import Path

import pytest

from dialogs import configfile
from dialogs.engine import Said
from dialogs.packet import SECOND
from tests.dialogs.ladder import feed, packets, run

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
CALL = "alice -> bob INVITE {0}\nbob -> alice 180 {0}\nbob -> alice 200 {0}\nalice -> bob ACK {0}\n+61s\nalice -> bob BYE cseq=2 {0}\n"


def played(name, ladder, **given):
    """Return the engine after this ladder under an example, and what its rules said."""
    engine, events = run(ladder, configfile.load(EXAMPLES / f"{name}.toml"), **given)
    return engine, spoken(events)


def spoken(events):
    return [(event.kind, event.text) for event in events if isinstance(event, Said)]


def profiles(engine):
    """Return the memberships of each call and each record, which agree."""
    calls = [[*map(tuple, call.profiles)] for call in engine.all_calls()]
    assert calls == [[*map(tuple, record.profiles)] for record in engine.all_records()]
    return calls


def test_every_example_is_tested():
    tested = {"by-prefix", "callers", "more-than-one-call", "two-hours", "customers", "call-records"}
    assert {path.stem for path in EXAMPLES.glob("*.toml")} == tested


@pytest.mark.parametrize(("number", "profile"), [("0049301234", "international"), ("0301234", "domestic"), ("5001", "local"), ("+4930", "local")])
def test_prefix_decides_the_profile(number, profile):
    engine, _events = run("", configfile.load(EXAMPLES / "by-prefix.toml"))
    (packet,) = packets("alice -> bob INVITE")
    feed(engine, [packet.changed(data=packet.data.replace(b"To: <sip:bob@", f"To: <sip:{number}@".encode()))])
    assert profiles(engine) == [[(profile, None)]]
    assert [engine.calls.profiles.size(name) for name in ("local", "domestic", "international")] == [
        int(name == profile) for name in ("local", "domestic", "international")
    ]


def test_callers_are_counted():
    engine, _spoken = played("callers", "alice -> bob INVITE\nalice -> bob INVITE callid=2")
    assert profiles(engine) == [[("caller", "sip:alice@example.org"), ("total", None)]] * 2
    sizes = [engine.calls.profiles.size(*asked) for asked in (("caller", "sip:alice@example.org"), ("caller", "sip:bob@example.org"), ("total",))]
    assert sizes == [2, 0, 2]


def test_second_call_of_a_caller_is_said_and_a_following_one_is_not():
    ladder = CALL.format("callid=1") + "alice -> bob INVITE callid=2\n"
    assert played("more-than-one-call", ladder)[1] == []
    said = played("more-than-one-call", ladder + "alice -> bob INVITE callid=3")[1]
    assert said == [("alert", "sip:alice@example.org has more than one call")]


def test_two_hours_end_a_call():
    engine, said = played("two-hours", CALL.format("").rpartition("+61s")[0])
    (call,) = engine.all_calls()
    assert (said, engine.expire(call.last_ns + 7199 * SECOND)) == ([], [])
    over = spoken(engine.expire(call.last_ns + 7200 * SECOND))
    assert (over, call.ended_by) == ([("alert", "sip:alice@example.org -> sip:bob@example.org: two hours are over")], "timeout")
    assert played("two-hours", CALL.format(""))[1] == []


@pytest.mark.parametrize(("words", "fromuri", "customer"), [("X-Customer:acme", "sip:441@x", "acme"), ("", "sip:441@x", "example-uk"), ("", "sip:331@x", None)])
def test_customer_is_kept_with_the_call(words, fromuri, customer):
    engine, _events = run("", configfile.load(EXAMPLES / "customers.toml"))
    events = feed(engine, packets(CALL.format(words), fromuri=fromuri))
    (call,) = engine.all_calls()
    assert call.variables == ({"customer": customer, "queue": "sales"} if customer else {})
    assert call.profiles == ([("customer", customer)] if customer else [])
    queue = "sales" if customer else ""
    assert spoken(events) == [("log", f"CALL_END from={fromuri} to=sip:bob@example.org customer={customer or ''} queue={queue} duration=61")]


def test_record_of_a_call_is_json_and_its_times_are_variables():
    engine, said = played("call-records", CALL.format("") + "alice -> bob INVITE callid=2\nbob -> alice 486 callid=2")
    ((kind, line),) = said
    times = {"SetupTime": 1700000000, "AnswerTime": 1700000000, "EndTime": 1700000061, "BillSec": 61}
    assert (kind, json.loads(line)) == ("log", {"CallID": "c1", "From": "sip:alice@example.org", "To": "sip:bob@example.org", **times})
    call = next(engine.all_calls())
    assert call.variables == {name: str(value) for name, value in times.items()}
