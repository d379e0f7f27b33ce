"""Orders whose progress is on somebody's screen: what moved of them, rendered once for all. Knows orders and a template; knows no browser.

A fragment holds no form: what depends on who looks is asked for by the page when the order is closed.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.template.loader import render_to_string

from dashboard.live import frames
from dashboard.models import Order


class Followed(NamedTuple):
    """One order as it stands."""

    stamp: tuple[object, ...]
    "Changes with what is shown."

    fragment: str


def follow(numbers: Iterable[int]) -> dict[int, Followed]:
    """Return the orders with these numbers, ready to be sent."""
    wanted = {number for number in numbers if number}
    return {order.pk: _shown(order) for order in Order.objects.filter(pk__in=wanted)} if wanted else {}


def _shown(order: Order) -> Followed:
    stamp = (order.phase, order.outcome, order.via, order.detail, order.answered_ns, len(order.steps))
    context = {"order": order, "closed": order.phase not in Order.OPEN}
    return Followed(stamp, frames.replace(f"#order-steps-{order.pk}", render_to_string("live/_progress.html", context)))
