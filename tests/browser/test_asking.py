"""Orders as an operator gives them: asked first, given by keyboard, followed live; what the phones say is shown. Our own SIP, real phones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.dialogs.control.sip.phones import Baresip
from tests.dialogs.control.sip.phones import missing as absent
from tests.lab import callers
from tests.lab.callees import Callee
from tests.lab.kinds import ENDLESS, Kind
from tests.lab.watcher import Watcher

from .conftest import Network, serving
from .desk import browser, row_of, sign_in
from .server import URL

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio]
DECLINED = "refused by the phone: refer: 603 Decline"
STEPS = ("INVITE", "ACK", "REFER", "NOTIFY", "BYE")


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Dialtap without any use of the proxy's RPC: it speaks SIP itself."""
    with serving("sip") as found:
        yield found


@pytest.fixture
def phones(network: Network, tmp_path: Path) -> Iterator[list[Baresip]]:
    """Two phones that answer by themselves and follow REFER."""
    if programs := absent("baresip"):
        pytest.skip(f"needs {programs}")
    made = [Baresip(tmp_path, name, f"127.0.0.3{number}", 5125 + number) for number, name in enumerate(("bob", "carol"), 1)]
    yield made
    for phone in made:
        phone.stop()


async def asked(page: Page, key: str, words: str) -> None:
    """Press a key and wait for its question."""
    await page.keyboard.press(key)
    await expect(page.locator("#ask")).to_contain_text(words)


async def stages(page: Page) -> list[str]:
    return [text.partition(":")[0] for text in await page.locator("#ask .phases .done").all_inner_texts()]


async def test_cancel_sends_nothing_and_one_side_is_ended_by_keyboard(network: Network) -> None:
    call = ENDLESS.place(network.lab)
    watcher = Watcher(network.lab.proxy.address)
    async with browser() as chromium:
        page = await sign_in(chromium)
        row = row_of(page, call.number)
        await expect(row.locator(".state")).to_have_text("In call")
        uid = await row.get_attribute("data-uid")
        watcher.watch(200)

        await row.locator("td.c-who a").focus()
        await asked(page, "e", "End this call?")
        await expect(page.locator("#ask [data-close]")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask")).to_be_hidden()
        await page.wait_for_timeout(1000)  # what nobody sends has no event to wait for
        assert (watcher.watch(200), network.dialtap.rows("SELECT id FROM dashboard_order")) == (0, [])

        await row.locator("td.c-who a").focus()
        await asked(page, "e", f"callee {call.number}")
        await page.locator("#ask [name=side][value=callee]").check()
        await page.fill("#ask [name=reason]", "wrong number")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask h2")).to_have_text("Ended by admin: callee released", timeout=10_000)
        await page.keyboard.press("Escape")
        await expect(row.locator(".t-order")).to_have_text("Ended by admin: callee released")
    watcher.tap.close()
    assert call.callees[0].exit_code(10) == 0
    rows = network.dialtap.rows("SELECT leg, method FROM dashboard_orderrequest WHERE dialog_uid = ?", str(uid))
    assert rows == [("callee", "BYE")]


async def test_two_parties_are_connected_step_by_step(network: Network, phones: list[Baresip]) -> None:
    bob, carol = phones
    async with browser() as chromium:
        page = await sign_in(chromium)
        fetched: list[str] = []
        page.on("request", lambda request: fetched.append(request.url))
        await page.goto(f"{URL}/orders/")
        await page.wait_for_selector("#link[data-link=live]")
        await page.get_by_text("Connect two parties…").press("Enter")
        await expect(page.locator("#ask [name=first]")).to_be_focused()
        for words in ("tel:110", "Tab", carol.uri, "Tab", "they asked"):
            await (page.keyboard.press(words) if words == "Tab" else page.keyboard.type(words))
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask .refused")).to_have_text('An address such as "sip:bob@example.net" is needed, not "tel:110"')
        await expect(page.locator("#ask .refused")).to_be_focused()
        await page.fill("#ask [name=first]", bob.uri)
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask h2")).to_have_text("Connected by admin", timeout=20_000)
        assert await stages(page) == ["Asked by admin", *STEPS, *(await stages(page))[-1:]]
        (order,) = network.dialtap.rows("SELECT id, outcome FROM dashboard_order WHERE kind = 'bridge'")
        assert order[1] == "connected"
        assert [url for url in fetched if url.endswith(f"/orders/{order[0]}/")] == [f"{URL}/orders/{order[0]}/"]  # its steps were pushed


async def test_what_a_phone_refuses_is_shown_with_its_answer_and_the_call_stays_up(network: Network) -> None:
    call = Kind("declines", callers.waits_for_bye, (Callee().declines(100, 100),), ()).place(network.lab)
    async with browser() as chromium:
        page = await sign_in(chromium)
        row = row_of(page, call.number)
        await expect(row.locator(".state")).to_have_text("In call")
        uid = await row.get_attribute("data-uid")
        await row.locator(".more").press("Enter")
        await page.locator("#menu").get_by_text("Transfer a side").press("Enter")
        await expect(page.locator("#ask [name=to]")).to_be_focused()
        await page.keyboard.type("sip:dave@lab.example")
        await page.fill("#ask [name=reason]", "wrong desk")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask h2")).to_have_text(DECLINED, timeout=20_000)
        assert await stages(page) == ["Asked by admin", "REFER to the callee", DECLINED.partition(":")[0]]
        await expect(page.locator("#ask [data-close]")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(row.locator(".t-order")).to_have_text(DECLINED)
        await expect(row.locator(".state")).to_have_text("In call")

        await page.goto(f"{URL}/call/{uid}/")
        await page.wait_for_selector("#link[data-link=live]")
        await asked(page, "e", "End this call?")
        await page.fill("#ask [name=reason]", "nobody there")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask h2")).to_have_text("Ended by admin: both legs released", timeout=10_000)
        await page.keyboard.press("Escape")
        await expect(page.locator("#orders .order")).to_have_count(2)
    assert [phone.exit_code(10) for phone in call.phones] == [0, 0]
