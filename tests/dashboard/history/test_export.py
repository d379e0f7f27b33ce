"""The CSV export: the same calls, safe cells, flat memory."""

import csv
import io
import json
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from dashboard.history import export
from dashboard.history.cdr import csv_pages, json_pages
from dashboard.history.export import COLUMNS, iso, safe, seconds, state_name
from dashboard.history.recorder import Recorder
from dashboard.history.search import question
from dashboard.models import DialogQuerySet, DialogRow
from dialogs.engine.snapshot import CallSnapshot
from tests.dashboard.history.calls import NOW, SECOND, call, change, never

pytestmark = pytest.mark.django_db


def record(tmp_path: Path, *snapshots: CallSnapshot) -> None:
    Recorder("n1", never, tmp_path).write([change(snapshot) for snapshot in snapshots], NOW)


def calls_of(text: str = "") -> DialogQuerySet:
    return question(text, "", "UTC").calls(NOW)


def lines(text: str = "", zone: tzinfo = UTC) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(csv_pages(calls_of(text), zone)))))


def test_csv_has_the_whole_call(tmp_path: Path) -> None:
    begun = NOW + 123_456_789
    times = {"init_ns": begun, "ring_ns": begun + SECOND, "start_ns": begun + 2 * SECOND, "end_ns": begun + 62 * SECOND}
    record(tmp_path, call(1, state=5, ended_by="caller", profiles=(("total", ""), ("caller", "4417")), **times))
    assert lines() == [
        {
            "call": "0000000000000001",
            "call_id": "call-1@192.0.2.7",
            "state": "DELETED",
            "caller": "4417",
            "callee": "5000",
            "from_uri": "sip:4417@example.net",
            "to_uri": "sip:5000@example.net",
            "begun": "2026-11-21T20:58:37.123Z",
            "rang": "2026-11-21T20:58:38.123Z",
            "answered": "2026-11-21T20:58:39.123Z",
            "ended": "2026-11-21T20:59:39.123Z",
            "setup_seconds": "2.000",
            "talk_seconds": "60.000",
            "total_seconds": "62.000",
            "code": "",
            "reason": "",
            "ended_by": "caller",
            "evidence": "no ACK for 12 s",
            "path": "alice -> edge-1",
            "profiles": "total; caller=4417",
            "user_agent": "",
            "incomplete": "no",
            "messages": "4",
            "tap": "interface:any",
            "node": "n1",
            "recorded": "no",
        },
    ]


def test_csv_is_what_the_search_found_in_its_order(tmp_path: Path) -> None:
    record(tmp_path, call(1), call(2, caller="anna"), call(3))
    assert [line["call"][-1] for line in lines("caller = 4417")] == ["3", "1"]


def test_csv_of_nothing_is_the_heading(db: None) -> None:
    assert list(csv_pages(DialogRow.objects.all())) == [",".join(column.title for column in COLUMNS) + "\r\n"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+49301234", "'+49301234"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("\uff1dx", "'\uff1dx"),
        ("sip:a@b", "sip:a@b"),
        ("4417", "4417"),
        ("", ""),
        (486, "486"),
    ],
)
def test_safe_cell_is_no_formula(value: object, cell: str) -> None:
    assert safe(value) == cell


def test_csv_survives_quotes_commas_and_lines(tmp_path: Path) -> None:
    record(tmp_path, call(1, end_reason='=1,"two"\r\nthree;', caller="+49301234"))
    assert [(line["reason"], line["caller"]) for line in lines()] == [('\'=1,"two"\r\nthree;', "'+49301234")]


def test_csv_reads_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    monkeypatch.setattr(export, "CHUNK", 4)
    record(tmp_path, *(call(number, init_ns=NOW) for number in range(10)))
    with django_assert_num_queries(4):  # 4 + 4 + 2, and one that finds the end
        assert [int(line["call"], 16) for line in lines()] == list(range(10))


@pytest.mark.parametrize(("at_ns", "text"), [(0, ""), (1, "1970-01-01T00:00:00.000Z"), (NOW + 999_999_999, "2026-11-21T20:58:37.999Z")])
def test_iso_is_utc_cut_to_milliseconds(at_ns: int, text: str) -> None:
    assert iso(at_ns) == text


@pytest.mark.parametrize(("begin", "end", "text"), [(0, 5, ""), (5, 0, ""), (NOW, NOW + 1_500_000_000, "1.500")])
def test_seconds_need_both_ends(begin: int, end: int, text: str) -> None:
    assert seconds(begin, end) == text


@pytest.mark.parametrize(("state", "name"), [(1, "UNCONFIRMED"), (3, "CONFIRMED_NA"), (9, "9")])
def test_state_names_are_kamailios(state: int, name: str) -> None:
    assert state_name(state) == name


def test_times_are_in_the_zone_of_the_page_with_their_offset(tmp_path: Path) -> None:
    record(tmp_path, call(1, init_ns=1_792_888_200 * SECOND), call(2, init_ns=1_792_891_800 * SECOND))  # 2026-10-25 00:30 and 01:30 UTC
    assert [line["begun"] for line in lines(zone=ZoneInfo("Europe/Berlin"))] == ["2026-10-25T02:30:00.000+01:00", "2026-10-25T02:30:00.000+02:00"]


QUERIES = ["", "state = failed", "caller = 4417 or callee = 1", "duration > 60", "nobody", 'reason ~ "=1"']


@pytest.mark.parametrize("text", QUERIES)
def test_exports_hold_exactly_the_calls_of_the_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(export, "CHUNK", 3)
    made = (
        call(n, caller=("4417", "anna")[n % 2], state=5 if n % 3 else 4, end_code=486 if n % 3 == 1 else 0, end_reason="=1" if n % 5 else "") for n in range(20)
    )
    record(tmp_path, *made)
    wanted = [row.uid for row in calls_of(text)]
    objects = json.loads("".join(json_pages(calls_of(text))))
    assert [line["call"] for line in lines(text)] == wanted
    assert [found["call"] for found in objects] == wanted
    assert [list(found) for found in objects] == [[column.title for column in COLUMNS]] * len(wanted)
    assert {found["reason"] for found in objects} <= {"=1", ""}
