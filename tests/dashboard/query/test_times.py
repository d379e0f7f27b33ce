"""Times as people say them, around both changes of the clocks."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.shown import moment_text
from dashboard.query.times import SECOND, span_of
from dashboard.query.zones import known, label, offered

BERLIN = ZoneInfo("Europe/Berlin")
NOON = int(datetime(2026, 11, 21, 12, 30, tzinfo=UTC).timestamp()) * SECOND


def utc(text: str, zone: ZoneInfo = BERLIN, now_ns: int = NOON) -> list[str]:
    """Return both ends of a span, in UTC; the second is no longer in it."""
    return [datetime.fromtimestamp(at_ns // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S") for at_ns in span_of(text, zone, now_ns)]


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("today", "2026-11-20 23:00:00", "2026-11-21 23:00:00"),
        ("yesterday", "2026-11-19 23:00:00", "2026-11-20 23:00:00"),
        ("14:05", "2026-11-21 13:05:00", "2026-11-21 13:06:00"),
        ("yesterday 14:00..14:10", "2026-11-20 13:00:00", "2026-11-20 13:11:00"),
        ("yesterday 23:50..00:10", "2026-11-20 22:50:00", "2026-11-20 23:11:00"),
        ("last 2h", "2026-11-21 10:30:00", "2026-11-21 12:30:00"),
        ("Last 90min", "2026-11-21 11:00:00", "2026-11-21 12:30:00"),
        ("2026-11-18..2026-11-19", "2026-11-17 23:00:00", "2026-11-19 23:00:00"),
        ("2026-11-18 10:00:05", "2026-11-18 09:00:05", "2026-11-18 09:00:06"),
        ("2026-11-18T10:00 Z", "2026-11-18 10:00:00", "2026-11-18 10:01:00"),
        ("2026-11-18 10:00+05:30", "2026-11-18 04:30:00", "2026-11-18 04:31:00"),
        # Forward, 2026-03-29 02:00 to 03:00: a day of 23 hours; what is skipped is empty.
        ("2026-03-29", "2026-03-28 23:00:00", "2026-03-29 22:00:00"),
        ("2026-03-29 01:59", "2026-03-29 00:59:00", "2026-03-29 01:00:00"),
        ("2026-03-29 02:30", "2026-03-29 01:00:00", "2026-03-29 01:00:00"),
        ("2026-03-29 02:30..03:10", "2026-03-29 01:00:00", "2026-03-29 01:11:00"),
        ("2026-03-29 01:30..02:30", "2026-03-29 00:30:00", "2026-03-29 01:00:00"),
        # Back, 2026-10-25 03:00 to 02:00: a day of 25 hours; what is there twice is meant twice, unless its offset is said.
        ("2026-10-25", "2026-10-24 22:00:00", "2026-10-25 23:00:00"),
        ("2026-10-25 02:30", "2026-10-25 00:30:00", "2026-10-25 01:31:00"),
        ("2026-10-25 01:59..02:00", "2026-10-24 23:59:00", "2026-10-25 01:01:00"),
        ("2026-10-25 02:30+02:00", "2026-10-25 00:30:00", "2026-10-25 00:31:00"),
        ("2026-10-25 02:30+01:00", "2026-10-25 01:30:00", "2026-10-25 01:31:00"),
        ("2026-10-25 03:00", "2026-10-25 02:00:00", "2026-10-25 02:01:00"),
    ],
)
def test_span(text: str, begin: str, end: str) -> None:
    assert utc(text) == [begin, end]


@pytest.mark.parametrize(
    ("now", "text", "hours"),
    [
        ("2026-03-30", "yesterday", 23),
        ("2026-03-29", "today", 23),
        ("2026-10-26", "yesterday", 25),
        ("2026-10-25", "today", 25),
        ("2026-10-25", "last 24h", 24),
    ],
)
def test_days_of_changed_clocks_have_their_own_length(now: str, text: str, hours: int) -> None:
    noon = int(datetime.fromisoformat(f"{now}T12:00").replace(tzinfo=BERLIN).timestamp()) * SECOND
    span = span_of(text, BERLIN, noon)
    assert (span.end_ns - span.begin_ns) // (3600 * SECOND) == hours


def test_midnight_that_does_not_exist_begins_the_day() -> None:
    assert utc("2026-09-06", ZoneInfo("America/Santiago")) == ["2026-09-06 04:00:00", "2026-09-07 03:00:00"]


def test_fractions_are_as_long_as_they_are_written() -> None:
    spans = [span_of(f"2026-11-18 10:00:05{fraction}", BERLIN, NOON) for fraction in (".1", ".123", ".123456789")]
    assert [span.end_ns - span.begin_ns for span in spans] == [10**8, 10**6, 1]
    assert spans[2].begin_ns % SECOND == 123_456_789


@pytest.mark.parametrize(
    "text",
    ["", "soon", "1:2", "24:00", "12:60", "2026-13-01", "1800-01-01", "last 0", "last 2 years", "today..", "..today", "12:00 13:00", "2026-11-18..2026-11-17"],
)
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a time|does not exist|is before"):
        span_of(text, BERLIN, NOON)


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia"]


@given(at_ms=st.integers(946_684_800_000, 4_000_000_000_000), zone=st.sampled_from(ZONES))
def test_what_is_printed_is_understood_as_the_same_moment(at_ms: int, zone: str) -> None:
    at_ns = at_ms * 10**6
    with timezone.override(zone):
        printed = moment_text(at_ns)
    assert span_of(printed, ZoneInfo(zone), NOON) == (at_ns, at_ns + 10**6)


@pytest.mark.parametrize("at", ["2026-10-25 00:30:00", "2026-10-25 01:30:00"])
def test_the_hour_that_is_there_twice_is_printed_with_its_offset(at: str) -> None:
    at_ns = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * SECOND
    with timezone.override("Europe/Berlin"):
        assert moment_text(at_ns) == f"2026-10-25 02:30:00.000{'+02:00' if '00:30' in at else '+01:00'}"


def test_zones_are_named() -> None:
    assert [known(name) for name in ("UTC", "Europe/Berlin", "Mars/Base", "../etc/passwd", "")] == ["UTC", "Europe/Berlin", "", "", ""]
    assert offered("Europe/Berlin", "Mars/Base") == {"UTC": "UTC", "Europe/Berlin": "Europe/Berlin"}
    assert offered("UTC", "Asia/Kolkata") == {"UTC": "UTC", "Asia/Kolkata": "Asia/Kolkata (browser)"}
    assert [label(name, NOON) for name in ("UTC", "Europe/Berlin", "Asia/Kolkata")] == ["UTC", "Europe/Berlin (UTC+01:00 now)", "Asia/Kolkata (UTC+05:30 now)"]
