"""Every page, in both themes, on a desk and on a phone, with the demo's traffic in it: no barrier, no error, nothing that the policy refused."""

import asyncio
import re
import socket
from collections.abc import Iterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from .desk import CHROMIUM, browser
from .server import Dialtap, enterable
from .tour import DESK, PHONE, addresses, arrive, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio]
CONFIGURATION = '[[limit]]\nname = "many calls"\nprofile = "caller"\nwarn = 1\ncritical = 40\n'
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Dialtap]:
    """Dialtap with its demo playing."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}")
    folder = enterable(tmp_path_factory.mktemp("tour"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Dialtap(folder, CONFIGURATION, "--demo", port=port)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        print(running.output()[-3000:])


async def barriers(page: Page) -> list[str]:
    """Return what axe finds, a line each."""
    found = await Axe().run(page)
    return [f"{each['id']}: {node['html'][:160]}" for each in found.response["violations"] for node in each["nodes"]]


@pytest.mark.parametrize(
    ("theme", "size"),
    [("light", DESK), pytest.param("dark", DESK, marks=pytest.mark.soak), ("dark", PHONE)],  # in every run each theme once, each size once
    ids=["light desk", "dark desk", "dark phone"],
)
async def test_every_page_is_free_of_barriers_and_errors(demo, theme, size):
    async with browser() as chromium, visitor(chromium, demo.url, theme, size) as (page, said):
        await page.wait_for_selector("#rows tr", timeout=60_000)
        found = {}
        for name, address in (await addresses(page, demo.url)).items():
            await arrive(page, f"{demo.url}{address}")
            hidden = [] if await page.locator("#link").is_visible() else ["nobody sees whether the page is live"]
            found[name] = [*hidden, *await barriers(page), *(["wider than the screen"] if await page.evaluate(WIDER) else [])]
    expected = [line for line in said.lines if "/nothing-here/" not in line]
    assert ({name: lines for name, lines in found.items() if lines}, expected) == ({}, [])


async def test_new_alert_is_said_to_who_listens(demo):
    async with browser() as chromium, visitor(chromium, demo.url, "light", DESK) as (page, _):
        await page.goto(f"{demo.url}/peers/")
        await expect(page.locator("#toast")).to_have_text(re.compile("New alert: "))
        role = await page.locator("#toast").get_attribute("role")
        assert (role, await page.locator("#alert-count .count").count()) == ("status", 1)


async def test_keyboard_goes_everywhere(demo):
    places = {"l": "/", "p": "/profiles/", "e": "/peers/", "a": "/alerts/", "h": "/history/", "o": "/orders/", "t": "/taps/", "k": "/kpis/", "w": "/wall/"}
    async with browser() as chromium, visitor(chromium, demo.url, "dark", DESK) as (page, _):
        reached = {}
        for key in places:
            await page.keyboard.press("g")
            async with page.expect_navigation():
                await page.keyboard.press(key)
            reached[key] = page.url.removeprefix(demo.url).split("?")[0]
        await page.goto(f"{demo.url}/")
        await page.keyboard.press("?")
        listed = await page.locator("#keys[open] dl").inner_text()
        await page.keyboard.press("Escape")
        await page.keyboard.press("/")
        focused = await page.evaluate("document.activeElement.matches('[data-search]')")
        outline = await page.evaluate("getComputedStyle(document.activeElement.closest('.q')).outlineStyle")
    assert (reached, focused, outline) == (places, True, "solid")
    assert {key for key in places if f"\n{key}" not in f"\n{listed}".replace("g ", "\n").replace("g", "\n")} == set()


async def test_motion_is_left_out_where_it_is_not_wanted(demo):
    async with browser() as chromium, visitor(chromium, demo.url, "light", DESK) as (page, _):
        await page.emulate_media(reduced_motion="reduce")
        await page.goto(demo.url)
        await page.wait_for_selector("#rows tr", timeout=60_000)
        moving = await page.evaluate("document.getAnimations().filter((one) => one.effect.getComputedTiming().duration > 0).length")
    assert moving == 0


ALL_COLUMNS = "/?columns=state,age,caller,callee,path,event,why,size,when,rang,messages,by,callid,node,tap"
NARROW = """() => {
  const head = [...document.querySelectorAll(".calls thead th")].filter((one) => one.checkVisibility());
  const bars = [...document.querySelectorAll(".c-size meter")].map((bar) => Math.round(bar.getBoundingClientRect().left));
  const box = document.querySelector(".scroll");
  return [Math.min(...head.map((one) => one.offsetWidth)) > 36, new Set(bars).size, box.scrollWidth > box.clientWidth];
}"""


async def test_all_columns_scroll_in_the_table_and_bars_stand_below_each_other(demo):
    async with browser() as chromium, visitor(chromium, demo.url, "light", DESK) as (page, _):
        found = {}
        for width in (1000, 1340, 1440, 2600):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.goto(f"{demo.url}{ALL_COLUMNS}")
            await page.wait_for_selector(".c-size meter", timeout=60_000)
            found[width] = [*await page.evaluate(NARROW), await page.evaluate(WIDER)]
        await page.set_viewport_size(DESK)
        await page.goto(f"{demo.url}/")
        await page.wait_for_selector(".c-size meter", timeout=60_000)
        usual = await page.evaluate(NARROW)
    assert found == {1000: [True, 1, True, False], 1340: [True, 1, True, False], 1440: [True, 1, True, False], 2600: [True, 1, False, False]}
    assert usual == [True, 1, False]


async def test_history_is_sorted_and_alerts_are_asked_for_as_people_do(demo):
    async with browser() as chromium, visitor(chromium, demo.url, "light", DESK) as (page, said):
        await page.goto(f"{demo.url}/history/?when=today")
        await page.get_by_role("button", name="Columns").click()
        await page.locator("#columns").get_by_label("Path").uncheck()
        await page.locator("#columns").get_by_label("Messages").check()
        await page.get_by_role("button", name="Show these").click()
        await page.locator("thead").get_by_role("link", name="Messages").click()
        await page.locator("thead").get_by_role("link", name="Messages").click()
        await expect(page.locator("th.c-messages")).to_have_attribute("aria-sort", "descending")
        assert re.search(r"when=today.*columns=.*messages.*sort=-messages", page.url)
        counts = [int(text) for text in await page.locator("td.c-messages").all_text_contents()]
        assert (counts == sorted(counts, reverse=True), await page.locator("td.c-path").count(), len(counts) > 1) == (True, 0, True)

        stopped = asyncio.Event()
        page.on("requestfailed", lambda request: stopped.set() if "calls.csv" in request.url else None)
        await page.route("**/history/calls.csv*", lambda _route: None)  # a download that takes long
        await page.get_by_role("button", name="Download").click()
        await page.get_by_text("CSV, for spreadsheets").click()
        await page.locator("#export").get_by_role("button", name="Cancel").click()
        await expect(page.locator("#export b")).to_have_text("Cancelled")
        await asyncio.wait_for(stopped.wait(), 30)
        assert await page.locator("#export button").is_hidden()

        await page.goto(f"{demo.url}/alerts/")
        await page.keyboard.press("/")
        await page.keyboard.type("sev")
        await expect(page.locator("#offers button")).to_have_text(["severity of a limit: warn, critical"])
        for key in ("ArrowDown", "Enter", "=", "Space"):
            await page.keyboard.press(key)
        await page.keyboard.type('"warn"')
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile("/alerts/\\?q=severity"))
        await expect(page.locator("#alert-list .tag").first).to_have_text("warn")
        assert said.lines == []
