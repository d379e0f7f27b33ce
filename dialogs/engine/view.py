"""Makes the snapshot that leaves the engine from the engine's own call. Knows calls and snapshots; changes neither."""

from dialogs.engine.call import Call, Side
from dialogs.engine.session_timer import due_ns
from dialogs.engine.snapshot import CallSnapshot, ForkView, LegView, SessionView
from dialogs.engine.unseen import incomplete
from dialogs.sip import summary, text


def _leg(side: str, party: Side) -> LegView:
    return LegView(
        side=side,
        uri=party.uri,
        name=party.name,
        tag=text(party.tag),
        contact=party.contact,
        cseq=party.cseq,
        route_set=party.route_set,
        address=str(party.address or ""),
        released_ns=party.released_ns,
    )


def _forks(call: Call) -> tuple[ForkView, ...]:
    return tuple(
        ForkView(text(tag), fork.status, fork.reason, fork.contact, str(fork.address or ""), fork.rang_ns, fork.answered_ns, fork.ended_ns)
        for tag, fork in call.forks.items()
    )


def _session(call: Call) -> SessionView | None:
    timer = call.session
    if timer is None:
        return None
    return SessionView(timer.interval, timer.refresher, timer.min_se, max(timer.refreshed_ns, timer.asked_ns), due_ns(call), timer.expired_ns)


def snapshot(call: Call, node: str, expires_ns: int) -> CallSnapshot:
    """Return the call as it is now."""
    return CallSnapshot(
        uid=call.uid,
        node=node,
        tap=call.tap,
        call_id=text(call.call_id),
        h_entry=call.h_entry,
        h_id=call.h_id,
        did_seen=call.did_seen,
        request_uri=call.request_uri,
        state=int(call.state),
        init_ns=call.init_ns,
        ring_ns=call.ring_ns,
        start_ns=call.start_ns,
        end_ns=call.end_ns,
        last_ns=call.last_ns,
        end_code=call.end_code,
        end_reason=call.end_reason,
        ended_by=call.ended_by,
        last_event=summary(*call.last),
        caller=_leg("caller", call.caller),
        callee=_leg("callee", call.callee),
        forks=_forks(call),
        hosts=tuple(map(str, call.hosts)),
        transitions=call.transitions,
        attempts=call.attempts,
        profiles=tuple((name, value or "") for name, value in call.profiles),
        messages=call.messages,
        repeats=call.repeats,
        repeated=summary(*call.repeated),
        incomplete=incomplete(call),
        user_agent=call.user_agent,
        variables=tuple(call.variables.items()),
        flags=tuple(number for number in range(32) if call.sflags >> number & 1) if call.sflags else (),
        expires_ns=expires_ns,
        session=_session(call),
        invite_cseq=call.invite.cseq,
    )
