"""What is answered: calls, orders, alerts as plain values, files in pieces, and why there is no answer. Knows rows as somebody sees them; asks nothing.

A call is the very object of the export `calls.json`: the same columns, the same texts.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dashboard.history.export import COLUMNS, iso
from dashboard.history.messages import StoredMessage
from dashboard.live.shown import shown
from dashboard.models import Alert, BulkItem, DialogRow, Order
from dashboard.orders.words import outcome_words
from dialogs.insight import sdp
from dialogs.sip import parse

type Answer = dict[str, Any]


class File(NamedTuple):
    """An answer that is a file, made while it is read."""

    name: str
    content_type: str
    pieces: Iterator[str] | Iterator[bytes]


class Problem(Exception):
    """There is no answer: HTTP status, a sentence that says what to do, and more members of the problem."""

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.more = more


def zone_of(name: str) -> tzinfo:
    """Return a zone; UTC itself for UTC, whose times are written with a Z."""
    return UTC if name == "UTC" else ZoneInfo(name)


def call_of(row: DialogRow, zone: tzinfo = UTC) -> Answer:
    """Return a call as the export has it; `row` is as somebody sees it."""
    return {column.title: column.cell(row, zone) for column in COLUMNS}


def live_of(row: DialogRow, zone: tzinfo = UTC) -> Answer:
    """Return a call as the export has it, and what the live page shows beside."""
    said = [{"tone": tone, "words": words} for tone, words in json.loads(row.evidence or "[]")]
    return call_of(row, zone) | {"state_words": shown(row).word, "last_event": row.last_event, "last_at": iso(row.last_ns, zone), "said": said}


def message_of(number: int, stored: StoredMessage) -> Answer:
    """Return a message: its bytes as text (each byte above 127 that is no UTF-8 as an escape), and what its SDP says in words."""
    parsed = parse(stored.data)
    return {
        "number": number,
        "at": iso(stored.at_ns),
        "at_ns": stored.at_ns,
        "source": stored.source,
        "destination": stored.destination,
        "transport": stored.transport,
        "retransmission": stored.repeat,
        "summary": parsed.summary if parsed else "not SIP",
        "media": [one.words for one in sdp.read(parsed.body)] if parsed else [],
        "text": stored.data.decode("utf-8", "backslashreplace"),
    }


def order_of(order: Order) -> Answer:
    """Return an order: who, what, why, how far it is, and what the wire proved."""
    return {
        "order": order.pk,
        "call": order.dialog_uid,
        "parties": order.call_text,
        "kind": order.kind,
        "side": order.side,
        "arguments": order.arguments,
        "user": order.username,
        "reason": order.reason,
        "phase": order.phase,
        "open": order.phase in Order.OPEN,
        "outcome": order.outcome,
        "words": outcome_words(order),
        "detail": order.detail,
        "steps": order.steps,
        "evidence": [{"at": iso(at_ns), "words": words} for at_ns, words in json.loads(order.evidence or "[]")],
        **{name: iso(getattr(order, f"{name}_ns")) for name in ("requested", "sent", "answered", "closed")},
    }


def alert_of(alert: Alert, row: DialogRow | None) -> Answer:
    """Return an alert, with its call where that is still there."""
    return {
        "alert": alert.pk,
        "at": iso(alert.at_ns),
        "kind": alert.kind,
        "severity": alert.severity,
        "limit": alert.limit,
        "subject": str(alert.subject),
        "text": alert.text,
        "seen": alert.seen,
        "cleared": iso(alert.cleared_ns),
        "over": alert.over,
        "call": alert.dialog_uid,
        "caller": row.from_user if row else "",
        "callee": row.to_user if row else "",
    }


def item_of(item: BulkItem) -> Answer:
    """Return a call of a bulk that was left out, or whose end is not proven."""
    return {"call": item.dialog_uid, "parties": item.call_text, "state": item.state, "words": item.words, "order": item.order_id}


def plain(value: Any) -> Any:
    """Return named tuples as objects, all the way down: for what pages show as it is."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(one) for name, one in value._asdict().items()}
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def paged(page: Any, name: str, found: Iterable[Answer]) -> Answer:
    """Return a numbered page (Django's) of a list."""
    return {name: list(found), "page": page.number, "pages": page.paginator.num_pages, "total": page.paginator.count}
