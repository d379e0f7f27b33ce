"""Times as people say them, in a zone: "yesterday 14:00..14:10" -> two moments. Knows zones; has no clock, no field, no table.

Every time is a span as long as it was said precisely: a day, a minute, a second. A range includes both its ends. Where clocks go back a local time
happens twice: a span then reaches from the first to the last, so that nothing is missed; where they go forward, what does not exist is empty. An
offset behind a time (as pages print it in the hour that happens twice) says which of the two is meant.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

SECOND = 10**9
UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
LAST = re.compile(r"last (\d{1,6}) ?(s|min|m|h|d|w)", re.ASCII)
DAY = r"(?P<day>today|yesterday|(?:19|20|21)\d\d-\d\d-\d\d)"
CLOCK = r"(?P<clock>\d\d?:\d\d(?::\d\d(?:\.\d{1,9})?)?)"
OFFSET = r"(?P<offset> ?(?:Z|[+-]\d\d:\d\d))"
MOMENT = re.compile(rf"(?:{DAY}(?:[ T]{CLOCK}{OFFSET}?)?)", re.ASCII)
ONLY_CLOCK = re.compile(CLOCK, re.ASCII)
EXPECTED = 'a time such as "2026-03-29 14:05", "yesterday 14:00..14:10", "today" or "last 2h"'


class Span(NamedTuple):
    """From `begin_ns` until before `end_ns`."""

    begin_ns: int
    end_ns: int


class _Said(NamedTuple):
    """A moment without zone: its first second, the fraction, and how long it lasts."""

    at: datetime
    fraction_ns: int
    lasts_ns: int
    offset: tzinfo | None


def span_of(text: str, zone: tzinfo, now_ns: int) -> Span:
    """Return the span that a text means at this moment. Raises ValueError, in words, for what is no time."""
    text = " ".join(text.split())
    if match := LAST.fullmatch(text.lower()):
        return Span(now_ns - int(match[1]) * UNITS[match[2]] * SECOND, now_ns + 1)
    today = datetime.fromtimestamp(now_ns // SECOND, zone).replace(tzinfo=None)
    first, dots, last = (part.strip() for part in text.partition(".."))
    begin = _moment(first, today)
    if not dots:
        return Span(_begin(begin, zone), _end(begin, zone))
    end = _moment(last, begin.at)
    if ONLY_CLOCK.fullmatch(last) and end.at < begin.at:
        end = end._replace(at=end.at + timedelta(days=1))  # 23:50..00:10
    if end.at < begin.at:
        raise ValueError(f"{last} is before {first}")
    return Span(_begin(begin, zone), max(_begin(begin, zone), _end(end, zone)))


def _moment(text: str, today: datetime) -> _Said:
    """Return the moment a text means. `today`: the day that a bare time of day is on."""
    match = MOMENT.fullmatch(text) or MOMENT.fullmatch(text.lower())
    clock = match["clock"] if match else text
    if not match and not ONLY_CLOCK.fullmatch(text):
        raise ValueError(f"expected {EXPECTED}")
    try:
        at = _day(match["day"], today) if match else today.replace(hour=0, minute=0, second=0, microsecond=0)
        if not clock:
            return _Said(at, 0, 86400 * SECOND, None)
        whole, _, fraction = clock.partition(".")
        parts = [int(part) for part in whole.split(":")]
        at = at.replace(hour=parts[0], minute=parts[1], second=parts[2] if len(parts) > 2 else 0)
    except ValueError as error:
        raise ValueError(f"{text} does not exist: {error}") from error
    lasts = 10 ** (9 - len(fraction)) if fraction else SECOND if len(parts) > 2 else 60 * SECOND
    return _Said(at, int(fraction.ljust(9, "0")) if fraction else 0, lasts, _offset((match["offset"] or "") if match else ""))


def _day(text: str, today: datetime) -> datetime:
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("today", "yesterday"):
        return midnight - timedelta(days=text == "yesterday")
    return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 -- the zone comes later


def _offset(text: str) -> tzinfo | None:
    text = text.strip()
    return datetime.strptime(text, "%z").tzinfo if text else None


def _begin(said: _Said, zone: tzinfo) -> int:
    return _seconds(said.at, said.offset or zone)[0] * SECOND + said.fraction_ns


def _end(said: _Said, zone: tzinfo) -> int:
    if said.lasts_ns < SECOND:
        return _seconds(said.at, said.offset or zone)[1] * SECOND + said.fraction_ns + said.lasts_ns
    last = said.at + timedelta(seconds=said.lasts_ns // SECOND - 1)
    return (_seconds(last, said.offset or zone)[1] + 1) * SECOND


def _seconds(local: datetime, zone: tzinfo) -> tuple[int, int]:
    """Return the first and the last epoch second at which clocks of the zone show this; of one that is skipped, the jump and the second before it."""
    early, late = (int(local.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if early <= late:
        return early, late
    low, high = late, early  # the jump is between them
    while low < high:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).replace(tzinfo=None) < local:
            low = middle + 1
        else:
            high = middle
    return low, low - 1


def is_ambiguous(at: datetime) -> bool:
    """Return whether clocks of its zone show this aware time twice: it is then printed with its offset."""
    return at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset() and at.replace(fold=0).timestamp() < at.replace(fold=1).timestamp()
