"""Kamailio's callbacks and event routes, in their order (reference 7)."""

import json
from pathlib import Path

import pytest

from dialogs.config import Config, Dialog
from dialogs.engine import Called, Engine
from dialogs.taps import CaptureFile
from tests.dialogs.ladder import address, feed, packets, run

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
SETUP = """
    alice -> proxy  INVITE
    proxy -> alice  100
    proxy -> bob    INVITE branch=p1
    bob   -> proxy  180 branch=p1
    proxy -> alice  180
"""
ANSWERED = (
    SETUP
    + """
    proxy -> alice  180
    proxy -> alice  200
    alice -> proxy  ACK branch=k1
"""
)
BYE = "alice -> proxy BYE cseq=2\nproxy -> bob BYE cseq=2 branch=y\nproxy -> alice 200 of=BYE cseq=2"
UP = ["CREATED", "EARLY", "RESPONSE_FWDED", "EARLY", "RESPONSE_FWDED", "dialog:start", "CONFIRMED_NA", "RESPONSE_FWDED", "CONFIRMED"]
LIVES = {
    "good call": (ANSWERED + BYE, [*UP, "dialog:end", "TERMINATED", "TERMINATED_CONFIRMED"]),
    "busy": (SETUP + "proxy -> alice 486", ["CREATED", "EARLY", "RESPONSE_FWDED", "dialog:failed", "FAILED"]),
    "requests inside": (ANSWERED + "alice -> proxy INFO cseq=2\nproxy -> alice 200 of=INFO cseq=2", [*UP, "REQ_WITHIN", "RESPONSE_WITHIN"]),
    "re-INVITE": (ANSWERED + "alice -> proxy INVITE to=b cseq=2\nproxy -> alice 200 cseq=2", [*UP, "REQ_WITHIN", "RESPONSE_WITHIN"]),
    "spiral": ("alice -> proxy INVITE\nproxy -> proxy INVITE branch=s", ["CREATED", "SPIRALED"]),
    "request before ACK": (SETUP + "proxy -> alice 200\nalice -> proxy INFO cseq=2", [*UP[:3], *UP[5:8], "CONFIRMED"]),
    "ACK again": (ANSWERED + "+1s\nalice -> proxy ACK branch=k1", UP),
    "second 2xx": (SETUP + "proxy -> alice 200\nproxy -> alice 200 to=c", [*UP[:3], *UP[5:8], "RESPONSE_FWDED"]),
}


def config(**dialog):
    return Config(dialog=Dialog(sockets=(f"udp:{address('proxy')}",), handlers=("somebody.listens",), **dialog))


def names(events):
    return [event.name for event in events if isinstance(event, Called)]


@pytest.mark.parametrize(("ladder", "expected"), LIVES.values(), ids=LIVES)
def test_callbacks_come_in_kamailios_order(ladder, expected):
    # EARLY is called for each relayed 1xx, also for the same again
    repeated = ladder.replace("proxy -> alice  180\n    proxy -> alice  200", "+0.6s\nproxy -> alice  180\n    proxy -> alice  200")
    assert names(run(repeated, config())[1]) == expected


def test_time_out_expires_and_destroys():
    engine, events = run(ANSWERED, config(default_timeout=4))
    assert names(engine.expire(events[-1].at_ns + 5 * 10**9)) == ["dialog:end", "EXPIRED", "DESTROY"]


def test_ended_record_is_destroyed_after_its_transaction():
    engine, events = run(ANSWERED + BYE, config())
    assert names(engine.expire(events[-1].at_ns + 6 * 10**9)) == ["DESTROY"]


def test_restored_record_is_loaded():
    engine, events = run(ANSWERED, config())
    other = Engine(config(), "")
    other.restore(engine.dump(events[0].uid))
    (bye,) = packets("+9s\nalice -> proxy BYE cseq=2")
    assert names(feed(other, [bye])) == ["LOADED", "dialog:end", "TERMINATED"]


def test_event_carries_the_dialog_as_it_was():
    _, events = run(ANSWERED, config())
    seen = {event.name: event.dialog["state"] for event in events if isinstance(event, Called)}
    assert seen == {"CREATED": 1, "EARLY": 2, "RESPONSE_FWDED": 3, "dialog:start": 3, "CONFIRMED_NA": 3, "CONFIRMED": 4}
    start = next(event for event in events if isinstance(event, Called) and event.name == "dialog:start")
    assert (start.dialog["start_ts"], start.dialog["callee"]["tag"]) == (0, None)


def test_nobody_listening_costs_nothing():
    engine, events = run(ANSWERED, Config())
    assert (names(events), engine.records.called) == ([], [])


def test_answers_outside_of_dialogs_are_passed_over():
    _, events = run(
        ANSWERED + "proxy -> alice 200 of=INFO cseq=9 to=stranger\nproxy -> alice 200 of=INFO cseq=9 to=-\nbob -> proxy 200 of=INFO cseq=9", config()
    )
    assert names(events) == UP


def test_event_routes_equal_the_recorded_ones(captures):
    sockets = ("udp:127.0.0.1:5060", "udp:[::1]:5060")
    wrong = {}
    for name in ("basic", "busy", "cancel", "callee-hangup", "fork", "auth407-endpoint", "profiles", "redirect", "trunk-auth407", "mixed-small-1"):
        told = [json.loads(line) for line in (captures / name / "truth" / "events.jsonl").read_text().splitlines()]
        engine = Engine(Config(dialog=Dialog(sockets=(*sockets, "tcp:127.0.0.1:5060", "tcp:[::1]:5060"), handlers=("somebody.listens",))))
        events = feed(engine, CaptureFile(captures / name / "capture.pcap"))
        got = sorted((event.name, event.dialog["call-id"]) for event in events if isinstance(event, Called) and event.name.startswith("dialog:"))
        if got != sorted((f"dialog:{event['event']}", event["callid"]) for event in told):
            wrong[name] = len(got), len(told)
    assert wrong == {}


def test_proxys_own_bye_ends_when_it_is_sent_and_is_confirmed_by_its_answer():
    own = "proxy -> alice BYE cseq=1 reverse branch=o1\nproxy -> bob BYE cseq=2 branch=o2\nalice -> proxy 200 of=BYE reverse cseq=1 branch=o1"
    assert names(run(ANSWERED + own, config())[1])[-3:] == ["dialog:end", "TERMINATED", "TERMINATED_CONFIRMED"]


def test_send_bye_expires_when_the_time_is_over():
    engine, events = run(ANSWERED, config(default_timeout=4, send_bye=True))
    assert names(engine.expire(events[-1].at_ns + 5 * 10**9)) == ["EXPIRED"]


def test_cleaner_and_cap_destroy():
    engine, events = run(SETUP, config(early_timeout=5))
    assert names(engine.expire(events[-1].at_ns + 90 * 10**9)) == ["DESTROY"]
    _, events = run("alice -> proxy INVITE callid=1\nalice -> proxy INVITE callid=2", config(max_dialogs=1))
    assert names(events) == ["CREATED", "CREATED", "DESTROY"]


def test_bye_while_early_is_no_callback():
    assert names(run(SETUP + "alice -> proxy BYE cseq=2", config())[1]) == ["CREATED", "EARLY", "RESPONSE_FWDED"]
