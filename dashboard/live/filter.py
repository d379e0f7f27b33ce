"""Which calls a live view shows: the filter that page, push and link share. Knows queries; knows no socket and no request.

What is typed goes through the one door of the query language, `dashboard.query.asked`.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from django.conf import settings

from dashboard.models import DialogQuerySet
from dashboard.query.asked import Asked, asked
from dashboard.query.tree import LONGEST
from dashboard.query.zones import known

URI = re.compile("(sips?|tel|urn):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What must be true of a call to be shown; empty fields ask nothing. Hashable, so that equal views share one query."""

    q: str = ""
    "A query, or plain words."

    caller: str = ""
    "User part of the From URI, or the whole of it, exactly."

    profile: str = ""
    '"name" or "name=value".'

    state: str = ""
    '"1" to "4".'

    zone: str = ""
    "Of the times in `q`: an IANA name; empty for the site's."

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Return the filter that a query string (or a message of the browser) describes."""
        text = {name: str(query.get(name) or "").replace("\0", "").strip()[: LONGEST + 1] for name in ("q", "caller", "profile", "state", "zone")}
        return cls(**{**text, "state": text["state"] if text["state"] in {"1", "2", "3", "4"} else "", "zone": known(text["zone"])})

    def __bool__(self) -> bool:
        return bool(self.q or self.caller or self.profile or self.state)

    @property
    def query(self) -> str:
        """The filter as a query string, without the question mark."""
        parts = {"q": self.q, "caller": self.caller, "profile": self.profile, "state": self.state, "zone": self.zone if self.q else ""}
        return urlencode({name: text for name, text in parts.items() if text})

    @property
    def asked(self) -> Asked:
        """What `q` asks for; compiled once."""
        return asked(self.q, self.zone or settings.TIME_ZONE, inside=True)

    @property
    def timed(self) -> bool:
        """Whether calls come into it and leave it although they do not change."""
        return self.asked.timed

    def apply(self, rows: DialogQuerySet) -> DialogQuerySet:
        """Return those of the rows that the filter lets through."""
        if self.q:
            rows = rows.filter(self.asked.at(time.time_ns()))
        if self.caller:
            rows = rows.filter(from_uri=self.caller) if URI.match(self.caller) else rows.filter(from_user=self.caller)
        if self.profile:
            name, equals, value = self.profile.partition("=")
            entries = {"profile_entries__name": name, **({"profile_entries__value": value} if equals else {})}
            rows = rows.filter(**entries).distinct()
        return rows.filter(state=int(self.state)) if self.state else rows
