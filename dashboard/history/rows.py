"""A change of a call as a row of DialogRow, and the SQL that writes many. Knows the table's columns; knows no connection and no time.

Raw SQL on purpose: the ORM's bulk upsert takes four times as long a row (tests/dashboard/history/test_speed.py measures both), and it cannot
append to a column.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from dashboard.history.messages import StoredMessage
from dashboard.models import Alert, DialogRow, ProfileEntry
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State
from dialogs.sip import URI

MAX_KEY = 512
"Characters kept of a column that has an index (PostgreSQL refuses entries above 2700 bytes); the snapshot in `detail` holds the whole."

MAX_TEXT = 4096
MAX_PROFILES = 64
MAX_INT = (1 << 63) - 1


KEPT_STATE = b""
"In place of an engine's state: the one that is stored stays."


class Notice(NamedTuple):
    """What a rule said of a call that is to last: kind is alert, webhook or terminate."""

    at_ns: int
    kind: str
    text: str


class Change(msgspec.Struct, frozen=True):
    """What the ingest tells the recorder of one call in one tick."""

    snapshot: CallSnapshot
    path: str
    evidence: tuple[tuple[str, str], ...]
    "(tone, words), see dialogs.insight.why."

    ended_by: str
    'Replaces what the snapshot says: "operator:NAME" for an order. Empty: it stays.'

    engine: bytes | None
    "The engine's state of this call; stored while the call lives, None when there is none, KEPT_STATE for the one that is stored."

    messages: Sequence[StoredMessage] = ()
    "Those that came since the change before."

    notices: Sequence[Notice] = ()
    "Likewise."

    peers: tuple[str, ...] = ()
    "Who had a part in the call (dialogs.insight.PeerNames.names)."

    moments: tuple[str, ...] = ()
    "What happened to the call in this tick, as events are called (dashboard.history.events)."

    begun: bool = False
    "The call begins in this tick: messages that are stored under its name are of an earlier reading of the same packets, and give way."


KEPT = (
    "uid",
    "node",
    "tap",
    "recorded",
    "call_id",
    "from_uri",
    "from_user",
    "from_tag",
    "init_ns",
)
"Columns that are written once: what identifies a call does not change, and rewriting it would touch every index."

CHANGED = (
    "revision",
    "h_entry",
    "h_id",
    "state",
    "to_uri",
    "to_user",
    "to_tag",
    "ring_ns",
    "start_ns",
    "end_ns",
    "last_ns",
    "end_code",
    "end_reason",
    "ended_by",
    "last_event",
    "path",
    "peers",
    "evidence",
    "profiles",
    "messages",
    "user_agent",
    "incomplete",
    "detail",
    "engine",
)

Value = str | int | bytes | None
Values = dict[str, Value]
AlertRow = tuple[int, str, str, str, str, bool]
"at_ns, kind, text, dialog_uid, node, seen."


@lru_cache(4096)  # asked again at each change of a call; bounded, whatever strangers send
def user_of(uri: str) -> str:
    """Return the number or name in a URI: the user part without password and parameters."""
    return URI.parse(uri).user.partition(";")[0]


def lines(names: Sequence[str]) -> str:
    """Return names a line each, with a line break on both sides of each: so that one is found whole."""
    return "".join("\n" + clean(name, 128).replace("\n", "") for name in names) + "\n" if names else ""


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return text that every database takes: no NUL, no lone surrogate, not longer than `limit` characters."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    if "\0" in text:
        text = text.replace("\0", "")
    return text if len(text) <= limit else text[:limit]


def values_of(change: Change, *, recorded: bool, frames: bytes, detail: bytes) -> Values:
    """Return the row of a change, but for its revision; `detail` is its encoded snapshot."""
    call = change.snapshot
    return {
        **_ends(call),
        **_times(call),
        "uid": call.uid,
        "node": clean(call.node, 64),
        "tap": clean(call.tap, 128),
        "recorded": recorded,
        "call_id": clean(call.call_id, MAX_KEY),
        "h_entry": call.h_entry,
        "h_id": min(call.h_id, MAX_INT),
        "state": int(call.state),
        "end_code": call.end_code,
        "end_reason": clean(call.end_reason),
        "ended_by": clean(change.ended_by or call.ended_by),
        "last_event": clean(call.last_event),
        "path": clean(change.path),
        "peers": lines(change.peers),
        "evidence": _json(change.evidence),
        "profiles": _json(call.profiles[:MAX_PROFILES]),
        "messages": call.messages,
        "user_agent": clean(call.user_agent, MAX_KEY),
        "incomplete": bool(call.incomplete),
        "detail": detail,
        "engine": change.engine if call.state < State.DELETED else None,
        "frames": frames,
    }


def _ends(call: CallSnapshot) -> Values:
    caller, callee = call.caller, call.callee
    return {
        "from_uri": clean(caller.uri),
        "from_user": clean(user_of(caller.uri), MAX_KEY),
        "from_tag": clean(caller.tag),
        "to_uri": clean(callee.uri),
        "to_user": clean(user_of(callee.uri), MAX_KEY),
        "to_tag": clean(callee.tag),
    }


def _times(call: CallSnapshot) -> Values:
    return {"init_ns": call.init_ns, "ring_ns": call.ring_ns, "start_ns": call.start_ns, "end_ns": call.end_ns, "last_ns": call.last_ns}


def _json(pairs: Sequence[tuple[str, str]]) -> str:
    return msgspec.json.encode([[clean(first), clean(second)] for first, second in pairs]).decode()


def profiles_of(call: CallSnapshot) -> list[tuple[str, str, str]]:
    """Return (uid, name, value) of the call's memberships."""
    return [(call.uid, clean(name, 64), clean(value, MAX_KEY)) for name, value in call.profiles[:MAX_PROFILES]]


def alerts_of(change: Change) -> list[AlertRow]:
    """Return what rules said of the call as rows of alert_sql."""
    call = change.snapshot
    return [(notice.at_ns, notice.kind, clean(notice.text), call.uid, clean(call.node, 64), False) for notice in change.notices]


COLUMNS = (*KEPT, *CHANGED, "frames")


def upsert_sql(vendor: str, *, begun: bool = False) -> str:
    """Return the statement for one row of COLUMNS; a row that exists keeps KEPT and gets its frames appended or, if the call has `begun`, replaced."""
    table = DialogRow._meta.db_table
    binary = "bytea" if vendor == "postgresql" else "BLOB"  # SQLite's || makes text of two blobs
    updates = [f"{column} = excluded.{column}" for column in CHANGED if column != "engine"]
    updates.append(f"engine = CASE WHEN LENGTH(excluded.engine) = 0 THEN {table}.engine ELSE excluded.engine END")
    updates.append("frames = excluded.frames" if begun else f"frames = CAST({table}.frames || excluded.frames AS {binary})")
    places = ", ".join(["%s"] * len(COLUMNS))
    return f"INSERT INTO {table} ({', '.join(COLUMNS)}) VALUES ({places}) ON CONFLICT (uid) DO UPDATE SET {', '.join(updates)}"  # noqa: S608 -- our names


def alert_sql() -> str:
    """Return the statement for one row of `alerts_of`."""
    return f"INSERT INTO {Alert._meta.db_table} (at_ns, kind, text, dialog_uid, node, seen) VALUES (%s, %s, %s, %s, %s, %s)"  # noqa: S608 -- our name


def profile_sql() -> str:
    """Return the statement for one (uid, name, value)."""
    return f"INSERT INTO {ProfileEntry._meta.db_table} (dialog_id, name, value) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"  # noqa: S608 -- our name
