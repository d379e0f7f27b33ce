"""The call page in a real browser: its ladder is walked, picked, compared, followed while it grows, and drawn fast."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from dialogs.packet import Endpoint, Packet
from dialogs.taps import pcapng
from tests.figures import report
from tests.lab import callers
from tests.lab.callees import Callee
from tests.lab.kinds import Kind
from tests.lab.lab import missing
from tests.lab.namespace import Namespace

from . import desk
from .conftest import Network
from .desk import browser, row_of, sign_in
from .server import URL, Dialtap

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio]

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"
PHONE = {"width": 390, "height": 844}
MESSAGES = 1000
RENDER_MS = 500
SLACK = 6
"Other tests run beside this one: then the goal is only a guard against a different order of magnitude."

SLOW = Kind("slow", lambda line: callers.hangs_up(line, 8000), (Callee().answers(1000, 8000),), ((1, 2, 3, 4, 5),))
"Rings 8 s, talks 8 s: long enough to be looked at."

CONFIGURATION = """
[[peer]]
name = "edge-1"
kind = "proxy"
addresses = ["127.0.0.1:5060", "198.51.100.5"]

[tap]
hep = ""
"""
PAINTED = """
window.shifts = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifts += entry.value))).observe({ type: "layout-shift", buffered: true });
addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => requestAnimationFrame(() => (window.painted = performance.now()))));
"""


def long_call() -> list[Packet]:
    """Return a call of MESSAGES messages on two hops; its third and further INFO requests are lost once and repeated."""
    hosts = [Endpoint("192.0.2.17", 5060), Endpoint("198.51.100.5", 5060), Endpoint("203.0.113.9", 5060)]
    made: list[Packet] = []
    cseq = 0
    while len(made) < MESSAGES:
        cseq += 1
        method = "INVITE" if cseq == 1 else "INFO"
        tag = "" if cseq == 1 else ";tag=b"
        for first, ends in ((f"{method} sip:b@x SIP/2.0", hosts), ("SIP/2.0 200 OK", hosts[::-1])):
            for hop in (0, 1):
                lines = (
                    *(first, f"Via: SIP/2.0/UDP h;branch=z9hG4bK{cseq}.{hop if ends is hosts else 1 - hop}", "From: <sip:a@x>;tag=a"),
                    *(f"To: <sip:b@x>{tag if ends is hosts else ';tag=b'}", "Call-ID: long-call", f"CSeq: {cseq} {method}", "Content-Length: 0", "", ""),
                )
                at_ns = 1_795_294_717 * 10**9 + len(made) * 40_000_000
                made.append(Packet(at_ns, ends[hop], ends[hop + 1], "udp", "\r\n".join(lines).encode()))
    return made


@pytest.fixture(scope="module")
def played() -> Iterator[Dialtap]:
    """Dialtap with recorded calls, and the long one; the test is inside its network."""
    if reason := missing() or ("" if desk.CHROMIUM.exists() else f"no {desk.CHROMIUM}"):
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="dialtap-call-") as name, Namespace() as inside:
        folder = Path(name)
        folder.chmod(0o755)
        long = folder / "long.pcapng"
        long.write_bytes(b"".join(pcapng((packet, []) for packet in long_call())))
        files = [*(RECORDINGS / recording / "capture.pcap" for recording in ("fork", "trunk-auth407")), long]
        dialtap = Dialtap(folder, CONFIGURATION, *(word for file in files for word in ("--pcap", str(file))), "--speed", "max")
        try:
            dialtap.start()
            yield dialtap
        finally:
            dialtap.stop()
            print(dialtap.output())  # shown by pytest when a test failed
    inside.close()


async def uid_of(dialtap: Dialtap, page: Page, call_id: str) -> str:
    """Return the name of a call, once it is recorded."""
    await page.goto(f"{URL}/history/")
    for _look in range(100):
        rows = dialtap.rows("SELECT uid FROM dashboard_dialogrow WHERE call_id LIKE ? AND messages > 5", call_id)
        if rows:
            return str(rows[0][0])
        await page.wait_for_timeout(100)
    raise AssertionError(f"{call_id} is not recorded")


def listen(page: Page) -> list[str]:
    """Return the list into which the page's errors and warnings come."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


async def open_call(page: Page, address: str) -> None:
    """Open a call's page anew and wait until it is connected."""
    await page.goto("about:blank")
    await page.goto(f"{URL}/call/{address}")
    await page.wait_for_selector("#link[data-link=live]")


async def test_ladder_is_walked_picked_and_compared_by_keyboard(played: Dialtap) -> None:
    async with browser() as chromium:
        page = await sign_in(chromium)
        said = listen(page)
        uid = await uid_of(played, page, "1-6422@%")
        await open_call(page, f"{uid}/")
        raw, keys = page.locator("#raw"), page.keyboard
        await keys.press("ArrowDown")
        await keys.press("ArrowDown")
        await keys.press("Enter")
        await expect(raw.locator("pre")).to_contain_text("SIP/2.0 100 trying")
        assert page.url.endswith(f"/call/{uid}/#m2")
        await keys.press(" ")
        await keys.press("ArrowDown")
        await keys.press(" ")
        await expect(raw.locator("ins").first).to_contain_text("+ INVITE sip:")
        await expect(page.locator("#steps .sel")).to_have_count(2)
        await keys.press("End")
        await keys.press("F")
        await expect(raw.locator("header")).to_contain_text("3 · INVITE against 20 · 200 OK (BYE)")
        assert said == []


async def test_times_colours_and_columns_are_switched_by_keyboard(played: Dialtap) -> None:
    async with browser() as chromium:
        page = await sign_in(chromium)
        said = listen(page)
        uid = await uid_of(played, page, "1-6422@%")
        await open_call(page, f"{uid}/")
        keys = page.keyboard
        await keys.press("ArrowDown")
        await keys.press("End")
        times = page.locator("#m4 time"), page.locator("#m20 time")
        shown = [[await time.text_content() for time in times]]
        await keys.press("w")
        shown.append([await time.text_content() for time in times])
        await keys.press("w")
        absolute = [await time.text_content() for time in times]
        await keys.press("w")
        await keys.press("m")
        shown.append([await time.text_content() for time in times])
        assert shown == [["+0.002", "+3.244"], ["+0.000", "+0.000"], ["-3.242", "+0.000"]]
        assert absolute == [(await time.get_attribute("title") or "")[11:] for time in times]

        await keys.press("c")
        await expect(page.locator("[aria-keyshortcuts=c] b")).to_have_text("transaction")
        await expect(page.locator("#steps .lit")).to_have_count(4)
        colours = await page.locator("#steps > li").evaluate_all("all => all.map((step) => step.dataset.x + step.dataset.c)")
        assert len(set(colours)) == len({colour[0] for colour in colours}) == 2

        await keys.press("s")
        await page.wait_for_url("**hosts=address")
        await expect(page.locator(".heads b")).to_have_text(["127.0.0.10", "127.0.0.1", "127.0.0.20"])
        await page.fill("[data-search]", "early only")
        await page.press("[data-search]", "Enter")
        await expect(page.locator("#hints")).to_contain_text("None of the 20 messages is what you look for.")
        assert said == []


async def test_permalink_opens_its_message_and_the_phone_has_a_list(played: Dialtap) -> None:
    async with browser() as chromium:
        page = await sign_in(chromium)
        said = listen(page)
        uid = await uid_of(played, page, "long-call")
        await page.set_viewport_size(PHONE)
        await open_call(page, f"{uid}/#m700")
        await expect(page.locator("#raw header")).to_contain_text("700 · 200 OK (INFO)")
        await expect(page.locator("#m700")).to_be_in_viewport()
        assert await page.locator("#m700").get_attribute("aria-current") == ""
        assert await page.locator("#m700 .way").bounding_box() is not None
        assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        sentence = page.locator("#now .why a").first
        target = (await sentence.text_content() or "").strip("()")
        await sentence.click()
        await expect(page.locator("#raw header")).to_contain_text(f"{target} · ")
        await expect(page.locator(f"#m{target}")).to_be_in_viewport()
        assert said == []


async def test_page_is_accessible_in_both_themes(played: Dialtap) -> None:
    async with browser() as chromium:
        page = await sign_in(chromium)
        for call_id, theme in (("1-6422@%", "light"), ("1-4336@%", "dark")):
            await page.emulate_media(color_scheme=theme)
            await open_call(page, f"{await uid_of(played, page, call_id)}/#m3")
            await expect(page.locator("#raw pre")).to_contain_text("INVITE")
            await page.keyboard.press("ArrowDown")
            await page.keyboard.press("c")
            violations = (await Axe().run(page)).response["violations"]
            assert [(rule["id"], [node["target"] for node in rule["nodes"]][:5]) for rule in violations] == []


@pytest.mark.figures
@pytest.mark.timed
async def test_thousand_messages_are_drawn_fast(played: Dialtap) -> None:
    rounds = []
    async with browser() as chromium:
        page = await sign_in(chromium)
        uid = await uid_of(played, page, "long-call")
        await page.add_init_script(PAINTED)
        for _round in range(5):
            await open_call(page, f"{uid}/")
            await page.wait_for_function("window.painted")
            rounds.append(await page.evaluate("[performance.getEntriesByType('navigation')[0].responseStart, window.painted]"))
        assert await page.locator("#steps > li").count() == MESSAGES
        assert await page.evaluate("window.shifts") < 0.02
    server, painted = min(rounds, key=lambda one: one[1] - one[0])
    figures = {
        "what": f"a call page with {MESSAGES} messages in Chromium, best of {len(rounds)}, milliseconds",
        "first byte": round(server),
        "drawn after the first byte": round(painted - server),
        "drawn": round(painted),
    }
    report("call-page", figures)
    assert painted - server < RENDER_MS * (1 if os.environ.get("DIALTAP_FIGURES") == "1" else SLACK)


@pytest.mark.timed
async def test_ladder_grows_without_moving_anything(network: Network) -> None:
    async with browser() as chromium:
        page = await sign_in(chromium)
        said = listen(page)
        call = SLOW.place(network.lab)
        uid = await row_of(page, call.number).get_attribute("data-uid")
        await page.add_init_script(PAINTED)
        await open_call(page, f"{uid}/")
        steps = page.locator("#steps > li")
        # Counted where they are marked: the call goes on meanwhile.
        before = await steps.evaluate_all("all => all.filter((step) => (step.kept = true)).length")
        await page.locator("#m1 a").focus()
        await page.evaluate("window.shifts = 0")
        await expect(page.locator("#now .state")).to_have_text("In call", timeout=20_000)
        await expect(steps).not_to_have_count(before, timeout=10_000)
        assert [phone.exit_code(20) for phone in call.phones] == [0] * len(call.phones)
        await expect(page.locator("#now .why")).to_contain_text("Ended by the caller", timeout=10_000)
        kept = await steps.evaluate_all("all => all.filter((step) => step.kept).length")
        numbers = await steps.evaluate_all("all => all.map((step) => Number(step.id.slice(1)))")
        assert (kept, numbers) == (before, sorted(numbers))
        assert await page.evaluate("document.activeElement.closest('li')?.id") == "m1"
        assert await page.evaluate("window.shifts") < 0.02
        assert await page.locator(".end-action:visible").count() == 0
        assert said == []
