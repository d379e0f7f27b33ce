"""Who may not, cannot: a viewer who tries to end a call, WebSockets of nobody and of another site, a call whose every text attacks the pages."""

import socket

import pytest
from playwright.async_api import Page, expect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.lab.kinds import ENDLESS
from tests.lab.proxy import SIP_PORT
from tests.lab.waiting import wait_until

from .conftest import Network
from .desk import browser, row_of, sign_in
from .server import HOST, PORT, URL

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio]

WIRE = f"ws://{HOST}:{PORT}/ws/live/?page=live"
FORBIDDEN = 4403
SCRIPT = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
ATTACK = f"{SCRIPT}'`{{{{7*7}}}}{{%x%}}</li></template>\u202e\u2066\u0645\u0631\u062d\u0628\u0627 \U0001f600\x1b[31m"
LONG = ATTACK + "W" * 10_000
PHONE = {"width": 390, "height": 844}


async def test_viewer_cannot_end_a_call(network: Network) -> None:
    network.dialtap.add_user("vera", "viewer")
    call = ENDLESS.place(network.lab)
    async with browser() as chromium:
        page = await sign_in(chromium, "vera")
        row = row_of(page, call.number)
        await expect(row.locator(".state")).to_have_text("In call")
        await row.locator(".more").click()
        await expect(page.locator("#menu")).to_contain_text("Open the call")
        await expect(page.locator("#menu").get_by_text("End call")).to_have_count(0)
        uid = await row.get_attribute("data-uid")
        answer = await page.request.post(f"{URL}/call/{uid}/end/", headers=await _csrf(page), form={"reason": "Stuck call"})
        assert answer.status == 403
        assert (await page.request.get(f"{URL}/call/{uid}/end/form")).status == 403
    assert network.dialtap.rows("SELECT * FROM dashboard_order WHERE dialog_uid = ?", str(uid)) == []
    assert all(phone.is_running() for phone in call.phones)


async def test_anonymous_websocket_is_closed(network: Network) -> None:
    async with connect(WIRE, origin=Origin(URL)) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == FORBIDDEN


@pytest.mark.parametrize("origin", ["http://evil.example", f"http://localhost:{PORT}", f"http://{HOST}:9999", "null", None])
async def test_cross_origin_websocket_is_refused(network: Network, origin: str | None) -> None:
    async with browser() as chromium:
        page = await sign_in(chromium)
        cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in await page.context.cookies())
        async with connect(WIRE, origin=Origin(URL), additional_headers={"Cookie": cookies}) as socket:
            assert '"snapshot"' in str(await socket.recv())
        with pytest.raises(InvalidStatus, match="403"):
            await connect(WIRE, origin=Origin(origin) if origin else None, additional_headers={"Cookie": cookies})


async def _csrf(page: Page) -> dict[str, str]:
    (token,) = [cookie["value"] for cookie in await page.context.cookies() if cookie["name"] == "dialtap_csrf"]
    return {"X-CSRFToken": token, "Referer": URL}


def hostile_invite(call_id: str) -> bytes:
    """Return an INVITE that attacks in every text that some page shows."""
    lines = (
        "INVITE sip:%3Cb%3E@example.net SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.77:5060;branch=z9hG4bK{SCRIPT}",
        f'From: "{LONG}" <sip:{SCRIPT}@example.net>;tag="{SCRIPT}"',
        f'To: "{LONG}" <sip:"><b>{"9" * 2000}@example.net>',
        f"Call-ID: {call_id}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:{SCRIPT}@127.0.0.77>",
        f"User-Agent: {LONG}",
        f"X-Link: {LONG}",
        "",
        f"v=0\nc=IN IP4 {SCRIPT}\nm=audio 1 RTP/AVP 96\na=rtpmap:96 {SCRIPT}/1",
    )
    return "\r\n".join(lines).encode()


async def test_call_full_of_attacks_breaks_no_page(network: Network) -> None:
    call_id = f"{SCRIPT}-hostile@127.0.0.77"
    async with browser() as chromium:
        page = await sign_in(chromium)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.77", 5060))
            stranger.sendto(hostile_invite(call_id), (network.lab.proxy.address, SIP_PORT))
        ((uid,),) = wait_until(lambda: network.dialtap.rows("SELECT uid FROM dashboard_dialogrow WHERE call_id = ?", call_id), "the hostile call")
        form = {"what": "set_var", "key": SCRIPT[:30], "value": f"{SCRIPT}'\U0001f600"}
        assert (await page.request.post(f"{URL}/call/{uid}/change/", headers=await _csrf(page), form=form)).status == 200
        seen = {}  # a page's address and the screen's width: what attacked, and how wide the page is
        for size in ({"width": 1440, "height": 900}, PHONE):
            await page.set_viewport_size(size)
            for address in ("/", f"/call/{uid}/#m1", "/history/", "/callers/", "/profiles/", "/audit/"):
                await page.goto(URL + address)
                await page.wait_for_selector("#link[data-link=live]")
                if "#m1" in address:
                    await expect(page.locator("#raw pre")).to_contain_text("<script>window.pwned=1</script>")
                    await expect(page.locator("#raw pre")).to_contain_text("\\u202e")
                    await expect(page.locator("#steps > li").first).to_contain_text("INVITE")
                seen[f"{address} {size['width']}"] = await page.evaluate("[window.pwned, document.documentElement.scrollWidth]")
        assert seen == {at: [None, int(at.split()[1])] for at in seen}
        for kind in ("txt", "svg"):
            text = await (await page.request.get(f"{URL}/call/{uid}/ladder.{kind}")).text()
            assert ("\x1b" in text, "\u202e" in text) == (False, False)
    assert said == []
