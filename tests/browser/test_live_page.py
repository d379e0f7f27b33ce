"""The live page under traffic: nothing moves that somebody looks at, freeze holds, and what was chosen stands in the address."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.lab import callers
from tests.lab.callees import Callee
from tests.lab.callers import Line
from tests.lab.kinds import ENDLESS

from .conftest import Network
from .desk import browser, row_of, sign_in
from .server import URL

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio]

RATE = 3
HOLD_MS = 4000
SECONDS = 45
"Of traffic: the page is loaded and watched within."

WATCHED = 15
WORST_SHIFT = 0.02
MOVES = Path(__file__).with_name("moves.js")


def traffic(network: Network, seconds: int) -> None:
    """Have calls come and go for so many seconds."""
    lab = network.lab
    number = lab.new_number()
    phone = lab.callee(Callee().answers(200, 200), calls=0)
    lab.proxy.lead(number, phone.target)
    lab.callers(callers.hangs_up(Line(number, ack_delay_ms=20), HOLD_MS), seconds * RATE, RATE)


@asynccontextmanager
async def desk(query: str = "") -> AsyncIterator[Page]:
    """A signed-in page that watches what moves, with the list of its errors."""
    async with browser() as chromium:
        page = await sign_in(chromium)
        page.errors = []  # type: ignore[attr-defined]
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)  # type: ignore[attr-defined]
        await page.add_init_script(path=MOVES)
        await page.goto(f"{URL}/{query}")
        await page.wait_for_selector("#link[data-link=live]")
        yield page
        assert page.errors == []  # type: ignore[attr-defined]


async def moved(page: Page, before: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Return the rows that were there before and are elsewhere now."""
    now = await page.evaluate("places()")
    return {uid: (top, now[uid]) for uid, top in before.items() if uid in now and now[uid] != top}


async def test_freeze_holds_the_rows_counts_them_and_lets_them_go(network: Network) -> None:
    kept = ENDLESS.place(network.lab)
    async with desk() as page:
        await expect(row_of(page, kept.number).locator(".state")).to_have_text("In call")
        await page.keyboard.press("p")
        await expect(page.locator("#freeze")).to_have_attribute("aria-pressed", "true")
        before = await page.evaluate("places()")
        later = ENDLESS.place(network.lab)
        await expect(page.locator("#held")).to_contain_text("Frozen: 1 new")
        assert await page.evaluate("places()") == before
        await page.keyboard.press("p")
        await expect(row_of(page, later.number)).to_have_count(1)
        await expect(page.locator("#freeze")).to_have_attribute("aria-pressed", "false")


async def test_new_row_is_marked_for_a_moment(network: Network) -> None:
    async with desk() as page:
        await page.evaluate("document.addEventListener('transitionrun', (event) => ((window.marked ??= {})[event.target.dataset.uid] = event.propertyName))")
        row = row_of(page, ENDLESS.place(network.lab).number)
        await expect(row).to_have_count(1)
        uid = await row.get_attribute("data-uid")
        await page.wait_for_function("(uid) => window.marked?.[uid] === 'box-shadow'", arg=uid)
        await page.wait_for_function("(uid) => getComputedStyle(document.getElementById(`call-${uid}`)).boxShadow === 'none'", arg=uid)


async def test_durations_tick_where_somebody_sees_them(network: Network) -> None:
    put = """(tops) => tops.forEach((top) => {
      const age = document.createElement("i");
      Object.assign(age.style, { position: "absolute", top: `${top}px` });
      age.dataset.sinceNs = "1";
      age.textContent = "as it came";
      age.id = `at-${top}`;
      document.body.append(age);
    })"""
    async with desk() as page:
        await page.evaluate(put, [0, 20_000])
        await expect(page.locator("#at-0")).to_have_text(re.compile(r"\d+:\d\d:\d\d"))
        assert await page.locator("#at-20000").text_content() == "as it came"
        await page.evaluate("scrollTo(0, 20_000)")
        await expect(page.locator("#at-20000")).to_have_text(re.compile(r"\d+:\d\d:\d\d"))


async def test_row_keeps_its_place_under_the_pointer_and_with_its_menu_open(network: Network) -> None:
    call = ENDLESS.place(network.lab)
    async with desk() as page:
        row = row_of(page, call.number)
        await expect(row.locator(".state")).to_have_text("In call")
        await row.hover()
        before = await page.evaluate("places()")
        others = [ENDLESS.place(network.lab) for _ in range(3)]
        await expect(page.locator("#held")).to_contain_text("Held: 3 new")
        assert await page.evaluate("places()") == before
        await row.locator(".more").click()
        await expect(page.locator("#menu")).to_be_visible()
        await page.mouse.move(5, 5)
        others.append(ENDLESS.place(network.lab))
        await expect(page.locator("#held")).to_contain_text("4 new")
        assert await page.evaluate("places()") == before
        await page.keyboard.press("Escape")
        for other in others:
            await expect(row_of(page, other.number)).to_have_count(1)
        assert await moved(page, before) == {}


async def test_columns_order_and_density_stand_in_the_address(network: Network) -> None:
    first, second = ENDLESS.place(network.lab), ENDLESS.place(network.lab)
    async with desk("?q=555") as page:
        await page.locator("[popovertarget=columns]").click()
        await page.locator("#columns").get_by_label("Path").uncheck()
        await page.locator("#columns").get_by_label("Node").check()
        await page.locator("#columns").get_by_role("button", name="Show these").click()
        await page.wait_for_selector("th.c-node")
        await expect(page.locator("th.c-path")).to_have_count(0)
        await page.locator("thead").get_by_role("link", name="Callee").click()
        await expect(page.locator("th.c-callee")).to_have_attribute("aria-sort", "ascending")
        await page.locator("[popovertarget=columns]").click()
        await page.locator("#columns").get_by_role("link", name="Compact").click()
        await page.wait_for_selector("#calls.compact")
        assert re.search(r"q=555.*columns=.*node.*sort=callee.*density=compact", page.url)
        numbers = await page.locator("#rows .c-callee .who").all_text_contents()
        assert numbers == sorted(numbers)
        assert {first.number, second.number} <= set(numbers)

        await page.fill("[data-search]", second.number)  # over the socket: the columns stay
        await expect(page.locator("#rows > tr")).to_have_count(1)
        await expect(page.locator("#rows .c-node")).to_have_count(1)
        await expect(page.locator("#rows .c-path")).to_have_count(0)
        assert re.search(rf"q={second.number}.*columns=.*node", page.url)

        await page.locator("[popovertarget=views]").click()
        await page.fill("#views input[name=name]", "One number")
        await page.locator("#views").get_by_role("button", name="Save this view").click()
        await page.goto(f"{URL}/")
        await page.locator("[popovertarget=views]").click()
        await page.get_by_role("link", name="One number").click()
        await expect(page.locator("#rows > tr")).to_have_count(1)
        assert re.search(rf"q={second.number}.*columns=.*node.*sort=callee.*density=compact", page.url)
        await page.reload()
        await expect(page.locator("#rows > tr")).to_have_count(1)


async def test_charts_tell_exact_values_and_zoom_into_the_address(network: Network) -> None:
    ENDLESS.place(network.lab)
    async with desk("kpis/?last=900") as page:
        chart = page.locator("#chart-live .u-over")
        await expect(chart).to_be_visible(timeout=15_000)
        await expect(page.locator("#no-samples")).to_be_hidden(timeout=25_000)
        box = await chart.bounding_box()
        assert box is not None
        right, middle = box["x"] + box["width"] - 3, box["y"] + box["height"] / 2
        await page.mouse.move(right, middle)
        await expect(page.locator("#chart-live .u-value").nth(1)).to_have_text(re.compile(r"^\d+$"))
        await page.mouse.move(box["x"] + 10, middle)
        await page.mouse.down()
        await page.mouse.move(right, middle, steps=4)
        await page.mouse.up()
        await page.wait_for_url(re.compile(r"/kpis/\?since=\d+&until=\d+$"))


@pytest.mark.timed
async def test_nothing_moves_while_calls_come_and_go(network: Network) -> None:  # the last: its traffic goes on for a while
    traffic(network, SECONDS)
    async with desk() as page:
        await expect(page.locator("#rows > tr")).not_to_have_count(0)
        await page.evaluate("document.fonts.ready")
        known: dict[str, int] = {}
        seen: set[str] = set()
        for _ in range(WATCHED * 4):
            assert await moved(page, known) == {}
            known = await page.evaluate("places()")
            seen |= known.keys()
            await asyncio.sleep(0.25)  # sampling: the time is the measurement
        shift = await page.evaluate("cls()")
        assert (shift < WORST_SHIFT, len(seen) > len(known)) == (True, True), f"{shift}: {await page.evaluate('shifts.filter((one) => one.value > 0.001)')}"
        await expect(page.locator("#held")).to_contain_text("new: sort")
        await page.keyboard.press("r")
        await expect(page.locator("#held")).to_be_hidden(timeout=2000)
