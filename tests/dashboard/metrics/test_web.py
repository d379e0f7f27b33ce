"""What the process that serves pages counts of its browsers."""

import pytest
from asgiref.sync import sync_to_async

from dashboard.live.consumers import hub
from dashboard.live.frames import Frame
from dashboard.live.hub import GIVE_UP_NS, Client, Hub
from dashboard.metrics.metric import measure
from dashboard.metrics.web import WEB, watch
from tests.dashboard.live.people import call, person, record
from tests.dashboard.live.test_consumers import browsing
from tests.dashboard.live.test_hub import Counting
from tests.dashboard.metrics.scraping import get, series, value

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def scrape() -> dict[str, float | None]:
    found = series((await get("/metrics")).text)
    reasons = {reason: value(found, "dialtap_hub_snapshots_total", reason=reason) for reason in ("connect", "gap", "overflow")}
    return {"clients": value(found, "dialtap_hub_clients"), "frames": value(found, "dialtap_hub_frames_total")} | reasons


async def test_browsers_frames_and_resyncs_are_counted():
    await sync_to_async(record)(call(1))
    before, ticks = await scrape(), sum(hub.ticks.counts)
    async with browsing(await sync_to_async(person)("viewer")) as browser:
        await browser.until(lambda frame: frame.get("snapshot"))
        await browser.say(resync=True)
        await browser.until(lambda frame: frame.get("snapshot") == "gap")
        during = await scrape()
    after = await scrape()
    grown = {name: (during[name] or 0) - (before[name] or 0) for name in during}
    assert grown | {"frames": grown["frames"] >= 2} == {"clients": 1, "frames": True, "connect": 1, "gap": 1, "overflow": 0}
    assert (after["clients"], sum(hub.ticks.counts) > ticks) == (0, True)


async def test_browser_that_stays_behind_is_counted_when_it_is_cut_off():
    here = Hub()
    client = Client(Counting())
    here.clients.add(client)
    for at_ns in (1, 2):
        client.offer(Frame(updates=["x"]), at_ns)
    watch(here)
    try:
        waiting = measure(WEB, None)["dialtap_hub_queued_frames"]
        client.fall_behind(1)
        client.fall_behind(GIVE_UP_NS + 2)
        await here.leave(client)
        found = measure(WEB, None)
    finally:
        watch(hub)
    assert (waiting, found["dialtap_hub_given_up_total"], found["dialtap_hub_clients"]) == ([((), (2.0,))], [((), (1.0,))], [((), (0.0,))])
