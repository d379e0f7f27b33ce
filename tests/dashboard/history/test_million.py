"""What a question costs with a million calls in history. Figures; the first page must be there before anybody notices."""

import os
from collections.abc import Iterator
from time import perf_counter

import pytest
from django.db import connection
from django.test import Client

from dashboard.history.rows import COLUMNS, upsert_sql, values_of
from dashboard.models import DialogRow
from dialogs.engine.snapshot import encode
from tests.dashboard.history.calls import NOW, SECOND, call, change
from tests.dashboard.live.people import person
from tests.figures import report

ROWS = int(os.environ.get("DIALTAP_MILLION", "1000000"))
BATCH = 10_000
FIRST_MS = 300
ASKED = {
    "everything": {},
    "state": {"q": "state = failed"},
    "caller": {"q": "caller = 493000042"},
    "plain number": {"q": "493000042"},
    "Call-ID": {"q": "call-777@192.0.2.7"},
    "early and long": {"q": 'state = "early" and to ~ "+252" and duration > 60'},
    "part, in an hour": {"q": "to ~ 0042", "when": "2026-11-21 19:00..2026-11-21 20:00"},
    "part, never there": {"q": "to ~ nowhere"},
}
BOUNDED = {name for name in ASKED if name != "part, never there"}
"What is answered by an index; the last one walks through everything, or is given up after 3 s."


def million() -> Iterator[list[tuple[object, ...]]]:
    """Yield rows as the recorder writes them: 10,000 callers, a call each 2 s, two in three answered, one in nine failed."""
    pattern = values_of(change(call(1), "INVITE"), recorded=False, frames=b"", detail=encode(call(1)))
    for start in range(0, ROWS, BATCH):
        batch = []
        for number in range(start, min(ROWS, start + BATCH)):
            begun = NOW - 2 * number * SECOND
            row = pattern | {"uid": f"{number:016x}", "call_id": f"call-{number}@192.0.2.7", "init_ns": begun, "ring_ns": begun + SECOND}
            row |= {"from_user": f"49300{number % 10_000:04d}", "to_user": f"+252{number % 7919:06d}", "to_uri": f"sip:+252{number % 7919:06d}@example.net"}
            failed = number % 9 == 0
            row |= {"start_ns": 0 if failed else begun + 3 * SECOND, "state": 5 if number > 20_000 else 1 + number % 4, "end_code": 486 if failed else 0}
            row |= {"end_ns": begun + (number % 300) * SECOND if number > 20_000 else 0, "last_ns": begun, "engine": None}
            batch.append(tuple(1 + number if column == "revision" else row[column] for column in COLUMNS))
        yield batch


@pytest.mark.soak
@pytest.mark.figures
@pytest.mark.django_db(transaction=True)
def test_first_page_of_a_million_calls() -> None:
    with connection.cursor() as cursor:
        for batch in million():
            cursor.executemany(upsert_sql(connection.vendor), batch)
        cursor.execute("ANALYZE" if os.environ.get("DIALTAP_ANALYZE") else "SELECT 1")
    assert DialogRow.objects.count() == ROWS
    client = Client()
    client.force_login(person("viewer"))
    client.get("/history/")  # templates, sessions
    figures = {}
    for name, asked in ASKED.items():
        begun = perf_counter()
        response = client.get("/history/", asked)
        figures[name] = round((perf_counter() - begun) * 1000)
        assert response.status_code == 200
    report("history-million", {"database": connection.vendor, "rows": ROWS} | {f"{name}, ms": took for name, took in figures.items()})
    assert max(took for name, took in figures.items() if name in BOUNDED) < FIRST_MS
