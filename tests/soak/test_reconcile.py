"""Ten minutes at 50 calls a second through a real Kamailio: our table and its own never disagree on a call. `DIALTAP_SOAK_SECONDS` makes it shorter."""

import os

import pytest

from dashboard.ingest.loop import Ingest
from tests import figures
from tests.lab import callers
from tests.lab.beside import configured, until, watched
from tests.lab.callees import Callee
from tests.lab.callers import Line
from tests.lab.lab import Lab, missing

SECONDS = int(os.environ.get("DIALTAP_SOAK_SECONDS", "600"))
RATE = 50
HOLD_MS = 5000


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_a_clean_run_finds_nothing(tmp_path):
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path / "lab") as lab:
        found, asked, placed = watched(tmp_path, configured(lab), lambda ingest: run(lab, ingest))
    figures.report("reconcile-clean", {"what": f"{placed:,} calls in {SECONDS} s, {RATE} a second", "looks, listings": asked, "findings": len(found)})
    assert found == set()


async def run(lab: Lab, ingest: Ingest):
    """Place the calls and look at what is found all the time."""
    number = lab.new_number()
    lab.proxy.lead(number, lab.callee(Callee().answers(20, 20), calls=0).target)
    asking, found, asked = ingest.proxies.each[0].asking, set(), [0, 0]
    totals, listing = asking.totals, asking.listing

    async def counted_totals():
        asked[0] += 1
        return await totals()

    async def counted_listing(total):
        asked[1] += 1
        return await listing(total)

    asking.totals, asking.listing = counted_totals, counted_listing
    phone = lab.callers(callers.hangs_up(Line(number, ack_delay_ms=20), HOLD_MS), SECONDS * RATE, RATE)

    def over():
        found.update(ingest.proxies.each[0].reconciler.findings)
        return not phone.is_running() and not any(call.state < 5 for call in ingest.engine.all_calls())

    try:
        await until(over, "the end of all calls", SECONDS + 120)
    except TimeoutError as error:
        left = [ingest.engine.view(call) for call in ingest.engine.all_calls() if call.state < 5]
        lost = sum(getattr(tap, "dropped", 0) for tap in ingest.sources.live)
        words = f"{len(left)} calls are left, of them {left[:3]}; the phone still calls: {phone.is_running()}; the tap lost {lost} packets"
        raise AssertionError(words) from error
    await until(lambda: ingest.proxies.each[0].reconciler.agreed, "tables that agree", 60)
    return found, asked, ingest.engine.calls.processed
