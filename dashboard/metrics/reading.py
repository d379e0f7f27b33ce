"""Slow reads beside the event loop: one at a time on a thread of their own, shared by all who ask meanwhile. Knows a thread; knows not what is read."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection

_thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")


class Shared[Result]:
    """A read that many may ask for."""

    def __init__(self, work: Callable[[], Result], keep: float = 0.0) -> None:
        """`keep`: seconds for which an answer is good."""
        self._work = work
        self._keep = keep
        self._running: Future[Result] | None = None
        self._until = 0.0

    async def read(self) -> Result:
        """Return what the work returns; strangers who ask often have it done once."""
        if self._running is None or (self._running.done() and time.monotonic() >= self._until):
            self._running = _thread.submit(self._done)
        return await asyncio.shield(asyncio.wrap_future(self._running))

    def _done(self) -> Result:
        try:
            return self._work()
        finally:
            connection.close()  # a scrape comes every few seconds: nothing is worth being held open
            self._until = time.monotonic() + self._keep
