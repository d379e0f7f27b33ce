"""Orders in words, the same on every page and in a call's row. Knows orders; knows no controller and no HTML."""

from dashboard.models import Order

PHASES = {
    Order.Phase.REQUESTED: "waiting to be sent",
    Order.Phase.SENT: "sent, waiting for the controller",
    Order.Phase.ACCEPTED: "accepted, waiting for the proof on the wire",
}


ASKED = {Order.Kind.END: "End", Order.Kind.TRANSFER: "Transfer", Order.Kind.BRIDGE: "Connection", Order.Kind.JOIN: "Join"}
DONE = (Order.Outcome.BOTH_LEGS, Order.Outcome.CALLER_RELEASED, Order.Outcome.CALLEE_RELEASED, Order.Outcome.CANCELLED)
GOOD = (*DONE, Order.Outcome.ALREADY_ENDED, Order.Outcome.CONNECTED)


def outcome_words(order: Order) -> str:
    """Return what came of an order: "Ended by NAME: both legs released", "refused: ...", "not confirmed after 5 s", or where it stands."""
    if order.phase in Order.OPEN:
        return f"{ASKED[Order.Kind(order.kind)]} asked by {order.username}: {PHASES[Order.Phase(order.phase)]}"
    if order.outcome in DONE:
        return f"Ended by {order.username}: {order.outcome}"
    if order.outcome == Order.Outcome.CONNECTED:
        return f"Connected by {order.username}"
    if order.outcome in (Order.Outcome.CALLER_ONLY, Order.Outcome.CALLEE_ONLY):
        return order.outcome
    if order.outcome == Order.Outcome.NOT_CONFIRMED:
        return order.detail or order.outcome
    return f"{order.outcome}: {order.detail}" if order.detail else order.outcome


def tone(order: Order) -> str:
    """Return "good", "bad", or "open" while it is not decided."""
    if order.phase in Order.OPEN:
        return "open"
    return "good" if order.outcome in GOOD else "bad"


def ended_by(order: Order) -> str:
    """Return the row's `ended_by` of a call that this order ended."""
    return f"operator:{order.username}"
