"""One hub per web process: looks at the tables every tick and hands one numbered frame to each browser. Knows views and clients; knows no socket.

The tables are read and all fragments rendered in one thread of the hub's own, so that it never waits for the recorder or for a page. Views
are only touched there. The loop starts with the first client and stops with the last.
"""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from django.db import DatabaseError, connection

from dashboard.live.changes import Changes, Reader
from dashboard.live.counters import Counters
from dashboard.live.following import Followed, follow
from dashboard.live.frames import Frame, partial
from dashboard.live.health import TapMeter
from dashboard.live.render import Renderer
from dashboard.privacy import CLEAR, Policy
from dialogs.insight.totals import WORK_BOUNDS, Histogram

TICK = 0.25
"Seconds."

HEARTBEAT_NS = 1_000_000_000
WINDOW = 40
"Frames on their way to a browser that it has not confirmed: ten seconds. A browser behind that gets no more until it has caught up."

GIVE_UP_NS = 60_000_000_000
"A browser that stays behind this long is cut off; it comes back by itself."

NOTICES = {
    "gap": '<p class="resync">An update was lost. Everything was loaded again.</p>',
    "overflow": '<p class="resync">This browser was too slow. Everything was loaded again.</p>',
}
"Why everything is loaded again, where that is not what somebody asked for; the style lets it go after some seconds."

REASONS = ("connect", *NOTICES, "refresh", "sort", "filter")

log = logging.getLogger(__name__)


def close_connection() -> None:
    """Close the database connection of the thread that runs this; `connection.close` itself would be the caller's."""
    connection.close()


class View(Protocol):
    """What a page shows of the calls."""

    def snapshot(self, changes: Changes, now_ns: int, reason: str) -> Frame:
        """Return the frame that replaces everything."""

    def catch_up(self, changes: Changes, now_ns: int) -> Frame:
        """Return the frame for what changed since the last tick; empty when nothing did."""


class Client:
    """One browser: its view, its queue, the numbers of its frames."""

    def __init__(self, view: View, policy: Policy = CLEAR) -> None:
        """`policy`: what its user may see of an order."""
        self.view = view
        self.policy = policy
        self.queue: asyncio.Queue[str] = asyncio.Queue(WINDOW)
        self.given_up = asyncio.Event()
        self.want = "connect"
        "Why it needs a snapshot; empty when it needs none."

        self.order = 0
        "The order whose progress it shows; 0 for none."

        self.order_stamp: tuple[object, ...] = ()
        self.number = 0
        self.acked = 0
        self.sent_ns = 0
        self.behind_ns = 0
        "Since when it is behind; 0 while it is not."

    @property
    def room(self) -> bool:
        """Whether another frame may be sent."""
        return self.number - self.acked < WINDOW and not self.queue.full()

    def offer(self, frame: Frame, now_ns: int) -> bool:
        """Queue a frame when there is something to say, or a heartbeat is due; returns whether one was."""
        if not frame and now_ns - self.sent_ns < HEARTBEAT_NS:
            return False
        self.number += 1
        self.sent_ns = now_ns
        self.queue.put_nowait(frame.encode(self.number, now_ns // 1_000_000))
        return True

    def take_wish(self) -> str:
        """Return why a snapshot is needed and forget it."""
        reason, self.want = self.want, ""
        return reason

    def fall_behind(self, now_ns: int) -> None:
        """Drop what is queued: when the browser has caught up it gets a snapshot that says so."""
        while not self.queue.empty():
            self.queue.get_nowait()
            self.number -= 1  # it was never sent
        self.want = "overflow"
        self.behind_ns = self.behind_ns or now_ns
        if now_ns - self.behind_ns > GIVE_UP_NS:
            self.given_up.set()

    def confirm(self, number: int) -> None:
        """Note that the browser has shown everything up to this frame."""
        self.acked = max(self.acked, min(number, self.number))
        self.behind_ns = 0


class Hub:
    """Reads once, renders once, hands out to all."""

    def __init__(self, interval: float = TICK) -> None:
        self.interval = interval
        self.clients: set[Client] = set()
        self.counters = Counters()
        self.taps = TapMeter()
        self.renderer = Renderer()
        self.sent = self.given_up = 0
        "Frames for browsers; browsers that were cut off because they stayed behind."

        self.snapshots = dict.fromkeys(REASONS, 0)
        "Frames that load everything, by why."

        self.ticks = Histogram(WORK_BOUNDS)
        self._reader: Reader | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hub")
        self._task: asyncio.Task[None] | None = None

    @property
    def queued(self) -> int:
        """How many frames wait for their browser."""
        return sum(client.queue.qsize() for client in tuple(self.clients))  # asked from another thread

    def join(self, client: Client) -> None:
        """Add a browser; its snapshot comes with the next tick, which is now."""
        self.clients.add(client)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def leave(self, client: Client) -> None:
        """Take a browser away; the last one stops the loop and closes the thread's database connection."""
        self.clients.discard(client)
        self.given_up += client.given_up.is_set()
        if not self.clients and self._task:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait([task])
            await asyncio.get_running_loop().run_in_executor(self._thread, close_connection)

    async def _run(self) -> None:
        """Tick until cancelled. A tick that takes long delays the next; none is made up for."""
        self._reader = None  # what was read before, nobody waits for
        self.renderer.forget()
        while True:
            begun = time.monotonic()
            try:
                await self.tick()
            except DatabaseError:
                log.exception("the live view cannot read the database")  # browsers show "stale" until it can
            self.ticks.observe(took := time.monotonic() - begun)
            await asyncio.sleep(max(0.01, self.interval - took))

    async def tick(self) -> None:
        """Look once, and hand out."""
        now_ns = time.time_ns()
        clients = [(client, client.take_wish()) for client in self.clients if self._can_take(client, now_ns)]
        frames = await asyncio.get_running_loop().run_in_executor(self._thread, self._look, clients, now_ns)
        for client, frame in frames:
            if client.room:
                self.sent += client.offer(frame, now_ns)
            else:
                client.fall_behind(now_ns)

    def _can_take(self, client: Client, now_ns: int) -> bool:
        """Return whether to prepare a frame for this browser; one that is behind is left alone."""
        if not client.room:
            client.fall_behind(now_ns)
        return client.room

    def _look(self, clients: list[tuple[Client, str]], now_ns: int) -> list[tuple[Client, Frame]]:
        """Read the tables and return a frame for each browser. Runs in the hub's thread."""
        self._reader = self._reader or Reader()
        changes = self._reader.read(now_ns)
        self.counters.read(now_ns, moved=bool(changes.rows))
        self.taps.read(now_ns)
        followed = follow((client.order, client.policy) for client, _ in clients)
        return [(client, self._frame(client, reason, changes, now_ns, followed)) for client, reason in clients]

    def _frame(self, client: Client, reason: str, changes: Changes, now_ns: int, followed: dict[tuple[int, Policy], Followed]) -> Frame:
        """Return what brings a browser up to date, or all of it when there is a reason."""
        view = client.view
        frame = view.snapshot(changes, now_ns, reason) if reason else view.catch_up(changes, now_ns)
        if reason:
            self.snapshots[reason] += 1
        if reason in NOTICES:
            frame.updates.append(partial("#resync", "innerHTML", NOTICES[reason]))
        if self.taps.changed or reason:
            frame.updates.append(self.taps.fragment)
        if (order := followed.get((client.order, client.policy))) is not None and (reason or order.stamp != client.order_stamp):
            client.order_stamp = order.stamp
            frame.updates.append(order.fragment)
        return frame
