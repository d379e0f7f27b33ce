"""The event stream on the real application: who reads, from where, masked, and how a slow program is treated."""

import json
from contextlib import asynccontextmanager

import msgspec
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from dashboard.asgi import application
from dashboard.feeds import stream
from dashboard.models import ApiToken, FeedEvent
from dashboard.rpc import tokens
from dialogs.config import Config, Rpc
from dialogs.configfeeds import EVENTS, Events
from tests.dashboard.feeds.feeding import happen, until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
STREAM = Config(events=Events(stream=True))
HOST = (b"host", b"localhost:8000")
LOCAL, AWAY = ["127.0.0.1", 4000], ["192.0.2.9", 4000]


@pytest.fixture(autouse=True)
def streaming(settings):
    settings.DIALTAP = STREAM


@asynccontextmanager
async def reading(query: str = "", *headers: tuple[bytes, bytes], client: list[object] = LOCAL):
    socket = WebsocketCommunicator(application, f"/ws/events{query}", headers=[HOST, *headers])
    socket.scope["client"] = client
    connected, _ = await socket.connect(timeout=60)
    assert connected
    try:
        yield socket
    finally:
        await socket.disconnect()


async def frame(socket: WebsocketCommunicator) -> dict:
    return json.loads(await socket.receive_from(timeout=30))


async def refused(query: str = "", *headers: tuple[bytes, bytes], client: list[object] = LOCAL) -> tuple[int, str, int]:
    async with reading(query, *headers, client=client) as socket:
        said = await frame(socket)
        closed = await socket.receive_output(timeout=30)
        return said["Code"], said["Words"], closed["code"]


async def told(*events: tuple[int, str]) -> list[int]:
    await sync_to_async(happen)(STREAM, *events)
    return [pk async for pk in FeedEvent.objects.order_by("pk").values_list("pk", flat=True)]


def bearer(token: str) -> tuple[bytes, bytes]:
    return (b"authorization", f"Bearer {token}".encode())


async def test_program_hears_what_happens_from_now_on():
    (before,) = await told((1, "dialog:start"))
    async with reading() as socket:
        hello = await frame(socket)
        assert hello == {"Event": "stream", "Version": 1, "Revision": before, "Oldest": before, "Newest": before, "Gone": False}
        pks = await told((1, "dialog:end"), (2, "dialog:failed"))
        found = [await frame(socket) for _ in range(2)]
    assert [(each["Revision"], each["Event"], each["CallID"]) for each in found] == [
        (pks[1], "dialog:end", "call-1@192.0.2.7"),
        (pks[2], "dialog:failed", "call-2@192.0.2.7"),
    ]


async def test_program_goes_on_where_it_was():
    pks = await told(*((number, "dialog:end") for number in range(1, 451)))
    async with reading(f"?since={pks[9]}") as socket:
        assert (await frame(socket))["Revision"] == pks[9]
        found = [(await frame(socket))["Revision"] for _ in range(440)]
    assert found == pks[10:]


async def test_what_is_gone_is_said_and_the_oldest_follows():
    pks = await told((1, "dialog:end"), (2, "dialog:end"), (3, "dialog:end"), (4, "dialog:end"))
    await FeedEvent.objects.filter(pk__lt=pks[2]).adelete()
    async with reading(f"?since={pks[0]}") as socket:
        hello = await frame(socket)
        assert (hello["Gone"], hello["Oldest"], hello["Words"]) == (True, pks[2], f"events {pks[0] + 1} to {pks[2] - 1} are not kept any more")
        assert [(await frame(socket))["Revision"] for _ in range(2)] == pks[2:]
    async with reading(f"?since={pks[1]}") as socket:
        assert (await frame(socket))["Gone"] is False


async def test_revision_of_another_database_is_said():
    (newest,) = await told((1, "dialog:end"))
    async with reading(f"?since={newest + 5}") as socket:
        hello = await frame(socket)
        assert (hello["Gone"], hello["Revision"], hello["Words"]) == (True, newest, f"revision {newest + 5} was never here: the newest is {newest}")


async def test_only_the_kinds_that_are_asked_for_come():
    await told((1, "dialog:start"), (1, "dialog:end"), (2, "dialog:failed"))
    async with reading("?since=0&event=dialog:end&event=dialog:failed") as socket:
        await frame(socket)
        assert [(await frame(socket))["Event"] for _ in range(2)] == ["dialog:end", "dialog:failed"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?since=soon", "since is a revision: the number of the newest event that you have"),
        ("?since=-1", "since is a revision: the number of the newest event that you have"),
        ("?since=99999999999999999999", "since is a revision: the number of the newest event that you have"),
        ("?event=dialog:over", f"there is no event 'dialog:over'; there are {', '.join(EVENTS)}"),
    ],
)
async def test_wrong_address_is_said(query, words):
    assert await refused(query) == (400, words, 4400)


async def test_who_may_not_read_is_told_so(settings):
    code, words, close = await refused(client=AWAY)
    assert (code, close, words[:22]) == (401, 4401, "an API token is needed")
    assert (await refused("", bearer("dialtap_none"), client=AWAY))[::2] == (401, 4401)
    assert (await refused("", (b"origin", b"http://elsewhere.example")))[::2] == (403, 4403)
    settings.DIALTAP = msgspec.structs.replace(STREAM, rpc=Rpc(open_loopback=False))
    assert (await refused())[::2] == (401, 4401)
    settings.DIALTAP = Config()
    assert (await refused())[:1] == (404,)


async def test_foreign_host_name_is_refused(settings):
    settings.ALLOWED_HOSTS = ["elsewhere"]
    assert (await refused())[::2] == (400, 4400)


async def test_token_opens_it_from_anywhere_and_closes_it_when_revoked(monkeypatch):
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.1)
    row, token = await sync_to_async(tokens.make)("billing", ApiToken.Scope.READ, by="ann")
    async with reading("", bearer(token), client=AWAY) as socket:
        assert (await frame(socket))["Event"] == "stream"
        await sync_to_async(tokens.revoke)(row, by="ann")
        said = await frame(socket)
        assert (said["Event"], said["Code"], (await socket.receive_output(timeout=30))["code"]) == ("refused", 401, 4401)


async def test_so_many_read_at_once_and_places_are_given_back(monkeypatch):
    monkeypatch.setattr(stream.slots, "most", 1)
    async with reading() as socket:
        await frame(socket)
        assert (await refused())[::2] == (503, 4503)
    await until(lambda: stream.slots.taken == 0)
    async with reading() as socket:
        assert (await frame(socket))["Event"] == "stream"


@pytest.mark.parametrize(("mask", "shown"), [((), "sip:4417@example.net"), (("viewer",), "sip:44xx@example.net"), (("*",), "sip:44xx@example.net")])
async def test_numbers_are_masked_where_anybodys_are(settings, mask, shown):
    settings.DIALTAP = msgspec.structs.replace(STREAM, privacy=msgspec.structs.replace(STREAM.privacy, mask=mask))
    await told((1, "dialog:end"))
    async with reading("?since=0") as socket:
        await frame(socket)
        assert (await frame(socket))["From"] == shown
