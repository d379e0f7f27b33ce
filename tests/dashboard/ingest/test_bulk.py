"""Sixty calls of one caller, ended at once: paced, each once, proven on both legs, also when the ingest is started anew half-way."""

import time
from functools import partial

import msgspec
import pytest
from asgiref.sync import sync_to_async

from dashboard.models import AuditEvent, Bulk, DialogRow, Order
from dashboard.orders.bulk import Wish, progress, request_bulk
from dialogs.control import Answer, Target
from dialogs.control.dryrun import DryRun
from tests.dashboard.ingest.test_loop import CONFIG, Running, operator, until
from tests.figures import report

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
CALLS = 60
ALL = msgspec.structs.replace(CONFIG, control=msgspec.structs.replace(CONFIG.control, verify_seconds=60.0, rate=0, rate_per_user=0))


class Byes:
    """A controller that does what a proxy would: it has each call's BYEs pass the tap, and their answers."""

    name = "kamailio"

    def __init__(self):
        self.running = None
        self.targets = []

    async def end(self, target: Target, reason: str) -> Answer:
        self.targets.append(target.call_id)
        send, callid = self.running.send, target.call_id
        send(2, 1, "BYE cseq=1 reverse branch=o1", callid=callid)
        send(2, 3, "BYE cseq=2 branch=o2", callid=callid)
        send(1, 2, "200 of=BYE cseq=1 reverse branch=o1", callid=callid)
        send(3, 2, "200 of=BYE cseq=2 branch=o2", callid=callid)
        return Answer(accepted=True, detail="taken")


async def asked_for(running) -> Bulk:
    """Place the calls, a few at a time so that no datagram is lost, and have an operator end them all."""
    for number in range(CALLS):
        running.answered(f"c{number}")
        if number % 10 == 9:
            await until(partial(up, number + 1), 240.0)
    rows = await sync_to_async(list)(DialogRow.objects.filter(state=4))
    user = await sync_to_async(operator)()
    return await sync_to_async(request_bulk)(rows, user, Wish("k", "toll fraud", str(CALLS), "192.0.2.50"))


def up(calls: int) -> bool:
    return DialogRow.objects.filter(state=4).count() == calls


def words(bulk: Bulk) -> str:
    return progress(bulk).words


@pytest.mark.figures
async def test_sixty_calls_end_paced_each_with_its_own_order(tmp_path, settings):
    settings.DIALTAP = ALL
    controller = Byes()
    async with Running(tmp_path, controller, config=ALL) as running:
        controller.running = running
        bulk = await asked_for(running)
        begun = time.monotonic()
        await until(lambda: Bulk.objects.filter(state=Bulk.State.DONE).exists(), 240.0)
        taken = time.monotonic() - begun
        assert await sync_to_async(words)(bulk) == "60 requested / 60 both legs released"
        assert sorted(controller.targets) == sorted(f"c{number}" for number in range(CALLS))
    report("bulk", {"what": "seconds to end 60 calls at once, proven on both legs", "calls": CALLS, "seconds": round(taken, 1)})
    assert taken > (CALLS - 1) / ALL.control.bulk_rate * 0.9  # paced; how quick it is at best, test_pacing says without a clock
    requested = AuditEvent.objects.filter(action="end requested", reason="toll fraud", address="192.0.2.50")
    assert len({event.dialog_uid async for event in requested}) == await requested.acount() == CALLS


async def test_bulk_goes_on_after_a_restart_and_sends_nothing_twice(tmp_path, settings):
    settings.DIALTAP = ALL
    hasty = msgspec.structs.replace(ALL, control=msgspec.structs.replace(ALL.control, verify_seconds=2.0))  # BYEs of the last moment nobody sees
    first, second = Byes(), Byes()
    async with Running(tmp_path, first, config=hasty) as running:
        first.running = running
        bulk = await asked_for(running)
        await until(lambda: Order.objects.count() > 10)
    half = len(first.targets)
    async with Running(tmp_path, second, config=hasty) as running:
        second.running = running
        await until(lambda: Bulk.objects.filter(state=Bulk.State.DONE).exists(), 240.0)
    assert 10 <= half < CALLS
    assert sorted(first.targets + second.targets) == sorted(f"c{number}" for number in range(CALLS))
    assert (await sync_to_async(words)(bulk)).startswith("60 requested / ")


async def test_sixty_dry_runs_are_each_given_once(tmp_path, settings):
    settings.DIALTAP = ALL
    controller = DryRun()
    async with Running(tmp_path, controller, config=ALL) as running:
        await asked_for(running)
        await until(lambda: Order.objects.filter(phase=Order.Phase.ACCEPTED).count() == CALLS, 240.0)
    assert len({target.call_id for target, _ in controller.calls}) == CALLS
