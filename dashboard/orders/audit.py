"""Who did what: the one way an audit event is written. Knows the table; decides nothing."""

import time

from dashboard.models import AuditEvent

MAX_TEXT = 2000


def record(username: str, action: str, *, address: str = "", dialog_uid: str = "", text: str = "", at_ns: int = 0) -> AuditEvent:
    """Add an event, in the caller's transaction where there is one. `at_ns` 0 means now; an address or text that is too long is cut."""
    return AuditEvent.objects.create(
        at_ns=at_ns or time.time_ns(),
        username=username[:150],
        address=address[:64],
        action=action,
        dialog_uid=dialog_uid,
        text=text[:MAX_TEXT],
    )
