"""Every page of the product, as people go through them: in both themes, on a desk and on a phone. Knows pages' addresses; judges nothing."""

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from playwright.async_api import Browser, Page

from .server import ADMINISTRATOR, PASSWORD

STOPS = {
    "live": "/",
    "peers": "/peers/",
    "profiles": "/profiles/?name=caller",
    "callers": "/callers/",
    "history": "/history/",
    "alerts": "/alerts/",
    "orders": "/orders/",
    "capture": "/taps/",
    "feeds": "/feeds/",
    "reconcile": "/reconcile/",
    "kpis": "/kpis/",
    "wall": "/wall/",
    "boards": "/wall/boards/",
    "styles": "/styles/",
    "audit": "/audit/",
    "tokens": "/tokens/",
    "welcome": "/welcome/",
    "nothing": "/nothing-here/",
}
"Pages with an address of their own; `linked` has those that a call or a value is needed for."

LINKED = {
    "profile": ("/profiles/?name=caller", "main table a[href^='/profiles/value/']"),
    "call": ("/", "#rows td.c-who a"),
    "message": ("/", "#rows td.c-who a"),
}
THEMES = ("light", "dark")
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


class Said(NamedTuple):
    """What the browser complained of: errors of scripts, refusals by the content security policy, files that were not there."""

    lines: list[str]


@contextlib.asynccontextmanager
async def visitor(chromium: Browser, url: str, theme: str, size: dict[str, int]) -> AsyncIterator[tuple[Page, Said]]:
    """Sign in, in a profile of its own; yield the page and what the browser says."""
    context = await chromium.new_context(viewport={"width": size["width"], "height": size["height"]}, color_scheme="dark" if theme == "dark" else "light")
    context.set_default_timeout(90_000)  # the machine may be busy
    page, said = await context.new_page(), Said([])
    page.on("console", lambda message: said.lines.append(f"{page.url}: {message.text}") if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.lines.append(f"{page.url}: {error}"))
    await page.goto(f"{url}/login/")
    await page.fill("input[name=username]", ADMINISTRATOR)
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_selector("#link[data-link=live]")
    yield page, said
    await context.close()


async def addresses(page: Page, url: str) -> dict[str, str]:
    """Return every page's address: those that need a call or a value are looked for on the page that links to them."""
    found = dict(STOPS)
    for name, (start, link) in LINKED.items():
        await page.goto(f"{url}{start}")
        found[name] = await page.locator(link).first.get_attribute("href", timeout=20_000) or ""
    found["message"] += "?m=1"
    return found


async def arrive(page: Page, address: str) -> None:
    """Open a page and wait until its push is there; a page that is not there has none."""
    await page.goto(address)
    await page.wait_for_selector("#link[data-link=live]")
    await page.wait_for_selector("#taps > *", state="attached")
