"""What can be asked of a call: the names people say, and the columns behind them. Nothing else can be reached. Knows the tables; has no clock.

Adding a field is one entry in FIELDS.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigIntegerField, Case, ExpressionWrapper, F, Q, Value, When
from django.db.models.expressions import Combinable

from dashboard.models import ProfileEntry
from dialogs.engine.states import State
from dialogs.sip import URI

PUNCTUATION = str.maketrans("", "", " ()-./\u00a0")
NUMBER = re.compile(r"\+?[\d ()\-./\u00a0]*\d[\d ()\-./\u00a0]*", re.ASCII)
SCHEME = re.compile("(sips?|tel|urn):", re.IGNORECASE)
ADDRESS = re.compile(r"@?[^@]*[.:\[][^@]*")
"What may be an address or a domain; whoever stands before an @ is found by an index, and most Call-IDs have one."


TEXT, NUMERIC, SECONDS, TIME, YES, CHOICE = "text", "number", "seconds", "time", "yes or no", "word"
OPERATORS: dict[str, tuple[str, ...]] = {
    TEXT: ("=", "~", "startswith", "endswith", "in"),
    NUMERIC: ("=", "<", "<=", ">", ">=", "in"),
    SECONDS: ("=", "<", "<=", ">", ">=", "in"),
    TIME: ("=", "<", "<=", ">", ">=", "in"),
    YES: ("=",),
    CHOICE: ("=", "in"),
}
"Kind -> its operators; = in ~ startswith endswith also with `!` or `not`."

Lookup = Callable[[str, str], Q]
"(operator, text) -> the condition."


def number(text: str) -> str:
    """Return a number without what people put between its digits; other text as it is."""
    return text.translate(PUNCTUATION) if NUMBER.fullmatch(text) else text


def begins(column: str, text: str) -> Q:
    """Return what begins with this text, case-sensitive, by the column's index where the database can."""
    if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":  # its LIKE ignores case and with it the index
        return Q(**{f"{column}__gte": text, f"{column}__lt": f"{text}\U0010ffff"})
    return Q(**{f"{column}__startswith": text})


def plain(column: str) -> Lookup:
    """Return the lookups of a column of text."""

    def lookup(operator: str, text: str) -> Q:
        return begins(column, text) if operator == "startswith" else Q(**{f"{column}{SUFFIX[operator]}": text})

    return lookup


SUFFIX = {"=": "", "~": "__icontains", "endswith": "__endswith"}


def user(side: str) -> Lookup:
    """Return the lookups of the number or name on a side ("from" or "to"), however a number is written."""

    def lookup(operator: str, text: str) -> Q:
        if operator == "=":
            return Q(**{f"{side}_user__in": list(dict.fromkeys([text, number(text)]))})
        return plain(f"{side}_user")(operator, number(text))

    return lookup


def party(side: str) -> Lookup:
    """Return the lookups of who is on a side: the whole URI, or the number or name in it."""

    def lookup(operator: str, text: str) -> Q:
        if SCHEME.match(text):
            return plain(f"{side}_uri")(operator, text)
        if operator in ("~", "endswith"):
            return plain(f"{side}_uri")(operator, number(text))
        return user(side)(operator, URI.parse(f"sip:{text}").user.partition(";")[0] if "@" in text else text)

    return lookup


def anything(operator: str, text: str) -> Q:
    """Return the calls with this number on either side, this Call-ID, or this address in their path or URIs."""
    if operator in ("~", "endswith"):
        suffix = SUFFIX[operator]
        return Q(*((f"{column}{suffix}", text) for column in ("from_uri", "to_uri", "call_id", "path")), _connector=Q.OR)
    found = party("from")(operator, text) | party("to")(operator, text) | plain("call_id")(operator, text)
    if ADDRESS.fullmatch(text):  # no index helps, so only then
        address = text.strip("[]")
        found |= Q(path__contains=address) | Q(from_uri__contains=address) | Q(to_uri__contains=address)
    return found


def anything_whole(_operator: str, text: str) -> Q:
    """Return the calls with exactly this number, URI or Call-ID, or this address in their path: for who may not see numbers."""
    found = party("from")("=", text) | party("to")("=", text) | Q(call_id=text)
    return found | Q(path__contains=text.strip("[]")) if ADDRESS.search(text) and "@" not in text else found


def peer(operator: str, text: str) -> Q:
    """Return the calls through a peer: its name, or the host of an address; the column has one a line."""
    if operator == "~":
        return Q(peers__icontains=text)
    return Q(peers__contains={"=": f"\n{text}\n", "startswith": f"\n{text}", "endswith": f"{text}\n"}[operator])


def profile(operator: str, text: str) -> Q:
    """Return the calls in a profile: "name", or "name=value"; the operator is about the value where there is one, else about the name."""
    name, equals, value = text.partition("=")
    entries = ProfileEntry.objects.filter(name=name) & ProfileEntry.objects.filter(plain("value")(operator, value)) if equals else None
    if entries is None:
        entries = ProfileEntry.objects.filter(plain("name")(operator, name))
    return Q(pk__in=entries.values("dialog_id"))


STATES: Mapping[str, Q] = {
    "setting up": Q(state=State.UNCONFIRMED),
    "unconfirmed": Q(state=State.UNCONFIRMED),
    "ringing": Q(state=State.EARLY),
    "early": Q(state=State.EARLY),
    "no ack": Q(state=State.CONFIRMED_NA),
    "confirmed_na": Q(state=State.CONFIRMED_NA),
    "in call": Q(state=State.CONFIRMED),
    "confirmed": Q(state=State.CONFIRMED),
    "live": Q(state__lt=State.DELETED),
    "ended": Q(state=State.DELETED, end_code=0) & ~Q(ended_by="timeout"),
    "failed": Q(state=State.DELETED, end_code__gt=0),
    "expired": Q(state=State.DELETED, end_code=0, ended_by="timeout"),
    "over": Q(state=State.DELETED),
}
"A call's state by word: what the screen says, and Kamailio's names. Live calls are one of four, others ended, failed or expired."


class Lasted(NamedTuple):
    """A duration between two columns; of a live call until now."""

    begin: str
    end: str
    until_now: bool = False
    or_begin: str = ""
    "The beginning where `begin` has not happened."

    def known(self, now_ns: int) -> Q:
        """Return which calls have this duration at all."""
        known = Q() if self.or_begin else Q(**{f"{self.begin}__gt": 0})
        return known if self.until_now else known & Q(**{f"{self.end}__gt": 0})

    def nanoseconds(self, now_ns: int) -> Combinable:
        """Return the duration."""
        begin = _either(self.begin, F(self.or_begin)) if self.or_begin else F(self.begin)
        end = _either(self.end, Value(now_ns, output_field=BigIntegerField())) if self.until_now else F(self.end)
        return ExpressionWrapper(end - begin, output_field=BigIntegerField())


def _either(column: str, otherwise: Combinable) -> Combinable:
    return Case(When(**{f"{column}__gt": 0}, then=F(column)), default=otherwise, output_field=BigIntegerField())


class Field(NamedTuple):
    """One thing that can be asked."""

    kind: str
    means: str
    behind: str | Lookup | Lasted | Mapping[str, Q]
    "A column; or what makes the condition."

    values: tuple[str, ...] = ()
    "What is offered while typing."

    whole: str | Lookup | None = None
    "Of what may hold a party's number: `behind` for who may not see numbers, and may ask for whole ones only."

    @property
    def operators(self) -> tuple[str, ...]:
        """What may stand behind the name."""
        return OPERATORS[self.kind]


FIELDS: dict[str, Field] = {
    "any": Field(TEXT, "number on either side, Call-ID or address", anything, whole=anything_whole),
    "state": Field(CHOICE, "setting up, ringing, no ack, in call; live; ended, failed, expired", STATES, tuple(STATES)),
    "from": Field(TEXT, "caller: number, name or whole URI", party("from"), whole=party("from")),
    "to": Field(TEXT, "callee: number, name or whole URI", party("to"), whole=party("to")),
    "caller": Field(TEXT, "number or name of the caller", user("from"), whole=user("from")),
    "callee": Field(TEXT, "number or name of the callee", user("to"), whole=user("to")),
    "from_tag": Field(TEXT, "tag of the caller", plain("from_tag"), whole=plain("from_tag")),
    "to_tag": Field(TEXT, "tag of the callee", plain("to_tag"), whole=plain("to_tag")),
    "call_id": Field(TEXT, "Call-ID", plain("call_id"), whole=plain("call_id")),
    "duration": Field(SECONDS, "seconds, as the table shows them", Lasted("start_ns", "end_ns", until_now=True, or_begin="init_ns")),
    "talk": Field(SECONDS, "seconds since it was answered", Lasted("start_ns", "end_ns", until_now=True)),
    "setup_time": Field(SECONDS, "seconds until it was answered", Lasted("init_ns", "start_ns")),
    "ring_delay": Field(SECONDS, "seconds until it rang", Lasted("init_ns", "ring_ns")),
    "code": Field(NUMERIC, "status that failed the call", "end_code", ("404", "408", "480", "486", "487", "503", "603")),
    "reason": Field(TEXT, "words of that status", plain("end_reason"), whole=plain("end_reason")),
    "ended_by": Field(TEXT, "caller, callee, proxy, timeout or operator:NAME", plain("ended_by"), ("caller", "callee", "proxy", "timeout")),
    "begun": Field(TIME, "its INVITE was seen", "init_ns", ("today", "yesterday", "last 1h")),
    "started": Field(TIME, "the same as begun", "init_ns", ("today", "yesterday", "last 1h")),
    "rang": Field(TIME, "it rang", "ring_ns", ("today", "last 1h")),
    "answered": Field(TIME, "it was answered", "start_ns", ("today", "last 1h")),
    "ended": Field(TIME, "it was over", "end_ns", ("today", "last 1h")),
    "heard": Field(TIME, "its newest message", "last_ns", ("last 5m",)),
    "peer": Field(TEXT, "a peer or address that it went through", peer),
    "path": Field(TEXT, "all of these, in order", plain("path")),
    "profile": Field(TEXT, "name, or name=value", profile, whole=profile),
    "user_agent": Field(TEXT, "User-Agent of the caller", plain("user_agent"), whole=plain("user_agent")),
    "last_event": Field(TEXT, "newest message, such as 180 Ringing", plain("last_event"), whole=plain("last_event")),
    "notes": Field(TEXT, "words of the evidence", plain("evidence"), whole=plain("evidence")),
    "incomplete": Field(YES, "part of it was not seen", "incomplete", ("true", "false")),
    "messages": Field(NUMERIC, "messages seen", "messages"),
    "node": Field(TEXT, "who captured it", plain("node")),
    "tap": Field(TEXT, "where it was captured", plain("tap")),
    "recorded": Field(YES, "from a file, not from the wire", "recorded", ("true", "false")),
    "id": Field(TEXT, "Dialtap's own name of the call", plain("uid")),
    "h_entry": Field(NUMERIC, "Kamailio's hash entry", "h_entry"),
    "h_id": Field(NUMERIC, "Kamailio's dialog number", "h_id"),
}
