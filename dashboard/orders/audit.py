"""Who did what: the one way an audit event is written. Knows the table; decides nothing."""

import time

from dashboard.models import AuditEvent, DialogRow, Order
from dashboard.orders.words import asked_words
from dialogs.engine.states import STATE_NAMES, State

MAX_TEXT = 2000
SEARCHED = "number searched"
AGAIN_NS = 600 * 10**9


def record(username: str, action: str, *, address: str = "", dialog_uid: str = "", text: str = "", at_ns: int = 0, **more: str) -> AuditEvent:
    """Add an event, in the caller's transaction where there is one. `at_ns` 0 means now; an address or text that is too long is cut.

    `more`: reason, request, outcome, before, after.
    """
    return AuditEvent.objects.create(
        at_ns=at_ns or time.time_ns(),
        username=username[:150],
        address=address[:64],
        action=action,
        dialog_uid=dialog_uid,
        text=text[:MAX_TEXT],
        **{name: words[:MAX_TEXT] for name, words in more.items()},
    )


def asked(order: Order, address: str, text: str) -> None:
    """Add that somebody asked for an order, and how the call stood."""
    facts = {"reason": order.reason, "request": asked_words(order), "before": _stood(order, at_end=False)}
    record(order.username, f"{order.kind} requested", address=address, dialog_uid=order.dialog_uid, text=text, at_ns=order.requested_ns, **facts)


def closed(order: Order, text: str) -> None:
    """Add what came of an order, and how the call stands now."""
    facts = {"reason": order.reason, "request": asked_words(order), "outcome": order.outcome, "after": _stood(order, at_end=True)}
    record(order.username, f"{order.kind} closed", dialog_uid=order.dialog_uid, text=text, at_ns=order.closed_ns, **facts)


def _stood(order: Order, *, at_end: bool) -> str:
    """Return how an order's call stands; of one that a proxy is to let go of how it stands there, "" when it is gone."""
    if order.kind != Order.Kind.RELEASE:
        return state_of(order.dialog_uid)
    return "" if at_end and order.outcome == Order.Outcome.LET_GO else f"proxy: {STATE_NAMES[State(order.arguments['state'])]}"


def searched(username: str, typed: str, address: str = "") -> None:
    """Add that somebody who may not see numbers looked for one; the same again within ten minutes is the same search."""
    now_ns = time.time_ns()
    before = AuditEvent.objects.filter(at_ns__gt=now_ns - AGAIN_NS, username=username[:150], action=SEARCHED, request=typed[:MAX_TEXT])
    if typed and not before.exists():
        record(username, SEARCHED, address=address, request=typed, at_ns=now_ns)


def state_of(uid: str) -> str:
    """Return how a call stands, in Kamailio's words: "CONFIRMED"; "" for a call that is not stored (any more)."""
    state = DialogRow.objects.filter(pk=uid).values_list("state", flat=True).first()
    return STATE_NAMES[State(state)] if state is not None and state in State else ""
