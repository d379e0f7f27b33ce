"""The way to the ingest that answers: its door in this process, else its socket on this machine. Knows both doors; knows no request and no command."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog
from django.conf import settings

from dashboard.rpc import local

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
"For the next piece of an answer: the ingest may be busy, never this long."

PIECE = 65536

logger = structlog.get_logger(__name__)


class NoIngest(Exception):
    """Nobody answers; the text says what to do."""


async def answer(body: bytes, *, control: bool, name: str = "socket") -> AsyncGenerator[bytes]:
    """Give the ingest's answer in pieces; `body`: JSON-RPC on one line. Raises NoIngest before the first piece.

    The socket's mode is its permission, so whoever reaches it may do everything: that `body` asks for nothing that the caller may not, is checked before.
    Over the socket `name` is lost: the order is by "socket".
    """
    door = local.door()
    pieces = door.answer(body, control=control, name=name) if door else over_socket(body)
    async with aclosing(pieces) as answered:
        async for piece in answered:
            yield piece


async def over_socket(body: bytes) -> AsyncGenerator[bytes]:
    """Ask another process's door, and give what it answers until it closes. Raises NoIngest."""
    if not settings.DIALTAP.rpc.socket:
        raise NoIngest("no ingest answers: it runs in another process, and [rpc] socket names no socket to reach it by")
    path = settings.VAR / settings.DIALTAP.rpc.socket
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
    except OSError as error:  # TimeoutError is one
        why = error.strerror or "time-out"
        raise NoIngest(f"no ingest answers at {path} ({why}): start ./dialtap ingest, or ./dialtap run, with this DIALTAP_VAR") from error
    try:
        writer.write(body + b"\n")
        writer.write_eof()  # one question a connection: its end says that the answer is complete, whatever it holds
        while piece := await _next(reader):
            yield piece
    finally:
        writer.close()


async def _next(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await reader.read(PIECE)
    except OSError as error:
        logger.warning("the ingest broke off", error=str(error) or "time-out")
        return b""
