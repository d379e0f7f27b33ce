"""Orders in words, the same on every page and in a call's row. Knows orders; knows no controller and no HTML."""

from collections import defaultdict

from dashboard.models import Order

PHASES = {
    Order.Phase.REQUESTED: "waiting to be sent",
    Order.Phase.SENT: "sent, waiting for the controller",
    Order.Phase.ACCEPTED: "accepted, waiting for the proof on the wire",
}


ASKED = {Order.Kind.END: "End", Order.Kind.TRANSFER: "Transfer", Order.Kind.BRIDGE: "Connection", Order.Kind.JOIN: "Join", Order.Kind.RELEASE: "Release"}
DOING = {
    Order.Kind.END: "Ending the call…",
    Order.Kind.TRANSFER: "Transferring…",
    Order.Kind.BRIDGE: "Connecting…",
    Order.Kind.JOIN: "Joining…",
    Order.Kind.RELEASE: "Releasing the dialog…",
}
DONE = (Order.Outcome.BOTH_LEGS, Order.Outcome.CALLER_RELEASED, Order.Outcome.CALLEE_RELEASED, Order.Outcome.CANCELLED)
GOOD = (*DONE, Order.Outcome.ALREADY_ENDED, Order.Outcome.CONNECTED, Order.Outcome.LET_GO)


def outcome_words(order: Order) -> str:
    """Return what came of an order: "Ended by NAME: both legs released", "refused: ...", "not confirmed after 5 s", or where it stands."""
    if order.phase in Order.OPEN:
        return f"{ASKED[Order.Kind(order.kind)]} asked by {order.username}: {PHASES[Order.Phase(order.phase)]}"
    if order.outcome in DONE:
        return f"Ended by {order.username}: {order.outcome}"
    if order.outcome == Order.Outcome.CONNECTED:
        return f"Connected by {order.username}"
    if order.outcome == Order.Outcome.LET_GO:
        return f"Released by {order.username}: {order.outcome}"
    if order.outcome in (Order.Outcome.CALLER_ONLY, Order.Outcome.CALLEE_ONLY):
        return order.outcome
    if order.outcome == Order.Outcome.NOT_CONFIRMED:
        return order.detail or order.outcome
    return f"{order.outcome}: {order.detail}" if order.detail else order.outcome


def title(order: Order) -> str:
    """Return the heading over an order's progress."""
    return DOING[Order.Kind(order.kind)] if order.phase in Order.OPEN else outcome_words(order)


def tone(order: Order) -> str:
    """Return "good", "bad", or "open" while it is not decided."""
    if order.phase in Order.OPEN:
        return "open"
    return "good" if order.outcome in GOOD else "bad"


def ended_by(order: Order) -> str:
    """Return the row's `ended_by` of a call that this order ended."""
    return f"operator:{order.username}"


def asked_words(order: Order) -> str:
    """Return what an order asks for, for the audit log: "end both", "transfer caller to sip:bob@example.net"."""
    given = defaultdict(str, order.arguments)
    match order.kind:
        case Order.Kind.TRANSFER:
            return f"transfer {order.side} to {given['to']}"
        case Order.Kind.BRIDGE:
            return f"bridge {given['first']} and {given['second']}"
        case Order.Kind.JOIN:
            return f"join {order.side} with {given['other_side']} of {given['other']}"
        case Order.Kind.RELEASE:
            return f"release {given['h_entry']}:{given['h_id']}{f' at {given["proxy"]}' if given['proxy'] else ''}"
    return f"{order.kind} {order.side}"
