"""Template filters for calls and times. Knows how a call is shown; decides nothing."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django import template

from dashboard.live import shown
from dashboard.live.kpis import SECOND_NS, span_words
from dashboard.live.layout import Layout
from dashboard.models import DialogRow, Order
from dashboard.orders.request import to_retry
from dashboard.orders.stages import Stage, stages, untold
from dashboard.orders.words import outcome_words, title, tone
from dashboard.privacy import is_sealed, linked, policy_of, unseal
from dialogs.engine.states import State

register = template.Library()


@register.filter
def state_of(row: DialogRow) -> shown.Shown:
    """Return the row's state as it is shown."""
    return shown.shown(row)


@register.filter
def caller_of(row: DialogRow) -> shown.Party:
    """Return who calls."""
    return shown.party(row.from_uri, row.from_user)


@register.filter
def callee_of(row: DialogRow) -> shown.Party:
    """Return who is called."""
    return shown.party(row.to_uri, row.to_user)


@register.filter
def lasted(row: DialogRow, now_ns: int) -> str:
    """Return the call's duration in words at this moment."""
    return shown.span_text(shown.duration_ns(row, now_ns))


@register.filter
def evidence_of(row: DialogRow) -> list[tuple[str, str]]:
    """Return the row's evidence as (colour class, words)."""
    return shown.evidence(row)


@register.filter
def span(duration_ns: int) -> str:
    """Return nanoseconds as "14:22"."""
    return shown.span_text(int(duration_ns))


@register.filter
def moment(at_ns: int) -> str:
    """Return date and time with milliseconds."""
    return shown.moment_text(at_ns)


@register.filter
def clock(at_ns: int) -> str:
    """Return the time of day with milliseconds."""
    return shown.moment_text(at_ns, "%H:%M:%S")


@register.filter
def after(at_ns: int, start_ns: int) -> str:
    """Return the seconds between two moments, signed."""
    return shown.relative_text(at_ns, start_ns)


@register.filter
def words(order: Order) -> str:
    """Return what came of an order, in words."""
    return outcome_words(order)


@register.filter
def order_title(order: Order) -> str:
    """Return the heading over an order's progress."""
    return title(order)


@register.filter
def order_stages(order: Order) -> list[Stage]:
    """Return how far an order is, step by step."""
    return stages(order)


@register.filter
def order_untold(order: Order) -> str:
    """Return what is to be said of a closed order beside its steps."""
    return untold(order)


@register.filter
def order_tone(order: Order) -> str:
    """Return the colour class of an order."""
    return {"good": "s4", "bad": "s3", "open": "s1"}[tone(order)] if order.outcome != Order.Outcome.REFUSED else "sf"


@register.filter
def order_evidence(order: Order) -> list[tuple[int, str]]:
    """Return what the tap saw, as (time, words)."""
    return [(int(at_ns), str(text)) for at_ns, text in json.loads(order.evidence or "[]")]


@register.filter
def leg_left(order: Order) -> str:
    """Return the leg that an order left, "" for none."""
    return to_retry(order)


@register.filter
def order_steps(order: Order) -> list[tuple[int, str, bool]]:
    """Return an order's evidence as (time, words, whether a message on the wire is the proof)."""
    ours = {order.sent_ns, order.answered_ns, order.closed_ns}
    return [(at_ns, text, at_ns not in ours) for at_ns, text in order_evidence(order)]


@register.filter
def state_word(state: int) -> str:
    """Return the word of a state number in a list of transitions."""
    return shown.LIVE_STATES[State(state)].word if state in shown.LIVE_STATES else shown.ENDED.word


@register.filter
def minus(left: int, right: int) -> int:
    """Return the difference of two moments."""
    return int(left) - int(right)


@register.filter
def plus(left: int, right: int) -> int:
    """Return the sum: positions in a drawing."""
    return int(left) + int(right)


@register.filter
def is_number(part: str | int) -> bool:
    """Return whether a part of a sentence is the number of a message."""
    return isinstance(part, int)


@register.filter
def joined(words: str) -> str:
    """Return words as they go on in a sentence: with a blank before them, unless they begin with a sign."""
    return words if words[:1] in ".,;:" else f" {words}"


@register.filter
def thousands(number: int) -> str:
    """Return a figure as "1,284"."""
    return f"{int(number):,}"


@register.filter
def rate(per_second: float) -> str:
    """Return a rate as "0.4" or "1,284"."""
    return f"{per_second:,.0f}" if per_second >= 100 or per_second == int(per_second) else f"{per_second:.1f}"


@register.filter
def hour_minute(at_ns: int) -> str:
    """Return the time of day as "11:52"."""
    return shown.moment_text(at_ns, "%H:%M")[:5]


@register.simple_tag
def calls_in(field: str, now_ns: int, seconds: int) -> str:
    """Return the query string of history for the calls that began, or were answered, in the last seconds."""
    return urlencode({"q": f'{field} = "{span_words(now_ns - seconds * SECOND_NS, now_ns)}"'})


@register.filter
def seconds(duration_ns: int) -> str:
    """Return nanoseconds as "0.42 s" or "12.3 s"."""
    return f"{duration_ns / 1e9:.2f} s" if duration_ns < 10 * 10**9 else f"{duration_ns / 1e9:.1f} s"


@register.filter
def words_in(text: str) -> list[str]:
    """Return the words of a text: a list inside a template."""
    return text.split()


@register.simple_tag
def querystring_of(**parts: str) -> str:
    """Return a query string of these parts, escaped for a URL; what is masked goes as its token."""
    return urlencode({name: linked(value) for name, value in parts.items() if value})


@register.simple_tag(takes_context=True)
def asked_for(context: template.Context, text: str) -> str:
    """Return what a filter asks for, in words: of a link to a masked number the masked number."""
    if not is_sealed(text):
        return text
    policy, whole = policy_of(context["request"].user), unseal(text)
    return policy.profile(whole) if "=" in whole else policy.number(whole)


@register.simple_tag(takes_context=True)
def here(context: dict[str, Any], **changes: object) -> str:
    """Return the query string of what is shown (`chosen`, `layout`) with something else in it; empty takes a part away."""
    parts = dict(parse_qsl(context["chosen"].query)) | context["layout"].parts | {name: str(value) for name, value in changes.items()}
    return urlencode({name: value for name, value in parts.items() if value and not (name == "p" and value == "1")})


@register.filter
def next_sort(layout: Layout, name: str) -> str:
    """Return the order that a click on a column's head asks for."""
    return layout.next_sort(name)


@register.filter
def ended_by_words(row: DialogRow) -> str:
    """Return who ended a call: "caller", "timeout", or the operator's name."""
    return row.ended_by.removeprefix("operator:")
