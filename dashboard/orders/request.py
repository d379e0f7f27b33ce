"""Orders and their rows: the only way one comes to be. Whether it may is `orders.safety`'s to say; knows no controller's ways and no loop.

Everything refused is an audit event, everything accepted is an order and an audit event in one transaction. An order that is open already is given
back in place of a second one: a double click is one order.
"""

import hashlib
import socket
import time
from typing import Any

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction

from dashboard.models import DialogRow, Order
from dashboard.orders import audit
from dashboard.orders.proxies import stuck
from dashboard.orders.safety import (
    BULK,
    ENDED,
    GONE,
    NOT_ALLOWED,
    NOT_STUCK,
    REASON_MAX,
    REASON_MIN,
    RULE,
    SINGLE,
    Asked,
    Refusal,
    User,
    decide,
    digits,
    is_protected,
    stopped,
    to_type,
)

__all__ = [
    "BULK",
    "REASON_MAX",
    "REASON_MIN",
    "RULE",
    "SINGLE",
    "OrderRefused",
    "Refusal",
    "User",
    "digits",
    "is_protected",
    "may_bridge",
    "may_end",
    "may_join",
    "may_release",
    "may_transfer",
    "request_bridge",
    "request_end",
    "request_join",
    "request_release",
    "request_transfer",
    "retry_leg",
    "stopped",
    "to_retry",
    "to_type",
]

RETRIES = {Order.Outcome.CALLER_ONLY: "callee", Order.Outcome.CALLEE_ONLY: "caller"}
"The leg that an outcome leaves to be ended."


class OrderRefused(Exception):
    """An order may not exist; its text says why, for the person who asked."""


class Wanted(msgspec.Struct, frozen=True):
    """An order that is to be, with what only its row needs."""

    asked: Asked
    address: str
    "Where the user is."

    node: str
    call_text: str
    once: str
    arguments: dict[str, Any] = {}

    @property
    def row(self) -> DialogRow | None:
        """The call that it is shown with."""
        return self.asked.rows[0] if self.asked.rows else None


# May they?


def may_end(row: DialogRow, user: User, *, side: str = "both", how: str = SINGLE) -> Refusal | None:
    """Return why this user may not end this call, None when it may be ended. What must be typed first: `to_type`."""
    return decide(Asked(user, (row,), sides=(side,), how=how))


def may_transfer(row: DialogRow, user: User, side: str = "caller") -> Refusal | None:
    """Return why this user may not transfer this side of this call."""
    return decide(Asked(user, (row,), Order.Kind.TRANSFER, (side,)))


def may_bridge(user: User) -> Refusal | None:
    """Return why this user may not connect two parties."""
    return decide(Asked(user, kind=Order.Kind.BRIDGE, sides=()))


def may_join(row: DialogRow, other: DialogRow | None, user: User, sides: tuple[str, str] = ("caller", "caller")) -> Refusal | None:
    """Return why this user may not join these sides of two calls; without another call why not this one with any."""
    return decide(Asked(user, (row, other) if other else (row,), Order.Kind.JOIN, sides if other else sides[:1]))


def may_release(row: DialogRow, proxy: str, user: User) -> Refusal | None:
    """Return why this user may not have a proxy let go of this call, which has ended on the wire."""
    return decide(Asked(user, (row,), Order.Kind.RELEASE, proxy=proxy))


# Orders


def request_end(row: DialogRow, user: User, reason: str, address: str, *, side: str = "both", confirmed: str = "", how: str = SINGLE) -> Order:
    """Return the order to end this call, or one side of it: a new one, or the open one that exists already.

    `address` is where the user is. `confirmed`: what was typed, see `to_type`. `how`: SINGLE, BULK or RULE. OrderRefused when it may not exist;
    that is audited too.
    """
    asked = Asked(user, _fresh(row), Order.Kind.END, (side,), (), reason.strip(), confirmed, how)
    return _request(Wanted(asked, address, row.node, _text(row), f"end:{row.pk}"), row)


def request_transfer(row: DialogRow, user: User, side: str, to: str, reason: str, address: str, *, confirmed: str = "") -> Order:
    """Return the order to send one side ("caller" or "callee") of this call to a SIP address, by REFER. OrderRefused."""
    asked = Asked(user, _fresh(row), Order.Kind.TRANSFER, (side,), (to.strip(),), reason.strip(), confirmed)
    return _request(Wanted(asked, address, row.node, _text(row), f"transfer:{row.pk}", {"to": to.strip()}), row)


def request_bridge(user: User, first: str, second: str, reason: str, address: str, *, node: str = "") -> Order:
    """Return the order to connect two SIP addresses: the first is called and sent to the second. node: whose ingest; "" the newest one's. OrderRefused."""
    first, second = first.strip(), second.strip()
    asked = Asked(user, kind=Order.Kind.BRIDGE, sides=(), to=(first, second), reason=reason.strip(), confirmed="")
    key = hashlib.sha256(f"{first}\0{second}".encode("utf-8", "replace")).hexdigest()[:32]
    arguments = {"first": first, "second": second}
    return _request(Wanted(asked, address, node or _newest_node(), f"{first} -> {second}"[:1000], f"bridge:{key}", arguments), None)


def request_join(row: DialogRow, other: DialogRow, user: User, side: str, other_side: str, reason: str, address: str, *, confirmed: str = "") -> Order:
    """Return the order to connect one side of this call with one side of the other, by REFER with Replaces (RFC 3891). OrderRefused.

    `side` is the party that is sent; `other_side` the party that it talks to afterwards. Only the first call may be protected.
    """
    asked = Asked(user, (*_fresh(row), *_fresh(other)), Order.Kind.JOIN, (side, other_side), (), reason.strip(), confirmed)
    arguments = {"other": other.pk, "other_side": other_side}
    return _request(Wanted(asked, address, row.node, f"{_text(row)} + {_text(other)}", f"join:{row.pk}", arguments), row)


def request_release(row: DialogRow, user: User, proxy: str, reason: str, address: str, *, confirmed: str = "") -> Order:
    """Return the order to have a proxy let go of this call, which has ended on the wire: "stuck" in the newest comparison. OrderRefused."""
    asked = Asked(user, _fresh(row), Order.Kind.RELEASE, ("both",), (), reason.strip(), confirmed, proxy=proxy)
    if (found := stuck(row, proxy)) is None:
        raise _refused(row, user, address, Order.Kind.RELEASE, decide(asked) or NOT_STUCK)
    table, finding = found
    arguments = {"proxy": proxy, "key": list(finding.key), "h_entry": finding.h_entry, "h_id": finding.h_id, "state": finding.proxys}
    once = f"release:{row.pk}:{hashlib.sha256(proxy.encode()).hexdigest()[:16]}"
    return _request(Wanted(asked, address, table.node, _text(row), once, arguments), row)


def to_retry(order: Order) -> str:
    """Return the leg that an order left, "caller" or "callee"; "" when there is nothing to try again."""
    return RETRIES.get(Order.Outcome(order.outcome), "") if order.phase == Order.Phase.VERIFIED else ""


def retry_leg(order: Order, user: User, address: str, *, confirmed: str = "") -> Order:
    """Return the order to end the leg that another order left. OrderRefused when none was left, and as `request_end`."""
    row, side = order.dialog, to_retry(order)
    if row is None or not side:
        raise _refused(None, user, address, Order.Kind.END, Refusal("no leg is left to be ended"))
    asked = Asked(user, _fresh(row), Order.Kind.END, (side,), (), order.reason, confirmed, retry=True)
    return _request(Wanted(asked, address, row.node, _text(row), f"end:{row.pk}", {"retries": order.pk}), row)


def _fresh(row: DialogRow) -> tuple[DialogRow, ...]:
    """Return the call as it is now, for the page may be old; nothing when it is gone."""
    return tuple(DialogRow.objects.filter(pk=row.pk))


def _newest_node() -> str:
    """Return the node that saw the newest live call: with several ingests the one where calls are."""
    row = DialogRow.objects.filter(recorded=False).order_by("-init_ns").only("node").first()
    return row.node if row else str(settings.DIALTAP.tap.node) or socket.gethostname()


def _request(wanted: Wanted, row: DialogRow | None) -> Order:
    asked = wanted.asked
    if row is not None and len(asked.rows) < (2 if asked.kind == Order.Kind.JOIN else 1):
        raise _refused(row, asked.user, wanted.address, asked.kind, GONE if asked.user.has_perm("dashboard.end_call") else NOT_ALLOWED)
    refusal = decide(asked)
    if refusal != NOT_ALLOWED and (refusal is None or _judged_fine(asked, refusal)) and (order := _open(wanted)):
        return order
    if refusal is not None:
        raise _refused(wanted.row, asked.user, wanted.address, asked.kind, refusal, wanted.call_text)
    return _create(wanted)


def _judged_fine(asked: Asked, refusal: Refusal) -> bool:
    """Return whether a refusal may be that very order's doing: the call has ended since the first click."""
    return refusal == ENDED and asked.kind == Order.Kind.END


def _refused(row: DialogRow | None, user: User, address: str, kind: str, refusal: Refusal, text: str = "") -> OrderRefused:
    said = text or (_text(row) if row else "")
    audit.record(user.get_username(), f"{kind} refused", address=address, dialog_uid=row.pk if row else "", text=f"{said}: {refusal.words}")
    return OrderRefused(refusal.words)


def _open(wanted: Wanted) -> Order | None:
    return Order.objects.filter(once=wanted.once, phase__in=Order.OPEN).first()


def _create(wanted: Wanted) -> Order:
    now_ns, asked, row = time.time_ns(), wanted.asked, wanted.row
    username, text = asked.user.get_username(), _said(wanted)
    try:
        with transaction.atomic():
            order = Order.objects.create(
                dialog=row,
                dialog_uid=row.pk if row else "",
                call_text=wanted.call_text,
                node=wanted.node,
                kind=asked.kind,
                side=asked.sides[0] if asked.sides else "both",
                arguments=wanted.arguments,
                once=wanted.once,
                username=username,
                reason=asked.reason or "",
                requested_ns=now_ns,
            )
            audit.asked(order, wanted.address, text)
    except IntegrityError:
        if faster := _open(wanted):  # somebody's order came between our look and our row
            return faster
        raise
    return order


def _said(wanted: Wanted) -> str:
    """Return the order in words, for the audit log."""
    asked = wanted.asked
    side = f" ({asked.sides[0]} only)" if asked.kind == Order.Kind.END and asked.sides != ("both",) else ""
    to = f" ({asked.sides[0]} to {asked.to[0]})" if asked.kind == Order.Kind.TRANSFER else ""
    at = f" (at {asked.proxy or 'the proxy'})" if asked.kind == Order.Kind.RELEASE else ""
    return f"{wanted.call_text}{side}{to}{at}: {asked.reason}"


def _text(row: DialogRow) -> str:
    return f"{row.from_user or row.from_uri} -> {row.to_user or row.to_uri}"
