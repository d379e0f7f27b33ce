"""Sixty calls of one caller through a real Kamailio, ended by one bulk: paced, each proven on both legs, one audit entry each."""

import time
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from dashboard.ingest.loop import Ingest
from dashboard.models import AuditEvent, Bulk, Order
from dashboard.orders.bulk import Wish, progress, request_bulk
from tests.figures import report

from .acting import anna, asked, configured, rows_of, stored
from .beside import watched
from .kinds import ENDLESS
from .lab import Call, Lab

pytestmark = [pytest.mark.lab, pytest.mark.figures, pytest.mark.usefixtures("may_tap"), pytest.mark.django_db(transaction=True)]
CALLS = 60


async def ended(lab: Lab) -> tuple[list[Call], float, str]:
    """Place calls, end all of them at once; return them, the seconds that it took, and the progress in words."""
    calls = [ENDLESS.place(lab) for _ in range(CALLS)]
    rows = await rows_of(calls, seconds=120)
    begun = time.monotonic()
    bulk = await asked(request_bulk, list(rows.values()), await asked(anna), Wish("k", "toll fraud", str(CALLS), "192.0.2.50"))
    await stored(Bulk.objects.filter(state=Bulk.State.DONE).exists, "the end of the bulk", 120)
    taken = time.monotonic() - begun
    return calls, taken, (await asked(progress, bulk)).words


def test_sixty_calls_of_one_caller_end_at_once(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(lab, "kamailio")
    monkeypatch.setattr(settings, "DIALTAP", config)

    async def scenario(_ingest: Ingest) -> tuple[list[Call], float, str]:
        return await ended(lab)

    calls, taken, words = watched(tmp_path, config, scenario)
    report("bulk-kamailio", {"what": "seconds to end 60 calls through Kamailio, proven on both legs", "calls": CALLS, "seconds": round(taken, 1)})
    assert (words, Counter(Order.objects.values_list("outcome", flat=True))) == (
        f"{CALLS} requested / {CALLS} both legs released",
        {"both legs released": CALLS},
    )
    assert [phone.exit_code() for call in calls for phone in call.phones] == [0] * (2 * CALLS)
    assert AuditEvent.objects.filter(action="end requested").values("dialog_uid").distinct().count() == CALLS
