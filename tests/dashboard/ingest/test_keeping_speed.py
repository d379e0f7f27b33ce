"""What a changed call costs in each `db_mode`. A figure, not a judgement of correctness."""

from contextlib import closing
from pathlib import Path
from time import process_time

import pytest
from django.db import connection

from dashboard.history.recorder import Recorder
from dashboard.ingest.pending import Pending
from dashboard.models import DialogRow
from dialogs.config import Config, Dialog
from dialogs.engine import Engine
from dialogs.insight import PeerNames
from tests.dashboard.history.calls import NOW, never
from tests.dialogs.ladder import feed, packets
from tests.figures import report

CALLS = 2000
ROUNDS = 5
ANSWERED = """
    alice -> proxy INVITE
    proxy -> bob   INVITE branch=p1
    bob -> proxy   180 branch=p1
    proxy -> alice 180
    bob -> proxy   200 branch=p1
    proxy -> alice 200
    alice -> proxy ACK
    proxy -> bob   ACK branch=p2
"""


def costs(mode: int, folder: Path) -> tuple[dict[str, float], int]:
    """Return (CPU microseconds a changed call by step, best of the rounds; bytes of one engine state)."""
    engine = Engine(Config(dialog=Dialog(db_mode=mode)), "n1")
    for number in range(CALLS):
        feed(engine, packets(ANSWERED, callid=f"call-{number}@192.0.2.7"))
    uids = [call.uid for call in engine.all_calls()]
    pending, best = Pending(engine, PeerNames([]), lambda _call: ""), {}
    with closing(Recorder("n1", never, folder)) as recorder:
        for _ in range(ROUNDS):
            for uid in uids:
                pending.touch(uid)
            begun = process_time()
            changes = pending.changes()
            made = process_time()
            recorder.write(changes, NOW)
            written = process_time()
            states = pending.keeping.last()
            dumped = process_time()
            assert mode == 3 or recorder.keep(states)
            kept = process_time()
            steps = {"made": made - begun, "written": written - made, "dumped": dumped - written, "kept": kept - dumped}
            best = {step: min(seconds / CALLS * 1e6, best.get(step, 1e9)) for step, seconds in steps.items()}
    assert DialogRow.objects.filter(engine__isnull=False).count() == (0 if mode == 3 else CALLS)
    DialogRow.objects.all().delete()
    return best, len(engine.dump(uids[0]) or b"")


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_modes_beside_each_other(tmp_path: Path) -> None:
    (realtime, size), (delayed, _), (shutdown, _) = (costs(mode, tmp_path / str(mode)) for mode in (1, 2, 3))
    figures = {
        "database": connection.vendor,
        "changed calls": CALLS,
        "engine state, bytes": size,
        "CPU us a changed call, mode 1": round(realtime["made"] + realtime["written"], 1),
        "mode 2, its state stays": round(delayed["made"] + delayed["written"], 1),
        "mode 2, a call that changed in a period, beside it": round(delayed["dumped"] + delayed["kept"], 1),
        "mode 3, and mode 2 without a stored state": round(shutdown["made"] + shutdown["written"], 1),
    }
    report("db-modes", figures)
