"""One WebSocket: who may watch, and the road between a browser and the hub. Knows sockets; what to send is the hub's and the views' business."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import parse_qsl

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user_model

from dashboard.live.callview import CallView, OtherView
from dashboard.live.filter import CallFilter
from dashboard.live.hub import Client, Hub, View
from dashboard.live.layout import Layout
from dashboard.live.table import LINGER_NS, PAGE, LiveTable
from dashboard.metrics.web import watch
from dashboard.orders.audit import searched
from dashboard.privacy import CLEAR, Policy, policy_of

MAY_WATCH = "dashboard.view_dialogrow"
FORBIDDEN = 4403
"Close code for who may not watch: the browser's script does not knock again."

TRY_AGAIN = 1013
RECHECK = 30.0
"Seconds after which permission and login are looked at again."

LONGEST_MESSAGE = 2000
ORDERS_END = 2**63
"Numbers of orders are below."

hub = Hub()
watch(hub)


def view_of(query: str, at: Hub, policy: Policy = CLEAR) -> View:
    """Return the view that a page asks for in its WebSocket's address, of what this person may see."""
    wanted = dict(parse_qsl(query))
    if wanted.get("page") == "live":
        chosen = CallFilter.parse(wanted, whole=policy.masked)
        layout = Layout.parse(wanted, masked=policy.masked)
        return LiveTable(chosen, at.renderer, at.counters, layout=layout, policy=policy, met=met(wanted, time.time_ns()))
    if wanted.get("page") == "call":
        return CallView(wanted.get("uid", "")[:16], policy, wanted)
    return OtherView()


def met(wanted: dict[str, str], now_ns: int) -> tuple[str, ...]:
    """Return the rows that a page says it brought, top first; none where that is too long ago."""
    fresh = moment(wanted.get("at", "")) > now_ns - LINGER_NS
    return tuple(uid for uid in wanted.get("rows", "").split(",")[:PAGE] if uid.isalnum()) if fresh else ()


def moment(text: str) -> int:
    """Return when a page says that it was made, 0 for what is no time."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def may_watch(scope: dict[str, Any]) -> Policy | None:
    """Return what this login is shown, None when it does not exist any more or may not see calls."""
    user = get_user_model().objects.filter(pk=scope["user"].pk, is_active=True).first()
    allowed = user and scope["session"].exists(scope["session"].session_key) and user.has_perm(MAY_WATCH)
    return policy_of(user) if user and allowed else None


class LiveConsumer(AsyncWebsocketConsumer):
    """Accepts, checks, and passes frames from the hub's queue to the browser."""

    client: Client | None = None  # stays None for who may not watch
    policy: Policy | None = None
    tasks: tuple[asyncio.Task[None], ...] = ()

    async def connect(self) -> None:
        """Accept first: a browser sees a close code only after that."""
        await self.accept()
        self.policy = await self._may_watch()
        if self.policy is None:
            await self.close(FORBIDDEN)
            return
        view = view_of(self.scope["query_string"].decode("latin-1"), hub, self.policy)
        if isinstance(view, LiveTable):
            await self._note(view.chosen)
        self.client = Client(view, self.policy)
        hub.join(self.client)
        self.tasks = tuple(asyncio.create_task(work(self.client)) for work in (self._pump, self._recheck, self._give_up))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take what live.js says: `ack`, `resync`, `refresh`, `sort`, `filter` or `order`; anything else is ignored."""
        message = read_message(text_data)
        if self.client is None:
            return
        if isinstance(message.get("ack"), int):
            self.client.confirm(message["ack"])
        if "resync" in message:
            self.client.want = "gap"
        if "refresh" in message:
            self.client.want = self.client.want or "refresh"
        if isinstance(order := message.get("order"), int) and 0 <= order < ORDERS_END:
            self.client.order, self.client.order_stamp = order, ()
        if "sort" in message:
            self.client.want = "sort"
        if isinstance(message.get("filter"), dict) and isinstance(self.client.view, LiveTable):
            masked = self.client.view.policy.masked
            chosen = CallFilter.parse(message["filter"], whole=masked)
            await self._note(chosen)
            self.client.view.choose(chosen, Layout.parse(message["filter"], masked=masked))
            self.client.want = self.client.want or "filter"

    async def disconnect(self, code: int) -> None:
        """Leave the hub."""
        for task in self.tasks:
            task.cancel()
        if self.client:
            await hub.leave(self.client)

    async def _pump(self, client: Client) -> None:
        """Send what the hub queues, one after the other."""
        while True:
            await self.send(await client.queue.get())

    async def _recheck(self, client: Client) -> None:
        """Cut off who has logged out or may no longer watch."""
        while True:
            await asyncio.sleep(RECHECK)
            if (policy := await self._may_watch()) != self.policy:
                await self.close(TRY_AGAIN if policy else FORBIDDEN)  # what it may see has changed: it comes back and gets that
                return

    async def _give_up(self, client: Client) -> None:
        """Cut off a browser that stays behind; it comes back by itself."""
        await client.given_up.wait()
        await self.close(TRY_AGAIN)

    async def _may_watch(self) -> Policy | None:
        return await database_sync_to_async(may_watch)(self.scope)

    async def _note(self, chosen: CallFilter) -> None:
        """Write down what somebody looks for who may not see numbers."""
        if chosen.whole and chosen.typed:
            address = (self.scope.get("client") or [""])[0]
            await database_sync_to_async(searched)(self.scope["user"].get_username(), chosen.typed, address)


def read_message(text_data: str | None) -> dict[str, Any]:
    """Return a browser's message, empty when it is none of ours."""
    if not text_data or len(text_data) > LONGEST_MESSAGE:
        return {}
    try:
        message = json.loads(text_data)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
