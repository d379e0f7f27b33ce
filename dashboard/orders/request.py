"""Whether an order may exist, and its row. The only place that decides it; knows no controller's ways and no loop.

Everything refused is an audit event, everything accepted is an order and an audit event in one transaction.
"""

import time

import msgspec
from django.conf import settings
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import IntegrityError, transaction

from dashboard.models import DialogRow, Order
from dashboard.orders import audit
from dialogs.config import Control
from dialogs.engine.states import State
from dialogs.sip import URI

END = "end"
REASON_MIN, REASON_MAX = 3, 200
EMERGENCY_PROFILE = "emergency"
EMERGENCY_URN = "urn:service:sos"
"RFC 5031; also its sub-services: urn:service:sos.police."


type User = AbstractUser | AnonymousUser


class Refusal(msgspec.Struct, frozen=True):
    """Why an order may not exist."""

    words: str


class OrderRefused(Exception):
    """An order may not exist; its text says why, for the person who asked."""


NOT_ALLOWED = Refusal("you may not end calls")
RECORDED = Refusal("recorded call: nothing is sent")
ENDED = Refusal("already ended")
PROTECTED = Refusal("protected number: only an administrator may end this call")
NO_CONTROLLER = Refusal("no controller is configured: set [control] controller in dialtap.toml")
GONE = Refusal("this call is no longer known")
BAD_REASON = Refusal(f"give a reason of {REASON_MIN} to {REASON_MAX} characters")


def may_end(row: DialogRow, user: User) -> Refusal | None:
    """Return why this user may not end this call, None when it may be ended."""
    control: Control = settings.DIALTAP.control
    if not user.has_perm("dashboard.end_call"):
        return NOT_ALLOWED
    if row.recorded:
        return RECORDED
    if row.state >= State.DELETED:
        return ENDED
    if is_protected(row, control) and not user.has_perm("dashboard.end_protected_call"):
        return PROTECTED
    if control.controller == "none":
        return NO_CONTROLLER
    return None


def is_protected(row: DialogRow, control: Control) -> bool:
    """Return whether a call is to a protected number, as the To header or the request line has it, to an emergency URN, or in profile "emergency"."""
    call = row.snapshot
    called = {digits(row.to_user), digits(URI.parse(call.request_uri).user)} - {""}
    if called & {digits(number) for number in control.protect}:
        return True
    if any(uri.lower().startswith(EMERGENCY_URN) for uri in (row.to_uri, call.request_uri)):
        return True
    return any(name == EMERGENCY_PROFILE for name, _ in call.profiles)


def digits(user: str) -> str:
    """Return the digits of a number; "" for a name that merely has some in it."""
    number = user.partition(";")[0].lstrip("+")
    found = "".join(char for char in number if char.isascii() and char.isdigit())
    return found if all(char in "0123456789 ()-./" for char in number) else ""


def request_end(row: DialogRow, user: User, reason: str, address: str) -> Order:
    """Return the order to end this call: a new one, or the open one that exists already (a double click is one order).

    `address` is where the user is. OrderRefused when it may not exist; that is audited too.
    """
    reason = reason.strip()
    fresh = DialogRow.objects.filter(pk=row.pk).first()  # the page may be old
    if fresh is None:
        raise _refused(row, user, address, GONE)
    refusal = may_end(fresh, user)
    if refusal in (None, ENDED) and (order := _open(fresh)):  # ENDED: perhaps by that very order
        return order
    if refusal := refusal or _reason_refused(reason):
        raise _refused(fresh, user, address, refusal)
    return _create(fresh, user.get_username(), reason, address)


def _refused(row: DialogRow, user: User, address: str, refusal: Refusal) -> OrderRefused:
    audit.record(user.get_username(), "end refused", address=address, dialog_uid=row.pk, text=f"{_text(row)}: {refusal.words}")
    return OrderRefused(refusal.words)


def _reason_refused(reason: str) -> Refusal | None:
    fits = REASON_MIN <= len(reason) <= REASON_MAX and reason.isprintable()
    return None if fits else BAD_REASON


def _open(row: DialogRow) -> Order | None:
    return Order.objects.filter(dialog_uid=row.pk, kind=END, phase__in=Order.OPEN).first()


def _create(row: DialogRow, username: str, reason: str, address: str) -> Order:
    now_ns = time.time_ns()
    text = _text(row)
    try:
        with transaction.atomic():
            order = Order.objects.create(
                dialog=row,
                dialog_uid=row.pk,
                call_text=text,
                node=row.node,
                kind=END,
                username=username,
                reason=reason,
                requested_ns=now_ns,
            )
            facts = {"reason": reason, "request": END, "before": audit.state_of(row.pk)}
            audit.record(username, "end requested", address=address, dialog_uid=row.pk, text=f"{text}: {reason}", at_ns=now_ns, **facts)
    except IntegrityError:
        if faster := _open(row):  # somebody's order came between our look and our row
            return faster
        raise
    return order


def _text(row: DialogRow) -> str:
    return f"{row.from_user or row.from_uri} -> {row.to_user or row.to_uri}"
