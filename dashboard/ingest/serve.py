"""Daphne in this process, on the event loop that the ingest shares. Knows sockets and signals; knows no page and no engine.

Daphne has no ASGI lifespan: what belongs to the server's life is started when it listens (`ready`) and stopped before its reactor ends.
"""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from daphne.server import twisted_loop
from twisted.internet import reactor as installed_reactor

from dashboard.ingest.pace import PacedServer
from dialogs.engine.sockets import split_address

BACKLOG = 511
reactor: Any = installed_reactor  # its type is the module's, which Twisted replaces when a reactor is installed


class BindError(OSError):
    """The address for the pages cannot be had; the text says why and what to do."""


def listening(bind: str) -> socket.socket:
    """Return a socket that listens on "host:port". Raises BindError."""
    host, port = split_address(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    web = socket.socket(family, socket.SOCK_STREAM)
    web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        web.bind((host, port))
        web.listen(BACKLOG)
    except OSError as error:
        web.close()
        raise BindError(f"the pages cannot be served on {bind}: {(error.strerror or str(error)).lower()}; choose another with --bind HOST:PORT") from error
    return web


def serve(application: object, web: socket.socket, run: Callable[[], Awaitable[None]], stop: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; `run` lives beside the pages, `stop` asks it to end and is waited for."""

    async def beside() -> None:
        try:
            await run()
        finally:
            twisted_loop.call_soon(_stop_reactor)

    def ready() -> None:
        beside_task = twisted_loop.create_task(beside())
        beside_task.add_done_callback(_say)
        for number in (signal.SIGINT, signal.SIGTERM):
            twisted_loop.add_signal_handler(number, stop)

    server = PacedServer(application, endpoints=[f"fd:fileno={web.fileno()}"], signal_handlers=False, ready_callable=ready, server_name="dialtap", verbosity=0)
    server.run()


def _stop_reactor() -> None:
    if reactor.running:
        reactor.stop()


def _say(task: asyncio.Task[None]) -> None:
    """Let an error of the ingest end the program with its traceback instead of being kept in the task."""
    if not task.cancelled() and (error := task.exception()) is not None:
        twisted_loop.call_exception_handler({"message": "the ingest failed", "exception": error, "task": task})
