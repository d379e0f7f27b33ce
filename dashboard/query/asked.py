"""What a page was asked: the text of its search box, ready to ask. Knows queries and plain words; knows no table's pages.

The one door to the language: live view, history, alerts, exports and programs come through here.
"""

from dataclasses import dataclass
from functools import lru_cache

from django.db.models import Q

from dashboard.query.compiled import Query, compiled
from dashboard.query.errors import QueryError
from dashboard.query.plain import as_query


@dataclass(frozen=True, slots=True)
class Asked:
    """A text and what became of it: a query, or the mistake in it; neither for an empty text."""

    text: str
    written: str
    "The query; the text itself unless that was plain words."

    query: Query | None = None
    problem: QueryError | None = None

    def at(self, now_ns: int) -> Q:
        """Return the condition at this moment: nothing is asked by an empty text, nothing found by one that is wrong."""
        if self.problem is not None:
            return Q(pk__in=())
        return self.query.at(now_ns) if self.query else Q()

    @property
    def timed(self) -> bool:
        """Whether the answer changes although no call does."""
        return self.query is not None and self.query.timed


@lru_cache(1024)
def asked(text: str, zone: str, *, inside: bool = False, whole: bool = False, about: str = "calls") -> Asked:
    """Return what a text asks for; `zone`: IANA name, of the times in it.

    `inside`: plain words are looked for anywhere, not only at the beginning. `whole`: numbers are found by the whole number only.
    `about`: "calls" or "alerts".
    """
    written = as_query(text, operator="=" if whole else "~" if inside else "startswith")
    if not written:
        return Asked(text, "")
    try:
        return Asked(text, written, query=compiled(written, zone, whole=whole, about=about))
    except QueryError as error:
        return Asked(text, written, problem=error)
