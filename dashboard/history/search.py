"""History's questions and pages: GET parameters -> query -> queryset -> keyset pages. Knows the table; knows no page, no HTML.

A page shows where it ended, not a number: pages stay right while calls come in, and page 1,000 costs what page 1 costs.
"""

from datetime import datetime
from typing import NamedTuple

from dashboard.history.keyset import NEWEST, Sort, behind, ordering, place_of, turned
from dashboard.history.keyset import cursor as at
from dashboard.models import DialogQuerySet, DialogRow
from dashboard.query.asked import Asked, asked
from dashboard.query.cost import TooSlow, at_most
from dashboard.query.plain import as_query
from dashboard.query.tree import quoted

PAGE = 50

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
    """One page of calls, in its order."""

    rows: list[DialogRow]
    next: str
    'Cursor of the page behind, "" when this is the last.'

    previous: str
    'Cursor of the page before, "" when this is the first.'


def nanoseconds(at: datetime) -> int:
    """Return an aware time as integer nanoseconds UTC."""
    return int(at.timestamp()) * 10**9 + at.microsecond * 1000


def page(calls: DialogQuerySet, cursor: str, size: int = PAGE, *, sort: Sort | None = None, now_ns: int = 0) -> Page:
    """Return the page at a cursor ("" = the first), newest first or in another order.

    BadRequest (HTTP 400) for a cursor that no page of this order gave. `now_ns`: the moment that durations are about, of a first page.
    """
    place = place_of(cursor, sort)
    now_ns = place.now_ns if place else now_ns
    calls = calls.defer("engine", "frames")  # what a list does not show stays on the disk
    fields = NEWEST
    if sort:
        calls, fields = sort.of(calls, now_ns), sort.fields
    backwards = place is not None and place.backwards
    wanted = turned(fields) if backwards else fields
    rows = list((calls.filter(behind(wanted, place.values)) if place else calls).order_by(*ordering(wanted))[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    further = rows and (backwards or more)
    before = rows and (more if backwards else place)
    return Page(rows, at("n", rows[-1], sort, now_ns) if further else "", at("p", rows[0], sort, now_ns) if before else "")


def after(calls: DialogQuerySet, place: tuple[int, str] | None) -> DialogQuerySet:
    """Return the calls older than a place (init_ns, uid), newest first; all for None."""
    return (calls.filter(behind(NEWEST, place)) if place else calls).order_by(*ordering(NEWEST))
