"""How far an order is, step by step, for people who wait for it. Knows what is stored of an order; knows no page and no clock."""

from typing import Any, NamedTuple

from dashboard.models import Order
from dashboard.orders.words import GOOD, outcome_words


class Stage(NamedTuple):
    """One step."""

    words: str
    state: str = ""
    '"begun", "done", "failed", "" when it has not come yet.'

    said: str = ""
    "What was answered last."

    at_ns: int = 0


SENT = (("refer", "REFER to the {side}"), ("notify", "NOTIFY: the {side} tells what came of it"), ("bye", "BYE: the old call is ended"))
STEPS: dict[str, tuple[tuple[str, str], ...]] = {
    Order.Kind.BRIDGE: (
        ("invite", "INVITE: the first party is called"),
        ("ack", "ACK: it is on the line"),
        ("refer", "REFER: it is sent to the second"),
        ("notify", "NOTIFY: it tells what came of it"),
        ("bye", "BYE: our own call to it is ended"),
    ),
    Order.Kind.TRANSFER: SENT,
    Order.Kind.JOIN: SENT,
}
"What our own user agent does, by `Progress.step`."

HAPPENED = {"begun": "begun", "provisional": "begun", "done": "done", "failed": "failed"}


def stages(order: Order) -> list[Stage]:
    """Return all steps of an order, those to come too."""
    asked = Stage(f"Asked by {order.username}", "done", "", order.requested_ns)
    if order.phase in Order.OPEN:
        last = Stage("Waiting for the proxy's table" if order.kind == Order.Kind.RELEASE else "Waiting for the proof on the wire")
    else:
        good = order.phase == Order.Phase.VERIFIED and order.outcome != Order.Outcome.NOT_CONFIRMED
        last = Stage(outcome_words(order), "done" if good else "failed", "", order.closed_ns)
    return [asked, *(_own(order) if order.via == "sip" or (not order.via and order.kind in STEPS) else _asked(order)), last]


def untold(order: Order) -> str:
    """Return what a closed order's detail says beyond its steps, "" when they have told it."""
    told = " ".join(f"{stage.words} {stage.said}" for stage in stages(order))
    rest = order.detail.partition(": ")[2] if order.steps else order.detail
    return "" if order.phase in Order.OPEN or rest in told else order.detail


def _asked(order: Order) -> list[Stage]:
    """Return the steps of an order that a proxy carries out."""
    sent = Stage("Sent to the proxy", "done" if order.sent_ns else "", "", order.sent_ns)
    said = order.detail if order.answered_ns and (order.phase in Order.OPEN or order.outcome in GOOD) else ""  # else it says why it is not proven
    return [sent, Stage("Answered", "done" if order.answered_ns else "", said, order.answered_ns)]


def _own(order: Order) -> list[Stage]:
    """Return the steps of an order that our own user agent carries out."""
    if order.kind in STEPS:
        return [_stage(words.format(side=order.side), [step for step in order.steps if step[1] == name]) for name, words in STEPS[Order.Kind(order.kind)]]
    if any(step[1] == "cancel" for step in order.steps):
        return [_stage("CANCEL: the call is not to be answered", [step for step in order.steps if step[1] == "cancel"])]
    legs = ("caller", "callee") if order.side == "both" else (order.side,)
    return [_stage(f"BYE to the {leg}", [step for step in order.steps if str(step[3]).startswith(f"{leg}: ")]) for leg in legs]


def _stage(words: str, told: list[list[Any]]) -> Stage:
    if not told:
        return Stage(words)
    state = "failed" if any(step[2] == "failed" for step in told) else HAPPENED.get(str(told[-1][2]), "begun")
    newest = next((step for step in told if step[2] == "failed"), told[-1])
    said = str(newest[3]).partition(": ")[2] if newest[2] != "begun" and newest[1] != "ack" else ""
    return Stage(words, state, said, int(newest[0]))
