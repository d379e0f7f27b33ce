"""Session timers (RFC 4028) as evidence: who was to refresh a call, how often, and that it did not happen. Knows calls and messages; moves no state.

What counts is the 2xx to an INVITE or UPDATE: each starts the interval again, and one without Session-Expires ends it. A request inside the dialog
counts until it is refused: on a tap that sees one direction nothing else may come.
"""

from dialogs.engine.call import Call, SessionTimer
from dialogs.engine.events import Event, Noted
from dialogs.packet import SECOND
from dialogs.sip import Message

TIMED = frozenset({"INVITE", "UPDATE"})
NOTHING: list[Event] = []
DIGITS = 9


def heard(call: Call, message: Message, at_ns: int, copy: str) -> list[Event]:
    """Take what an INVITE, an UPDATE or an answer to one says of the call's timer; an event when the next refresh is due, or due sooner."""
    status, session = message.status, call.session
    if session is None:
        if status != 422 and not message.values(b"session-expires"):
            return NOTHING
        session = SessionTimer()
    before = due_ns(call)
    interval, refresher = asked(call, message)
    if not status:
        _requested(session, message, interval, refresher, 0 if copy else at_ns)
    elif 200 <= status < 300:
        _agreed(session, interval, refresher, 0 if copy else at_ns)
    else:
        session.asked_ns = 0
        session.min_se = max(session.min_se, number(message, b"min-se")) if status == 422 else session.min_se
    if call.session is None and (session.interval or session.min_se):
        call.session = session
    after = due_ns(call)
    return [Noted(call.uid, at_ns, f"session timer: {session.interval} s")] if after and (not before or after < before) else []


def _requested(session: SessionTimer, message: Message, interval: int, refresher: str, at_ns: int) -> None:
    if interval:
        session.min_se = max(session.min_se, number(message, b"min-se"))
        if not session.refreshed_ns:
            session.interval, session.refresher = interval, refresher
    if message.to_tag and at_ns:
        session.asked_ns, session.expired_ns = at_ns, 0


def _agreed(session: SessionTimer, interval: int, refresher: str, at_ns: int) -> None:
    """Take a 2xx; of its copies on other hops only what they add, for a proxy may put the header in (RFC 4028, 8.2)."""
    if at_ns:
        session.refreshed_ns, session.asked_ns, session.expired_ns = at_ns, 0, 0
    if interval or at_ns:
        session.interval, session.refresher = interval, refresher


def asked(call: Call, message: Message) -> tuple[int, str]:
    """Return (seconds, refresher) of Session-Expires; the refresher is "caller", "callee" or "" where it is not said, (0, "") without the header."""
    interval = number(message, b"session-expires")
    if not interval:
        return 0, ""
    parameters = message.values(b"session-expires")[0].lower().replace(b" ", b"").replace(b"\t", b"").split(b";")[1:]
    sender, other = ("caller", "callee") if message.from_tag == call.caller.tag else ("callee", "caller")
    return interval, sender if b"refresher=uac" in parameters else other if b"refresher=uas" in parameters else ""


def number(message: Message, name: bytes) -> int:
    """Return the seconds that a header begins with; 0 where there are none."""
    values = message.values(name)
    digits = values[0].partition(b";")[0].strip() if values else b""
    return int(digits) if digits.isdigit() and len(digits) <= DIGITS else 0


def due_ns(call: Call) -> int:
    """Return when the refresh of an answered call will be overdue; 0 when none is expected, or when it is known to be missing."""
    session = call.session
    if session is None or not call.answered or session.expired_ns:
        return 0
    since = max(session.refreshed_ns, session.asked_ns)
    return since + session.interval * SECOND if since and session.interval else 0


def overdue(call: Call, now_ns: int) -> list[Event]:
    """Note that the refresh of a call did not come, once."""
    due = due_ns(call)
    if call.session is None or not due or due > now_ns:
        return []
    call.session.expired_ns = due
    return [Noted(call.uid, now_ns, "session timer expired")]
