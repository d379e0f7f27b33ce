"""Snapshots and changes of made-up calls, for the tests of history and orders."""

from typing import Any

import msgspec

from dashboard.history.messages import StoredMessage
from dashboard.history.rows import Change
from dialogs.engine.snapshot import CallSnapshot, LegView

SECOND = 10**9
NOW = 1_795_294_717 * SECOND  # 2026-11-21 20:58:37 UTC


def leg(side: str, user: str, released_ns: int = 0) -> LegView:
    return LegView(
        side=side,
        uri=f"sip:{user}@example.net",
        name=user.title(),
        tag=f"tag-{side}",
        contact=f"sip:{user}@192.0.2.7:5060",
        cseq=1,
        route_set=("<sip:192.0.2.1;lr;did=97d.1852>",),
        address="192.0.2.7:5060",
        released_ns=released_ns,
    )


def call(number: int = 1, **changes: Any) -> CallSnapshot:
    """Return an answered call; `number` tells calls apart, `caller` and `callee` may be given as users."""
    for side in ("caller", "callee"):
        if isinstance(changes.get(side), str):
            changes[side] = leg(side, changes[side])
    plain = CallSnapshot(
        uid=f"{number:016x}",
        node="n1",
        tap="interface:any",
        call_id=f"call-{number}@192.0.2.7",
        h_entry=2429,
        h_id=9601,
        did_seen=True,
        request_uri="sip:5000@example.net",
        state=4,
        init_ns=NOW + number * SECOND,
        ring_ns=NOW + number * SECOND + 1,
        start_ns=NOW + number * SECOND + 2,
        end_ns=0,
        last_ns=NOW + number * SECOND + 3,
        end_code=0,
        end_reason="",
        ended_by="",
        last_event="ACK",
        caller=leg("caller", "4417"),
        callee=leg("callee", "5000"),
        forks=(),
        hosts=("192.0.2.7:5060", "192.0.2.1:5060", "192.0.2.8:5060"),
        transitions=(),
        attempts=(),
        profiles=(("caller", "sip:4417@example.net"),),
        messages=4,
        repeats=0,
        repeated="",
        incomplete=(),
    )
    return msgspec.structs.replace(plain, **changes)


def change(snapshot: CallSnapshot | None = None, *texts: str, **fields: Any) -> Change:
    """Return a change of this call with messages of these texts."""
    messages = tuple(StoredMessage(NOW + i, "192.0.2.7:5060", "192.0.2.1:5060", "udp", repeat=False, data=text.encode()) for i, text in enumerate(texts))
    given = {"path": "alice -> edge-1", "evidence": (("warn", "no ACK for 12 s"),), "ended_by": "", "engine": b"state", "messages": messages}
    return Change(snapshot or call(), **(given | fields))


def never(tap: str) -> bool:
    """Say of every tap that it is no recording."""
    return False
