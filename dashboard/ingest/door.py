"""The ingest's door: answers RPC from the engine's memory, over a unix socket and over TCP. Knows sockets; what is answered is the business of `dialogs.rpc`.

On the unix socket a request's first byte decides: BINRPC's magic, or else JSON-RPC, one request or batch a line and one answer a line. Over TCP there
is BINRPC only. Long answers are made in slices, for packets are read on the same loop.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from time import perf_counter

import structlog

from dashboard.ingest.rpchost import EngineHost
from dashboard.rpc.local import set_door
from dialogs.config import Rpc
from dialogs.engine.sockets import split_address
from dialogs.rpc import Malformed, binrpc, jsonrpc, kamcmd

SLICE = 0.003
"Seconds of the loop that an answer takes at once."

PIECE = 64 * 1024
"Bytes that are made before they are written: what waits for a slow reader is no more than this and the socket's buffers."

CONNECTIONS_MAX = 64
LINE_MAX = 256 * 1024
IDLE_SECONDS = 120.0
"How long a connection waits for its next request: the original's own limit."

WRITE_SECONDS = 30.0
"How long a piece of an answer waits for its reader."

BACKLOG = 64

logger = structlog.get_logger(__name__)


class DoorError(OSError):
    """A socket cannot be had; the text says why."""


class Door:
    """One engine's door; `folder` is where a relative path of the socket begins."""

    def __init__(self, host: EngineHost, config: Rpc, folder: Path) -> None:
        self.host = host
        self.config = config
        self.path = folder / config.socket if config.socket else None
        self.tally = jsonrpc.Tally()
        self.refused = 0
        "Connections beyond the cap."

        self.port = 0
        "Of BINRPC over TCP; 0 for none."

        self._bound = False
        self._turn = asyncio.Lock()
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many connections there have been."""
        return self.tally.connections

    @property
    def requests(self) -> int:
        """How many requests were answered."""
        return self.tally.requests

    @property
    def malformed(self) -> int:
        """How often bytes came that are no request."""
        return self.tally.malformed

    @property
    def faults(self) -> int:
        """How many answers were faults."""
        return self.tally.faults

    # Answers

    def answer(self, body: bytes, *, control: bool, name: str = "socket") -> AsyncGenerator[bytes]:
        """Give the JSON answer to a request or batch in pieces; nothing when nobody is to be answered. An error is in the first piece, whole."""
        return self._sliced(jsonrpc.answer(self._caller(control=control, name=name), body))

    def _caller(self, *, control: bool, name: str) -> jsonrpc.Caller:
        return jsonrpc.Caller(self.host.by(name), self.tally, control)

    async def _sliced(self, pieces: Iterator[bytes]) -> AsyncGenerator[bytes]:
        """Give what is made slice by slice, and everybody else a turn between: of all long answers together one slice a turn of the loop."""
        done = False
        while not done:
            async with self._turn:
                made, done = _slice(pieces)
                if not done:
                    await asyncio.sleep(0)
            if made:
                yield made

    # Sockets

    async def start(self) -> None:
        """Listen; a socket that cannot be had is logged, and the ingest goes on without it."""
        if self.path is not None:
            await self._listen(self.path)
        if self.config.binrpc_tcp:
            await self._listen(self.config.binrpc_tcp)
        set_door(self)

    async def _listen(self, where: Path | str) -> None:
        try:
            if isinstance(where, Path):
                server = await asyncio.start_unix_server(self._met_here, sock=unix_socket(where), backlog=BACKLOG)
                self._bound = True
            else:
                server = await asyncio.start_server(self._met_over_tcp, *split_address(where), backlog=BACKLOG)
                self.port = server.sockets[0].getsockname()[1]
        except OSError as error:
            logger.warning("rpc", socket=str(where), error=str(error))
        else:
            self._servers.append(server)

    async def stop(self) -> None:
        """Close the sockets and every connection."""
        set_door(None)
        for server in self._servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        if self.path is not None and self._bound:
            self.path.unlink(missing_ok=True)
        self._servers.clear()

    def _met_here(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._meet(reader, writer, here=True)

    def _met_over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._meet(reader, writer, here=False)

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, here: bool) -> None:
        self.tally.connections += 1
        if len(self._open) >= CONNECTIONS_MAX:
            self.refused += 1
            writer.close()
            return
        task = asyncio.create_task(self._converse(reader, writer, here=here))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, here: bool) -> None:
        caller = self._caller(control=here or self.config.binrpc_control, name="socket" if here else "binrpc")
        try:
            async for request in self._requests(reader, lines=here):
                before = self.tally.malformed
                if isinstance(request, bytes):
                    await self._write(writer, jsonrpc.answer(caller, request), b"\n")
                else:
                    await self._write(writer, kamcmd.answer(caller, request), b"")
                if self.tally.malformed > before:
                    return
        except Malformed:
            self.tally.malformed += 1
        except (OSError, TimeoutError):  # gone, or too slow
            pass
        finally:
            writer.close()

    async def _requests(self, reader: asyncio.StreamReader, *, lines: bool) -> AsyncIterator[bytes | binrpc.Packet]:
        """Give the requests of a connection as they come. Raises Malformed, TimeoutError."""
        buffer = bytearray()
        while True:
            while (request := _take(buffer, lines=lines)) is not None:
                yield request
            async with asyncio.timeout(IDLE_SECONDS):
                data = await reader.read(PIECE)
            if not data:
                break
            buffer += data
        if lines and buffer and buffer[0] != binrpc.MAGIC:
            yield bytes(buffer)  # a last line without its end

    async def _write(self, writer: asyncio.StreamWriter, pieces: Iterator[bytes], end: bytes) -> None:
        written = False
        async for piece in self._sliced(pieces):
            writer.write(piece)
            written = True
            async with asyncio.timeout(WRITE_SECONDS):
                await writer.drain()
        if written:
            writer.write(end)


def _slice(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """Return what a slice of time makes, and whether that was the end."""
    made, size, until = [], 0, perf_counter() + SLICE
    for piece in pieces:
        made.append(piece)
        size += len(piece)
        if size >= PIECE or perf_counter() >= until:
            return b"".join(made), False
    return b"".join(made), True


def _take(buffer: bytearray, *, lines: bool) -> bytes | binrpc.Packet | None:
    """Take the first whole request out of a buffer. Raises Malformed."""
    while lines and buffer[:1].isspace():
        del buffer[:1]
    if not lines or buffer[:1] == bytes((binrpc.MAGIC,)):
        return binrpc.take(buffer)
    end = buffer.find(b"\n")
    if end < 0:
        if len(buffer) > LINE_MAX:
            raise Malformed("a line too long")
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    return line


def unix_socket(path: Path) -> socket.socket:
    """Return a socket bound to a path that its owner alone may use. Raises DoorError when another process answers there, OSError."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(os.fspath(path)) == 0:
                raise DoorError("another ingest answers there")
        path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        bound.bind(os.fspath(path))
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound
