"""The door's sockets: who gets in, what is refused, what is counted, and that nobody has to wait for a long answer."""

import asyncio
import json
import os
import socket
import stat

import pytest

from dashboard.ingest import door as module
from dashboard.ingest.door import Door, DoorError, unix_socket
from dashboard.rpc import local
from dialogs.config import Rpc
from dialogs.rpc import binrpc, call
from tests.dashboard.ingest.test_kamcmd import door
from tests.dashboard.ingest.test_loop import until
from tests.dialogs.rpc.hosts import OURS, Recording

pytestmark = pytest.mark.asyncio
ASK = b'{"jsonrpc":"2.0","method":"dlg.stats_active","id":1}'
LIST = b'{"jsonrpc":"2.0","method":"dlg.list","id":1}'
BINARY = binrpc.packet(binrpc.REQUEST, b"\x01\x02", binrpc.encode("dlg.stats_active"))
SECONDS = 60


@pytest.fixture
def recording(tmp_path):
    found = Recording(OURS / "basic", tmp_path)
    found.play_until(4)
    return found


def crowd(recording, count):
    """Put so many dialogs into the engine."""
    _call_id, family = recording.engine._families.popitem()
    recording.engine._families.update((b"%d" % number, family) for number in range(count))


async def told(opened, body, *, control=False):
    return b"".join([piece async for piece in opened.answer(body, control=control)])


async def sent(path, *chunks):
    """Send to the unix socket and return all that comes until it is closed."""
    reader, writer = await asyncio.open_unix_connection(path)
    for chunk in chunks:
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
    async with asyncio.timeout(SECONDS):
        said = await reader.read()
    writer.close()
    return said


async def test_lines_and_packets_share_the_unix_socket(recording, tmp_path):
    async with door(recording, tmp_path) as opened:
        expected = await told(opened, ASK)
        said = await sent(opened.path, ASK[:20], ASK[20:] + b"\n\r\n ", BINARY[:3], BINARY[3:], b"[" + ASK + b"]\n", ASK)
        first, second = said.split(b"\n", 1)
        packet, rest = second.split(b'[{"jsonrpc"')
        assert (first, packet[:1], rest.split(b"\n")[1]) == (expected, b"\xa1", expected)
        assert opened.requests == 5


async def test_socket_is_its_owners_alone(recording, tmp_path):
    async with door(recording, tmp_path) as opened:
        assert stat.S_IMODE(opened.path.stat().st_mode) == 0o600
        assert local.door() is opened
    assert not (tmp_path / "dialtap.sock").exists()
    assert local.door() is None


async def test_no_socket_is_wanted(recording, tmp_path):
    async with door(recording, tmp_path, socket="", binrpc_tcp="") as opened:
        assert (opened.path, opened.port, list(tmp_path.iterdir())) == (None, 0, [])
        assert json.loads(await told(opened, ASK))["result"]["ongoing"] == 1


async def test_socket_left_behind_is_taken_over_and_a_running_one_is_not(recording, tmp_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(tmp_path / "dialtap.sock"))
    async with door(recording, tmp_path) as opened:
        with pytest.raises(DoorError, match="another ingest answers there"):
            unix_socket(opened.path)
        async with door(recording, tmp_path, binrpc_tcp="") as second:
            assert second.path == opened.path
        assert (await sent(opened.path, ASK + b"\n")).startswith(b'{"jsonrpc"')


async def test_address_that_cannot_be_had_is_no_reason_to_stop(recording, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with door(recording, tmp_path, socket="nowhere/x.sock", binrpc_tcp=f"127.0.0.1:{taken.getsockname()[1]}") as opened:
            assert opened.port == 0
            assert json.loads(await told(opened, ASK))["id"] == 1


@pytest.mark.parametrize(
    ("chunk", "answered"),
    [
        (b"{\n" + ASK + b"\n", b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse Error"},"id":null}\n'),
        (b"x" * (module.LINE_MAX + 70_000), b""),
        (b"\xa1\x11\x00\x00\x00", b""),
        (binrpc.packet(0, b"\x01", b"\x07"), binrpc.packet(3, b"\x01", b"\x20\x01\x90" + binrpc.encode("bad request: a record of no known type"))),
        (b"GET / HTTP/1.1\r\n\r\n", b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse Error"},"id":null}\n'),
    ],
    ids=["no JSON", "endless line", "no request", "no record", "HTTP"],
)
async def test_malformed_is_counted_and_closes_the_connection(recording, tmp_path, chunk, answered):
    async with door(recording, tmp_path) as opened:
        reader, writer = await asyncio.open_unix_connection(opened.path)
        writer.write(chunk)
        async with asyncio.timeout(SECONDS):
            try:
                assert await reader.read() == answered
            except ConnectionResetError:
                assert answered == b""
        writer.close()
        assert opened.malformed == 1
        assert (await sent(opened.path, ASK + b"\n")).startswith(b'{"jsonrpc"')


async def test_over_tcp_there_is_binrpc_only(recording, tmp_path):
    async with door(recording, tmp_path) as opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
        writer.write(ASK + b"\n")
        async with asyncio.timeout(SECONDS):
            assert await reader.read() == b""
        writer.close()
        assert (opened.malformed, opened.requests) == (1, 0)


async def test_connections_are_capped(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 2)
    async with door(recording, tmp_path) as opened:
        held = [await asyncio.open_unix_connection(opened.path) for _ in range(3)]
        async with asyncio.timeout(SECONDS):
            assert await held[2][0].read() == b""
        assert (opened.connections, opened.refused) == (3, 1)
        for _reader, writer in held:
            writer.close()


async def test_idle_connection_is_closed(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    async with door(recording, tmp_path) as opened:
        reader, writer = await asyncio.open_unix_connection(opened.path)
        async with asyncio.timeout(SECONDS):
            assert await reader.read() == b""
        writer.close()


async def test_reader_that_does_not_read_is_left(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.05)
    crowd(recording, 20_000)
    async with door(recording, tmp_path) as opened:
        reader, writer = await asyncio.open_unix_connection(opened.path, limit=1)
        writer.write(LIST + b"\n")
        await until(lambda: opened.requests == 1)
        await until(lambda: not opened._open)
        async with asyncio.timeout(SECONDS):
            assert not (await reader.read()).endswith(b"}\n")
        writer.close()


async def test_long_answers_leave_the_loop_to_others(recording, tmp_path):
    crowd(recording, 20_000)
    async with door(recording, tmp_path) as opened:
        listing = [asyncio.create_task(told(opened, LIST)) for _ in range(3)]
        turns = 0
        while not all(task.done() for task in listing):
            await asyncio.sleep(0)
            turns += 1
        answers = [json.loads(task.result()) for task in listing]
        assert [len(answer["result"]) for answer in answers] == [20_000] * 3
        assert turns > 60


async def test_long_struct_of_ims_dialog_is_made_in_slices(tmp_path):
    recording = Recording(OURS / "basic", tmp_path, flavour="ims_dialog")
    recording.play_until(4)
    async with door(recording, tmp_path) as opened:
        for count in (0, 1, 20_000):
            if count:
                crowd(recording, count)
            else:
                kept, recording.engine._families = recording.engine._families, {}
            pieces = [piece async for piece in opened.answer(LIST.replace(b"dlg.", b"dlg2."), control=False)]
            recording.engine._families = recording.engine._families or kept
            result = json.loads(b"".join(pieces))["result"]
            assert (list(result), result["Size"], len(result["Dialogs"])) == (["Size", "Dialogs"], 4096, count)
        assert len(pieces) > 20
        packet = binrpc.packet(binrpc.REQUEST, b"\x01", binrpc.encode("dlg2.list"))
        assert b"reply too big" in await sent(opened.path, packet)
        crowd_of_one = recording.engine._families.popitem()
        recording.engine._families = type(recording.engine._families)([crowd_of_one])
        assert binrpc.encode(next(call(recording.host, "dlg2.list"))) in await sent(opened.path, packet)


async def test_stopping_closes_what_is_open(recording, tmp_path):
    async with door(recording, tmp_path) as opened:
        reader, writer = await asyncio.open_unix_connection(opened.path)
        writer.write(ASK + b"\n")
        assert (await reader.readline()).endswith(b'"id":1}\n')
    async with asyncio.timeout(SECONDS):
        assert await reader.read() == b""
    writer.close()


async def test_notification_has_no_line(tmp_path):
    recording = Recording(OURS / "basic", tmp_path, kamailio_exact=False)
    async with door(recording, tmp_path) as opened:
        said = await sent(opened.path, b'{"jsonrpc":"2.0","method":"dlg.list"}\n' + ASK + b"\n")
        assert said.count(b"\n") == 1


async def test_door_without_configuration_stands_in_the_folder(recording, tmp_path):
    opened = Door(recording.host, Rpc(), tmp_path)
    assert (opened.path, opened.config.binrpc_tcp) == (tmp_path / "dialtap.sock", "")
