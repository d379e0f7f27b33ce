"""What a limit may say, and which calls its condition is about."""

import pytest

from dialogs.config import Limit
from dialogs.engine import lookup
from dialogs.engine.limits import Condition, mistakes
from tests.dialogs.ladder import START_NS, run

CALLS = Limit("calls", profile="caller", warn=5)
LONG = Limit("long", duration_seconds=60)


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ([CALLS, LONG, Limit("gone", expiry=True, when='$fU == "a"')], []),
        ([CALLS, CALLS], [(2, "name", 'there is another limit "calls"')]),
        ([Limit("none")], [(1, "name", "expected one of warn or critical, duration_seconds, expiry")]),
        ([Limit("both", duration_seconds=1, expiry=True)], [(1, "name", "expected one of warn or critical, duration_seconds, expiry")]),
        ([Limit("x", warn=1)], [(1, "profile", "goes with warn or critical, and they with it")]),
        ([Limit("x", profile="p", warn=5, critical=4)], [(1, "critical", "expected at least warn (5), got 4")]),
        ([Limit("x", profile="p", warn=5, end="newest")], [(1, "end", "ends what is beyond critical, which is not given")]),
        ([Limit("x", profile="p", warn=5, send_bye=True)], [(1, "send_bye", "ends what is beyond duration_seconds, which is not given")]),
        ([Limit("x", profile="p", warn=5, when="1")], [(1, "when", "is for duration_seconds and expiry")]),
    ],
)
def test_mistakes_are_named(limits, found):
    assert list(mistakes(limits)) == found


def test_a_condition_that_cannot_be_read_is_a_mistake():
    ((number, key, words),) = mistakes([LONG, Limit("x", expiry=True, when="$fU ==")])
    assert (number, key, words[:19]) == (2, "when", "column 7: expected ")


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("", True),
        ('$fU == "alice"', True),
        ('$tU == "alice"', False),
        ('$ru == "sip:bob@example.org" and $rm == "INVITE" and $ci == "c1" and $ua == "Phone" and $si == "192.0.2.1"', True),
        ('is_in_profile("caller", "sip:alice@example.org") and $DLG_status == 4 and $DLG_lifetime > 50', True),
    ],
)
def test_a_condition_is_asked_of_a_call_without_a_message(when, holds):
    engine, _ = run("alice -> bob INVITE User-Agent:Phone\nbob -> alice 200\nalice -> bob ACK")
    (call,) = lookup.calls_of(engine, b"c1")
    call.hosts = (call.hosts[0]._replace(host="192.0.2.1"), *call.hosts[1:])
    assert Condition(Limit("x", duration_seconds=60, when=when)).holds(call, engine.calls, START_NS + 60 * 10**9) is holds


def test_a_condition_is_asked_of_a_call_without_addresses():
    engine, _ = run("alice -> bob INVITE")
    (call,) = lookup.calls_of(engine, b"c1")
    call.hosts = ()
    assert Condition(Limit("x", expiry=True, when='$si == ""')).holds(call, engine.calls, START_NS)
