"""History's questions and pages: GET parameters -> query -> queryset -> keyset pages. Knows the table; knows no page, no HTML.

A page shows where it ended, not a number: pages stay right while calls come in, and page 1,000 costs what page 1 costs.
"""

import re
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import BadRequest
from django.db.models import Q

from dashboard.models import DialogQuerySet, DialogRow
from dashboard.query.asked import Asked, asked
from dashboard.query.cost import TooSlow, at_most
from dashboard.query.plain import as_query
from dashboard.query.tree import quoted

PAGE = 50
CURSOR = re.compile(r"([np])(\d{1,19})-([0-9a-f]{16})", re.ASCII)
MAX_NS = (1 << 63) - 1

COUNTED = 10_000
'Calls that are counted; beyond, a page says "more than".'

COUNT_SECONDS = 0.15
"Longer, and it is not counted at all: nobody waits for a number."


class Question(NamedTuple):
    """What a page of history was asked."""

    asked: Asked
    when: Asked
    'When the calls began: "today", "2026-03-29 14:00..14:10".'

    @property
    def problem(self) -> Asked | None:
        """The part that cannot be understood."""
        return next((part for part in (self.asked, self.when) if part.problem), None)

    def calls(self, now_ns: int) -> DialogQuerySet:
        """Return the calls that are asked for, newest first."""
        return DialogRow.objects.filter(self.asked.at(now_ns), self.when.at(now_ns)).order_by("-init_ns", "uid")


def question(text: str, when: str, zone: str, written: str = "", *, whole: bool = False) -> Question:
    """Return what a search box, a range of time and the form's query ask for together; `zone`: IANA name, of their times.

    `whole`: numbers are found by the whole number only.
    """
    query = as_query(text, operator="=" if whole else "startswith")
    both = f"({query}) and {written}" if query and written else written or text
    return Question(asked(both, zone, whole=whole), asked(f"begun = {quoted(when)}" if when.strip() else "", zone))


def counted(calls: DialogQuerySet) -> int | None:
    """Return how many calls there are: COUNTED + 1 for more than COUNTED, None where counting takes too long."""
    try:
        with at_most(COUNT_SECONDS, calls.db):
            return calls.order_by("-init_ns", "uid")[: COUNTED + 1].count()
    except TooSlow:
        return None


class Page(NamedTuple):
    """One page of calls, newest first."""

    rows: list[DialogRow]
    next: str
    'Cursor of the older page, "" when this is the oldest.'

    previous: str
    'Cursor of the newer page, "" when this is the newest.'


def nanoseconds(at: datetime) -> int:
    """Return an aware time as integer nanoseconds UTC."""
    return int(at.timestamp()) * 10**9 + at.microsecond * 1000


def page(calls: DialogQuerySet, cursor: str, size: int = PAGE) -> Page:
    """Return the page at a cursor ("" = the newest). BadRequest (HTTP 400) for a cursor that no page gave."""
    backwards, place = _place(cursor)
    # What a list does not show stays on the disk.
    calls = calls.defer("engine", "frames")
    if backwards and place:
        at, uid = place
        newer = calls.filter(init_ns__gte=at).filter(Q(init_ns__gt=at) | Q(uid__lt=uid)).order_by("init_ns", "-uid")
        rows = list(newer[: size + 1])
        more, rows = len(rows) > size, rows[:size][::-1]
        return Page(rows, _cursor("n", rows[-1]) if rows else "", _cursor("p", rows[0]) if more else "")
    rows = list(after(calls, place)[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    return Page(rows, _cursor("n", rows[-1]) if more else "", _cursor("p", rows[0]) if place and rows else "")


def after(calls: DialogQuerySet, place: tuple[int, str] | None) -> DialogQuerySet:
    """Return the calls older than a place (init_ns, uid), newest first; all for None."""
    calls = calls.order_by("-init_ns", "uid")
    if place is None:
        return calls
    at, uid = place
    return calls.filter(init_ns__lte=at).filter(Q(init_ns__lt=at) | Q(uid__gt=uid))  # the first condition is what the index reads


def _cursor(direction: str, row: DialogRow) -> str:
    return f"{direction}{row.init_ns}-{row.uid}"


def _place(cursor: str) -> tuple[bool, tuple[int, str] | None]:
    if not cursor:
        return False, None
    match = CURSOR.fullmatch(cursor)
    if match is None or int(match[2]) > MAX_NS:
        raise BadRequest("This page address is damaged: begin again from History.")
    return match[1] == "p", (int(match[2]), match[3])
