"""Who may not, cannot: a viewer who tries to end a call, and WebSockets of nobody and of another site."""

import pytest
from playwright.async_api import Page, expect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.lab.kinds import ENDLESS

from .conftest import Network
from .desk import browser, row_of, sign_in
from .server import HOST, PORT, URL

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio]

WIRE = f"ws://{HOST}:{PORT}/ws/live/?page=live"
FORBIDDEN = 4403


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
