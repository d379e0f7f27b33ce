"""The history query: GET parameters -> form -> queryset -> keyset pages. Knows the table; knows no page, no HTML.

A page shows where it ended, not a number: pages stay right while calls come in, and page 1,000 costs what page 1 costs.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import BadRequest
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Q

from dashboard.history.rows import MAX_KEY, user_of
from dashboard.models import DialogQuerySet, DialogRow
from dashboard.privacy.sealed import is_sealed, unseal
from dialogs.engine.states import State

PAGE = 50
CURSOR = re.compile(r"([np])(\d{1,19})-([0-9a-f]{16})", re.ASCII)
PUNCTUATION = str.maketrans("", "", " ()-./\u00a0")
NUMBER = re.compile(r"\+?[\d ()\-./\u00a0]*\d[\d ()\-./\u00a0]*", re.ASCII)
MAX_NS = (1 << 63) - 1

FACES: dict[str, Q] = {
    "live": Q(state__lt=State.DELETED),
    "ended": Q(state=State.DELETED, end_code=0) & ~Q(ended_by="timeout"),
    "failed": Q(state=State.DELETED, end_code__gt=0),
    "expired": Q(state=State.DELETED, end_code=0, ended_by="timeout"),
}
"The outcomes that a person tells apart; every call has exactly one."


class HistoryForm(forms.Form):
    """What may be asked of history. Empty fields ask nothing; times are in the site's time zone (`[web] time_zone`)."""

    q = forms.CharField(required=False, max_length=MAX_KEY, label="Number, Call-ID or address")
    caller = forms.CharField(required=False, max_length=MAX_KEY, label="Caller", help_text="Number or name; 4930* for all that begin so")
    callee = forms.CharField(required=False, max_length=MAX_KEY, label="Callee", help_text="Number or name; 4930* for all that begin so")
    call_id = forms.CharField(required=False, max_length=MAX_KEY, label="Call-ID", help_text="Whole, or its beginning")
    state = forms.ChoiceField(required=False, choices=[("", "Any"), *((face, face.capitalize()) for face in FACES)], label="State")
    code = forms.IntegerField(required=False, min_value=300, max_value=699, label="Code", help_text="Status that failed the call: 486")
    since = forms.DateTimeField(required=False, label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
    until = forms.DateTimeField(required=False, label="Until", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
    profile = forms.CharField(required=False, max_length=64, label="Profile")
    value = forms.CharField(required=False, max_length=MAX_KEY, label="Value")
    peer = forms.CharField(required=False, max_length=128, label="Peer")

    def __init__(self, *arguments: Any, whole: bool = False, **named: Any) -> None:
        """`whole`: numbers are found by the whole number only; who may not see them must not find them out digit by digit."""
        super().__init__(*arguments, **named)
        self.whole = whole

    @property
    def typed(self) -> str:
        """What was asked about numbers in plain words, for the audit log; "" for nothing, and for links."""
        given = {name: str(self.data.get(name) or "").strip() for name in ("q", "caller", "callee", "profile", "value")}
        return " ".join(f"{name}={text}" for name, text in given.items() if text and not is_sealed(text))[: 4 * MAX_KEY]

    def clean_caller(self) -> str:
        """Return who is asked for."""
        return self._number("caller")

    def clean_callee(self) -> str:
        """Return who is asked for."""
        return self._number("callee")

    def clean_value(self) -> str:
        """Return the profile's value."""
        return unseal(self.cleaned_data["value"])

    def _number(self, name: str) -> str:
        text = unseal(self.cleaned_data[name])
        if self.whole and text.endswith("*"):
            raise forms.ValidationError("Numbers are masked for you: search by the whole number.")
        return text

    def clean(self) -> dict[str, object]:
        """Refuse a range that ends before it begins, and a profile's value without the profile."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", "This is before the beginning of the range.")
        if cleaned.get("value") and not cleaned.get("profile"):
            self.add_error("value", "A value needs its profile's name.")
        return cleaned


class Page(NamedTuple):
    """One page of calls, newest first."""

    rows: list[DialogRow]
    next: str
    'Cursor of the older page, "" when this is the oldest.'

    previous: str
    'Cursor of the newer page, "" when this is the newest.'


def search(form: HistoryForm) -> DialogQuerySet:
    """Return the calls that a valid form asks for, newest first. An invalid form finds nothing: its errors are the answer."""
    calls = DialogRow.objects.order_by("-init_ns", "uid")
    if not form.is_valid():
        return calls.none()
    asked = {**form.cleaned_data, "whole": form.whole}
    return calls.filter(_who(asked), _what(asked), _when(asked))


def _who(asked: Mapping[str, Any]) -> Q:
    found = Q()
    if asked["caller"]:
        found &= party("from", asked["caller"])
    if asked["callee"]:
        found &= party("to", asked["callee"])
    if asked["call_id"]:
        found &= begins("call_id", asked["call_id"])
    if asked["q"]:
        found &= anything(asked["q"], whole=asked["whole"])
    return found


def _what(asked: Mapping[str, str]) -> Q:
    found = FACES[asked["state"]] if asked["state"] else Q()
    if asked["code"]:
        found &= Q(end_code=asked["code"])
    if asked["peer"]:
        found &= Q(pk__in=DialogRow.objects.through(asked["peer"]).values("pk"))
    if asked["profile"]:
        member = {"profile_entries__name": asked["profile"]} | ({"profile_entries__value": asked["value"]} if asked["value"] else {})
        found &= Q(pk__in=DialogRow.objects.filter(**member).values("pk"))
    return found


def _when(asked: Mapping[str, datetime | None]) -> Q:
    since, until = asked["since"], asked["until"]
    return (Q(init_ns__gte=nanoseconds(since)) if since else Q()) & (Q(init_ns__lte=nanoseconds(until)) if until else Q())


def nanoseconds(at: datetime) -> int:
    """Return an aware time as integer nanoseconds UTC."""
    return int(at.timestamp()) * 10**9 + at.microsecond * 1000


def party(side: str, text: str) -> Q:
    """Return who is on a side ("from" or "to"): a whole URI, a number as people write it, a name, or the beginning of one before `*`."""
    if re.match("(sips?|tel|urn):", text, re.IGNORECASE):
        return Q(**{f"{side}_uri": text})
    user = user_of(f"sip:{text}") if "@" in text else text
    if user.endswith("*"):
        return begins(f"{side}_user", number(user[:-1]))
    return Q(**{f"{side}_user__in": list(dict.fromkeys([user, number(user)]))})


def number(text: str) -> str:
    """Return a number without what people put between its digits; other text as it is."""
    return text.translate(PUNCTUATION) if NUMBER.fullmatch(text) else text


def begins(column: str, text: str) -> Q:
    """Return what begins with this text, case-sensitive, by the column's index where the database can."""
    if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":  # its LIKE ignores case and with it the index
        return Q(**{f"{column}__gte": text, f"{column}__lt": f"{text}\U0010ffff"})
    return Q(**{f"{column}__startswith": text})


def anything(text: str, *, whole: bool = False) -> Q:
    """Return the calls with this number on either side, this Call-ID, or this address in their path or (not for who may not see numbers) URIs."""
    if whole:
        text = text.removesuffix("*")
    found = party("from", text) | party("to", text) | begins("call_id", text)
    if re.search(r"[.:@\[]", text):  # looks like an address: no index helps, so only then
        address = text.strip("[]")
        found |= Q(path__contains=address) if whole else Q(path__contains=address) | Q(from_uri__contains=address) | Q(to_uri__contains=address)
    return found


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
