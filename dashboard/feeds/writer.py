"""The receivers that are files and logs: each reads its events in order and writes them on. Knows the store; what a line looks like is `files`' business."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from logging import LogRecord, makeLogRecord
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Protocol

import structlog
from django.conf import settings
from django.db import DatabaseError

from dashboard.feeds import store
from dashboard.feeds.files import EventFile, call_end
from dashboard.feeds.webhook import InThread
from dashboard.feeds.window import Item
from dashboard.history.outbox import CALL_END, FILE
from dashboard.pause import pause
from dialogs.config import Config

POLL_SECONDS = 0.25
RETRY_SECONDS, RETRY_MAX = 1.0, 60.0
SYSLOG_SECONDS = 2.0

logger = structlog.get_logger(__name__)
calls = structlog.get_logger("dialtap.calls")


class Sink(Protocol):
    """Takes events, or raises OSError and has taken none for good."""

    def write(self, items: Sequence[Item]) -> None:
        """Write events. Raises OSError."""

    def failed(self) -> None:
        """Hear that the write before failed: begin anew."""

    def close(self) -> None:
        """Let go of what is open."""


class Log:
    """Lines in our own log."""

    def write(self, items: Sequence[Item]) -> None:
        """Log the calls' ends."""
        for item in items:
            calls.info(call_end(item.body))

    def failed(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


class _Loud(SysLogHandler):
    """A handler that tells what went wrong, and does not wait for long."""

    socket: socket.socket

    def createSocket(self) -> None:  # noqa: N802 -- logging's name
        super().createSocket()
        self.socket.settimeout(SYSLOG_SECONDS)

    def handleError(self, record: LogRecord) -> None:  # noqa: N802 -- logging's name
        raise  # noqa: PLE0704 -- logging calls this where it has caught the error


class Syslog:
    """Lines in the system's log, facility local0."""

    def __init__(self, address: str) -> None:
        """`address`: path of a socket, or "host:port" for UDP."""
        host, _, port = address.rpartition(":")
        self._address: str | tuple[str, int] = address if address.startswith("/") else (host.strip("[]"), int(port))
        self._handler: _Loud | None = None

    def write(self, items: Sequence[Item]) -> None:
        """Log the calls' ends. Raises OSError."""
        if self._handler is None:
            self._handler = _Loud(self._address, SysLogHandler.LOG_LOCAL0)
            self._handler.ident = "dialtap: "
        for item in items:
            self._handler.emit(makeLogRecord({"msg": call_end(item.body), "levelname": "INFO"}))

    def failed(self) -> None:
        """Open the socket anew the next time."""
        self.close()

    def close(self) -> None:
        """Close the socket."""
        if self._handler is not None:
            self._handler.close()
            self._handler = None


def sinks(config: Config) -> dict[str, Sink]:
    """Return what is written to, by the receiver's name."""
    events, found = config.events, dict[str, Sink]()
    if events.file:
        found[FILE] = EventFile(Path(settings.VAR) / Path(events.file).expanduser(), int(events.file_mb * 10**6), events.file_keep)
    if events.call_end:
        found[CALL_END] = Log() if events.call_end == "log" else Syslog(events.syslog)
    return found


class Writer:
    """Has one sink written, and remembers how far."""

    def __init__(self, node: str, name: str, sink: Sink, in_thread: InThread, clock: Callable[[], int] = time.time_ns) -> None:
        self.node = node
        self.name = name
        self.sink = sink
        self._in_thread = in_thread
        self._clock = clock
        self._failing_ns = self._failures = 0
        self._error = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Write until `stopping`."""
        position, _ = await self._in_thread(store.load, self.node, self.name)
        wait = RETRY_SECONDS
        while not stopping.is_set():
            try:
                upto = await self._turn(position)
                rest = POLL_SECONDS if upto == position else 0.0
                position, wait = upto, RETRY_SECONDS
            except (OSError, DatabaseError) as error:
                await self._note(error, position)
                rest, wait = wait, min(wait * 2, RETRY_MAX)
            await pause(stopping, rest)
        await asyncio.to_thread(self.sink.close)

    async def _turn(self, position: int) -> int:
        """Write the next events; returns how far that is settled."""
        found = await self._in_thread(store.read, self.node, self.name, position, store.PAGE)
        if found.upto == position and not self._failing_ns:
            return position
        if found.items:
            await asyncio.to_thread(self.sink.write, found.items)
        state = store.State(found.upto, (), len(found.items), 0, 0, "")
        await self._in_thread(store.save, self.node, self.name, state, (), self._clock())
        if self._failing_ns:
            logger.info("feeds: written again", receiver=self.name)
        self._failing_ns, self._error = 0, ""
        return found.upto

    async def _note(self, error: Exception, position: int) -> None:
        if not self._failing_ns:
            self._failing_ns = self._clock()
            logger.warning("feeds: not written", receiver=self.name, error=str(error))
        await asyncio.to_thread(self.sink.failed)
        if isinstance(error, OSError):
            state = store.State(position, (), 0, 1, self._failing_ns, error.strerror or str(error))
            try:
                await self._in_thread(store.save, self.node, self.name, state, (), self._clock())
            except DatabaseError as worse:
                logger.warning("feeds: database", receiver=self.name, error=str(worse))
