"""Orders of history's pages and their places: a page begins behind a call, not at a number. Knows fields and cursors; knows no question.

Newest first is what the index has. Any other order puts one key before it; its cursor holds the key's value as it was (a live call may change it), sealed,
because it may be somebody's number. A duration grows while one looks: all pages of it are about the moment of the first.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from django.core.exceptions import BadRequest
from django.db.models import CharField, F, Q, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Left

from dashboard.models import DialogQuerySet, DialogRow
from dashboard.privacy.sealed import seal, unseal
from dashboard.query.fields import Lasted

CURSOR = re.compile(r"([np])(\d{1,19})-([0-9a-f]{16})", re.ASCII)
MAX_NS = (1 << 63) - 1

DAMAGED = "This page address is damaged: begin again from History."
DURATION = "duration"
DURATIONS = Lasted("start_ns", "end_ns", until_now=True, or_begin="init_ns")
LONG = frozenset({"path", "last_event"})
"Texts of which only the beginning decides: a cursor stands in an address."

KEY_MAX = 200
USE = "place"
"Of our tokens: one that was made for a link is no place, or somebody could begin a page behind a number of their choice, and find hidden ones out by that."

Number = Annotated[int, msgspec.Meta(ge=0, le=MAX_NS)]
decoder = msgspec.json.Decoder(tuple[str, bool, Number, Number | str, Number, str])
"Field, falling, moment; then what is compared, in turn."

type Fields = Sequence[tuple[str, bool]]
"Each with whether it falls."

NEWEST: Fields = (("init_ns", True), ("uid", False))


class Sort(NamedTuple):
    """An order other than newest first; what is alike is newest first."""

    field: str
    "Of DialogRow, or DURATION."

    falling: bool

    @property
    def fields(self) -> Fields:
        """What is compared, in turn."""
        return ("key", self.falling), *NEWEST

    @property
    def textual(self) -> bool:
        """Whether it compares texts."""
        return self.field != DURATION and isinstance(DialogRow._meta.get_field(self.field), (CharField, TextField))

    def of(self, calls: DialogQuerySet, now_ns: int) -> DialogQuerySet:
        """Return the calls with their keys."""
        key: Combinable = F(self.field) if self.field != DURATION else DURATIONS.nanoseconds(now_ns)
        return calls.annotate(key=Left(self.field, KEY_MAX) if self.field in LONG else key)


class Place(NamedTuple):
    """Where a page begins."""

    backwards: bool
    values: tuple[Any, ...]
    "Of the call that it begins behind: what is compared, in turn."

    now_ns: int = 0
    "The moment that durations are about."


def turned(fields: Fields) -> Fields:
    """Return the opposite order."""
    return [(field, not falling) for field, falling in fields]


def ordering(fields: Fields) -> list[str]:
    """Return it as the database wants it."""
    return [f"-{field}" if falling else field for field, falling in fields]


def behind(fields: Fields, values: Sequence[Any]) -> Q:
    """Return which calls come behind a place. The first condition is what an index reads."""
    (field, falling), *rest = fields
    sign, value = "lt" if falling else "gt", values[0]
    if not rest:
        return Q(**{f"{field}__{sign}": value})
    return Q(**{f"{field}__{sign}e": value}) & (Q(**{f"{field}__{sign}": value}) | behind(rest, values[1:]))


def cursor(direction: str, row: DialogRow, sort: Sort | None, now_ns: int) -> str:
    """Return the cursor of the page behind a call ("n") or before it ("p")."""
    if sort is None:
        return f"{direction}{row.init_ns}-{row.uid}"
    return direction + seal(msgspec.json.encode([*sort, now_ns, row.key, row.init_ns, row.uid]).decode(), USE)  # type: ignore[attr-defined]  # see Sort.of


def place_of(text: str, sort: Sort | None) -> Place | None:
    """Return the place of a cursor, None for "". BadRequest (HTTP 400) for a cursor that no page of this order gave."""
    if not text:
        return None
    if sort is None:
        match = CURSOR.fullmatch(text)
        if match is None or int(match[2]) > MAX_NS:
            raise BadRequest(DAMAGED)
        return Place(match[1] == "p", (int(match[2]), match[3]))
    opened = unseal(text[1:], USE)
    try:
        kept = decoder.decode(opened if opened != text[1:] else "")  # what is no token of ours stays as it was
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadRequest(DAMAGED) from error
    if text[0] not in "np" or kept[:2] != sort or isinstance(kept[3], str) != sort.textual:
        raise BadRequest(DAMAGED)
    return Place(text[0] == "p", kept[3:], kept[2])
