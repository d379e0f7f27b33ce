"""A screen on the wall: it has a link and nothing else, goes grey when nothing comes, and heals by itself when the server is there again."""

import re
import socket
import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from .desk import CHROMIUM, browser
from .server import Dialtap, enterable
from .tour import DESK, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio]
OLD_S = 5.0
SCREEN = {"width": 1920, "height": 1080}


@pytest.fixture
def dialtap(tmp_path_factory) -> Iterator[Dialtap]:
    """Dialtap with its demo playing."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}")
    folder = enterable(tmp_path_factory.mktemp("wall"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Dialtap(folder, "", "--demo", port=port)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        print(running.output()[-3000:])


async def link(page: Page, url: str) -> str:
    """Make a link with the form as it stands, and return its address."""
    await page.keyboard.press("g")
    await page.keyboard.press("w")
    await page.get_by_role("link", name="Links for screens").click()
    await page.fill("input[name=name]", "NOC")
    await page.get_by_role("button", name="Make the link").click()
    return await page.locator("[role=status] .ask-call").inner_text()


async def grey(page: Page) -> bool:
    return await page.locator(".late").evaluate("(element) => getComputedStyle(element).visibility == 'visible'")


async def until_grey(page: Page, wanted: bool) -> float:
    """Return how many seconds it took."""
    begun = time.monotonic()
    await page.wait_for_function("(wanted) => (getComputedStyle(document.querySelector('.late')).visibility == 'visible') == wanted", arg=wanted, polling=50)
    return time.monotonic() - begun


async def test_wall_goes_grey_and_heals_over_a_restart_of_the_server(dialtap):
    async with browser() as chromium, visitor(chromium, dialtap.url, "dark", DESK) as (staff, _):
        address = await link(staff, dialtap.url)
        context = await chromium.new_context(viewport=SCREEN, color_scheme="dark")
        context.set_default_timeout(90_000)
        page, errors = await context.new_page(), []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.goto(address)
        await expect(page.locator("#tile-1 .v")).not_to_have_text("0")
        assert (await page.locator(".kpi").count(), await grey(page), await page.locator("main a, header").count()) == (8, False, 0)
        assert (await Axe().run(page)).response["violations"] == []

        await page.evaluate("document.querySelector('#tile-1').kept = true")
        first = await page.locator(".late").get_attribute("id")
        dialtap.kill()
        went = await until_grey(page, True)
        told = await page.locator(".late").inner_text()
        figure = await page.locator("#tile-1 .v").inner_text()
        assert (OLD_S - 2 < went < OLD_S + 4, bool(re.fullmatch(r"No news since \d\d:\d\d:\d\d", told)), figure != "–") == (True, True, True), (went, told)

        dialtap.start()  # by itself: nobody touches the page
        await until_grey(page, False)
        assert await page.evaluate("document.querySelector('#tile-1').kept") is True  # the page was not loaded again
        assert await page.locator(".late").get_attribute("id") != first
        await expect(page.locator("#tile-1 .v")).not_to_have_text("0")

        await staff.goto(f"{dialtap.url}/wall/boards/")
        await staff.get_by_role("button", name="Withdraw the link of NOC").click()
        await expect(page.get_by_role("heading", name="This link was withdrawn")).to_be_visible()
        assert await page.locator(".kpi").count() == 0
    assert [line for line in errors if not re.search("ERR_|Failed to fetch", line)] == []


async def test_answers_of_a_proxy_in_front_do_not_take_the_figures_away(dialtap):
    """While a server starts, what stands before it answers 502 with a page of its own."""
    async with browser() as chromium, visitor(chromium, dialtap.url, "light", DESK) as (page, _):
        await page.goto(f"{dialtap.url}/wall/?kiosk")
        await expect(page.locator(".kpi")).to_have_count(8)
        answers = []
        await page.route("**/wall/**", lambda route: (answers.append(1), route.fulfill(status=502, body="<h1>Bad gateway</h1>"))[1])
        await until_grey(page, True)
        assert (await page.locator(".kpi").count(), await page.get_by_text("Bad gateway").count(), len(answers) >= 4) == (8, 0, True)
        await page.unroute("**/wall/**")
        await until_grey(page, False)


async def test_focus_stays_on_a_tile_while_the_figures_change(dialtap):
    async with browser() as chromium, visitor(chromium, dialtap.url, "light", DESK) as (page, _):
        await page.goto(f"{dialtap.url}/wall/")
        await page.locator("#tile-2").focus()
        first = await page.locator(".late").get_attribute("id")
        for _ in range(3):
            await expect(page.locator(".late")).not_to_have_id(first)
            first = await page.locator(".late").get_attribute("id")
        assert await page.evaluate("document.activeElement.id") == "tile-2"
        async with page.expect_navigation(url=re.compile("/history/")):
            await page.keyboard.press("Enter")
