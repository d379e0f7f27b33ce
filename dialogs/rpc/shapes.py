"""The shapes of dialogs in replies: Kamailio's, the older flat one, the summary, the line of a dump. Knows records; knows no table.

The flat shape, of `[dialog] kamailio_exact = false`, is the one that older scripts know: every value a text, `callid` without a hyphen.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from dialogs.engine.record import Record
from dialogs.engine.record_listing import record_listing
from dialogs.packet import SECOND
from dialogs.rpc.host import Host
from dialogs.sip import text


def shown(host: Host, record: Record) -> dict[str, Any]:
    """Return one dialog as listings have it."""
    now_ns = host.now_ns()
    return record_listing(record, now_ns) if host.config.dialog.kamailio_exact else flat(record, now_ns)


def flat(record: Record, now_ns: int) -> dict[str, str]:
    """Return one dialog in the older shape; a call that was never answered lasted 0 s."""
    start, end = record.start_ns // SECOND, (record.end_ns or now_ns) // SECOND
    return {
        "hash": f"{record.h_entry}:{record.h_id}",
        "h_entry": str(record.h_entry),
        "h_id": str(record.h_id),
        "callid": text(record.call_id),
        "from_uri": record.from_uri,
        "to_uri": record.to_uri,
        "caller_contact": record.caller.contact or "",
        "callee_contact": record.callee.contact or "",
        "state": str(int(record.state)),
        "start_time": str(start),
        "duration": str(end - start if start else 0),
        "timeout": str(record.lifetime),
        "profiles": ", ".join(name if value is None else f"{name}={value}" for name, value in reversed(record.profiles)),
    }


BRIEF: dict[str, tuple[str, Callable[[Record], Any]]] = {
    "f": ("from_uri", lambda record: record.from_uri),
    "t": ("to_uri", lambda record: record.to_uri),
    "c": ("call-id", lambda record: text(record.call_id)),
    "F": ("from_tag", lambda record: record.caller.tag),
    "T": ("to_tag", lambda record: record.caller.tag),  # the original prints the caller's
    "I": ("init_ts", lambda record: record.init_ns // SECOND),
    "S": ("start_ts", lambda record: record.start_ns // SECOND),
    "E": ("end_ts", lambda record: record.end_ns // SECOND),
    "s": ("state", lambda record: int(record.state)),
}
"Letters of `dlg.briefing`."


def brief(record: Record, letters: str, *, exact: bool) -> dict[str, Any]:
    """Return a summary: the fields of these letters, in their order, behind the dialog's number."""
    fields: dict[str, Any] = {"h_entry": record.h_entry, "h_id": record.h_id}
    for letter in letters:
        if letter in BRIEF:
            key, value = BRIEF[letter]
            fields[key] = value(record)
    if not exact and "to_tag" in fields:
        fields["to_tag"] = record.callee.tag
    return fields


def line(record: Record, now_ns: int) -> bytes:
    """Return one dialog as `dlg.dump_file` writes it: compact JSON, `call_id` with an underscore, profiles and variables as objects, no duration."""
    fields = record_listing(record, now_ns)
    del fields["duration"]
    found = {("call_id" if key == "call-id" else key): value for key, value in fields.items()}
    found["profiles"] = {name: value or "" for name, value in reversed(record.profiles)}
    found["variables"] = dict(reversed(record.variables.items()))
    return msgspec.json.encode(found) + b"\n"
