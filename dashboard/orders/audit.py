"""Who did what: the one way an audit event is written. Knows the table; decides nothing."""

import time

from dashboard.models import AuditEvent, DialogRow
from dialogs.engine.states import STATE_NAMES, State

MAX_TEXT = 2000


def record(username: str, action: str, *, address: str = "", dialog_uid: str = "", text: str = "", at_ns: int = 0, **more: str) -> AuditEvent:
    """Add an event, in the caller's transaction where there is one. `at_ns` 0 means now; an address or text that is too long is cut.

    `more`: reason, request, outcome, before, after.
    """
    return AuditEvent.objects.create(
        at_ns=at_ns or time.time_ns(),
        username=username[:150],
        address=address[:64],
        action=action,
        dialog_uid=dialog_uid,
        text=text[:MAX_TEXT],
        **{name: words[:MAX_TEXT] for name, words in more.items()},
    )


def state_of(uid: str) -> str:
    """Return how a call stands, in Kamailio's words: "CONFIRMED"; "" for a call that is not stored (any more)."""
    state = DialogRow.objects.filter(pk=uid).values_list("state", flat=True).first()
    return STATE_NAMES[State(state)] if state is not None and state in State else ""
