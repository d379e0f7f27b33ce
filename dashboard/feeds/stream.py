"""The event stream: the same JSON over a WebSocket, for programs. Knows tokens, revisions and the outbox; knows no browser, no cookie.

`/ws/events?since=REVISION` goes on after a revision; without it, with what happens from now on. A first frame says where it begins and whether what was
asked for is gone. `event=dialog:end`, repeated, leaves out other kinds. A program that does not read is waited for, then left: it comes back with the
revision that it had.
"""

import asyncio
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Max, Min

from dashboard.history.events import VERSION, seen
from dashboard.models import FeedEvent
from dashboard.rpc.access import Caller, NotLetIn, let_in
from dashboard.rpc.slots import Slots
from dialogs.configfeeds import EVENTS

POLL_SECONDS = 0.25
PAGE = 200
STREAMS = 16
"Programs that read at once."

CLOSE = 4000
"Close codes are this plus an HTTP status: 4401 for a token that is not known."

RECHECK_SECONDS = 30.0
WHOLE = "dashboard.see_numbers"
slots = Slots(STREAMS)


class Wanted(NamedTuple):
    """What a program asks for."""

    since: int
    "The revision that it has; -1: it has none."

    events: frozenset[str]


class Mistake(ValueError):
    """The address asks for what does not exist; the text says what does."""


def wanted(query: str) -> Wanted:
    """Return what an address asks for. Raises Mistake."""
    pairs = parse_qsl(query, keep_blank_values=True)
    since = dict(pairs).get("since", "")
    if since and not (since.isascii() and since.isdecimal() and len(since) < 19):
        raise Mistake("since is a revision: the number of the newest event that you have")
    events = frozenset(value for name, value in pairs if name == "event")
    if unknown := events - set(EVENTS):
        raise Mistake(f"there is no event {min(unknown)[:40]!r}; there are {', '.join(EVENTS)}")
    return Wanted(int(since) if since else -1, events or frozenset(EVENTS))


def is_masked(caller: Caller) -> bool:
    """Return whether a program sees parts of numbers only: it has no role, so where any is masked it needs the right to see them."""
    return bool(settings.DIALTAP.privacy.mask) and WHOLE not in caller.rights


def hello(since: int) -> tuple[dict[str, Any], int]:
    """Return the first frame, and the revision after which events follow."""
    ends = FeedEvent.objects.aggregate(oldest=Min("pk"), newest=Max("pk"))
    oldest, newest = ends["oldest"] or 0, ends["newest"] or 0
    begin = min(since, newest) if since >= 0 else newest
    gone = 0 <= since < oldest - 1
    frame = {"Event": "stream", "Version": VERSION, "Revision": begin, "Oldest": oldest, "Newest": newest, "Gone": gone}
    if gone:
        frame["Words"] = f"events {since + 1} to {oldest - 1} are not kept any more"
    elif since > newest:
        frame |= {"Gone": True, "Words": f"revision {since} was never here: the newest is {newest}"}
    return frame, max(begin, oldest - 1)


def after(revision: int, events: frozenset[str], *, masked: bool) -> tuple[list[str], int]:
    """Return the next events as they are sent, and how far was looked."""
    rows = list(FeedEvent.objects.filter(pk__gt=revision).order_by("pk")[:PAGE])
    return [seen(row, masked=masked) for row in rows if row.event in events], rows[-1].pk if rows else revision


class EventStream(AsyncWebsocketConsumer):
    """One program that reads."""

    task: asyncio.Task[None] | None = None
    held = False

    async def connect(self) -> None:
        """Accept first: a program sees a close code, and why, only after that."""
        await self.accept()
        try:
            asked = wanted(self.scope["query_string"].decode("latin-1"))
            caller = await self._caller()
        except NotLetIn as refused:
            await self._refuse(refused.status, str(refused))
        except DisallowedHost:
            await self._refuse(400, "this host name is not one of [web] allowed_hosts")
        except Mistake as mistake:
            await self._refuse(400, str(mistake))
        else:
            if not settings.DIALTAP.events.stream:
                await self._refuse(404, "there is no stream: [events] stream = true makes one")
            elif not slots.take():
                await self._refuse(503, f"{STREAMS} programs read already")
            else:
                self.held = True
                self.task = asyncio.create_task(self._feed(asked, masked=is_masked(caller)))

    async def disconnect(self, code: int) -> None:
        """Stop reading for it."""
        if self.task is not None:
            self.task.cancel()
        if self.held:
            self.held = False
            slots.taken -= 1

    async def _caller(self) -> Caller:
        scope = {key: value for key, value in self.scope.items() if key in ("headers", "path", "query_string", "root_path", "client", "server")}
        return await let_in(ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": "http"}, BytesIO()))

    async def _refuse(self, status: int, words: str) -> None:
        await self.send(msgspec.json.encode({"Event": "refused", "Version": VERSION, "Code": status, "Words": words}).decode())
        await self.close(CLOSE + status)

    async def _feed(self, asked: Wanted, *, masked: bool) -> None:
        """Send what there is, then what comes; look at the token again now and then."""
        frame, revision = await database_sync_to_async(hello)(asked.since)
        await self._send(msgspec.json.encode(frame).decode())
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            events, revision = await database_sync_to_async(after)(revision, asked.events, masked=masked)
            for event in events:
                await self._send(event)
            if not events:
                await asyncio.sleep(POLL_SECONDS)
            if loop.time() - checked > RECHECK_SECONDS:
                checked = loop.time()
                try:
                    masked = is_masked(await self._caller())
                except NotLetIn as refused:
                    await self._refuse(refused.status, str(refused))
                    return

    async def _send(self, text: str) -> None:
        await AsyncConsumer.send(self, {"type": "websocket.send", "text": text, "paced": True})
