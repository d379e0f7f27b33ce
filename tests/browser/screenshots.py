"""Pictures of every page, in both themes, on a desk and on a phone: `.venv/bin/python -m tests.browser.screenshots [FOLDER]`.

Starts Dialtap with its demo in a folder of its own, or looks at a running one (`--url`). WebP, each some ten kilobytes; what README and docs show lies in
docs/screenshots/, the rest is for looking at.
"""

import argparse
import asyncio
import base64
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from playwright.async_api import Page

from .desk import browser
from .server import Dialtap
from .tour import DESK, PHONE, THEMES, addresses, arrive, visitor

PORT = 8765
QUALITY = 28
TRAFFIC_SECONDS = 45
"Of the demo, before pictures are taken."

SIZES = {"": DESK, "-phone": PHONE}


@contextlib.contextmanager
def demo() -> Iterator[str]:
    """Run Dialtap with its demo; yield where its pages are."""
    with tempfile.TemporaryDirectory(prefix="dialtap-pictures-") as name:
        Path(name).chmod(0o755)
        running = Dialtap(Path(name), '[[limit]]\nname = "many calls"\nprofile = "caller"\nwarn = 6\ncritical = 10\n', "--demo", port=PORT)
        running.start()
        try:
            yield running.url
        finally:
            running.stop()


async def picture(page: Page, kind: str) -> bytes:
    """Return what the page shows."""
    session = await page.context.new_cdp_session(page)
    shot = await session.send("Page.captureScreenshot", {"format": kind, **({"quality": QUALITY} if kind == "webp" else {})})
    await session.detach()
    return base64.b64decode(shot["data"])


async def take(url: str, only: list[str], wait: float, kind: str) -> AsyncIterator[tuple[str, bytes]]:
    """Yield all pictures, each with its file's name."""
    await asyncio.sleep(wait)
    async with browser() as chromium:
        for theme in THEMES:
            for suffix, size in SIZES.items():
                async with visitor(chromium, url, theme, size) as (page, _):
                    for name, address in (await addresses(page, url)).items():
                        if not only or name in only:
                            await arrive(page, f"{url}{address}")
                            yield f"{name}-{theme}{suffix}.{kind}", await picture(page, kind)


async def write(asked: argparse.Namespace, url: str) -> None:
    """Write the pictures that were asked for, and say how big each is."""
    async for name, content in take(url, asked.only, asked.wait, asked.kind):
        await asyncio.to_thread((asked.folder / name).write_bytes, content)
        print(f"{len(content):7} {name}")


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("--url", default="", help="a Dialtap that runs; its administrator's password must be the tests'")
    parser.add_argument("--only", nargs="*", default=[], help="names of pages: live, peers, ...")
    parser.add_argument("--kind", choices=("webp", "png"), default="webp")
    parser.add_argument("--wait", type=float, default=TRAFFIC_SECONDS, help="seconds of traffic before")
    asked = parser.parse_args()
    with contextlib.nullcontext(asked.url) if asked.url else demo() as url:
        asked.folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(write(asked, url))


if __name__ == "__main__":
    main()
