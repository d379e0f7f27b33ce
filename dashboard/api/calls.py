"""Calls for programs: live ones, history, one with all that is known of it. Knows how pages ask; knows no request and no format."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import QueryDict

from dashboard.api.answers import Answer, File, Problem, call_of, live_of, message_of, order_of, plain, understood, zone_of
from dashboard.api.asker import Asker
from dashboard.history.export import iso
from dashboard.history.messages import StoredMessage
from dashboard.history.search import page
from dashboard.history.segments import Found
from dashboard.live.callview import call_context, messages_of
from dashboard.live.counters import count_calls
from dashboard.live.filter import CallFilter
from dashboard.live.ladderview import Look, heard_of, ladder_of
from dashboard.live.layout import Layout
from dashboard.live.related import related
from dashboard.live.spelled import compare
from dashboard.models import DialogQuerySet, DialogRow
from dashboard.orders.audit import searched
from dashboard.orders.request import Refusal, may_end, may_join, may_transfer, to_type
from dashboard.pages.call import capture_of, file_name
from dashboard.pages.exports import KINDS
from dashboard.pages.history import PATIENCE, Asking, answer, asked_by, counting
from dashboard.pages.history import order_of as sort_of
from dashboard.pages.ladder import svg, titled
from dashboard.query.cost import TooSlow, at_most
from dashboard.query.offers import offers as ways_on
from dashboard.query.zones import known
from dashboard.rpc.change import may_change
from dialogs.insight.ladder_text import draw_text

MOST = 500
"Calls of a page."

STATES = ("setting_up", "ringing", "no_ack", "in_call")


# Asking


def history(asker: Asker, q: str = "", when: str = "", zone: str = "", sort: str = "", at: str = "", size: int = 50) -> Answer:
    """Search past and present calls, newest first or by a column (`sort`, as in the page's address); `at` is `next` or `previous` of another page."""
    asked = _asked(asker, q, when, zone, at)
    layout = Layout.parse({"sort": sort}, masked=asker.policy.masked)
    if layout.sort != sort:
        raise Problem(400, "sort is the name of a column, with - before it for the other way round; leave it out for newest first")
    with _at_place():
        found, slow = answer(asked, asker.now_ns, at, sort_of(layout), _size(size))
    if slow:
        raise Problem(503, f"the question was given up after {PATIENCE:g} s: narrow it with when, or ask for a beginning instead of a part")
    said = counting(asked, found, asker.now_ns, known=False) if found.rows else {"total": 0, "count": "0 calls"}
    calls = [call_of(row, zone_of(asked.zone)) for row in asker.policy.rows(found.rows)]
    return {"calls": calls, "next": found.next, "previous": found.previous, "total": None if said["total"] == "" else said["total"], "count": said["count"]}


def download(asker: Asker, kind: str, q: str = "", when: str = "", zone: str = "", names: str = "") -> File:
    """Take all that a query finds: `csv`, `json`, `ndjson` or `pcapng`; `names` of columns as in call records."""
    if kind not in KINDS:
        raise Problem(404, f"calls are to be had as {', '.join(KINDS)}")
    asked = _asked(asker, q, when, zone)
    content_type, make = KINDS[kind]
    calls = asked.question.calls(asker.now_ns)
    return File(f"calls.{kind}", content_type, make(calls.using(calls.db), asked, names))


def live(
    asker: Asker, q: str = "", state: str = "", caller: str = "", profile: str = "", peer: str = "", zone: str = "", at: str = "", size: int = 50
) -> Answer:
    """List the calls that are up, newest first, and how many there are in each state."""
    chosen = chosen_by(asker, {"q": q, "state": state, "caller": caller, "profile": profile, "peer": peer, "zone": zone})
    calls = chosen.apply(DialogRow.objects.live())
    try:
        with _at_place(), at_most(PATIENCE, calls.db):
            found, total = page(calls, at, _size(size)), calls.count()
    except TooSlow as slow:
        raise Problem(503, f"the question was given up after {PATIENCE:g} s: narrow it") from slow
    rows = [live_of(row, zone_of(known(zone) or settings.TIME_ZONE)) for row in asker.policy.rows(found.rows)]
    return {"calls": rows, "next": found.next, "previous": found.previous, "total": total, "states": standing(asker.now_ns)}


def standing(now_ns: int) -> dict[str, int]:
    """Return how many calls are up in each state, whatever is asked for."""
    figures = count_calls(now_ns)
    return {name: figures[name] for name in (*STATES, "per_minute")}


def chosen_by(asker: Asker, query: dict[str, str]) -> CallFilter:
    """Return the filter of live calls that somebody asks for. Raises Problem with the spot for a query that cannot be understood."""
    chosen = CallFilter.parse(query, whole=asker.policy.masked)
    if asker.policy.masked:
        searched(asker.user.get_username(), chosen.typed, asker.address)
    if (query.get("state") or "") != chosen.state:
        raise Problem(400, "state is 1 (setting up), 2 (ringing), 3 (no ACK) or 4 (in call); for others ask with q")
    understood(chosen.asked.problem)
    return chosen


def offers(_asker: Asker, q: str = "") -> Answer:
    """Tell what could stand next in a query."""
    return {"offers": plain(ways_on(q))}


def _asked(asker: Asker, q: str, when: str, zone: str, at: str = "") -> Asking:
    if zone and not known(zone):
        raise Problem(400, f"there is no time zone {zone[:64]!r}: take a name such as UTC or Europe/Berlin")
    query = QueryDict(mutable=True)
    query.update({"q": q, "when": when, "at": at})
    asked = asked_by(asker.user, query, zone or settings.TIME_ZONE, asker.address)
    if asked.question.problem:
        understood(asked.question.problem.problem)
    return asked


@contextmanager
def _at_place() -> Iterator[None]:
    """Turn a cursor that no page gave into a problem."""
    try:
        yield
    except BadRequest as damaged:
        raise Problem(400, "at is no place in a list: take next or previous of the page before, or leave it out") from damaged


def _size(size: int) -> int:
    if not 1 <= size <= MOST:
        raise Problem(400, f"size is 1 to {MOST}")
    return size


# One call


def row_of(uid: str, calls: DialogQuerySet | None = None) -> DialogRow:
    """Return a call, not masked. Raises Problem 404."""
    row = (calls if calls is not None else DialogRow.objects.all()).filter(pk=uid[:16]).first()
    if row is None:
        raise Problem(404, "there is no call of this name (any more): names are the field call of a list")
    return row


def call(asker: Asker, uid: str) -> Answer:
    """Tell all of one call: what explains it, legs, forks, states, variables, orders, related calls."""
    whole = row_of(uid)
    context = call_context(whole, asker.now_ns, None, asker.policy)
    row: DialogRow = context["row"]
    said = [{name: plain(one[name]) for name in ("tone", "lead", "proof")} | {"until": iso(one["until_ns"])} for one in context["sentences"]]
    detail = msgspec.to_builtins(row.snapshot, str_keys=True)
    others = [{"words": one.words, **call_of(one.row)} for one in related(whole, asker.policy)]
    return live_of(row) | {
        "explained": said,
        "missing": list(context["hints"]),
        "detail": detail,
        "orders": [order_of(order) for order in context["orders"]],
        "related": others,
        "may": _may(whole, asker),
    }


def _may(row: DialogRow, asker: Asker) -> Answer:
    """Return what the asker may order of a call: "" for what they may, else why not; and what must be typed first."""
    user = asker.user
    refusals: dict[str, Refusal | None] = {
        "end": may_end(row, user),
        "transfer": may_transfer(row, user),
        "join": may_join(row, None, user),
        "change": may_change(row, user),
    }
    return {name: refusal.words if refusal else "" for name, refusal in refusals.items()} | {"confirm": asker.policy.number(to_type(row))}


def messages(asker: Asker, uid: str, method: str = "", find: str = "") -> Answer:
    """List a call's stored messages, whole; `method` and `find` as on the call's page."""
    row, found = _stored(asker, uid)
    ladder = ladder_of(row, heard_of(found.messages), Look("alias", method[:64], find[:100]))
    numbers = {number for step in ladder.steps for number in (step.number, *step.repeats)} if method or find else range(1, len(found.messages) + 1)
    listed = [message_of(number, found.messages[number - 1]) for number in sorted(numbers)]
    return {"call": row.uid, "messages": listed, "gone": list(found.gone), "not_stored": found.more}


def message(asker: Asker, uid: str, number: int) -> Answer:
    """Show one message as it was on the wire."""
    _, found = _stored(asker, uid)
    return message_of(number, _numbered(found.messages, number))


def difference(asker: Asker, uid: str, one: int, other: int) -> Answer:
    """Compare two messages line by line."""
    _, found = _stored(asker, uid)
    return {"lines": plain(compare(_numbered(found.messages, one), _numbered(found.messages, other)))}


def pcap(asker: Asker, uid: str) -> File:
    """Take a call's messages as a capture file (pcapng)."""
    row, found = _stored(asker, uid)
    return File(file_name(row), "application/octet-stream", capture_of(row, found))


def as_text(asker: Asker, uid: str) -> File:
    """Take a call's messages as text, each under a line that says when and between whom."""
    row, found = _stored(asker, uid)
    return File(file_name(row, "txt"), "text/plain; charset=utf-8", _texts(found.messages))


def _texts(messages: Sequence[StoredMessage]) -> Iterator[str]:
    for number, stored in enumerate(messages, 1):
        one = message_of(number, stored)
        way = f"{one['source']} -> {one['destination']}  {one['transport']}{'  repeated' if stored.repeat else ''}"
        yield f"--- {number}  {one['at']}  {way}\n{one['text']}\n\n"


def ladder(asker: Asker, uid: str, kind: str = "txt", hosts: str = "", method: str = "", find: str = "") -> File | Answer:
    """Draw a call's ladder: `txt`, `svg`, or `json` for its columns and steps."""
    row, found = _stored(asker, uid)
    look = Look.parse({"hosts": hosts, "method": method, "find": find})
    drawn = ladder_of(row, heard_of(found.messages), look)
    if kind == "json":
        return {"call": row.uid, **{name: plain(getattr(drawn, name)) for name in ("columns", "steps", "start_ns", "left_out")}}
    if kind not in PICTURES:
        raise Problem(404, f"a ladder is to be had as {', '.join(PICTURES)}, json")
    content_type, draw = PICTURES[kind]
    return File(file_name(row, kind), content_type, iter([draw(row, drawn)]))


PICTURES: dict[str, tuple[str, Any]] = {
    "txt": ("text/plain; charset=utf-8", lambda row, drawn: titled(row) + draw_text(drawn)),
    "svg": ("image/svg+xml", lambda _row, drawn: svg(drawn)),
}


def _stored(asker: Asker, uid: str) -> tuple[DialogRow, Found]:
    row = asker.policy.row(row_of(uid))
    found = messages_of(row)
    if not found.messages:
        words = "; ".join(found.gone) or "none was stored yet" if row.state < 5 else "; ".join(found.gone) or "none was stored"
        raise Problem(404, f"this call has no messages: {words}")
    return row, found


def _numbered(messages: Sequence[StoredMessage], number: int) -> StoredMessage:
    if not 0 < number <= len(messages):
        raise Problem(404, f"this call has the messages 1 to {len(messages)}")
    return messages[number - 1]
