"""The end of an order: its outcome, its evidence, its audit event. Knows what the wire and the agent told; sends nothing."""

import json

from django.db import transaction

from dashboard.history.events import ORDER, order_event
from dashboard.history.outbox import outbox
from dashboard.models import Order
from dashboard.orders import audit, stored
from dashboard.orders.words import outcome_words
from dialogs.control.sip import ReferResult
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State

OWN = "sip"
"`Order.via` of what our own user agent carries out."

LEGS = ("caller", "callee")
ONE_LEG = {(True, True): Order.Outcome.BOTH_LEGS, (True, False): Order.Outcome.CALLER_ONLY, (False, True): Order.Outcome.CALLEE_ONLY}
CONNECTED = {
    "connected": Order.Outcome.CONNECTED,
    "refused": Order.Outcome.DECLINED,
    "no answer": Order.Outcome.NO_ANSWER,
    "hung up": Order.Outcome.HUNG_UP,
    "stopped": Order.Outcome.STOPPED,
    "not sent": Order.Outcome.REFUSED,
}

CLOSED: dict[str, int] = {outcome.value: 0 for outcome in Order.Outcome if outcome}
"How many orders this process has closed since its start, by outcome."

type Evidence = list[tuple[int, str]]


def close(order: Order, now_ns: int, outcome: Order.Outcome, detail: str, seen: Evidence | None = None) -> None:
    """Write what came of an order, for good."""
    order.phase = Order.Phase.REFUSED if outcome == Order.Outcome.REFUSED else Order.Phase.VERIFIED
    order.outcome, order.detail, order.closed_ns = outcome, detail, now_ns
    order.evidence = add_evidence(order, [*sorted(seen or []), (now_ns, f"{outcome}: {detail}" if detail else outcome)])
    with transaction.atomic():
        order.save(update_fields=["phase", "outcome", "detail", "evidence", "answered_ns", "closed_ns"])
        stored.forget_credentials(order)
        text = f"{order.call_text}: {outcome_words(order)}"
        audit.closed(order, text)
        outbox().tell(order.node, lambda: order_event(order), ORDER)
    CLOSED[outcome] += 1


def add_evidence(order: Order, new: Evidence) -> str:
    """Return the order's evidence with more at its end."""
    return json.dumps([*json.loads(order.evidence or "[]"), *new])


def seen(snapshot: CallSnapshot) -> Evidence:
    """Return what the tap saw of the end, in order."""
    found = [(change.at_ns, change.cause) for change in snapshot.transitions if change.state == State.DELETED]
    found += [(leg.released_ns, f"{leg.side}'s leg released") for leg in (snapshot.caller, snapshot.callee) if leg.released_ns]
    return sorted(found)


def answers(order: Order) -> Evidence:
    """Return what was sent by us, with its branch and number, and what each leg answered."""
    sent = [(row.at_ns, f"{row.method} {row.cseq} to the {row.leg}, {row.hop}, branch {row.branch}") for row in order.requests.order_by("pk")]
    return sent + [(told["at_ns"], f"{leg} answered: {told['words']}") for leg, told in order.legs.items()]


def connected(result: ReferResult) -> tuple[Order.Outcome, str]:
    """Return the outcome of a bridge or a transfer, and its words."""
    return CONNECTED[result.outcome], f"{result.step}: {result.words}" if result.words else result.step


def needs_call(order: Order) -> bool:
    """Return whether an order makes no sense once its call has ended: a bridge has none, a release wants it so, a leg that was left is there without it."""
    return order.kind not in (Order.Kind.BRIDGE, Order.Kind.RELEASE) and not order.arguments.get("retries")


def by_itself(snapshot: CallSnapshot) -> str:
    """Return how a call ended without anybody's order, "" when it did not.

    A BYE of a party is told from the proxy's own only where the tap sees both sides of the proxy (three addresses or more).
    """
    if snapshot.state < State.DELETED or snapshot.ended_by in ("", "proxy"):
        return ""
    who = "it timed out" if snapshot.ended_by == "timeout" else f"the {snapshot.ended_by} ended it"
    if snapshot.end_code:
        return f"{who}: {snapshot.end_code} {snapshot.end_reason}".rstrip()
    return who if snapshot.ended_by == "timeout" or len(snapshot.hosts) > 2 else ""


def released(order: Order, snapshot: CallSnapshot | None) -> set[str]:
    """Return the legs that are gone: the tap saw it, or they answered our own BYE."""
    gone = {leg.side for leg in (snapshot.caller, snapshot.callee) if leg.released_ns} if snapshot else set()
    if snapshot is not None and order.via != OWN:
        gone.discard(spoken_for(snapshot))
    return gone | {leg for leg, told in order.legs.items() if told["outcome"] == "released"}


def spoken_for(snapshot: CallSnapshot) -> str:
    """Return the side in whose name a proxy may have hung up, "" for none: a tap on one side of it cannot tell its BYE from the party's own."""
    return snapshot.ended_by if len(snapshot.hosts) <= 2 and snapshot.ended_by in LEGS else ""


def outcome_of(order: Order, gone: set[str]) -> Order.Outcome:
    """Return the outcome of an end by the legs that are gone."""
    if order.side == "both":
        return ONE_LEG.get(("caller" in gone, "callee" in gone), Order.Outcome.NOT_CONFIRMED)
    if order.side not in gone:
        return Order.Outcome.NOT_CONFIRMED
    return Order.Outcome.CALLER_RELEASED if order.side == "caller" else Order.Outcome.CALLEE_RELEASED
