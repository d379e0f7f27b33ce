"""An operator's desk: Chromium with a signed-in page of Dialtap, and what its live table showed when. Knows pages; knows no SIP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from .server import ADMINISTRATOR, PASSWORD, URL

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
"Without a window around the page, whose turning wheel a machine without a graphics card draws with the cores that the page needs."

WINDOWED = Path("/usr/bin/chromium")
"As people have it."

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
expect.set_options(timeout=60_000)  # the other processes of the tests take their share of the machine
_RECORDER = Path(__file__).with_name("record.js")


@dataclass(frozen=True)
class Shown:
    """A row's state on the screen, and since when."""

    word: str
    "As people read it; empty: the row has left."

    at_ms: float


def absent() -> str:
    """Return which browsers are not here, "" where both are."""
    return ", ".join(f"no {each}" for each in (CHROMIUM, WINDOWED) if not each.exists())


@asynccontextmanager
async def browser(executable: Path = CHROMIUM) -> AsyncIterator[Browser]:
    """Run Chromium with a fresh profile."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield running
        finally:
            await running.close()


async def sign_in(chromium: Browser, name: str = ADMINISTRATOR) -> Page:
    """Return a page of its own that shows the live calls."""
    page = await (await chromium.new_context(viewport={"width": 1600, "height": 1000})).new_page()
    await page.add_init_script(path=_RECORDER)
    await page.goto(f"{URL}/login/")
    await page.fill("input[name=username]", name)
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_selector("#link[data-link=live]")
    return page


async def shown(page: Page) -> dict[str, list[Shown]]:
    """Return what each called number's row showed, in order."""
    history: dict[str, list[Shown]] = {}
    for entry in await page.evaluate("window.recorded"):
        history.setdefault(entry["number"], []).append(Shown(entry["word"], entry["at"]))
    return history


def row_of(page: Page, number: str) -> Locator:
    """Return the live row of a called number."""
    return page.locator("#rows > tr", has_text=number)
