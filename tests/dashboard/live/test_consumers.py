"""The WebSocket on the real application: who gets in, and what arrives."""

import json
import re
from collections.abc import Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from dashboard.asgi import application
from dashboard.live import consumers
from dashboard.live.consumers import hub, read_message
from dashboard.live.hub import WINDOW
from dashboard.models import AuditEvent, Order
from dialogs.config import Privacy
from tests.dashboard.live.people import call, person, record

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
HOST = (b"host", b"localhost:8000")
ORIGIN = (b"origin", b"http://localhost:8000")


def cookie(user: User) -> tuple[bytes, bytes]:
    client = Client()
    client.force_login(user)
    return (b"cookie", f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}".encode())


class Browser:
    """A WebSocket as a page opens it."""

    def __init__(self, socket: WebsocketCommunicator) -> None:
        self.socket = socket

    async def frame(self) -> dict:
        return json.loads(await self.socket.receive_from(timeout=60))

    async def until(self, wanted: Callable[[dict], bool]) -> dict:
        """Return the first frame that is wanted; the others are read and confirmed."""
        while True:
            frame = await self.frame()
            await self.say(ack=frame["n"])
            if wanted(frame):
                return frame

    async def say(self, **message) -> None:
        await self.socket.send_to(json.dumps(message))


@asynccontextmanager
async def browsing(user: User, query: str = "page=live"):
    socket = WebsocketCommunicator(application, f"/ws/live/?{query}", headers=[HOST, ORIGIN, await sync_to_async(cookie)(user)])
    connected, _ = await socket.connect(timeout=60)
    assert connected
    try:
        yield Browser(socket)
    finally:
        await socket.disconnect()


async def user(role: str) -> User:
    return await sync_to_async(person)(role)


async def write(*snapshots) -> None:
    await sync_to_async(record)(*snapshots)


async def close_code(*headers: tuple[bytes, bytes]) -> tuple[bool, int | None]:
    """Return whether the socket was accepted, and the code it was closed with."""
    socket = WebsocketCommunicator(application, "/ws/live/?page=live", headers=list(headers))
    connected, code = await socket.connect(timeout=60)
    if connected:
        code = (await socket.receive_output(timeout=60))["code"]
    await socket.disconnect()
    return connected, code


async def test_anonymous_is_accepted_then_closed_for_good():
    assert await close_code(HOST, ORIGIN) == (True, 4403)


async def test_stranger_without_permission_is_closed_for_good():
    assert await close_code(HOST, ORIGIN, await sync_to_async(cookie)(await user("stranger"))) == (True, 4403)


@pytest.mark.parametrize(
    "headers",
    [
        [HOST, (b"origin", b"http://evil.example")],
        [HOST, (b"origin", b"http://localhost:9999")],
        [HOST],
        [(b"host", b"evil.example"), (b"origin", b"http://evil.example")],
    ],
    ids=["other host", "other port", "no origin", "host that is not ours"],
)
async def test_other_origin_is_denied_before_it_is_accepted(headers):
    login = await sync_to_async(cookie)(await user("operator"))
    connected, _ = await close_code(*headers, login)
    assert not connected


async def test_snapshot_comes_first_on_every_connect():
    await write(call(1))
    viewer = await user("viewer")
    for _ in range(2):
        async with browsing(viewer) as browser:
            frame = await browser.frame()
            assert (frame["n"], frame["snapshot"], re.findall(r'<tr id="call-(\w+)"', frame["content"])) == (1, "connect", [call(1).uid])


async def test_rows_come_change_and_frames_are_numbered():
    async with browsing(await user("viewer")) as browser:
        numbers = [(await browser.frame())["n"]]
        await write(call(1, state=1))
        inserted = await browser.until(lambda frame: "moves" in frame)
        await write(call(1, state=2))
        replaced = await browser.until(lambda frame: f'hx-target="#call-{call(1).uid}"' in frame.get("content", ""))
        numbers += [inserted["n"], replaced["n"]]
        assert (numbers, inserted["new"], "Setting up" in inserted["moves"], "Ringing" in replaced["content"]) == (sorted(numbers), 1, True, True)


async def test_gap_is_answered_with_a_snapshot_that_says_so():
    async with browsing(await user("viewer")) as browser:
        await browser.frame()
        await browser.say(resync=7)
        assert (await browser.until(lambda frame: "snapshot" in frame))["snapshot"] == "gap"


async def test_browser_that_was_too_slow_gets_a_snapshot_that_says_so(monkeypatch):
    monkeypatch.setattr(hub, "interval", 0.01)
    async with browsing(await user("viewer")) as browser:
        first = last = await browser.frame()
        while last["n"] < WINDOW:  # none of them is confirmed
            await browser.say(refresh=True)
            last = await browser.frame()
        await browser.say(refresh=True)
        assert await browser.socket.receive_nothing(timeout=0.3, interval=0.05)
        await browser.say(ack=WINDOW)
        late = await browser.frame()
        assert (first["n"], late["n"], late["snapshot"]) == (1, WINDOW + 1, "overflow")


async def test_filter_changes_what_is_shown():
    await write(call(1), call(2, caller="ann"))
    async with browsing(await user("viewer"), "page=live&q=nobody") as browser:
        before = (await browser.frame())["content"]
        await browser.say(filter={"q": "ann"})
        after = (await browser.until(lambda frame: frame.get("snapshot") == "filter"))["content"]
        assert [re.findall(r'<tr id="call-(\w+)"', text) for text in (before, after)] == [[], [call(2).uid]]


async def test_call_page_follows_its_call():
    await write(call(1))
    async with browsing(await user("viewer"), f"page=call&uid={call(1).uid}") as browser:
        first = await browser.frame()
        await write(call(1, state=5, end_code=486, end_reason="Busy Here"))
        second = await browser.until(lambda frame: "#now" in frame.get("content", ""))
        assert ("In call" in first["content"], "Failed 486" in second["content"]) == (True, True)


async def test_other_page_hears_of_the_taps_only():
    await write(call(1))
    async with browsing(await user("viewer"), "") as browser:
        content = (await browser.frame())["content"]
        assert re.findall(r'hx-target="([^"]+)"', content) == ["#taps", "#doubt", "#alert-count"]


async def test_two_browsers_share_the_hub_and_the_last_one_stops_it():
    viewer = await user("viewer")
    async with browsing(viewer) as one:
        async with browsing(viewer) as other:
            await one.frame()
            await other.frame()
            await write(call(1))
            texts = [(await browser.until(lambda frame: "moves" in frame))["moves"] for browser in (one, other)]
            both = len(hub.clients)
        left = len(hub.clients)
    assert (texts[0] == texts[1], both, left, len(hub.clients)) == (True, 2, 1, 0)


async def test_who_may_not_see_numbers_gets_masked_rows_each_rendered_once(settings):
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy(mask=("viewer",)))
    viewer, operator = await user("viewer"), await user("operator")
    async with browsing(viewer) as one, browsing(viewer) as other, browsing(operator) as open_one:
        browsers = (one, other, open_one)
        for browser in browsers:
            await browser.frame()
        await write(call(1, caller="ann44179"))
        moves = [(await browser.until(lambda frame: "moves" in frame))["moves"] for browser in browsers]
        await write(call(1, caller="ann44179", state=2))
        updates = [(await browser.until(lambda frame: "Ringing" in frame.get("content", "")))["content"] for browser in browsers]
        kept = {key[-1].masked for key in hub.renderer._kept}
    assert [["ann44179" in text for text in texts] for texts in (moves, updates)] == [[False, False, True]] * 2
    assert (moves[0] == moves[1], "ann4xxxx" in moves[0], kept) == (True, True, {True, False})


async def test_masked_call_page_is_masked_over_the_socket_too(settings):
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy(mask=("*",)))
    await write(call(1, caller="ann44179"))
    async with browsing(await user("viewer"), f"page=call&uid={call(1).uid}") as browser:
        text = (await browser.frame())["content"]
    assert ("ann44179" in text, "sip:ann4xxxx@example.net" in text) == (False, True)


async def test_search_over_the_socket_is_for_whole_numbers_and_written_down(settings):
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy(mask=("*",)))
    await write(call(1, caller="ann44179"))
    async with browsing(await user("viewer"), "page=live&q=ann44") as browser:
        found = [(await browser.frame())["content"]]
        for asked in ({"q": "ann4417"}, {"q": "ann44179"}, {"state": "4"}):
            await browser.say(filter=asked)
            found.append((await browser.until(lambda frame: frame.get("snapshot") == "filter"))["content"])
    written = await sync_to_async(lambda: list(AuditEvent.objects.values_list("username", "action", "request").order_by("pk")))()
    assert [call(1).uid in text for text in found] == [False, False, True, True]
    assert written == [("viewer", "number searched", f"q={text}") for text in ("ann44", "ann4417", "ann44179")]


async def test_who_loses_the_right_to_see_numbers_is_sent_round_again(settings, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK", 0.05)
    viewer = await user("viewer")
    async with browsing(viewer) as browser:
        await browser.frame()
        settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy(mask=("viewer",)))
        while (said := await browser.socket.receive_output(timeout=5))["type"] != "websocket.close":
            pass
    assert said["code"] == consumers.TRY_AGAIN


async def test_hostile_name_arrives_escaped():
    async with browsing(await user("viewer")) as browser:
        await browser.frame()
        await write(call(1, caller='<img src=x onerror="alert(1)">'))
        text = (await browser.until(lambda frame: "moves" in frame))["moves"]
        assert ("<img" in text, "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in text) == (False, True)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "9" * 5000, "[" * 1999, None])
async def test_nonsense_from_a_browser_is_ignored(text):
    assert read_message(text) == {}


@pytest.mark.parametrize("change", ["inactive", "no role", "signed out"])
async def test_who_may_no_longer_watch_is_cut_off(monkeypatch, change):
    monkeypatch.setattr(consumers, "RECHECK", 0.05)
    viewer = await user("viewer")
    async with browsing(viewer) as browser:
        await browser.frame()
        if change == "inactive":
            await User.objects.filter(pk=viewer.pk).aupdate(is_active=False)
        elif change == "no role":
            await sync_to_async(viewer.groups.clear)()
        else:
            await Session.objects.all().adelete()
        while (output := await browser.socket.receive_output(timeout=60))["type"] != "websocket.close":
            continue
        assert output["code"] == consumers.FORBIDDEN


async def test_odd_messages_do_not_close_the_socket():
    async with browsing(await user("viewer")) as browser:
        await browser.frame()
        for message in ({"ack": "x"}, {"ack": True}, {"filter": 5}, {"filter": {"q": {"a": 1}, "state": []}}, {"resync": None}):
            await browser.say(**message)
        assert (await browser.until(lambda frame: "snapshot" in frame))["snapshot"] == "gap"


async def test_order_on_the_screen_is_followed_until_it_is_closed():
    def given() -> Order:
        return Order.objects.create(kind="bridge", call_text="a -> b", node="n1", username="ann", reason="why", via="sip", phase="sent", requested_ns=1)

    def moved(order: Order, **fields: object) -> None:
        Order.objects.filter(pk=order.pk).update(**fields)

    order = await sync_to_async(given)()
    target = f'hx-target="#order-steps-{order.pk}"'
    async with browsing(await user("viewer"), "") as browser:
        assert target not in (await browser.frame())["content"]
        await browser.say(order=order.pk)
        first = (await browser.until(lambda frame: target in frame.get("content", "")))["content"]
        await sync_to_async(moved)(order, steps=[[1, "invite", "provisional", "first: 180 Ringing"]])
        rings = (await browser.until(lambda frame: target in frame.get("content", "")))["content"]
        await sync_to_async(moved)(order, phase="verified", outcome="connected", closed_ns=2)
        closed = (await browser.until(lambda frame: target in frame.get("content", "")))["content"]
        await browser.say(order=0)
        await browser.say(refresh=True)
        await browser.until(lambda frame: frame.get("snapshot") == "refresh")  # both were heard
        await sync_to_async(moved)(order, detail="nobody looks")
        seen = [(await browser.frame()) for _ in range(3)]
    assert ["180 Ringing" in text for text in (first, rings, closed)] == [False, True, True]
    assert [f'hx-get="/orders/{order.pk}/"' in text for text in (first, rings, closed)] == [False, False, True]
    assert [target in frame.get("content", "") for frame in seen] == [False] * 3


@pytest.mark.parametrize("number", ["1", -1, 2**63, None, 4711])
async def test_order_that_is_none_is_not_followed(number):
    async with browsing(await user("viewer"), "") as browser:
        await browser.frame()
        await browser.say(order=number)
        assert "content" not in await browser.frame()
