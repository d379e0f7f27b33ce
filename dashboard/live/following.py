"""Orders whose progress is on somebody's screen: what moved of them, rendered once for all who see the same. Knows orders and a template; knows no browser.

A fragment holds no form: what depends on who looks is asked for by the page when the order is closed.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.template.loader import render_to_string

from dashboard.live import frames
from dashboard.models import Order
from dashboard.privacy import Policy


class Followed(NamedTuple):
    """One order as it stands."""

    stamp: tuple[object, ...]
    "Changes with what is shown."

    fragment: str


def follow(wanted: Iterable[tuple[int, Policy]]) -> dict[tuple[int, Policy], Followed]:
    """Return the orders with these numbers as each policy has them, ready to be sent."""
    pairs = {(number, policy) for number, policy in wanted if number}
    orders = Order.objects.in_bulk([number for number, _ in pairs]) if pairs else {}
    return {(number, policy): _shown(policy.order(orders[number])) for number, policy in pairs if number in orders}


def _shown(order: Order) -> Followed:
    stamp = (order.phase, order.outcome, order.via, order.detail, order.answered_ns, len(order.steps))
    context = {"order": order, "closed": order.phase not in Order.OPEN}
    return Followed(stamp, frames.replace(f"#order-steps-{order.pk}", render_to_string("live/_progress.html", context)))
