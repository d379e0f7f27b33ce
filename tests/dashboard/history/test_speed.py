"""What a tick of 2,000 changed calls costs, beside the ORM's own upsert in the same run. A figure, not a judgement of correctness."""

from contextlib import closing
from pathlib import Path
from time import perf_counter

import pytest
from django.db import connection, transaction

from dashboard.history.recorder import Recorder
from dashboard.history.rows import CHANGED, values_of
from dashboard.models import DialogRow
from tests.dashboard.history.calls import NOW, call, change, never
from tests.figures import report

ROWS = 2000


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_recorder_beside_the_orm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = 0.0
    plain = Recorder._transact

    def timed(self: Recorder, rows: list) -> None:
        nonlocal longest
        begun = perf_counter()
        plain(self, rows)
        longest = max(longest, perf_counter() - begun)

    monkeypatch.setattr(Recorder, "_transact", timed)
    figures = {}
    with closing(Recorder("n1", never, tmp_path)) as recorder:
        for name, state, texts in (("insert", 2, ()), ("update", 4, ()), ("update with a message", 5, ("BYE sip:x SIP/2.0\r\n" + "X: y\r\n" * 80,))):
            changes = [change(call(number, state=state), *texts, engine=bytes(600)) for number in range(ROWS)]
            begun = perf_counter()
            assert recorder.write(changes, NOW) == ROWS
            figures[name] = (perf_counter() - begun) / ROWS * 1e6
    for name in ("ORM insert", "ORM update"):
        begun = perf_counter()
        values = [values_of(change(call(ROWS + number), engine=bytes(600)), recorded=False, frames=b"", detail=b"") for number in range(ROWS)]
        rows = [DialogRow(revision=1, **row) for row in values]
        with transaction.atomic():
            DialogRow.objects.bulk_create(rows, batch_size=500, update_conflicts=True, unique_fields=["uid"], update_fields=[*CHANGED, "frames"])
        figures[name] = (perf_counter() - begun) / ROWS * 1e6
    measured = {f"{name}, us a call": round(figure) for name, figure in figures.items()}
    report("recorder", {"database": connection.vendor, "calls a tick": ROWS, "longest transaction, ms": round(longest * 1e3, 1)} | measured)
    assert figures["update"] < figures["ORM update"]
    assert longest < 0.5
