"""What happened, as the JSON that every feed has: webhooks, event files, the stream. Knows snapshots and rows of alerts and orders; sends nothing.

VERSION grows when a field changes its meaning or goes; a field that is added does not change it. Times are ISO 8601 in UTC with milliseconds, "" for
what has not happened. The revision, by which programs go on after a break, is put in when the event is read (`whole`): it is the row's number.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from dashboard.history.export import iso
from dashboard.history.rows import clean, user_of
from dashboard.models import Alert, DialogRow, FeedEvent, Order
from dashboard.privacy.policy import Cover, masked_deep
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import STATE_NAMES, State
from dialogs.packet import SECOND

VERSION = 1
CREATED, START, END, FAILED, ALERT, ORDER = "dialog:created", "dialog:start", "dialog:end", "dialog:failed", "alert", "order"
OPEN = frozenset(("Event", "Version", "At", "Node", "Uid", "State", "FromTag", "ToTag", "EndedBy", "SetupTime", "RingTime", "AnswerTime", "EndTime"))
"Fields in which no party's number stands."

LONGEST = 4096
"Characters of one text."


class Happening(NamedTuple):
    """One event on its way to the outbox."""

    event: str
    uid: str
    at_ns: int
    body: str
    about: str = ""
    "What else tells which events belong together, where there is no call."

    recorded: bool = False

    @property
    def key(self) -> str:
        """What orders it: events of one key are told one after the other."""
        return self.uid or hashlib.sha256(f"{self.event} {self.about}".encode()).hexdigest()[:16]


def call_event(event: str, call: CallSnapshot, at_ns: int, *, ended_by: str = "", recorded: bool = False) -> Happening:
    """Return one moment of a call; what came after that moment is not in it."""
    if event in (CREATED, START):
        call = msgspec.structs.replace(
            call, end_ns=0, end_code=0, end_reason="", ended_by="", state=int(State.CONFIRMED_NA if event == START else State.UNCONFIRMED)
        )
        ended_by = ""
    if event == CREATED:
        call = msgspec.structs.replace(call, ring_ns=0, start_ns=0)
    return Happening(event, call.uid, at_ns, _body(event, at_ns, call.node, call_fields(call, ended_by, recorded=recorded)), recorded=recorded)


def alert_event(alert: Alert, state: str, call: CallSnapshot | None, at_ns: int, *, recorded: bool = False) -> Happening:
    """Return what a rule said, or what became of a limit; `state`: said, opened, changed or cleared."""
    told = {"Kind": alert.kind, "State": state, "Text": alert.text, "Severity": alert.severity, "Limit": alert.limit, "Subject": alert.subject}
    fields = call_fields(call, recorded=recorded) if call else _nobody(alert.dialog_uid)
    about = f"{alert.limit} {alert.subject}"
    return Happening(ALERT, alert.dialog_uid, at_ns, _body(ALERT, at_ns, alert.node, fields | {"Alert": _clean(told)}), about, recorded)


def order_event(order: Order) -> Happening:
    """Return what came of an order."""
    told = {
        "Id": order.pk,
        "Kind": order.kind,
        "Side": order.side,
        "Call": order.call_text,
        "By": order.username,
        "Why": order.reason,
        "Outcome": order.outcome,
        "Detail": order.detail,
        "RequestedTime": iso(order.requested_ns),
        "ClosedTime": iso(order.closed_ns),
    }
    call, recorded = stored_call(order.dialog_uid)
    fields = call_fields(call) if call else _nobody(order.dialog_uid)
    body = _body(ORDER, order.closed_ns, order.node, fields | {"Order": _clean(told)})
    return Happening(ORDER, order.dialog_uid, order.closed_ns, body, str(order.pk), recorded)


def stored_call(uid: str) -> tuple[CallSnapshot | None, bool]:
    """Return the call as it is stored, None when it is not (any more) or another version wrote it; and whether it is recorded."""
    row = DialogRow.objects.filter(pk=uid).only("uid", "detail", "recorded").first() if uid else None
    try:
        return (row.snapshot, row.recorded) if row else (None, False)
    except msgspec.MsgspecError:
        return None, False


def call_fields(call: CallSnapshot, ended_by: str = "", *, recorded: bool = False) -> dict[str, Any]:
    """Return what every event says of its call."""
    return {
        "Uid": call.uid,
        "CallID": clean(call.call_id, LONGEST),
        "From": clean(call.caller.uri, LONGEST),
        "To": clean(call.callee.uri, LONGEST),
        "FromTag": clean(call.caller.tag, LONGEST),
        "ToTag": clean(call.callee.tag, LONGEST),
        "State": STATE_NAMES[State(call.state)],
        "SetupTime": iso(call.init_ns),
        "RingTime": iso(call.ring_ns),
        "AnswerTime": iso(call.start_ns),
        "EndTime": iso(call.end_ns),
        "BillSec": lasted(call.start_ns, call.end_ns),
        "Duration": lasted(call.init_ns, call.end_ns),
        "Code": call.end_code,
        "Reason": clean(call.end_reason, LONGEST),
        "EndedBy": clean(ended_by or call.ended_by, LONGEST),
        "Profiles": [[clean(name), clean(value)] for name, value in call.profiles],
        "Variables": {clean(name): clean(value) for name, value in call.variables},
        "Recorded": recorded,
    }


def _nobody(uid: str) -> dict[str, Any]:
    """Return the same fields of what is about no call that is known."""
    texts = dict.fromkeys(("CallID", "From", "To", "FromTag", "ToTag", "State", "SetupTime", "RingTime", "AnswerTime", "EndTime"), "")
    return {"Uid": uid, **texts, "BillSec": 0.0, "Duration": 0.0, "Code": 0, "Reason": "", "EndedBy": "", "Profiles": [], "Variables": {}, "Recorded": False}


def lasted(begin_ns: int, end_ns: int) -> float:
    """Return seconds with milliseconds between two moments, 0 unless both have happened."""
    return round((end_ns - begin_ns) / SECOND, 3) if begin_ns and end_ns else 0.0


def _clean(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: clean(str(value), LONGEST) if isinstance(value, str) else value for name, value in told.items()}


def _body(event: str, at_ns: int, node: str, fields: dict[str, Any]) -> str:
    return msgspec.json.encode({"Event": event, "Version": VERSION, "At": iso(at_ns), "Node": clean(node, 64), **fields}).decode()


def whole(revision: int, body: str) -> str:
    """Return an event as programs get it: with its revision."""
    return f'{{"Revision":{revision},{body[1:]}'


def seen(row: FeedEvent, *, masked: bool) -> str:
    """Return an event as somebody may see it."""
    return whole(row.pk, mask(row.body) if masked else row.body)


def mask(body: str) -> str:
    """Return an event's JSON with the numbers of its parties masked."""
    event = msgspec.json.decode(body)
    cover = Cover(user_of(event["From"]), user_of(event["To"]))
    return msgspec.json.encode({name: value if name in OPEN else masked_deep(value, cover) for name, value in event.items()}).decode()
