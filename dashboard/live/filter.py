"""Which calls a live view shows: the filter that page, push and link share. Knows queries; knows no socket and no request.

What is typed goes through the one door of the query language, `dashboard.query.asked`.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from django.conf import settings

from dashboard.models import DialogQuerySet
from dashboard.privacy.sealed import LONGEST as SEALED_LONGEST
from dashboard.privacy.sealed import is_sealed, seal, unseal
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

    peer: str = ""
    "Name of a peer, or the host of an address, that has a part in the call."

    zone: str = ""
    "Of the times in `q`: an IANA name; empty for the site's."

    whole: bool = False
    "Whether numbers are found by the whole number only: who may not see them must not find them out digit by digit."

    @classmethod
    def parse(cls, query: Mapping[str, str], *, whole: bool = False) -> Self:
        """Return the filter that a query string (or a message of the browser) describes."""
        text = {name: str(query.get(name) or "").replace("\0", "").strip() for name in ("q", "caller", "profile", "state", "peer", "zone")}
        text = {name: value[: SEALED_LONGEST if is_sealed(value) else LONGEST + 1] for name, value in text.items()}
        return cls(**{**text, "state": text["state"] if text["state"] in {"1", "2", "3", "4"} else "", "zone": known(text["zone"])}, whole=whole)

    @property
    def typed(self) -> str:
        """What was asked about numbers in plain words, for the audit log; "" for nothing, and for links."""
        parts = {"q": self.q, "caller": self.caller, "profile": self.profile if "=" in self.profile else ""}
        return " ".join(f"{name}={text}" for name, text in parts.items() if text and not is_sealed(text))

    def sealed(self) -> Self:
        """Return the same filter with what may be a number as tokens: for links that show none."""
        q, caller, profile = (seal(text) if text and not is_sealed(text) else text for text in (self.q, self.caller, self.profile))
        return replace(self, q=q, caller=caller, profile=profile)

    def __bool__(self) -> bool:
        return bool(self.q or self.caller or self.profile or self.state or self.peer)

    @property
    def query(self) -> str:
        """The filter as a query string, without the question mark."""
        parts = {"q": self.q, "caller": self.caller, "profile": self.profile, "peer": self.peer, "state": self.state, "zone": self.zone if self.q else ""}
        return urlencode({name: text for name, text in parts.items() if text})

    @property
    def asked(self) -> Asked:
        """What `q` asks for; compiled once."""
        return asked(unseal(self.q), self.zone or settings.TIME_ZONE, inside=True, whole=self.whole)

    @property
    def timed(self) -> bool:
        """Whether calls come into it and leave it although they do not change."""
        return self.asked.timed

    def apply(self, rows: DialogQuerySet) -> DialogQuerySet:
        """Return those of the rows that the filter lets through."""
        if self.q:
            rows = rows.filter(self.asked.at(time.time_ns()))
        if caller := unseal(self.caller):
            rows = rows.filter(from_uri=caller) if URI.match(caller) else rows.filter(from_user=caller)
        if profile := unseal(self.profile):
            name, equals, value = profile.partition("=")
            entries = {"profile_entries__name": name, **({"profile_entries__value": value} if equals else {})}
            rows = rows.filter(**entries).distinct()
        if self.peer:
            rows = rows.through(self.peer)
        return rows.filter(state=int(self.state)) if self.state else rows
