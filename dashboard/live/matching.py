"""The questions that every tick asks of every filter: which of the changed calls it lets through, and how many there are in all.

Knows filters and the table of calls; knows no view, no row. To build a query takes the ORM ten times as long as the database takes to answer it: each
is built once, and a tick only fills in its revisions.
"""

import time
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection

from dashboard.live.filter import CallFilter
from dashboard.models import DialogRow

KEPT = 256
"Filters remembered."

SINCE, UNTIL = -(2**61) - 1, -(2**61) - 3
"Stand for the revisions of a tick in a query that is built before it."

SHARE = 20
"Counting may take one part in this many of the time."


class Matcher:
    """Asks for all views of a process; made anew with its hub."""

    def __init__(self) -> None:
        self._built: dict[CallFilter, tuple[str, tuple[Any, ...]]] = {}
        self._totals: dict[CallFilter, int] = {}
        self._moved = False
        self._rest_until = 0.0

    def begin(self, *, moved: bool) -> None:
        """Begin a tick; `moved`: calls have changed since the last."""
        self._moved = self._moved or moved
        if self._moved and time.monotonic() >= self._rest_until:
            self._totals.clear()
            self._moved = False

    def changed(self, chosen: CallFilter, since: int, until: int) -> set[str]:
        """Return which calls of these revisions (without the first, with the last) pass the filter."""
        sql, params = self._build(chosen)
        if not sql:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(sql, [since if param == SINCE else until if param == UNTIL else param for param in params])
            return {uid for (uid,) in cursor}

    def total(self, chosen: CallFilter) -> int:
        """Return how many live calls pass the filter; while that takes long to count, how many passed it a moment ago."""
        if chosen not in self._totals:
            begun = time.monotonic()
            self._totals[chosen] = chosen.apply(DialogRow.objects.live()).count()
            ended = time.monotonic()
            self._rest_until = max(self._rest_until, ended) + SHARE * (ended - begun)
        return self._totals[chosen]

    def _build(self, chosen: CallFilter) -> tuple[str, tuple[Any, ...]]:
        """Return SQL and parameters, "" where nothing can pass; what depends on the time of day is built anew."""
        if chosen in self._built and not chosen.timed:
            return self._built[chosen]
        rows = chosen.apply(DialogRow.objects.filter(revision__gt=SINCE, revision__lte=UNTIL))
        try:
            built = rows.values_list("pk").query.sql_with_params()
        except EmptyResultSet:
            built = "", ()
        if len(self._built) >= KEPT:
            self._built.clear()
        self._built[chosen] = built
        return built
