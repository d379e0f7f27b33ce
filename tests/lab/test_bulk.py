"""Sixty calls of one caller through a real Kamailio, ended by one bulk: paced, each proven on both legs, one audit entry each."""

import asyncio
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User

from dashboard.ingest.loop import Ingest
from dashboard.ingest.sources import Sources
from dashboard.models import AuditEvent, Bulk, Order
from dashboard.orders.bulk import Wish, progress, request_bulk
from dialogs.config import Config
from dialogs.control import build
from dialogs.taps import LiveTap
from tests.dashboard.ingest.test_loop import until
from tests.figures import report

from .kinds import ENDLESS
from .lab import Call, Lab
from .proxy import SIP_PORT
from .test_ends import configured, may_tap, up

__all__ = ["may_tap"]
pytestmark = [pytest.mark.lab, pytest.mark.figures, pytest.mark.django_db(transaction=True)]
CALLS = 60


async def ended(lab: Lab, config: Config, folder: Path) -> tuple[list[Call], float, str]:
    """Run the ingest, place calls, end all of them at once; return them, the seconds that it took, and the progress in words."""
    with closing(LiveTap("lo", ports=(SIP_PORT,))) as tap:
        ingest = Ingest(config, "lab", Sources([tap], [], [], []), build(config.control), folder / "messages")
        running = asyncio.create_task(ingest.run())
        try:
            async with asyncio.timeout(240):
                calls = [ENDLESS.place(lab) for _ in range(CALLS)]
                rows = await until(lambda: up(calls, 4), 120.0)
                anna = await User.objects.acreate(username="anna", is_superuser=True)
                begun = time.monotonic()
                bulk = await sync_to_async(request_bulk)(list(rows.values()), anna, Wish("k", "toll fraud", str(CALLS), "192.0.2.50"))
                await until(lambda: Bulk.objects.filter(state=Bulk.State.DONE).exists(), 120.0)
                taken = time.monotonic() - begun
        finally:
            ingest.stop()
            await running
    return calls, taken, (await sync_to_async(progress)(bulk)).words


def test_sixty_calls_of_one_caller_end_at_once(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(lab, "kamailio")
    monkeypatch.setattr(settings, "DIALTAP", config)
    calls, taken, words = asyncio.run(ended(lab, config, tmp_path))
    report("bulk-kamailio", {"what": "seconds to end 60 calls through Kamailio, proven on both legs", "calls": CALLS, "seconds": round(taken, 1)})
    assert (words, Counter(Order.objects.values_list("outcome", flat=True))) == (
        f"{CALLS} requested / {CALLS} both legs released",
        {"both legs released": CALLS},
    )
    assert [phone.exit_code() for call in calls for phone in call.phones] == [0] * (2 * CALLS)
    assert AuditEvent.objects.filter(action="end requested").values("dialog_uid").distinct().count() == CALLS
