"""History's questions and pages."""

from pathlib import Path

import pytest
from django.core.exceptions import BadRequest
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from dashboard.history import search
from dashboard.history.builder import Builder, written
from dashboard.history.recorder import Recorder
from dashboard.history.search import Page, counted, page, question
from dashboard.models import DialogQuerySet, DialogRow
from dashboard.query.cost import TooSlow, at_most
from dashboard.query.fields import number
from tests.dashboard.history.calls import NOW, SECOND, call, change, never

pytestmark = pytest.mark.django_db

CALLS = [
    call(1, caller="4417", callee="+49301234", state=5, end_ns=NOW + 100 * SECOND, ended_by="callee"),
    call(2, caller="4417", callee="5000", state=5, end_code=486, end_reason="Busy Here", ended_by="callee"),
    call(3, caller="4418", callee="5000", state=2),
    call(4, caller="anna", callee="4417", state=5, ended_by="timeout", end_reason="nothing seen for too long"),
    call(5, caller="44", callee="5000", state=5, end_code=408, ended_by="timeout", profiles=(("total", ""),)),
]


@pytest.fixture
def calls(tmp_path: Path, db: None) -> None:
    recorder = Recorder("n1", never, tmp_path)
    recorder.write(
        [
            change(
                snapshot, path="alice -> 192.0.2.99" if snapshot.uid.endswith("3") else "", peers=("alice", "192.0.2.99") if snapshot.uid.endswith("3") else ()
            )
            for snapshot in CALLS
        ],
        NOW,
    )


def calls_of(zone: str = "UTC", **asked: str) -> DialogQuerySet:
    """Return the calls that an address asks for."""
    form = Builder(asked)
    assert form.errors == {}
    return question(asked.get("q", ""), asked.get("when", ""), zone, written(form)).calls(NOW + 60 * SECOND)


def found(zone: str = "UTC", **asked: str) -> list[int]:
    return [int(row.uid, 16) for row in calls_of(zone, **asked)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"caller": "4417"}, [2, 1]),
        ({"caller": "44"}, [5]),
        ({"caller": "44*"}, [5, 3, 2, 1]),
        ({"caller": "44 17"}, [2, 1]),
        ({"caller": "sip:4417@example.net"}, [2, 1]),
        ({"caller": "4417@anywhere"}, [2, 1]),
        ({"caller": "Anna"}, []),
        ({"callee": "+49 (30) 12-34"}, [1]),
        ({"callee": "+49*"}, [1]),
        ({"callee": "%"}, []),
        ({"callee": "'; DROP TABLE dashboard_dialogrow; --"}, []),
        ({"caller": "4417", "callee": "5000"}, [2]),
        ({"call_id": "call-3@192.0.2.7"}, [3]),
        ({"call_id": "call-*"}, [5, 4, 3, 2, 1]),
        ({"call_id": "call-"}, []),
        ({"call_id": "CALL-*"}, []),
        ({"longer": "57"}, [2, 1]),
        ({"peer": "192.0.2.99"}, [3]),
        ({"q": "4417", "state": "failed"}, [2]),
        ({"q": "code = 486 or code = 408", "caller": "44"}, [5]),
        ({"when": "20:58:39..20:58:40"}, [3, 2]),
        ({"q": "5000", "when": "last 57s"}, [5, 3]),
        ({"state": "live"}, [3]),
        ({"state": "ended"}, [1]),
        ({"state": "failed"}, [5, 2]),
        ({"state": "expired"}, [4]),
        ({"code": "486"}, [2]),
        ({"q": "4417"}, [4, 2, 1]),
        ({"q": "call-2@"}, [2]),
        ({"q": "192.0.2.99"}, [3]),
        ({"q": "example.net"}, [5, 4, 3, 2, 1]),
        ({"q": "nothing"}, []),
        ({"profile": "total"}, [5]),
        ({"profile": "caller", "value": "sip:4417@example.net"}, [4, 3, 2, 1]),
        ({"since": "2026-11-21T20:58:39", "until": "2026-11-21T20:58:40"}, [3, 2]),
        ({"until": "2199-12-31T23:59"}, [5, 4, 3, 2, 1]),
        ({"since": "2199-12-31T23:59"}, []),
        ({"since": "1900-01-01T00:00"}, [5, 4, 3, 2, 1]),
    ],
    ids=str,
)
def test_search_finds(calls: None, asked: dict[str, str], expected: list[int]) -> None:
    assert found(**asked) == expected


def test_search_takes_times_in_its_zone(calls: None) -> None:
    assert found("Europe/Berlin", since="2026-11-21T21:58:39", until="2026-11-21T21:58:40") == [3, 2]


@pytest.mark.parametrize(
    ("asked", "errors"),
    [
        ({"code": "abc"}, {"code": ["Enter a whole number."]}),
        ({"code": "200"}, {"code": ["Ensure this value is greater than or equal to 300."]}),
        ({"state": "x"}, {"state": ["Select a valid choice. x is not one of the available choices."]}),
        ({"since": "yesterday"}, {"since": ["Enter a valid date/time."]}),
        ({"since": "2026-11-22T00:00", "until": "2026-11-21T00:00"}, {"until": ["This is before the beginning of the range."]}),
        ({"value": "x"}, {"value": ["A value needs its profile's name."]}),
        ({"longer": "-1"}, {"longer": ["Ensure this value is greater than or equal to 0."]}),
        ({"caller": "a\0b"}, {"caller": ["Null characters are not allowed."]}),
        ({"caller": "x" * 513}, {"caller": ["Ensure this value has at most 512 characters (it has 513)."]}),
    ],
    ids=str,
)
def test_form_says_what_is_wrong(db: None, asked: dict[str, str], errors: dict[str, list[str]]) -> None:
    assert Builder(asked).errors == errors


def test_form_writes_the_query() -> None:
    said = {
        "caller": "4417*",
        "callee": 'a"b',
        "state": "no ack",
        "code": "486",
        "longer": "60",
        "peer": "edge-1",
        "since": "2026-11-21T20:58",
        "profile": "p",
        "value": "v",
    }
    form = Builder(said)
    assert form.is_valid()
    assert written(form) == (
        'from startswith "4417" and to = "a\\"b" and state = "no ack" and code = 486 and duration > 60 and peer = "edge-1"'
        ' and begun >= "2026-11-21 20:58" and profile = "p=v"'
    )


@pytest.mark.parametrize(("text", "when", "column"), [("code =", "", 7), ("", "soon", 9), ("to = 1", '"', 9)])
def test_question_that_cannot_be_asked_finds_nothing(calls: None, text: str, when: str, column: int) -> None:
    asked = question(text, when, "UTC")
    assert asked.problem is not None
    assert asked.problem.problem is not None
    assert (asked.problem.problem.column, list(asked.calls(NOW))) == (column, [])


def test_count_is_honest(calls: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert counted(calls_of()) == 5
    monkeypatch.setattr(search, "COUNTED", 3)
    assert counted(calls_of()) == 4


def endless() -> DialogQuerySet:
    """Return a question that takes for ever."""
    return DialogRow.objects.extra(where=["(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n) > 0"])


def test_question_that_takes_too_long_is_given_up(calls: None) -> None:
    with pytest.raises(TooSlow), at_most(0.2), transaction.atomic():
        list(endless())
    if connection.vendor == "sqlite":  # a server ends the test's own transaction with the statement
        assert counted(endless()) is None
    assert found() == [5, 4, 3, 2, 1]


def test_other_errors_of_the_database_are_not_taken_for_slowness(calls: None) -> None:
    with pytest.raises(DatabaseError), at_most(60), transaction.atomic():
        list(DialogRow.objects.extra(where=["nonsense("]))


@pytest.mark.parametrize(("text", "expected"), [("+1 (555) 010-0", "+15550100"), ("30/12.34", "301234"), ("anna.b", "anna.b"), ("-", "-"), ("", "")])
def test_number_drops_what_people_put_between_digits(text: str, expected: str) -> None:
    assert number(text) == expected


@pytest.fixture
def many(tmp_path: Path, db: None) -> list[str]:
    """Return the uids of 23 calls, newest first; always four begin in the same nanosecond."""
    snapshots = [call(n, init_ns=NOW + n // 4) for n in range(23)]
    Recorder("n1", never, tmp_path).write([change(snapshot) for snapshot in snapshots], NOW)
    return [snapshot.uid for snapshot in sorted(snapshots, key=lambda snapshot: (-snapshot.init_ns, snapshot.uid))]


def uids(found: Page) -> list[str]:
    return [row.uid for row in found.rows]


def test_pages_forth_and_back_show_every_call_once(many: list[str]) -> None:
    calls = calls_of()
    pages = [page(calls, "", 5)]
    while pages[-1].next:
        pages.append(page(calls, pages[-1].next, 5))
    assert [uid for found in pages for uid in uids(found)] == many
    back = [pages[-1]]
    while back[-1].previous:
        back.append(page(calls, back[-1].previous, 5))
    assert [uids(found) for found in reversed(back)] == [uids(found) for found in pages]
    assert (pages[0].previous, back[-1].next) == ("", pages[0].next)


def test_page_stays_while_calls_come_in(many: list[str], tmp_path: Path) -> None:
    calls = calls_of()
    second = page(calls, "", 5).next
    before = uids(page(calls, second, 5))
    Recorder("n1", never, tmp_path).write([change(call(99))], NOW)
    assert uids(page(calls, second, 5)) == before


def test_page_of_a_full_table_has_no_empty_page_behind(many: list[str]) -> None:
    assert page(calls_of(), "", 23).next == ""


def test_page_of_nothing(db: None) -> None:
    assert page(DialogRow.objects.all(), "") == Page([], "", "")
    assert page(DialogRow.objects.all(), "p5-0000000000000001") == Page([], "", "")
    assert page(DialogRow.objects.all(), "n5-0000000000000001") == Page([], "", "")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "n",
        "n1-",
        "q1-0000000000000001",
        "n-1-0000000000000001",
        "n1-000000000000000G",
        "n9999999999999999999-0000000000000001",
        "n1-0000000000000001 ",
        "n1-0000000000000001\n",
        "n\u0661-0000000000000001",
    ],
)
def test_damaged_cursor_is_a_bad_request(db: None, cursor: str) -> None:
    with pytest.raises(BadRequest, match="page address is damaged"):
        page(DialogRow.objects.all(), cursor)


def test_page_reads_no_engine_state_and_asks_once(many: list[str], django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        rows = page(calls_of(), "").rows
        assert {row.snapshot.node for row in rows} == {"n1"}
    assert rows[0].get_deferred_fields() == {"engine", "frames"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plan")
@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, "dialog_history"),
        ({"since": "2026-11-21T20:58"}, "dialog_history"),
        ({"caller": "4417"}, "dialog_caller"),
        ({"callee": "5000"}, "dialog_callee"),
        ({"call_id": "call-2"}, "dialog_call_id"),
        ({"call_id": "call-2*"}, "dialog_call_id"),
        ({"when": "today"}, "dialog_history"),
        ({"q": "state = failed"}, "dialog_history"),
        ({"q": "4417"}, "MULTI-INDEX OR"),
    ],
    ids=str,
)
def test_search_uses_an_index(db: None, asked: dict[str, str], index: str) -> None:
    assert index in calls_of(**asked).explain()
