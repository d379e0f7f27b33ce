"""All feeds of one node in one process of their own, beside the taps: a receiver that is slow, or a program error here, costs no packet.

The database is all that both share: the ingest writes what happens into the outbox, this process reads it and writes how far each receiver is.
"""

import asyncio
import fcntl
import hashlib
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from dashboard.feeds.nightly import Nightly
from dashboard.feeds.process import FeedProcess
from dashboard.feeds.webhook import Deliverer
from dashboard.feeds.writer import Writer, sinks
from dashboard.history.outbox import FeedError, outbox
from dialogs.config import Config


def needed(config: Config) -> bool:
    """Return whether there is anything to run. The stream is the pages' own."""
    return bool(config.webhook or config.events.file or config.events.call_end or config.cdr.nightly)


def beside_of(node: str, config: Config) -> FeedProcess | None:
    """Return what runs the feeds beside an ingest, None where there are none. Raises FeedError for what could not be run."""
    check(node, config)
    return FeedProcess(node) if needed(config) else None


def check(node: str, config: Config) -> None:
    """Raise FeedError for a secret, a certificate or a query that cannot be used."""
    outbox()
    Feeds(node, config).discard()


class Feeds:
    """The receivers of one node."""

    def __init__(self, node: str, config: Config, clock: Callable[[], int] = time.time_ns) -> None:
        """Raises FeedError: a secret, a certificate or a query that cannot be used."""
        self.node = node
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="feeds")
        self.stopping = asyncio.Event()
        outbox()
        self.deliverers = [Deliverer(node, hook, self._in_thread, clock) for hook in config.webhook]
        self.writers = [Writer(node, name, sink, self._in_thread, clock) for name, sink in sinks(config).items()]
        self.nightly = [Nightly(node, config, clock)] if config.cdr.nightly else []

    async def run(self) -> None:
        """Run until `stop`. An error that nobody foresaw ends all of them: whoever started this process starts it again."""
        await self._in_thread(outbox().begin, self.node)
        try:
            async with asyncio.TaskGroup() as group:
                for run in self._runs():
                    group.create_task(run(self.stopping))
        finally:
            await self._in_thread(close)
            self._threads.shutdown()

    def _runs(self) -> list[Callable[[asyncio.Event], Coroutine[Any, Any, None]]]:
        return [*(each.run for each in self.deliverers), *(each.run for each in self.writers), *(each.run for each in self.nightly)]

    def discard(self) -> None:
        """Let go of what was never run."""
        self._threads.shutdown()

    def stop(self) -> None:
        """Ask `run` to end."""
        self.stopping.set()

    def _in_thread(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*arguments, **named))


def close() -> None:
    """Close the connection of the thread that this is called on."""
    connection.close()


@contextmanager
def alone(node: str) -> Iterator[None]:
    """Be the only process that feeds for this node; the lock goes with the process. Raises FeedError when another one is."""
    path = Path(settings.VAR) / f"feeds-{hashlib.sha256(node.encode()).hexdigest()[:12]}.lock"
    with path.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FeedError(f"another process feeds for {node} already: ./dialtap run and ./dialtap ingest start it") from error
        yield
