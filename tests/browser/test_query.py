"""Asking, as somebody at a desk does: the box completes, points at mistakes, finds live and past calls; downloads and capture files."""

import csv
import re

import pytest
from playwright.async_api import Page, expect

from tests.conftest import ROOT
from tests.lab.kinds import ENDLESS

from .conftest import Network
from .desk import browser, row_of, sign_in
from .server import URL

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio]
RECORDING = ROOT / "tests" / "recordings" / "reinvite" / "capture.pcap"


async def test_calls_are_asked_for_from_the_keyboard(network: Network) -> None:
    call, other = ENDLESS.place(network.lab), ENDLESS.place(network.lab)
    async with browser() as chromium:
        page = await sign_in(chromium)
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await expect(row_of(page, call.number).locator(".state")).to_have_text("In call")
        await _live(page, call.number, other.number)
        await _history(page, call.number)
        await _zone(page)
        await _file(page)
        assert errors == []
        answer = await page.goto(f"{URL}/history/?q=code ~ 4")
        assert answer is not None
        assert answer.status == 400
        await expect(page.locator(".problem")).to_contain_text("Column 6")


async def _live(page: Page, number: str, other: str) -> None:
    """Type with completion; a mistake keeps the rows; time brings the call in."""
    search, offers = page.locator("[data-search]"), page.locator("#offers button")
    await page.keyboard.press("/")
    await page.keyboard.type("du and begun = today")
    for _ in " and begun = today":
        await page.keyboard.press("ArrowLeft")
    await page.keyboard.type("r")
    await expect(offers).to_have_text(["duration seconds, as the table shows them"])
    for key in ("ArrowDown", "Enter"):
        await page.keyboard.press(key)
    await expect(search).to_have_value("duration  and begun = today")
    await search.fill("stat")
    await expect(offers).to_have_text(["state setting up, ringing, no ack, in call; live; ended, failed, expired"])
    for key in ("ArrowDown", "Enter", "=", "Space"):
        await page.keyboard.press(key)
    await page.keyboard.type('"in')
    await expect(offers).to_have_text(['"in call" '])
    for key in ("Tab", "Enter"):
        await page.keyboard.press(key)
    await expect(search).to_have_value('state = "in call" ')
    await expect(search).to_be_focused()
    await expect(offers).to_have_text(["and ", "or "])
    await page.keyboard.press("Escape")
    await expect(offers).to_have_count(0)
    await expect(page).to_have_url(re.compile(r"q=state\+%3D\+%22in\+call%22"))
    await expect(row_of(page, number)).to_have_count(1)
    await page.keyboard.type("and nowhere = 1")
    await expect(page.locator("#problem")).to_contain_text("Column 23: no field is called nowhere")
    await expect(row_of(page, number)).to_have_count(1)
    await page.locator("[data-search]").fill(f'state = "in call" and to ~ "{number}" and duration > 0')
    await expect(row_of(page, other)).to_have_count(0, timeout=15_000)
    await expect(row_of(page, number)).to_have_count(1)
    await expect(page.locator("#problem")).to_be_empty()
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-search]")).to_have_value(re.compile("duration"))


async def _history(page: Page, number: str) -> None:
    """The same query, a download that counts, the form."""
    await page.goto(f"{URL}/history/?q=to ~ {number}")
    await expect(page.locator("table.history tbody tr")).to_have_count(1)
    await page.get_by_role("button", name="Download").click()
    async with page.expect_download() as coming:
        await page.get_by_text("CSV, for spreadsheets").click()
    with (await (await coming.value).path()).open(newline="") as file:
        assert [row["callee"] for row in csv.DictReader(file)] == [number]
    await expect(page.locator("#export")).to_contain_text("1 of 1 calls")
    await page.get_by_text("Write the query with a form").click()
    await page.locator(".build [name=callee]").fill(number)
    await page.get_by_text("Write it and search").click()
    await expect(page.locator("[data-search]")).to_have_value(f'to = "{number}"')
    await expect(page.locator("table.history tbody tr")).to_have_count(1)


async def _zone(page: Page) -> None:
    """The zone is printed, chosen, and remembered."""
    await page.goto(f"{URL}/history/?zone=Asia/Kolkata")
    await page.goto(f"{URL}/history/")
    await expect(page.locator(".page-head")).to_contain_text("Times are Asia/Kolkata (UTC+05:30 now)")
    await page.locator("select[name=zone]").select_option("UTC")
    await expect(page.locator(".page-head")).to_contain_text("Times are UTC.")


async def _file(page: Page) -> None:
    """A capture file from elsewhere: read, shown, closed."""
    await page.goto(f"{URL}/files/")
    await page.locator("input[name=capture]").set_input_files(RECORDING)
    await page.get_by_role("button", name="Open", exact=True).click()
    await page.get_by_text("Show its calls").click(timeout=30_000)
    await expect(page.locator("table.history tbody tr")).to_have_count(1)
    await page.locator("table.history tbody td.c-who a").click()
    await expect(page).to_have_url(re.compile("/files/[0-9a-f]{16}/call/[0-9a-f]{16}/$"))
    await expect(page.locator("#steps a").first).to_be_visible()
    await page.goto(f"{URL}/files/")
    await page.locator("table.list a").first.click()
    await page.get_by_text("Close and delete").click()
    await expect(page.get_by_text("No file is open")).to_be_visible()
