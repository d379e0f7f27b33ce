"""A query made ready: text and zone -> a condition at any moment. Knows trees and fields; knows no page, no view.

Compiled once for each text and zone; asking is building Django's conditions, some microseconds. Every comparison is either true or false of a call:
there is no third value that `not` would leave as it is.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from dashboard.privacy.sealed import is_sealed, unseal
from dashboard.query.alerts import SCHEMAS
from dashboard.query.errors import QueryError
from dashboard.query.fields import CHOICE, NUMERIC, SECONDS, TIME, YES, Field, Lasted, Lookup
from dashboard.query.times import Span, span_of
from dashboard.query.tree import Compare, Joined, Node, Not, Value, nearest, parse

MAX = (1 << 63) - 1
SECOND = 10**9
SPOKEN = {"!=": "=", "!~": "~", "not in": "in", "not startswith": "startswith", "not endswith": "endswith"}
COMPARED = {"<": "__lt", "<=": "__lte", ">": "__gt", ">=": "__gte"}
LOOKUPS = {"<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan, ">=": GreaterThanOrEqual, "=": Exact}
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")
ALWAYS = re.compile(r"\d{4}-\d\d-\d\d")
"How a time begins that means the same tomorrow."

Condition = Callable[[int], Q]
"now_ns -> the condition."


class Query:
    """A query that can be asked."""

    def __init__(self, text: str, condition: Condition, *, timed: bool) -> None:
        self.text = text
        self._condition = condition
        self.timed = timed
        "Whether its answer changes although no call does."

    def at(self, now_ns: int) -> Q:
        """Return the condition at this moment."""
        return self._condition(now_ns)


class _For(NamedTuple):
    """For whom a query is compiled."""

    zone: ZoneInfo
    whole: bool
    fields: Mapping[str, Field]


@lru_cache(1024)
def compiled(text: str, zone: str, *, whole: bool = False, about: str = "calls") -> Query:
    """Return a query about calls or alerts (`query.alerts.SCHEMAS`) whose times are in a zone (IANA name). Raises QueryError with the spot.

    `whole`: what may hold a number is found by the whole of it only; who may not see numbers must not find them out digit by digit.
    """
    tree = parse(text)
    try:
        condition, timed = _node(tree, _For(ZoneInfo(zone), whole, SCHEMAS[about]))
        condition(0)  # what cannot be asked is found now
    except QueryError as error:
        error.text = text
        raise
    return Query(text, condition, timed=timed)


def _node(node: Node, whom: _For) -> tuple[Condition, bool]:
    if isinstance(node, Not):
        part, timed = _node(node.part, whom)
        return (lambda now_ns: ~part(now_ns)), timed
    if isinstance(node, Joined):
        made = [_node(part, whom) for part in node.parts]
        connector = Q.AND if node.all_of else Q.OR
        return (lambda now_ns: Q(*(part(now_ns) for part, _ in made), _connector=connector)), any(timed for _, timed in made)
    return _comparison(node, whom)


def _comparison(node: Compare, whom: _For) -> tuple[Condition, bool]:
    field = whom.fields.get(node.name.lower())
    if field is None:
        raise QueryError(f"no field is called {node.name}{nearest(node.name, whom.fields)}", node.name_offset, len(node.name))
    if node.operator not in field.operators:
        takes = " ".join(_written(field))
        raise QueryError(f"{node.name} takes {takes}, got {node.written}", node.operator_offset, len(node.written))
    operator = "=" if node.operator == "in" else node.operator
    if whom.whole and field.whole is not None:
        if operator != "=":
            raise QueryError("numbers are masked for you: ask for the whole number with =", node.operator_offset, len(node.written))
        field = field._replace(behind=field.whole)
    parts = [KINDS.get(field.kind, _text)(field, operator, value, whom.zone) for value in node.values]
    timed = field.kind == TIME and any(not ALWAYS.match(value.text) for value in node.values)
    timed = timed or (isinstance(field.behind, Lasted) and field.behind.until_now)
    return (lambda now_ns: reduce(or_, (part(now_ns) for part in parts))), timed


def _written(field: Field) -> list[str]:
    """Return a field's operators with their negatives."""
    negative = {positive: written for written, positive in SPOKEN.items()}
    return [name for operator in field.operators for name in (operator, negative.get(operator, "")) if name]


def _text(field: Field, operator: str, value: Value, _zone: ZoneInfo) -> Condition:
    if not value.text and operator != "=":
        raise QueryError("this text is empty", value.offset, value.length)
    found = cast("Lookup", field.behind)(operator, opened(value.text))
    return lambda _now_ns: found


def opened(text: str) -> str:
    """Return a text with what is sealed in it opened: a link of a masked page, alone or as a profile's value."""
    name, equals, value = text.partition("=")
    return f"{name}={unseal(value)}" if equals and is_sealed(value) else unseal(text)


def _choice(field: Field, _operator: str, value: Value, _zone: ZoneInfo) -> Condition:
    words = cast("Mapping[str, Q]", field.behind)
    word = " ".join(value.text.lower().split())
    if word not in words:
        raise QueryError(f"there is no {value.text}{nearest(word, words)}", value.offset, value.length)
    return lambda _now_ns: words[word]


def _yes(field: Field, _operator: str, value: Value, _zone: ZoneInfo) -> Condition:
    if value.text.lower() not in TRUE + FALSE:
        raise QueryError("expected true or false", value.offset, value.length)
    found = Q(**{str(field.behind): value.text.lower() in TRUE})
    return lambda _now_ns: found


def _figure(value: Value, scale: int) -> int:
    """Return a number times `scale`, as a whole one. Raises QueryError."""
    whole, dot, fraction = value.text.partition(".")
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", whole) or (dot and not re.fullmatch("[0-9]{1,9}", fraction)):
        raise QueryError("expected a number" if len(value.text) < 19 else "this number is too long", value.offset, value.length)
    if fraction and scale == 1:
        raise QueryError("expected a whole number", value.offset, value.length)
    digits = int(f"{whole}{fraction.ljust(9, '0')}") if scale == SECOND else int(whole)
    return max(-MAX, min(digits, MAX))


def _number(field: Field, operator: str, value: Value, _zone: ZoneInfo) -> Condition:
    found = Q(**{f"{field.behind}{COMPARED.get(operator, '')}": _figure(value, 1)})
    return lambda _now_ns: found


def _seconds(field: Field, operator: str, value: Value, _zone: ZoneInfo) -> Condition:
    """Whole seconds are equal as the screen shows them: 60 is from 60.0 until before 61."""
    lasted, figure = cast("Lasted", field.behind), _figure(value, SECOND)

    def condition(now_ns: int) -> Q:
        length = lasted.nanoseconds(now_ns)
        if operator == "=" and "." not in value.text:
            found = Q(GreaterThanOrEqual(length, figure)) & Q(LessThan(length, min(MAX, figure + SECOND)))
        else:
            found = Q(LOOKUPS[operator](length, figure))
        return lasted.known(now_ns) & found

    return condition


def _time(field: Field, operator: str, value: Value, zone: ZoneInfo) -> Condition:
    def condition(now_ns: int) -> Q:
        try:
            span = span_of(value.text, zone, now_ns)
        except ValueError as error:
            raise QueryError(str(error), value.offset, value.length) from error
        return _within(str(field.behind), operator, span)

    return condition


def _within(column: str, operator: str, span: Span) -> Q:
    """Return which times stand so to a span; 0 is a time that has not come."""
    after, before = Q(**{f"{column}__gte": max(1, span.begin_ns)}), Q(**{f"{column}__lt": span.end_ns, f"{column}__gt": 0})
    if operator == "=":
        return after & Q(**{f"{column}__lt": span.end_ns})
    if operator in (">", ">="):
        return after if operator == ">=" else Q(**{f"{column}__gte": max(1, span.end_ns)})
    return before if operator == "<=" else Q(**{f"{column}__lt": span.begin_ns, f"{column}__gt": 0})


KINDS: dict[str, Callable[[Field, str, Value, ZoneInfo], Condition]] = {CHOICE: _choice, YES: _yes, NUMERIC: _number, SECONDS: _seconds, TIME: _time}
"Kind -> what makes a condition of one value; others are texts."
