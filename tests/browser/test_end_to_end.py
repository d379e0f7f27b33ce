"""The whole path, once: real calls through a real proxy, captured live, seen and ended in a real browser, found again."""

import asyncio
import time
from collections.abc import Iterator
from statistics import median

import pytest
from playwright.async_api import Locator, expect

from tests.figures import report
from tests.lab.kinds import ENDLESS, kinds
from tests.lab.lab import Call
from tests.lab.waiting import wait_until
from tests.lab.watcher import Step, Watcher

from .conftest import Network
from .desk import WINDOWED, Shown, browser, row_of, shown, sign_in
from .server import URL

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio]

CALLS = 20
STEP_MS = 900
BRIEF_MS = 300
"A state that is shorter may come and go between two ticks."

WORST_MS = 1000
WORDS = {1: "Setting up", 2: "Ringing", 3: "No ACK", 4: "In call"}
STALE_S = 3.0
SETTLE_MS = 500


@pytest.fixture
def watcher(network: Network) -> Iterator[Watcher]:
    """A tap of the test's own: what was on the wire, and when."""
    watching = Watcher(network.lab.proxy.address)
    yield watching
    watching.tap.close()


@pytest.mark.figures
@pytest.mark.timed
async def test_rows_appear_change_and_leave_as_the_wire_says(network: Network, watcher: Watcher) -> None:
    asyncio.get_running_loop().add_reader(watcher.tap, watcher.drain)
    async with browser() as chromium:
        page = await sign_in(chromium)
        made = kinds(STEP_MS)
        calls = [made[number % len(made)].place(network.lab) for number in range(CALLS)]
        await expect(page.locator("html")).to_have_attribute("data-left", str(CALLS), timeout=60_000)
        seen = await shown(page)
    asyncio.get_running_loop().remove_reader(watcher.tap)
    assert [phone.exit_code() for call in calls for phone in call.phones] == [0] * sum(len(call.phones) for call in calls)
    expected = {call.number: [word(watcher, call, step) for step in watcher.steps(call.call_id, BRIEF_MS)] + [""] for call in calls}
    assert {number: [state.word for state in states] for number, states in seen.items()} == expected
    judge(delays(watcher, calls, seen))


def word(watcher: Watcher, call: Call, step: Step) -> str:
    """Return how a state should read."""
    code = watcher.call(call.call_id).end_code
    return WORDS.get(step.state) or (f"Failed {code}" if code else "Ended")


def delays(watcher: Watcher, calls: list[Call], seen: dict[str, list[Shown]]) -> list[float]:
    """Return the milliseconds from each deciding packet's capture to the change on the page."""
    return [
        state.at_ms - step.since_ns / 1e6
        for call in calls
        for step, state in zip(watcher.steps(call.call_id, BRIEF_MS), seen[call.number], strict=False)
    ]  # fmt: skip


def judge(milliseconds: list[float]) -> None:
    """Report the figures and hold them against the goal."""
    figures = {
        "what": "milliseconds from a packet's capture to the change of its call's row in Chromium",
        "calls": CALLS,
        "changes": len(milliseconds),
        "median": round(median(milliseconds)),
        "worst": round(max(milliseconds)),
    }
    report("live-latency", figures)
    assert min(milliseconds) > 0
    assert max(milliseconds) < WORST_MS


async def ask_to_end(row: Locator, reason: str) -> None:
    """Open the question and write why."""
    await row.locator(".more").click()
    await row.page.locator("#menu").get_by_text("End call").click()
    await row.page.fill("#ask input[name=reason]", reason)


async def test_click_ends_a_call_on_both_sides(network: Network, watcher: Watcher) -> None:
    call = ENDLESS.place(network.lab)
    async with browser(WINDOWED) as chromium:
        page = await sign_in(chromium)
        row = row_of(page, call.number)
        await expect(row.locator(".state")).to_have_text(WORDS[4])
        uid = await row.get_attribute("data-uid")
        watcher.watch(SETTLE_MS)
        await ask_to_end(row, "No, not this one")
        await page.locator("#ask").get_by_role("button", name="Cancel").click()
        await expect(page.locator("#ask button.danger")).to_be_hidden()
        assert watcher.watch(SETTLE_MS) == 0  # no packet, to nobody
        await ask_to_end(row, "Stuck call")
        await page.locator("#ask button.danger").click()
        await expect(page.locator("#ask")).to_contain_text("Ended by admin: both legs released", timeout=60_000)
        assert [phone.exit_code() for phone in call.phones] == [0, 0]
        assert ["BYE sip:" in phone.messages() for phone in call.phones] == [True, True]

        await page.goto(f"{URL}/history/?call_id={call.call_id}")
        await expect(page.locator("table.history tbody tr")).to_have_count(1)
        await expect(page.locator("table.history td.c-by")).to_have_text("admin")
        await page.goto(f"{URL}/orders/")
        await expect(page.locator("main")).to_contain_text("both legs released")
    assert network.dialtap.rows("SELECT username, reason, phase, outcome FROM dashboard_order WHERE dialog_uid = ?", str(uid)) == [
        ("admin", "Stuck call", "verified", "both legs released")
    ]
    actions = network.dialtap.rows("SELECT username, action FROM dashboard_auditevent WHERE dialog_uid = ?", str(uid))
    assert actions
    assert {username for username, _action in actions} == {"admin"}


async def test_calls_and_page_survive_a_crash(network: Network) -> None:
    call = ENDLESS.place(network.lab)
    async with browser() as chromium:
        page = await sign_in(chromium)
        row = row_of(page, call.number)
        await expect(row.locator(".state")).to_have_text(WORDS[4])
        since = await row.locator(".c-age > span").get_attribute("data-since-ns")
        await page.evaluate("window.notReloaded = true")

        network.dialtap.kill()
        killed = time.monotonic()
        await page.wait_for_selector("#link[data-link=stale]", timeout=60_000)
        assert time.monotonic() - killed < STALE_S

        network.dialtap.start()
        await page.wait_for_selector("#link[data-link=live]", timeout=60_000)
        await expect(row.locator(".state")).to_have_text(WORDS[4])
        assert await row.locator(".c-age > span").get_attribute("data-since-ns") == since
        assert await page.evaluate("window.notReloaded")

        (dialog,) = [one for one in network.lab.proxy.dialogs() if one["call-id"] == call.call_id]
        network.lab.proxy.rpc("dlg.terminate_dlg", call.call_id, dialog["caller"]["tag"], dialog["callee"]["tag"])
        assert [phone.exit_code() for phone in call.phones] == [0, 0]
        await expect(row.locator(".state")).to_have_text("Ended")
        lasted = await row.locator(".c-age").text_content()
    (times,) = wait_until(lambda: network.dialtap.rows("SELECT start_ns, end_ns FROM dashboard_dialogrow WHERE call_id = ?", call.call_id), "the record")
    start_ns, end_ns = (int(str(value)) for value in times)
    assert since == str(start_ns)
    assert lasted == f"0:{(end_ns - start_ns) // 1_000_000_000:02}"
