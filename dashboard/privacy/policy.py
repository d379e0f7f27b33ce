"""Who sees whole numbers, and what others see in their place: the one policy of every page, export, socket frame and capture file.

What is masked is the row itself, before anything is made of it: a template, a column or a ladder that comes later shows nothing more. A masked row
masks what is decoded from it too (`DialogRow.seen_as`), and is never saved. Knows rows and people; knows no request and no page.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import models

from dashboard.models import Alert, AuditEvent, Bulk, BulkItem, DialogRow, Order
from dashboard.privacy.masking import ARROW, mask, mask_message, mask_name, mask_parties, mask_text, mask_value, user_in
from dashboard.privacy.sealed import Masked
from dialogs.engine.snapshot import CallSnapshot, ForkView, LegView

EVERYBODY = "*"
WHOLE = "dashboard.see_numbers"
PARTIES = ("from_user", "to_user")
SHOWN = frozenset(("uid", "node", "tap", "from_tag", "to_tag", "path", "peers", "ended_by"))
"Columns of a call in which no party's number stands; all other texts are masked, whatever columns are added."

COLUMNS = [field.attname for field in DialogRow._meta.concrete_fields]
ORDER_TEXTS = ("call_text", "reason", "detail")
EVENT_TEXTS = ("text", "reason", "request", "outcome", "before", "after")


class Cover:
    """Masks what belongs to one call: it knows the parties' numbers, so that it finds short ones too."""

    def __init__(self, *known: str) -> None:
        self.keep = settings.DIALTAP.privacy.keep
        self.known = {word for each in known for word in (each, user_in(each)) if word}

    def fields(self, row: DialogRow, names: Iterable[str]) -> None:
        """Mask these columns where they are."""
        for name in names:
            value = row.__dict__[name]
            if name in PARTIES:
                row.__dict__[name] = Masked(mask(value, self.keep), value)
            elif name == "profiles":
                row.__dict__[name] = json.dumps(self.profiles(json.loads(value or "[]")))
            elif isinstance(value, str) and name not in SHOWN:
                row.__dict__[name] = self.text(value)

    def text(self, text: str) -> str:
        """Return a text masked."""
        return mask_text(text, self.keep, self.known)

    def profiles(self, pairs: Iterable[Sequence[str]]) -> tuple[tuple[str, str], ...]:
        """Return names and values of profiles, the values masked."""
        return tuple((name, mask_value(value, self.keep, self.known)) for name, value in pairs)

    def snapshot(self, call: CallSnapshot) -> CallSnapshot:
        """Return what the engine told of a call, masked."""
        return msgspec.structs.replace(
            call,
            **{name: self.text(getattr(call, name)) for name in ("call_id", "request_uri", "end_reason", "last_event", "repeated", "user_agent")},
            caller=self._leg(call.caller),
            callee=self._leg(call.callee),
            forks=tuple(self._fork(fork) for fork in call.forks),
            transitions=tuple(msgspec.structs.replace(step, cause=self.text(step.cause)) for step in call.transitions),
            attempts=tuple(msgspec.structs.replace(attempt, end_reason=self.text(attempt.end_reason)) for attempt in call.attempts),
            profiles=self.profiles(call.profiles),
            incomplete=tuple(self.text(words) for words in call.incomplete),
            variables=self.profiles(call.variables),
        )

    def _leg(self, leg: LegView) -> LegView:
        hidden = {"uri": self.text(leg.uri), "name": mask_name(leg.name), "contact": self.text(leg.contact), "tag": self.text(leg.tag)}
        return msgspec.structs.replace(leg, **hidden, route_set=tuple(self.text(hop) for hop in leg.route_set))

    def _fork(self, fork: ForkView) -> ForkView:
        return msgspec.structs.replace(fork, contact=self.text(fork.contact), reason=self.text(fork.reason), tag=self.text(fork.tag))

    def messages[Message: msgspec.Struct](self, messages: Iterable[Message]) -> tuple[Message, ...]:
        """Return SIP messages (structs with `data`) masked, each as long as it was."""
        return tuple(msgspec.structs.replace(message, data=mask_message(message.data, self.keep, self.known)) for message in messages)  # type: ignore[attr-defined]


class Policy(NamedTuple):
    """What one person is shown. Equal policies share what is rendered."""

    masked: bool

    def row(self, row: DialogRow) -> DialogRow:
        """Return a call as this person sees it: itself, or a masked copy that cannot be saved."""
        if not self.masked or row.seen_as is not None:
            return row
        cover = Cover(row.from_user, row.to_user)
        seen = _copy(row)
        seen.__dict__.pop("_snapshot", None)
        seen.seen_as = cover
        cover.fields(seen, [name for name in COLUMNS if name in seen.__dict__])
        return seen

    def rows(self, rows: Iterable[DialogRow]) -> list[DialogRow]:
        """Return calls as this person sees them."""
        return [self.row(row) for row in rows]

    def order(self, order: Order) -> Order:
        """Return an order as this person sees it."""
        if not self.masked:
            return order
        sides = ARROW.search(order.call_text)
        cover = Cover(*(sides.group(1, 3) if sides else ()))
        seen = self._texts(order, ORDER_TEXTS, cover)
        seen.arguments, seen.steps, seen.legs = (masked_deep(value, cover) for value in (order.arguments, order.steps, order.legs))
        seen.evidence = json.dumps(masked_deep(json.loads(order.evidence or "[]"), cover))
        return seen

    def alert(self, alert: Alert, row: DialogRow | None = None) -> Alert:
        """Return an alert as this person sees it; `row` is its call, not masked."""
        if not self.masked:
            return alert
        seen = self._texts(alert, ("text",), Cover(*((row.from_user, row.to_user) if row else ()), alert.subject.partition("=")[2]))
        seen.subject = self.profile(alert.subject)
        return seen

    def bulk(self, bulk: Bulk) -> Bulk:
        """Return a bulk as this person sees it."""
        return self._texts(bulk, ("reason", "query"), Cover()) if self.masked else bulk

    def item(self, item: BulkItem) -> BulkItem:
        """Return one call of a bulk as this person sees it."""
        if not self.masked:
            return item
        sides = ARROW.search(item.call_text)
        seen = self._texts(item, ("call_text", "words"), Cover(*(sides.group(1, 3) if sides else ())))
        if item.order is not None:
            seen.order = self.order(item.order)
        return seen

    def event(self, event: AuditEvent) -> AuditEvent:
        """Return an audit event as this person sees it."""
        return self._texts(event, EVENT_TEXTS, Cover()) if self.masked else event

    def _texts[Row: models.Model](self, row: Row, names: Iterable[str], cover: Cover) -> Row:
        seen = _copy(row)
        for name in names:
            setattr(seen, name, mask_parties(getattr(row, name), cover.keep, cover.known))
        return seen

    def profile(self, full: str) -> str:
        """Return "name=value" with the value masked; a link made of it still finds the value."""
        name, equals, value = full.partition("=")
        return Masked(f"{name}={mask_value(value, settings.DIALTAP.privacy.keep)}", full) if self.masked and equals else full

    def number(self, number: str) -> str:
        """Return a URI, a number or a name masked; a link made of it still finds it."""
        if not self.masked:
            return number
        keep = settings.DIALTAP.privacy.keep
        return Masked(mask_text(number, keep) if user_in(number) else mask(number, keep), number)

    def text(self, text: str, known: Iterable[str] = ()) -> str:
        """Return what a person wrote with its numbers masked; `known`: numbers that are looked for in it, however short."""
        return mask_parties(text, settings.DIALTAP.privacy.keep, known) if self.masked else text

    def value(self, value: str) -> str:
        """Return a profile's value masked; a link made of it still finds it."""
        return Masked(mask_value(value, settings.DIALTAP.privacy.keep), value) if self.masked else value


CLEAR, MASKED = Policy(masked=False), Policy(masked=True)


def policy_of(user: User | AnonymousUser) -> Policy:
    """Return the policy for a person: masked in a role of `[privacy] mask`, unless they have the permission `see_numbers`.

    A role that does not exist masks everybody: a name that is misspelled must not open what it was to close.
    """
    names = settings.DIALTAP.privacy.mask
    if not names or user.has_perm(WHOLE):
        return CLEAR
    if EVERYBODY in names or Group.objects.filter(name__in=names).count() < len(set(names)):
        return MASKED
    return Policy(masked=user.groups.filter(name__in=names).exists())


def _copy[Row: models.Model](row: Row) -> Row:
    """Return a row of the same values; quicker than `copy.copy`, which takes the way of pickles."""
    seen = row.__class__.__new__(row.__class__)
    seen.__dict__.update(row.__dict__)
    return seen


def masked_deep(value: Any, cover: Cover) -> Any:
    """Return a JSON value with its texts masked."""
    if isinstance(value, dict):
        return {name: masked_deep(item, cover) for name, item in value.items()}
    if isinstance(value, list):
        return [masked_deep(item, cover) for item in value]
    return mask_value(value, cover.keep, cover.known) if isinstance(value, str) else value
