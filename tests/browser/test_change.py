"""A live call's variables, flags and lifetime, changed from its page with the keyboard alone."""

import pytest
from playwright.async_api import Page, expect

from tests.lab.kinds import ENDLESS

from .conftest import Network
from .desk import browser, row_of, sign_in
from .server import URL

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio]


async def reach(page: Page, name: str) -> None:
    """Press Tab until the field or button of this name has the focus."""
    wanted = page.locator("#ask").get_by_label(name, exact=True)
    for _press in range(20):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {name}")


async def test_call_is_changed_from_its_page_by_keyboard(network: Network) -> None:
    call = ENDLESS.place(network.lab)
    async with browser() as chromium:
        page = await sign_in(chromium)
        row = row_of(page, call.number)
        await expect(row.locator(".state")).to_have_text("In call")
        uid = await row.get_attribute("data-uid")
        await page.goto(f"{URL}/call/{uid}/")
        await page.wait_for_selector("#link[data-link=live]")

        await page.locator(".call-top").get_by_text("Change…").press("Enter")
        await expect(page.locator("#ask")).to_contain_text("Change this call")
        await reach(page, "Name")
        await page.keyboard.type("queue")
        await reach(page, "Value")
        await page.keyboard.type("sales")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask [role=status]")).to_have_text('Variable queue: "sales"')
        await expect(page.locator("#ask [role=status]")).to_be_focused()
        await expect(page.locator("#facts")).to_contain_text("queue")

        await reach(page, "Number, 0 to 31")
        await page.keyboard.type("7")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask").get_by_label("Reset flag 7")).to_be_visible()
        await reach(page, "Remove variable queue")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask [role=status]")).to_have_text("Variable queue: removed")
        await expect(page.locator("#facts")).not_to_contain_text("queue")
        await page.keyboard.press("Escape")
        await expect(page.locator("#ask")).to_be_hidden()
    events = network.dialtap.rows("SELECT username, action FROM dashboard_auditevent WHERE dialog_uid = ?", str(uid))
    assert events == [("admin", "call changed")] * 3
