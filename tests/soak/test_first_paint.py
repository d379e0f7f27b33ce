"""When a page is first painted, with 20,000 live calls and a million in history: by Chromium's own clock, of a server that is warm."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from statistics import median

import pytest
from playwright.async_api import Page

from dashboard.history.rows import upsert_sql
from tests import figures
from tests.browser.desk import CHROMIUM, WINDOWED, absent, browser
from tests.browser.server import Dialtap, enterable
from tests.browser.tour import DESK, visitor
from tests.dashboard.history.many import million
from tests.lab.waiting import wait_until

from .steady import CALLERS, calls

LIVE = int(os.environ.get("DIALTAP_LIVE", "20000"))
RATE, BUSY_RATE, ENDLESS = 300, 50, 10**6
FIRST_MS = 300
VISITS = 7
REST = 2.0
HEP_PORT, PORT = 9063, 8063
CONFIGURATION = f"""
[tap]
hep = "127.0.0.1:{HEP_PORT}"

[history]
records_days = 36500
{CALLERS}"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').map((each) => each.startTime)[0]"
LIVE_SQL = "SELECT COUNT(*) FROM dashboard_dialogrow WHERE state < 5"
PAGES = {"live": ("/", "#rows > tr"), "call": ("", "main h1"), "history": ("/history/", "main tbody tr")}

pytestmark = [pytest.mark.soak, pytest.mark.asyncio]


def filled(folder: Path) -> Dialtap:
    """Return an installation that has run before, for long."""
    dialtap = Dialtap(enterable(folder), CONFIGURATION, port=PORT)
    dialtap.start()
    dialtap.stop()
    with closing(sqlite3.connect(folder / "var" / "dialtap.sqlite3")) as database, database:
        for batch in million(live=0):
            database.executemany(upsert_sql("sqlite").replace("%s", "?"), batch)
    dialtap.start()
    return dialtap


async def painted(page: Page, url: str, there: str) -> list[float]:
    """Return after how many milliseconds each of a few visits was painted first, each to a page that stands still, as people make them."""
    found = []
    for _ in range(VISITS + 1):
        await page.wait_for_selector("#link[data-link=live]")
        await asyncio.sleep(REST)
        await page.goto(url)
        await page.locator(there).first.wait_for()
        await page.wait_for_function(PAINTED)
        found.append(round(await page.evaluate(PAINTED), 1))
    return found[1:]


async def visited(dialtap: Dialtap, executable: Path) -> dict[str, list[float]]:
    """Return what each page took in a browser."""
    async with browser(executable) as chromium, visitor(chromium, dialtap.url, "light", DESK) as (page, _):
        link = await page.locator("#rows td.c-who a").first.get_attribute("href") or ""
        return {name: await painted(page, dialtap.url + (address or link), there) for name, (address, there) in PAGES.items()}


async def test_pages_are_painted_at_once(tmp_path: Path) -> None:
    if reason := absent():
        pytest.skip(reason)
    dialtap = await asyncio.to_thread(filled, tmp_path)
    try:
        await (await calls(HEP_PORT, RATE, ENDLESS, LIVE / RATE * 1.05)).wait()
        await asyncio.to_thread(wait_until, lambda: dialtap.rows(LIVE_SQL)[0][0] >= LIVE, f"{LIVE} live calls", seconds=60)
        quiet, windowed = await visited(dialtap, CHROMIUM), await visited(dialtap, WINDOWED)
        agent = await calls(HEP_PORT, BUSY_RATE, ENDLESS, 600)
        busy = await visited(dialtap, CHROMIUM)
        agent.kill()
        await agent.wait()
    finally:
        dialtap.stop()
        print(dialtap.output()[-3000:])
    live, rows = dialtap.rows(LIVE_SQL)[0][0], dialtap.rows("SELECT COUNT(*) FROM dashboard_dialogrow")[0][0]
    shown = {"what": f"first contentful paint in Chromium, {live:,} calls live of {rows:,}; ms, median of {VISITS} visits and each"}
    for words, times in (("nothing new", quiet), ("nothing new, with a browser's window", windowed), (f"{BUSY_RATE} calls a second beside it", busy)):
        shown |= {f"{name}, {words}": {"median": median(each), "each": each} for name, each in times.items()}
    figures.report("first-paint", shown)
    assert max(median(quiet["live"]), median(quiet["call"])) < FIRST_MS
