"""The download of a search as it is served: piece by piece, with little memory."""

import asyncio
import gc
import tracemalloc
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.typing import HTTPScope
from django.core.handlers.asgi import ASGIHandler
from django.test import AsyncClient

from dashboard.history import export
from dashboard.models import DialogRow
from tests.dashboard.live.people import call, person, record

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
CALLS = 40


@pytest.fixture(autouse=True)
def few_a_page(monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 4)


async def viewer() -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(person)("viewer"))
    return client


async def cookies() -> bytes:
    """Return the header of somebody who may look."""
    client = await viewer()
    return client.cookies.output(header="", sep=";").strip().encode()


def scope_of(cookie: bytes) -> HTTPScope:
    headers = [(b"host", b"testserver"), (b"cookie", cookie)]
    return {"type": "http", "method": "GET", "path": "/history/calls.csv", "query_string": b"", "headers": headers}


class Reader:
    """The server's side of one request: what is sent to a browser that takes a piece when it is allowed to."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.allowed = asyncio.Semaphore(0)
        self.came = asyncio.Event()
        self.left = asyncio.Event()
        self.sending = 0
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await self.left.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request"}

    async def piece(self) -> None:
        """Wait until the server has another one."""
        async with asyncio.timeout(60):
            await self.came.wait()
        self.came.clear()

    async def send(self, event: dict[str, Any]) -> None:
        if event["type"] == "http.response.body" and event.get("body"):
            self.pieces.append(event["body"])
            self.came.set()
            self.sending += 1
            try:
                await self.allowed.acquire()
            finally:
                self.sending -= 1


async def test_calls_are_sent_before_those_behind_them_are_read():
    rows = await sync_to_async(record)(*(call(number) for number in range(1, CALLS + 1)))
    reader, scope = Reader(), scope_of(await cookies())
    asked = asyncio.create_task(ASGIHandler()(scope, reader.receive, reader.send))
    for pieces in (1, 2):
        await reader.piece()
        assert len(reader.pieces) == pieces
        reader.allowed.release()
    await reader.piece()
    await DialogRow.objects.filter(pk__in=[row.pk for row in rows[: CALLS // 2]]).adelete()
    for _ in range(CALLS):
        reader.allowed.release()
    await asked
    assert [piece.count(b"\r\n") for piece in reader.pieces] == [1, *[4] * (CALLS // 2 // 4)]


async def test_download_that_is_cancelled_reads_no_further():
    await sync_to_async(record)(*(call(number) for number in range(1, CALLS + 1)))
    reader, scope = Reader(), scope_of(await cookies())
    asked = asyncio.create_task(ASGIHandler()(scope, reader.receive, reader.send))
    for pieces in (1, 2):
        await reader.piece()
        assert len(reader.pieces) == pieces
        reader.allowed.release()
    await reader.piece()
    reader.left.set()  # the browser closes the connection
    async with asyncio.timeout(60):
        await asked
    for _ in range(CALLS):
        reader.allowed.release()
    assert (len(reader.pieces), reader.sending) == (3, 0)


async def taken(client: AsyncClient, calls: int) -> int:
    """Return the bytes of memory that a download needs at its peak, its pieces thrown away."""
    await sync_to_async(record)(*(call(number) for number in range(1, calls + 1)))
    answer = await client.get("/history/calls.csv")
    gc.collect()
    tracemalloc.start()
    lines = 0
    async for piece in answer.streaming_content:
        lines += piece.count(b"\r\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.is_async, lines) == (True, calls + 1)
    return peak


async def test_memory_does_not_grow_with_what_was_found():
    client = await viewer()
    _, few, many = [await taken(client, calls) for calls in (4, 40, 1000)]
    assert many < 2 * few
