"""One record in the shape of `dlg.list` (reference 5.1). Knows records; knows no table."""

from typing import Any

from dialogs.engine.exactness import EXACT, Exactness
from dialogs.engine.record import Leg, Record
from dialogs.engine.states import CONFIRMED, CONFIRMED_NA, DELETED, EARLY, UNCONFIRMED
from dialogs.packet import SECOND
from dialogs.sip import text

REF = {UNCONFIRMED: 1, EARLY: 1, CONFIRMED_NA: 2, CONFIRMED: 2, DELETED: 1}


def _leg(leg: Leg) -> dict[str, str | None]:
    return {"tag": leg.tag, "contact": leg.contact, "cseq": leg.cseq, "route_set": leg.route_set, "socket": leg.socket}


def record_listing(record: Record, now_ns: int, exactness: Exactness = EXACT) -> dict[str, Any]:
    """Return one dialog as `dlg.list` has it, oddities included unless they are to be mended (`RecordTable.listing` asks the configuration)."""
    start, end = record.start_ns // SECOND, record.end_ns // SECOND
    return {
        "h_entry": record.h_entry,
        "h_id": record.h_id,
        "ref": REF[record.state],
        "call-id": text(record.call_id),
        "from_uri": record.from_uri,
        "to_uri": record.to_uri,
        "state": int(record.state),
        "start_ts": start,
        "init_ts": record.init_ns // SECOND,
        "end_ts": end,
        "duration": exactness.duration(start, end, now_ns // SECOND),
        "timeout": record.timeout_ns // SECOND,
        "lifetime": record.lifetime,
        "dflags": record.dflags,
        "sflags": record.sflags,
        "iflags": record.iflags,
        "caller": _leg(record.caller),
        "callee": _leg(record.callee),
        "profiles": [name if value is None else {name: value} for name, value in reversed(record.profiles)],
        "variables": [{key: value} for key, value in reversed(record.variables.items())],
    }
