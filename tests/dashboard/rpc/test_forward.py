"""The way to an ingest in another process, over a real socket."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest

from dashboard.rpc import forward, local
from dashboard.rpc.forward import NoIngest, answer
from dialogs.config import Config, Rpc
from tests.dashboard.rpc.asking import Door

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def away(settings, tmp_path):
    """No door in this process; its socket would be in a folder of the test's own."""
    local.set_door(None)
    settings.VAR = tmp_path
    return tmp_path / "dialtap.sock"


@asynccontextmanager
async def ingest(path, *pieces, stays=False):
    """Serve these pieces; what was asked is given back. `stays`: never says that it was all."""
    asked, over = [], asyncio.Event()

    async def serve(reader, writer):
        asked.append(await reader.read())
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if stays:
            await over.wait()
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield asked
        over.set()


async def everything(pieces):
    return b"".join([piece async for piece in pieces])


async def test_question_is_one_line_and_the_answer_comes_whole(away):
    long = b"[" + b"1," * 200_000 + b"1]"
    async with ingest(away, long[:70_000], long[70_000:], b"\n") as asked:
        assert (await everything(answer(b"{}", control=False)), asked) == (long + b"\n", [b"{}\n"])


async def test_door_of_this_process_comes_first(away):
    door = Door(b"1", b"2")
    local.set_door(door)
    async with ingest(away, b"3") as asked:
        assert (await everything(answer(b"{}", control=True)), door.asked, asked) == (b"12", [(b"{}", True)], [])


async def test_door_that_has_closed_is_forgotten(away):
    local.set_door(Door())
    local.set_door(None)
    assert local.door() is None


@pytest.mark.parametrize("chosen", ["d.sock", "{}/elsewhere/d.sock"])
async def test_socket_is_where_the_configuration_says(settings, tmp_path, chosen):
    (tmp_path / "elsewhere").mkdir()
    settings.DIALTAP = Config(rpc=Rpc(socket=chosen.format(tmp_path)))
    async with ingest(tmp_path / chosen.format(tmp_path), b"1"):
        assert await everything(answer(b"{}", control=False)) == b"1"


async def test_without_a_socket_only_one_process_has_answers(settings):
    settings.DIALTAP = Config(rpc=Rpc(socket=""))
    with pytest.raises(NoIngest, match=r"\[rpc\] socket names no socket"):
        await everything(answer(b"{}", control=False))


async def test_socket_of_nobody_says_what_to_do(away):
    async with ingest(away):
        pass
    with pytest.raises(NoIngest, match=r"dialtap.sock \(.+\): start ./dialtap ingest"):
        await everything(answer(b"{}", control=False))


async def test_ingest_that_hangs_is_not_waited_for_for_ever(away, monkeypatch):
    monkeypatch.setattr(forward, "ANSWER_SECONDS", 0.05)
    async with ingest(away, b"[1", stays=True):
        assert await everything(answer(b"{}", control=False)) == b"[1"


async def test_reader_that_goes_away_closes_the_connection(away):
    async with ingest(away, b"1" * 100_000, b"2" * 10_000_000) as asked:
        async with aclosing(answer(b"{}", control=False)) as pieces:
            await anext(pieces)
        assert asked == [b"{}\n"]
