"""One webhook at work: reads its events, posts them, writes how far it is. Knows httpx and the window; what is sent and when is theirs.

At least once: an event is settled when the receiver has answered 2xx, and that is written within SAVE_SECONDS; after a crash the last ones come again,
with the same revision.
"""

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import structlog
from django.db import DatabaseError

from dashboard.feeds import store
from dashboard.feeds.guard import Denied, Guard, GuardedTransport
from dashboard.feeds.sign import HEADER, secret_of, signature
from dashboard.feeds.window import Item, Window
from dashboard.history.outbox import WEBHOOK, FeedError
from dashboard.pause import pause
from dialogs.configfeeds import Webhook
from dialogs.packet import SECOND

POLL_SECONDS = 0.25
SAVE_SECONDS = 0.5
AGAIN_SECONDS = 1.0
LOW = 100
"Events in hand below which more are read at once, not only each POLL_SECONDS."

ANSWER_BYTES = 4096
"Read of an answer; the rest is left."

WAIT_MAX = 300
"Seconds that a receiver may ask to be left alone."

HOUR_NS = 3600 * SECOND
AGENT = "Dialtap/1"

InThread = Callable[..., Awaitable[Any]]
logger = structlog.get_logger(__name__)


class Failed(Exception):
    """A try that was not taken; the text says why."""

    def __init__(self, words: str, *, unreachable: bool = False, wait_ns: int = 0) -> None:
        super().__init__(words)
        self.unreachable = unreachable
        self.wait_ns = wait_ns


class Deliverer:
    """Sends one webhook's events."""

    def __init__(self, node: str, hook: Webhook, in_thread: InThread, clock: Callable[[], int] = time.time_ns) -> None:
        """`in_thread` runs what asks the database. Raises FeedError: the secret or the certificates cannot be read."""
        self.node = node
        self.hook = hook
        self.name = f"{WEBHOOK}{hook.name}"
        self._in_thread = in_thread
        self._clock = clock
        self._secret = secret_of(hook)
        transport = GuardedTransport(Guard(hook.allow), context_of(hook), hook.in_flight)
        self._client = httpx.AsyncClient(transport=transport, timeout=hook.timeout, follow_redirects=False, trust_env=False)
        self.window = Window(0, (), hook.in_flight, int(hook.give_up_hours * HOUR_NS), random.Random())  # noqa: S311 -- jitter
        self._flying: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._saved = self._looked_again = self._read_at = 0.0
        self._sent = self._failures = 0
        "As they were written last."

        self.largest = 0
        "Most events in hand at once, ever."

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping`; what is in flight then is sent again by the next run."""
        position, settled = await self._in_thread(store.load, self.node, self.name)
        self.window = Window(position, settled, self.hook.in_flight, int(self.hook.give_up_hours * HOUR_NS))
        try:
            while not stopping.is_set():
                await self._turn()
        finally:
            for task in self._flying:
                task.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)
            await self._save()
            await self._client.aclose()

    async def _turn(self) -> None:
        """Read, start what may go, and wait until something changes."""
        self._news.clear()
        read = 0
        try:
            read = await self._read()
            if time.monotonic() - self._saved > SAVE_SECONDS or self.window.dead:
                await self._save()
            if time.monotonic() - self._looked_again > AGAIN_SECONDS:
                self._looked_again = time.monotonic()
                await self._send_again()
        except DatabaseError as error:
            logger.warning("feeds: database", receiver=self.name, error=str(error))
            await asyncio.sleep(AGAIN_SECONDS)
        self.largest = max(self.largest, self.window.held)
        for item in self.window.ready(self._clock()):
            task = asyncio.create_task(self._send(item))
            self._flying.add(task)
            task.add_done_callback(self._flying.discard)
        if not read or self.window.held >= LOW:
            await self._wait()

    async def _wait(self) -> None:
        wait = POLL_SECONDS
        if (due_ns := self.window.next_ns()) and not self._flying:
            wait = min(wait, max(0.005, (due_ns - self._clock()) / SECOND))
        await pause(self._news, wait)

    async def _read(self) -> int:
        """Take events into hand; returns how far that went on."""
        few = self.window.held < LOW
        if (room := self.window.room) <= 0 or not (few or time.monotonic() - self._read_at > POLL_SECONDS):
            return 0
        self._read_at = time.monotonic()
        before = self.window.read
        found = await self._in_thread(store.read, self.node, self.name, before, room, masked=self.hook.masked)
        for item in found.items:
            self.window.add(item)
        self.window.passed(found.upto)
        return found.upto - before

    async def _save(self) -> None:
        window, self._saved = self.window, time.monotonic()
        position, settled = window.state()
        sent, failures, dead = window.sent, window.failures, list(window.dead)
        failing_ns = window.failing_since(self._clock())
        state = store.State(position, settled, sent - self._sent, failures - self._failures, failing_ns, window.error if failing_ns else "")
        await self._in_thread(store.save, self.node, self.name, state, dead, self._clock())
        self._sent, self._failures = sent, failures
        del window.dead[: len(dead)]
        for item in dead:
            logger.warning("feeds: given up", receiver=self.name, revision=item.revision, tries=item.tries, error=item.error)

    async def _send(self, item: Item) -> None:
        before = self.window.down
        try:
            await self.post(item)
        except Failed as failed:
            self.window.refused(item, self._clock(), str(failed), unreachable=failed.unreachable, wait_ns=failed.wait_ns)
        except asyncio.CancelledError:
            self.window.landed([item])
            raise
        else:
            self.window.taken(item)
        self._news.set()
        if self.window.down and not before:
            logger.warning("feeds: nothing is taken", receiver=self.name, error=item.error)
        elif before and not self.window.down:
            logger.info("feeds: taken again", receiver=self.name)

    async def _send_again(self) -> None:
        """Try the dead letters that somebody asked for, one after the other: the order of their calls is lost anyway."""
        for item in await self._in_thread(store.asked_again, self.node, self.name):
            error = ""
            try:
                await self.post(item)
            except Failed as failed:
                error = str(failed)
            await self._in_thread(store.again_done, self.node, self.name, item.revision, error, self._clock())

    async def post(self, item: Item) -> None:
        """Post one event. Raises Failed."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "Dialtap-Event": item.event,
            "Dialtap-Revision": str(item.revision),
            HEADER: signature(self._secret, item.body, self._clock() // SECOND),
        }
        try:
            async with asyncio.timeout(self.hook.timeout), self._client.stream("POST", self.hook.url, content=item.body, headers=headers) as answer:
                async for piece in answer.aiter_raw(ANSWER_BYTES):  # to its end, when it is short: the connection is used again
                    if len(piece) >= ANSWER_BYTES:
                        break
        except Denied as denied:
            raise Failed(str(denied), unreachable=True) from denied
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, ValueError) as error:
            raise Failed(f"{type(error).__name__}: {error}".rstrip(": "), unreachable=isinstance(error, httpx.TransportError)) from error
        except TimeoutError as error:
            raise Failed(f"no answer within {self.hook.timeout:g} s", unreachable=True) from error
        if not 200 <= answer.status_code < 300:
            raise Failed(f"answered {answer.status_code} {answer.reason_phrase}".rstrip(), wait_ns=wait_of(answer))


def wait_of(answer: httpx.Response) -> int:
    """Return how long a receiver that is busy (429, 503) wants to be left alone, in nanoseconds."""
    text = answer.headers.get("Retry-After", "")
    if answer.status_code not in (429, 503) or not (text.isascii() and text.isdecimal() and len(text) < 9):
        return 0
    return min(int(text), WAIT_MAX) * SECOND


def context_of(hook: Webhook) -> ssl.SSLContext:
    """Return how certificates are checked: always, by the system's authorities or those of `ca_file`. Raises FeedError."""
    try:
        return ssl.create_default_context(cafile=hook.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise FeedError(f"[[webhook]] {hook.name}: ca_file {hook.ca_file}: {error.strerror or error}") from error
