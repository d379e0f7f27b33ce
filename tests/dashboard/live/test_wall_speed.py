"""What a second of walls costs with 20,000 live calls and a million in history. Figures; a poll must never be felt by the capture beside it."""

import statistics
from time import perf_counter, process_time

import pytest
from django.db import connection

from dashboard.history.rows import upsert_sql
from dashboard.live.gauges import FRESH_NS
from dashboard.live.wall import Tile, figures, gauges, look
from dashboard.models import DialogRow, TapStatus
from dashboard.privacy import CLEAR
from tests.dashboard.history.calls import NOW, call
from tests.dashboard.history.many import ROWS, million
from tests.dashboard.live.people import record
from tests.figures import report

SECONDS = 10
CHANGED = 300
"Calls that change each second."

STEADY_MS = 100
TILES = [
    Tile("Live calls"),
    Tile("In call", kpi="in_call"),
    Tile("Answered", kpi="ser"),
    Tile("One caller", query="caller=493000042"),
    Tile("To a country", query="q=to+~+%22%2B252%22"),
    Tile("Ringing", query="state=2"),
    Tile("Long", query="q=duration+%3E+60"),
    Tile("A profile", query="profile=caller"),
]


@pytest.mark.soak
@pytest.mark.figures
@pytest.mark.django_db(transaction=True)
def test_second_of_walls_beside_a_million_calls() -> None:
    with connection.cursor() as cursor:
        for batch in million():
            cursor.executemany(upsert_sql(connection.vendor), batch)
    TapStatus.objects.create(name="interface:any", node="n1", at_ns=NOW)
    figures.forget()
    gauges.forget()
    live = list(DialogRow.objects.live().values_list("pk", flat=True)[:CHANGED])
    took, busy = [], []
    for second in range(SECONDS):
        record(*(call(int(uid, 16), state=4 - second % 2, caller="493000042") for uid in live))
        begun, spent = perf_counter(), process_time()
        look(TILES, NOW + second * FRESH_NS, CLEAR, linked=True)
        took.append((perf_counter() - begun) * 1000)
        busy.append((process_time() - spent) * 1000)
        begun = perf_counter()
        look(TILES, NOW + second * FRESH_NS + 1, CLEAR, linked=True)
        again = (perf_counter() - begun) * 1000
    wall = look(TILES, NOW + SECONDS * FRESH_NS, CLEAR, linked=True)
    told = [tile.chosen.apply(DialogRow.objects.live()).count() for tile in TILES if not tile.kpi and not tile.chosen.timed]
    assert [gauge.count for gauge in gauges.read([tile.chosen for tile in TILES if not tile.kpi and not tile.chosen.timed], NOW).values()] == told
    median = statistics.median(took[1:])
    found = {
        "rows": ROWS,
        "live": len(wall.tiles) and told[0],
        "first, ms": round(took[0]),
        "a second, ms": round(median),
        "of it CPU, ms": round(statistics.median(busy[1:])),
        "another wall, ms": round(again, 1),
    }
    report("wall", {"database": connection.vendor} | found)
    assert median < STEADY_MS
