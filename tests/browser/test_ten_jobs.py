"""The ten jobs of a shift, each as somebody does it at a desk: staged with real phones, done in a browser, its clicks counted.

Keys that go somewhere, and what is typed into a box, are not clicks; the fewer of both, the better.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from playwright.async_api import Locator, Page, expect

from tests.figures import report
from tests.lab import callers
from tests.lab.beside import bye_unheard
from tests.lab.callees import Callee
from tests.lab.callers import Line
from tests.lab.kinds import ENDLESS, Kind
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

from .conftest import Network
from .desk import browser, row_of, sign_in
from .server import URL

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.asyncio, pytest.mark.figures]
LONG_MS = 60_000
SLOW_MS = 5500
NOT_ACKNOWLEDGED = Kind("no-ack", callers.never_acknowledges_and_waits, (Callee().is_not_acknowledged(100, 100, LONG_MS),), ())
ONE_WAY = Kind("one-way", callers.waits_for_bye, (Callee().answers(100, 100).replace("a=sendrecv", "a=sendonly"),), ())
SLOW = Kind("slow", callers.waits_for_bye, (Callee().answers(SLOW_MS, 300),), ())
BUSY = Kind("busy", lambda line: callers.is_refused(line, 486), (Callee().refuses("486 Call Limit Reached", 50),), ())
SCAN = Kind("scan", lambda line: callers.is_refused(line, 404), (), ())
FLEET = 6


@dataclass
class Hands:
    """A hand that clicks, and counts."""

    page: Page
    clicks: int = 0

    async def click(self, what: Locator) -> None:
        """Click, once it can be."""
        self.clicks += 1
        await what.click()

    async def go(self, key: str) -> None:
        """Go to another page, as `?` says: g and a letter."""
        await self.page.keyboard.press("g")
        async with self.page.expect_navigation():
            await self.page.keyboard.press(key)


async def unacknowledged(hands: Hands, lab: Lab) -> None:
    """Calls that drop after 32 s: the figure turns, opens them, and the row says how often the 200 was repeated."""
    call = NOT_ACKNOWLEDGED.place(lab)
    await expect(hands.page.locator(".kpi.warn")).to_contain_text("No ACK")
    await hands.click(hands.page.locator(".kpi.warn .v"))
    await expect(row_of(hands.page, call.number).locator(".c-why")).to_contain_text("200 OK repeated")


async def many_of_one_caller(hands: Hands, lab: Lab) -> None:
    """One caller with many calls at once: found by the list of callers, ended together, proven."""
    number = lab.new_number()
    lab.proxy.lead(number, lab.callee(Callee().answers(50, 50), calls=0).target)
    lab.callers(callers.waits_for_bye(Line(number, user="dialer")), FLEET, FLEET)
    await hands.go("p")
    await hands.click(hands.page.get_by_role("link", name="Callers"))
    row = hands.page.locator("#callers tbody tr", has_text="dialer")
    await expect(row.locator("td").nth(1)).to_have_text(str(FLEET))
    await hands.click(row.locator("a").nth(1))
    await expect(hands.page.locator("#rows > tr")).to_have_count(FLEET)
    await hands.click(hands.page.get_by_role("button", name="End all"))
    await hands.page.fill("#ask input[name=reason]", "Fraud")
    await hands.page.fill("#ask input[name=typed]", str(FLEET))
    await hands.click(hands.page.locator("#ask button.danger"))
    await expect(hands.page.locator("#ask [role=status]")).to_contain_text(f"{FLEET} both legs")


async def failing_trunk(hands: Hands, lab: Lab) -> None:
    """A trunk that answers 503: the list of peers has its codes, and a code opens its calls."""
    trunk = lab.callee(Callee().refuses("503 Service Unavailable", 20), address=("127.0.0.21", 5060), calls=0)
    numbers = [lab.new_number() for _ in range(4)]
    for number in numbers:
        lab.proxy.lead(number, trunk.target)
        lab.caller(callers.is_refused(Line(number), 503), f"trunk-{number}@lab.example")
    await hands.go("e")
    row = hands.page.locator("#peers tbody tr", has_text="127.0.0.21")
    await hands.click(row.get_by_role("link", name="503"))
    await expect(hands.page.locator("table.history tbody tr")).to_have_count(len(numbers))


async def stuck(hands: Hands, lab: Lab) -> None:
    """A call that the proxy still has though nobody is on it: the figure beside our own opens it, the proxy lets go."""
    call = ENDLESS.place(lab)
    await expect(row_of(hands.page, call.number).locator(".state")).to_have_text("In call")
    (dialog,) = [one for one in lab.proxy.dialogs() if one["call-id"] == call.call_id]
    caller, callee = ((dialog[uri], dialog[side]["tag"]) for uri, side in (("from_uri", "caller"), ("to_uri", "callee")))
    bye_unheard(call.call_id, caller, callee, dialog["callee"]["contact"], int(dialog["caller"]["cseq"]) + 1)
    disagreeing = hands.page.locator("#counters a.s3[href='/reconcile/']")
    await expect(disagreeing).to_be_visible()
    await hands.click(disagreeing)
    await hands.click(hands.page.locator("tr", has_text=call.number).get_by_role("button", name="End at the proxy"))
    await hands.page.fill("#ask input[name=reason]", "Stuck call")
    await hands.click(hands.page.locator("#ask button.solid"))
    wait_until(lambda: not [one for one in lab.proxy.dialogs() if one["call-id"] == call.call_id and one["state"] < 5], "the proxy to let go")


async def one_way_audio(hands: Hands, lab: Lab) -> None:
    """A party hears nothing: the call's page says which, and leads to the two descriptions."""
    call = ONE_WAY.place(lab)
    await hands.click(row_of(hands.page, call.number).locator(".c-who a").first)
    await expect(hands.page.locator("#now")).to_contain_text("One-way audio: by SDP the callee hears nothing.")
    await expect(hands.page.locator("#now .why a")).not_to_have_count(0)


async def slow_setup(hands: Hands, lab: Lab) -> None:
    """Set-up takes long: the row says how long, and the list of peers by whom."""
    call = SLOW.place(lab)
    await expect(row_of(hands.page, call.number).locator(".c-why")).to_contain_text("slow: 5.", timeout=30_000)


async def scanner(hands: Hands, lab: Lab) -> None:
    """Somebody looks for holes: the evidence names the tool; all its calls are one question away."""
    calls = [SCAN.place(lab, agent="friendly-scanner", user="100") for _ in range(3)]
    row = row_of(hands.page, calls[0].number)
    await expect(row.locator(".c-why")).to_contain_text("scanner: friendly-scanner")
    await hands.click(row.locator(".c-who a").first)
    await expect(hands.page.locator("#now")).to_contain_text("friendly-scanner")
    await hands.click(hands.page.locator("h1 a"))
    await expect(hands.page.locator(".chip.drop")).to_contain_text("caller 100")


async def call_of_a_customer(hands: Hands, lab: Lab) -> None:
    """ "My call, a while ago": number and time in one box, and its page has every message."""
    call = BUSY.place(lab, user="customer")
    await expect(row_of(hands.page, call.number).locator(".state")).to_have_text("Failed 486")
    await hands.go("h")
    await hands.page.keyboard.press("/")
    await hands.page.keyboard.type("customer today 00:00..23:59:59")
    await hands.page.keyboard.press("Enter")
    await expect(hands.page.locator("table.history tbody tr")).to_have_count(1)
    await hands.click(hands.page.locator("table.history tbody .c-who a").first)
    await expect(hands.page.locator("#steps")).to_contain_text("INVITE")


async def rejected_at_a_limit(hands: Hands, lab: Lab) -> None:
    """ "You rejected us": the call's page says who refused it, with which words."""
    call = BUSY.place(lab, user="tenant")
    await expect(row_of(hands.page, call.number).locator(".state")).to_have_text("Failed 486")
    await hands.go("h")
    await hands.page.keyboard.press("/")
    await hands.page.keyboard.type(call.number)
    await hands.page.keyboard.press("Enter")
    await hands.click(hands.page.locator("table.history tbody .c-who a").first)
    await expect(hands.page.locator("#now")).to_contain_text("486")
    await expect(hands.page.locator("#steps")).to_contain_text("486 Call Limit Reached")


async def drained_node(hands: Hands, lab: Lab) -> None:
    """A node before maintenance: its calls by one question, ended together, and the table is empty."""
    kept = [ENDLESS.place(lab) for _ in range(2)]
    for call in kept:
        await expect(row_of(hands.page, call.number).locator(".state")).to_have_text("In call")
    await hands.page.keyboard.press("/")
    await hands.page.keyboard.type('node = "lab" and state = "in call"')
    await hands.page.keyboard.press("Escape")
    await hands.click(hands.page.get_by_role("button", name="End all"))
    await hands.page.fill("#ask input[name=reason]", "Maintenance")
    if await (typed := hands.page.locator("#ask input[name=typed]")).count():
        await typed.fill(await typed.get_attribute("pattern") or "")
    await hands.click(hands.page.locator("#ask button.danger"))
    await expect(hands.page.locator("#ask h2")).to_contain_text("Done:")
    assert [phone.exit_code() for call in kept for phone in call.phones] == [0] * 4


JOBS: dict[Callable[[Hands, Lab], Awaitable[None]], int] = {
    unacknowledged: 1,
    many_of_one_caller: 4,
    failing_trunk: 1,
    stuck: 3,
    one_way_audio: 1,
    slow_setup: 0,
    scanner: 2,
    call_of_a_customer: 1,
    rejected_at_a_limit: 1,
    drained_node: 2,
}
"What is to be done, and in how many clicks."


async def test_ten_jobs_take_so_many_clicks(network: Network) -> None:
    took = {}
    async with browser() as chromium:
        page = await sign_in(chromium)
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        for job in JOBS:
            await page.goto(f"{URL}/")
            await page.wait_for_selector("#link[data-link=live]")
            hands = Hands(page)
            await job(hands, network.lab)
            took[job.__name__] = hands.clicks
    report("ten-jobs", {"what": "clicks that each of the ten jobs takes", **{name.replace("_", " "): clicks for name, clicks in took.items()}})
    assert (took, errors) == ({job.__name__: clicks for job, clicks in JOBS.items()}, [])
