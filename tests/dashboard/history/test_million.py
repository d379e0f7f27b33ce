"""What a question costs with a million calls in history. Figures; the first page must be there before anybody notices."""

import os
from time import perf_counter

import pytest
from django.db import connection
from django.test import Client

from dashboard.history.rows import upsert_sql
from dashboard.models import DialogRow
from tests.dashboard.history.many import ROWS, million
from tests.dashboard.live.people import person
from tests.figures import report

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
