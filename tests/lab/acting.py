"""The product's ingest with orders in the lab: who may end what, and what came of it. Knows Dialtap's orders; knows no phone's script."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from dashboard.models import DialogRow, Order
from dialogs.config import Config, Control, Dialog, Tap

from .lab import Call, Lab

AGENT_HOST = "127.0.0.9"
"Where our own user agent is, of both families where it speaks both."

CONTROLLERS = ("kamailio", "sip", "kamailio, then sip")


def configured(lab: Lab, controller: str, **control: Any) -> Config:
    """Return a configuration that captures on the loopback and ends calls by that controller; `control`: other keys of `[control]`."""
    sip = {"allow": ("127.0.0.0/8", "::1"), "hosts": (AGENT_HOST, "::1")} if "sip" in controller else {}
    url = lab.proxy.rpc_url if "kamailio" in controller else ""
    given: dict[str, Any] = {"kamailio_url": url, "rate": 0, "rate_per_user": 0, "reconcile_seconds": 0.0} | sip | control
    tap = Tap(hep="", interfaces=("lo",), ports=())  # all: a proxy's own connections to phones have any
    return Config(dialog=Dialog(sockets=tuple(lab.proxy.sockets)), tap=tap, control=Control(controller=controller, **given))


async def stored[Found](ask: Callable[[], Found], what: str, seconds: float = 30.0) -> Found:
    """Wait until the database answers something true, and return it."""
    end = time.monotonic() + seconds
    while not (found := await sync_to_async(ask)()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(0.05)
    return found


async def rows_of(calls: Iterable[Call], state: int = 4, seconds: float = 60.0) -> dict[str, DialogRow]:
    """Return the rows of these calls by Call-ID, once all are in a state."""
    wanted = {call.call_id for call in calls}

    def reached() -> dict[str, DialogRow]:
        rows = {row.call_id: row for row in DialogRow.objects.filter(state=state, call_id__in=wanted)}
        return rows if len(rows) == len(wanted) else {}

    return await stored(reached, f"calls in state {state}", seconds)


async def closed(*orders: Order, seconds: float = 60.0) -> list[Order]:
    """Return these orders once all are closed."""
    keys = [order.pk for order in orders]

    def done() -> list[Order]:
        found = list(Order.objects.filter(pk__in=keys).exclude(phase__in=Order.OPEN).order_by("pk"))
        return found if len(found) == len(keys) else []

    return await stored(done, "the end of the orders", seconds)


def anna() -> User:
    """Return an administrator."""
    return User.objects.get_or_create(username="anna", is_superuser=True)[0]


async def asked[**Given, Found](request: Callable[Given, Found], *arguments: Given.args, **named: Given.kwargs) -> Found:
    """Ask the database, or write an order down by a function of `dashboard.orders.request`."""
    return await sync_to_async(request)(*arguments, **named)
