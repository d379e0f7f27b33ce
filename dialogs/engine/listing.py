"""Dialogs and counters in the shapes of Kamailio's RPC: dlg.list, dlg2.list, stats (reference 5.1, 13.2). Knows records and calls; knows no transport.

Key order is part of the shape. Times are whole seconds.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dialogs.engine.call import Call, Side
from dialogs.engine.identity import h_entry
from dialogs.engine.record import Record
from dialogs.engine.record_listing import REF, duration, record_listing
from dialogs.engine.records import Records
from dialogs.engine.sockets import socket_text
from dialogs.engine.states import CONFIRMED, CONFIRMED_NA, DELETED, EARLY, STATE_NAMES, UNCONFIRMED, State
from dialogs.packet import SECOND
from dialogs.sip import text

__all__ = ["attempt_listings", "call_listing", "ims_listing", "ims_statistics", "record_listing", "statistics", "stats_active"]

IMS_STATES = {UNCONFIRMED: "Unconfirmed", EARLY: "Early", CONFIRMED_NA: "Unknown", CONFIRMED: "Confirmed", DELETED: "Deleted"}
"ims_dialog prints Unknown between the 2xx and its ACK."


def _side(side: Side, transport: str = "udp", *, seen: bool = True) -> dict[str, str | None]:
    if not seen:
        return dict.fromkeys(("tag", "contact", "cseq", "route_set", "socket"))
    socket = socket_text(side.address, transport) if side.address else None
    return {"tag": text(side.tag), "contact": side.contact, "cseq": str(side.cseq), "route_set": ",".join(side.route_set), "socket": socket}


def call_listing(call: Call, now_ns: int, lifetime: int) -> dict[str, Any]:
    """Return a wire call in the keys of `dlg.list` and the wire's own facts behind them."""
    start, end = call.start_ns // SECOND, call.end_ns // SECOND
    return {
        "h_entry": call.h_entry,
        "h_id": call.h_id,
        "ref": REF[call.state],
        "call-id": text(call.call_id),
        "from_uri": call.caller.uri,
        "to_uri": call.callee.uri,
        "state": int(call.state),
        "start_ts": start,
        "init_ts": call.init_ns // SECOND,
        "end_ts": end,
        "duration": duration(start, end, now_ns // SECOND) if start else 0,
        "timeout": (call.last_ns // SECOND + lifetime) if call.answered else 0,
        "lifetime": lifetime,
        "dflags": 0,
        "sflags": call.sflags,
        "iflags": 0,
        "caller": _side(call.caller),
        "callee": _side(call.callee, seen=bool(call.start_ns)),
        "profiles": [name if value is None else {name: value} for name, value in reversed(call.profiles)],
        "variables": [{key: value} for key, value in call.variables.items()],
        "state_name": STATE_NAMES[call.state],
        "ended_by": call.ended_by,
        "end_code": call.end_code,
        "answered_ts": start,
        "incomplete": list(call.notes),
    }


def attempt_listings(call: Call, now_ns: int, lifetime: int) -> list[dict[str, Any]]:
    """Return a call with the earlier attempts of its challenge chain, each a dialog of its own as in Kamailio."""
    last = call_listing(call, now_ns, lifetime)
    earlier = [
        last
        | {"state": int(DELETED), "state_name": STATE_NAMES[DELETED], "start_ts": 0, "answered_ts": 0, "duration": 0, "ref": 1, "timeout": 0}
        | {"init_ts": attempt.init_ns // SECOND, "end_ts": attempt.end_ns // SECOND, "end_code": attempt.end_code, "ended_by": "callee"}
        | {"caller": last["caller"] | {"cseq": str(attempt.cseq)}, "callee": _side(call.callee, seen=False), "profiles": []}
        for attempt in call.attempts
    ]
    return [*earlier, last]


def stats_active(records: list[Record]) -> dict[str, int]:
    """Return dlg.stats_active by walking the table, as the original does."""
    return _active(Counter(record.state for record in records))


def active_by_state(records: Records) -> dict[str, int]:
    """Return dlg.stats_active without a look at the table: however many records there are, it costs nothing."""
    return _active(records.by_state)


def _active(counts: Mapping[State, int]) -> dict[str, int]:
    starting, connecting, answering, ongoing = (counts[s] for s in (UNCONFIRMED, EARLY, CONFIRMED_NA, CONFIRMED))
    return {
        "starting": starting,
        "connecting": connecting,
        "answering": answering,
        "ongoing": ongoing,
        "all": starting + connecting + answering + ongoing,
    }


def statistics(records: Records) -> dict[str, int]:
    """Return the statistics of group `dialog` (reference 4)."""
    return {
        "active_dialogs": records.active,
        "early_dialogs": records.early,
        "expired_dialogs": records.expired,
        "failed_dialogs": records.failed,
        "processed_dialogs": records.processed,
    }


def ims_counters(records: Records) -> dict[str, int]:
    """Return the counters of group `dialog_ng`."""
    return {"active": records.active, "early": records.early, "expired": records.expired, "processed": records.processed}


def ims_statistics(records: Records) -> list[str]:
    """Return the counters of group `dialog_ng` as stats.get_statistics prints them."""
    return [f"dialog_ng:{name} = {value}" for name, value in ims_counters(records).items()]


def ims_listing(records: list[Record], hash_size: int) -> dict[str, Any]:
    """Return `dlg2.list` (reference 13.2); Size is the table's, as the original prints it."""
    return {"Size": hash_size, "Dialogs": [{"Dialog": ims_dialog(record, hash_size)} for record in records]}


def ims_dialog(record: Record, hash_size: int) -> dict[str, Any]:
    """Return one dialog of `dlg2.list`; what is empty is null there."""
    return {
        "Entry": record.h_entry,
        "Id": record.h_id,
        "RURI": record.request_uri,
        "From": record.from_uri,
        "Call-ID": text(record.call_id),
        "Caller Contact": record.caller.contact or "",
        "Caller Route Set": record.caller.route_set or None,
        "Dialog-ID": None,
        "From Tag": record.caller.tag or "",
        "State": IMS_STATES[record.state],
        "Ref": REF[record.state],
        "dlg_outs": [{"dlg_out": {"Entry": h_entry(tag, hash_size), "Id": 0}} for tag in record.outs],
    }
