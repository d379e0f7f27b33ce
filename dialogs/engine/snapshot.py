"""What leaves the engine: values that screens, the recorder and orders read. Knows no SIP bytes, no table, no storage."""

import msgspec


class LegView(msgspec.Struct, frozen=True, gc=False):
    """One side of a call as it was at the time of the snapshot."""

    side: str
    '"caller" or "callee".'

    uri: str
    name: str
    "Display name, without quotes; may be empty."

    tag: str
    contact: str
    "Remote target: the URI of the newest Contact; empty when none was seen."

    cseq: int
    "Highest CSeq number seen from this side."

    route_set: tuple[str, ...]
    address: str
    "host:port the leg sends from, as the tap saw it; empty when unseen."

    released_ns: int = 0
    "When the wire proved that this leg is gone (it sent BYE, or answered one); 0 while it is not proven."


class ForkView(msgspec.Struct, frozen=True, gc=False):
    """One branch of the call that answered with a To-tag of its own."""

    tag: str
    status: int
    "Newest status code of this fork."

    reason: str
    contact: str
    address: str
    rang_ns: int
    answered_ns: int
    ended_ns: int


class Transition(msgspec.Struct, frozen=True, gc=False):
    """A change of state and the message that caused it."""

    at_ns: int
    state: int
    cause: str
    'For people: "INVITE", "180 Ringing", "BYE", "timeout".'


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """An earlier INVITE of the same challenge chain (answered 401 or 407, then sent again)."""

    cseq: int
    init_ns: int
    end_ns: int
    end_code: int
    end_reason: str


class SessionView(msgspec.Struct, frozen=True, gc=False):
    """A call's session timer (RFC 4028): evidence, it moves no state."""

    interval: int
    "Seconds after a refresh in which the next one must come; 0 when none was agreed."

    refresher: str
    '"caller", "callee", "" when it was not said.'

    min_se: int
    "The largest Min-SE that somebody asked for, in seconds; 0 for none."

    refreshed_ns: int
    "The newest refresh."

    due_ns: int
    "When the next one is overdue; 0 when none is expected."

    expired_ns: int
    "When the refresh was missed; 0 while it was not."


class CallSnapshot(msgspec.Struct, frozen=True, gc=False):
    """A wire call at one moment. Times are integer nanoseconds UTC, 0 = has not happened."""

    uid: str
    "16 hex digits: hash of node, Call-ID, From-tag, INVITE CSeq and first time."

    node: str
    tap: str
    call_id: str
    h_entry: int
    h_id: int
    did_seen: bool
    "True when h_entry and h_id come from the proxy's own `did` cookie on the wire: only then may they be sent to Kamailio."

    request_uri: str
    state: int
    "1..5, see dialogs.engine.states.State."

    init_ns: int
    ring_ns: int
    start_ns: int
    "First 2xx."

    end_ns: int
    last_ns: int
    "Capture time of the newest message."

    end_code: int
    "Status that failed the call; 0 for a BYE or while alive."

    end_reason: str
    ended_by: str
    '"", "caller", "callee", "proxy", "timeout".'

    last_event: str
    'Newest message for people: "180 Ringing", "BYE".'

    caller: LegView
    callee: LegView
    forks: tuple[ForkView, ...]
    hosts: tuple[str, ...]
    "host:port of every endpoint in the order first seen: caller, proxies, callee."

    transitions: tuple[Transition, ...]
    attempts: tuple[Attempt, ...]
    profiles: tuple[tuple[str, str], ...]
    "(name, value), oldest first; value is empty for a profile without value. Kept after the end."

    messages: int
    repeats: int
    "Retransmissions seen (the same message on the same hop)."

    repeated: str
    'The message that was repeated most recently, "" when none: "200 OK".'

    incomplete: tuple[str, ...]
    'What was not seen, in the words of `dialogs.engine.unseen`: "200 OK not seen". Empty when all is there.'

    user_agent: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    "(key, value) of $dlg_var, in the order they were set."

    flags: tuple[int, ...] = ()
    "Numbers of the flags that are set, 0 to 31."

    expires_ns: int = 0
    "When the engine will give up on this call if nothing more is seen."

    session: SessionView | None = None
    invite_cseq: int = 0
    "CSeq number of the caller's INVITE, by which its proxy knows the transaction; `caller.cseq` may be higher, of a PRACK."


def encode(snapshot: CallSnapshot) -> bytes:
    """Return the snapshot as JSON bytes (the row's `detail` column)."""
    return msgspec.json.encode(snapshot)


def decode(blob: bytes) -> CallSnapshot:
    """Return the snapshot from `encode`'s bytes."""
    return msgspec.json.decode(blob, type=CallSnapshot)
