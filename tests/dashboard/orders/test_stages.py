"""How far an order is, by table: what is stored of it, what people read."""

from typing import Any

import pytest

from dashboard.models import Order
from dashboard.orders.stages import stages, untold

NOW = 1_795_294_717 * 10**9
INVITED = [[NOW, "invite", "begun", "first: INVITE to sip:a@b"], [NOW + 1, "invite", "provisional", "first: 180 Ringing"]]
ANSWERED = [*INVITED, [NOW + 2, "invite", "done", "first: 200 OK"], [NOW + 3, "ack", "done", "first: ACK"]]
BYES = [[NOW, "bye", "begun", "caller: BYE to sip:a@b"], [NOW, "bye", "begun", "callee: BYE to sip:c@d"], [NOW + 1, "bye", "done", "caller: 481 Gone"]]
CANCELLED = [[NOW, "cancel", "begun", "caller: CANCEL to udp:192.0.2.1:5060"], [NOW, "cancel", "done", "caller: 200 OK"]]
REFERRED = [[NOW, "refer", "begun", "callee: REFER to sip:c@d"], [NOW, "refer", "failed", "callee: 603 Decline"]]
OVER = {"phase": "verified", "closed_ns": NOW + 9}
TABLE: list[tuple[dict[str, Any], list[tuple[str, str, str]]]] = [
    ({}, [("Sent to the proxy", "", ""), ("Answered", "", "")]),
    ({"via": "kamailio", "sent_ns": NOW}, [("Sent to the proxy", "done", ""), ("Answered", "", "")]),
    (
        {"kind": "release", "via": "kamailio", "sent_ns": NOW, "answered_ns": NOW, "detail": "Kamailio took dlg.end_dlg"},
        [("Sent to the proxy", "done", ""), ("Answered", "done", "Kamailio took dlg.end_dlg")],
    ),
    ({"via": "sip", "steps": BYES}, [("BYE to the caller", "done", "481 Gone"), ("BYE to the callee", "begun", "")]),
    ({"via": "sip", "side": "callee"}, [("BYE to the callee", "", "")]),
    ({"via": "sip", "steps": CANCELLED}, [("CANCEL: the call is not to be answered", "done", "200 OK")]),
    (
        {"kind": "transfer", "side": "callee", "steps": REFERRED},
        [("REFER to the callee", "failed", "603 Decline"), ("NOTIFY: the callee tells what came of it", "", ""), ("BYE: the old call is ended", "", "")],
    ),
    (
        {"kind": "bridge", "via": "sip", "steps": INVITED},
        [
            ("INVITE: the first party is called", "begun", "180 Ringing"),
            ("ACK: it is on the line", "", ""),
            ("REFER: it is sent to the second", "", ""),
            ("NOTIFY: it tells what came of it", "", ""),
            ("BYE: our own call to it is ended", "", ""),
        ],
    ),
]


def order(**given: Any) -> Order:
    return Order(**({"username": "ann", "requested_ns": NOW, "phase": "sent"} | given))


@pytest.mark.parametrize(("given", "expected"), TABLE)
def test_steps_of_an_order(given: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    first, *between, last = stages(order(**given))
    assert (first.words, [tuple(stage)[:3] for stage in between]) == ("Asked by ann", expected)
    assert (last.state, last.words) == ("", "Waiting for the proxy's table" if given.get("kind") == "release" else "Waiting for the proof on the wire")


def test_answered_step_is_done_and_its_ack_says_nothing() -> None:
    found = stages(order(kind="bridge", via="sip", steps=ANSWERED))
    assert [tuple(stage)[1:] for stage in found[1:3]] == [("done", "200 OK", NOW + 2), ("done", "", NOW + 3)]


@pytest.mark.parametrize(
    ("outcome", "phase", "expected"),
    [
        ("let go by the proxy", "verified", ("Released by ann: let go by the proxy", "done")),
        ("not confirmed", "verified", ("not confirmed", "failed")),
        ("refused", "refused", ("refused", "failed")),
    ],
)
def test_last_step_is_the_outcome(outcome: str, phase: str, expected: tuple[str, str]) -> None:
    last = stages(order(**OVER | {"outcome": outcome, "phase": phase}))[-1]
    assert (last.words, last.state, last.at_ns) == (*expected, NOW + 9)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"detail": "taken", "answered_ns": NOW}, ""),
        ({"detail": "taken", "answered_ns": NOW, "outcome": "both legs released"} | OVER, ""),
        ({"detail": "not confirmed after 5 s", "answered_ns": NOW, "outcome": Order.Outcome.CALLER_ONLY} | OVER, "not confirmed after 5 s"),
        ({"kind": "transfer", "side": "callee", "steps": REFERRED, "detail": "refer: 603 Decline", "outcome": "connected"} | OVER, ""),
        (
            {"kind": "bridge", "via": "sip", "steps": ANSWERED, "detail": "bye: 200 OK; not released: 500", "outcome": "connected"} | OVER,
            "bye: 200 OK; not released: 500",
        ),
    ],
)
def test_detail_is_told_once(given: dict[str, Any], expected: str) -> None:
    assert untold(order(**given)) == expected
