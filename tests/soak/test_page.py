"""The live page under traffic, in Chromium: over half an hour its heap stays flat, and no frame keeps its main thread.

`DIALTAP_SOAK_SECONDS` makes the half hour shorter.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from statistics import median

import pytest
from playwright.async_api import CDPSession, Page

from tests import figures
from tests.browser.desk import CHROMIUM, browser
from tests.browser.server import Dialtap, enterable
from tests.browser.tour import DESK, visitor

from .steady import calls

RATE, LIVE = 4, 18
"With those that ended a moment ago fifty rows, of which some change with each of the four ticks of a second."

SECONDS = int(os.environ.get("DIALTAP_SOAK_SECONDS", "1800"))
WARM_UP = 120
EVERY = 30
TRACED = 30
MOST_MS = 30
GROWTH = 1.1
HEP_PORT, PORT = 9062, 8062
CONFIGURATION = f'[tap]\nhep = "127.0.0.1:{HEP_PORT}"\n'

pytestmark = [pytest.mark.soak, pytest.mark.asyncio]


@contextmanager
def serving(folder: Path) -> Iterator[Dialtap]:
    """Run Dialtap in a folder that everybody may enter."""
    dialtap = Dialtap(enterable(folder), CONFIGURATION, port=PORT)
    dialtap.start()
    try:
        yield dialtap
    finally:
        dialtap.stop()
        print(dialtap.output()[-3000:])


@asynccontextmanager
async def watched(folder: Path, seconds: int) -> AsyncIterator[Page]:
    """Run it all with traffic for so many seconds; yield the live page, on which as many calls end as begin."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}")
    with serving(folder) as dialtap:
        agent = await calls(HEP_PORT, RATE, LIVE, WARM_UP + 2 * seconds)
        try:
            async with browser() as chromium, visitor(chromium, dialtap.url, "light", DESK) as (page, _):
                await asyncio.sleep(WARM_UP)
                yield page
        finally:
            with suppress(ProcessLookupError):  # it has ended by itself
                agent.kill()
            await agent.wait()


async def test_heap_is_flat(tmp_path: Path) -> None:
    async with watched(tmp_path, SECONDS) as page:
        probe = await page.context.new_cdp_session(page)
        heaps = [await heap(probe) for _ in range(SECONDS // EVERY) if await asyncio.sleep(EVERY, result=True)]
        rows = await page.locator("#rows > tr").count()
    sixth = max(1, len(heaps) // 6)
    first, last = median(heaps[:sixth]), median(heaps[-sixth:])
    figures.report(
        "live-page",
        {
            "what": f"the live page in Chromium for {SECONDS} s, {RATE} calls a second, {rows} rows at the end",
            "heap after collection, MB": {
                "first sixth": round(first / 1e6, 2),
                "last sixth": round(last / 1e6, 2),
                "largest": round(max(heaps) / 1e6, 2),
                "each": [round(each / 1e6, 2) for each in heaps[::6]],
            },
        },
    )
    assert last < first * GROWTH


async def test_no_frame_keeps_the_main_thread(tmp_path: Path) -> None:
    async with watched(tmp_path, TRACED) as page:
        frames, rows = await busy(page), await page.locator("#rows > tr").count()
    figures.report(
        "live-frames",
        {
            "what": f"what a frame of the push costs the main thread of Chromium, ms: the live page, {RATE} calls a second, {rows} rows, {TRACED} s",
            "frames": len(frames),
            "median": round(median(frames), 1),
            "longest": round(max(frames), 1),
        },
    )
    assert max(frames) < MOST_MS


async def heap(probe: CDPSession) -> int:
    """Return the bytes of the page's objects that are still needed."""
    await probe.send("HeapProfiler.collectGarbage")
    usage = await probe.send("Runtime.getHeapUsage")
    return int(usage["usedSize"])


async def busy(page: Page) -> list[float]:
    """Return how long each frame of the push kept the main thread, in ms: the longest task from its arrival until 200 ms later, by the browser's own trace.

    Counted is the thread's own time: what other processes take of the machine is not the page's.
    """
    assert page.context.browser is not None
    await page.context.browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline", "blink.user_timing"])
    await page.evaluate("document.addEventListener('htmx:ws:before:message:incoming', () => performance.mark('frame'))")
    await asyncio.sleep(TRACED)
    events = json.loads(await page.context.browser.stop_tracing())["traceEvents"]
    marks = [(event["ts"], event["pid"], event["tid"]) for event in events if event["name"] == "frame" and "blink.user_timing" in event["cat"]]
    tasks = [event for event in events if event["name"].endswith("RunTask") and event["ph"] == "X"]
    found = []
    for at, pid, tid in marks:
        after = [task["tdur"] for task in tasks if (task["pid"], task["tid"]) == (pid, tid) and at - task["dur"] <= task["ts"] <= at + 200_000]
        found.append(max(after, default=0) / 1000)
    return found
