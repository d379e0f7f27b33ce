"""Calls that a limit has ended: which ones, and the orders for them.

Knows the tables and what an order needs; knows no size and no time (`dialogs.insight.limits`).

A limit asks as an operator would, as user "limit:NAME", and may less: never for a protected call, never for one that only an unauthenticated HEP sender
reported, and once for each call. What was asked for counts as on its way, whatever comes of it: a call that does not go must not cost the next one.
"""

import os

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from dashboard.models import DialogQuerySet, DialogRow, Order
from dashboard.orders.request import RULE, OrderRefused, may_end, request_end
from dialogs.config import Limit, Tap
from dialogs.insight.limits import Over
from dialogs.taps.hep_gate import KEY_VARIABLE

LOOKED_AT = 500
"Calls of a value that are looked at in one step, for those that may be ended."


class LimitUser(AnonymousUser):
    """Whom the orders of a limit are put down to; nobody can sign in as it."""

    def __init__(self, limit: Limit) -> None:
        super().__init__()
        self.name = f"limit:{limit.name}"

    def get_username(self) -> str:
        """Return "limit:NAME"."""
        return self.name

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Return whether this is the right to end calls; protected ones are not among them."""
        del obj
        return perm == "dashboard.end_call"


def may_be_ended(row: DialogRow, user: LimitUser) -> bool:
    """Return whether a limit may have this call ended."""
    return is_vouched_for(row.tap, settings.DIALTAP.tap) and may_end(row, user, how=RULE) is None


def is_vouched_for(tap: str, config: Tap) -> bool:
    """Return whether what a tap says was seen by ourselves, or sent by an agent that showed the key: an address alone can be forged."""
    return not tap.startswith("hep:") or bool(config.hep_key_file or os.environ.get(KEY_VARIABLE))


def end_beyond(over: Over, node: str) -> list[Order]:
    """Order the end of as many calls of a value as are beyond its limit and not on their way to an end yet; returns the orders."""
    user = LimitUser(over.limit)
    members = DialogRow.objects.live().filter(node=node, profile_entries__name=over.limit.profile, profile_entries__value=over.value or "")
    missing = over.excess - _on_their_way(members, user)
    orders: list[Order] = []
    if missing <= 0:
        return orders
    candidates = _not_asked(members, user).order_by(*(("-init_ns", "-uid") if over.limit.end == "newest" else ("init_ns", "uid")))
    for row in candidates[:LOOKED_AT]:
        if len(orders) < missing and (order := _end(row, user, f"limit {over.limit.name}: more than {over.limit.critical} calls")):
            orders.append(order)
    return orders


def end_lasting(limit: Limit, uid: str) -> Order | None:
    """Order the end of a call that lasts too long, unless it was ordered before."""
    user = LimitUser(limit)
    row = _not_asked(DialogRow.objects.live().filter(pk=uid), user).first()
    return _end(row, user, f"limit {limit.name}: longer than {limit.duration_seconds} s") if row else None


def _not_asked(calls: DialogQuerySet, user: LimitUser) -> DialogQuerySet:
    """Return the calls that this limit has not asked for yet."""
    return calls.exclude(pk__in=Order.objects.filter(username=user.get_username()).values("dialog_uid"))


def _on_their_way(members: DialogQuerySet, user: LimitUser) -> int:
    orders = Order.objects.filter(Q(username=user.get_username()) | Q(phase__in=Order.OPEN), dialog_uid__in=members.values("uid"))
    return orders.values("dialog_uid").distinct().count()


def _end(row: DialogRow, user: LimitUser, reason: str) -> Order | None:
    if not may_be_ended(row, user):
        return None
    try:
        return request_end(row, user, reason, "", how=RULE)
    except OrderRefused:  # it changed meanwhile; that is audited
        return None
