"""The nightly file: which days are due in which zone, what is in it, what happens when a night is missed or the disk is full."""

import csv
import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.test import Client, override_settings

from dashboard.feeds.nightly import DAYS_MAX, Nightly, due
from dashboard.history.cdr import PAGES
from dashboard.history.fed import figures
from dashboard.models import DialogRow, FeedReceiver
from dialogs.config import Config
from dialogs.configfeeds import Cdr
from dialogs.packet import SECOND
from tests.dashboard.history.calls import call
from tests.dashboard.live.people import person, record

BERLIN = ZoneInfo("Europe/Berlin")


def days(now: str, last: str = "", at: str = "00:30", zone: ZoneInfo = BERLIN) -> list[str]:
    ordinal = date.fromisoformat(last).toordinal() if last else 0
    return [day.isoformat() for day in due(datetime.fromisoformat(now).replace(tzinfo=zone), ordinal, at)]


@pytest.mark.parametrize(
    ("now", "last", "at", "expected"),
    [
        ("2026-11-29T00:30", "", "00:30", ["2026-11-28"]),
        ("2026-11-29T00:29", "", "00:30", ["2026-11-27"]),
        ("2026-11-29T00:29", "2026-11-27", "00:30", []),
        ("2026-11-29T00:30", "2026-11-27", "00:30", ["2026-11-28"]),
        ("2026-11-29T12:00", "2026-11-28", "00:30", []),
        ("2026-11-29T12:00", "2026-11-25", "00:30", ["2026-11-26", "2026-11-27", "2026-11-28"]),
        ("2026-11-29T22:59", "2026-11-27", "23:00", []),
        ("2026-11-29T23:00", "2026-11-27", "23:00", ["2026-11-28"]),
        ("2026-03-29T03:30", "2026-03-27", "02:30", ["2026-03-28"]),  # 02:30 does not exist that night
        ("2026-10-25T02:30", "2026-10-23", "02:30", ["2026-10-24"]),  # and there twice
        ("2026-11-29T12:00", "2026-12-24", "00:30", []),  # a clock that was set back
    ],
)
def test_days_that_are_due(now, last, at, expected):
    assert days(now, last, at) == expected


def test_a_year_is_made_up_at_most():
    assert (len(days("2026-11-29T12:00", "2020-01-01")), days("2026-11-29T12:00", "2020-01-01")[-1]) == (DAYS_MAX, "2026-11-28")


# Files

pytestmark = pytest.mark.django_db


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * SECOND


def ended(number: int, begun: str, end: str, **given: object) -> None:
    begun_ns, end_ns = at(begun), at(end)
    times = {"init_ns": begun_ns, "ring_ns": begun_ns, "start_ns": begun_ns + SECOND, "end_ns": end_ns, "last_ns": end_ns}
    record(call(number, **({"state": 5, "caller": f"44{number}"} | times | given)))


class Clock:
    def __init__(self, now: str) -> None:
        self.now = now

    def __call__(self) -> int:
        return at(self.now)


def nightly(folder: Path, now: str, **given: object) -> tuple[Nightly, Clock]:
    clock = Clock(now)
    settings = {"nightly": True, "zone": "Europe/Berlin", "folder": str(folder)} | given
    return Nightly("n1", Config(cdr=Cdr(**settings)), clock), clock


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(newline="").splitlines()))


def test_file_has_the_calls_that_were_over_on_that_day_in_that_zone(tmp_path):
    ended(1, "2026-11-27T23:50", "2026-11-27T23:59:59")
    ended(2, "2026-11-27T23:55", "2026-11-28T00:00:00")
    ended(3, "2026-11-28T12:00", "2026-11-28T23:59:59")
    ended(4, "2026-11-28T23:59", "2026-11-29T00:00:00")
    ended(5, "2026-11-28T12:00", "2026-11-28T12:10", end_code=486, start_ns=0)
    record(call(6, init_ns=at("2026-11-28T13:00")))
    made, _ = nightly(tmp_path, "2026-11-29T01:00")
    assert made.step()
    assert [path.name for path in tmp_path.iterdir()] == ["calls-2026-11-28.csv"]
    found = rows(tmp_path / "calls-2026-11-28.csv")
    assert [row["caller"] for row in found] == ["443", "445", "442"]
    assert found[0]["ended"] == "2026-11-28T23:59:59.000+01:00"
    client = Client()
    client.force_login(person("viewer"))
    screen = client.get("/history/", {"q": 'ended = "2026-11-28"', "zone": "Europe/Berlin"})
    assert screen.context["total"] == 3


def test_missed_nights_are_made_up_and_a_file_that_was_taken_away_is_not(tmp_path):
    for day in range(20, 29):
        ended(day, f"2026-11-{day}T12:00", f"2026-11-{day}T12:10")
    made, clock = nightly(tmp_path, "2026-11-24T01:00")
    assert made.step()
    (tmp_path / "calls-2026-11-23.csv").unlink()
    clock.now = "2026-11-24T02:00"
    assert made.step()
    assert list(tmp_path.iterdir()) == []
    again, _ = nightly(tmp_path, "2026-11-28T09:00")
    assert again.step()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"calls-2026-11-{day}.csv" for day in (24, 25, 26, 27)]
    assert [[row["caller"] for row in rows(path)] for path in sorted(tmp_path.iterdir())] == [["4424"], ["4425"], ["4426"], ["4427"]]


def test_query_names_format_and_number_of_files_are_chosen(tmp_path):
    for day in (26, 27, 28):
        ended(day, f"2026-11-{day}T12:00:00", f"2026-11-{day}T12:01:01")
        ended(day + 100, f"2026-11-{day}T12:00:00", f"2026-11-{day}T12:01:01", callee="0049")
    given = {"query": "to = 5000", "format": "ndjson", "names": "kamailio", "keep": 2}
    for now in ("2026-11-27T01:00", "2026-11-28T01:00", "2026-11-29T01:00"):
        assert nightly(tmp_path, now, **given)[0].step()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls-2026-11-27.ndjson", "calls-2026-11-28.ndjson"]
    (told,) = (json.loads(line) for line in (tmp_path / "calls-2026-11-28.ndjson").read_text().splitlines())
    assert [told[name] for name in ("start_time", "end_time", "duration", "caller")] == [
        "2026-11-28 12:00:01",
        "2026-11-28 12:01:01",
        "60.000",
        "sip:4428@example.net",
    ]


def test_recorded_calls_are_in_it_only_when_asked_for(tmp_path):
    ended(1, "2026-11-28T12:00", "2026-11-28T12:10")
    DialogRow.objects.update(recorded=True)
    assert nightly(tmp_path, "2026-11-29T01:00")[0].step()
    assert rows(tmp_path / "calls-2026-11-28.csv") == []
    FeedReceiver.objects.all().delete()
    assert nightly(tmp_path, "2026-11-29T01:00", recorded=True)[0].step()
    assert len(rows(tmp_path / "calls-2026-11-28.csv")) == 1


def test_disk_that_is_full_is_shown_and_the_night_is_written_later(tmp_path):
    ended(1, "2026-11-28T12:00", "2026-11-28T12:10")
    blocked = tmp_path / "cdr"
    blocked.write_text("a file where the folder should be")
    made, _ = nightly(blocked, "2026-11-29T01:00")
    assert made.step() is False
    (fed,) = figures()
    assert (fed.name, fed.sent, fed.failing_ns > 0, fed.failures) == ("cdr", 0, True, 1)
    blocked.unlink()
    assert made.step()
    (fed,) = figures()
    assert (fed.sent, fed.failing_ns, len(rows(blocked / "calls-2026-11-28.csv"))) == (1, 0, 1)


def test_half_a_file_is_never_there(tmp_path, monkeypatch):
    ended(1, "2026-11-28T12:00", "2026-11-28T12:10")
    made, _ = nightly(tmp_path, "2026-11-29T01:00")

    def breaks(*_given: object):
        yield "heading\r\n"
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(PAGES, "csv", breaks)
    assert made.step() is False
    assert list(tmp_path.iterdir()) == []


def test_folder_is_below_that_of_the_database_unless_absolute(tmp_path):
    with override_settings(VAR=tmp_path):
        assert Nightly("n1", Config(cdr=Cdr()), Clock("2026-11-29T01:00")).folder == tmp_path / "cdr"
