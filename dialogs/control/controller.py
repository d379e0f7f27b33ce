"""What every controller is: it is given a target and says whether the order was taken. Knows no transport and no outcome on the wire."""

from typing import Protocol

import msgspec

from dialogs.engine.snapshot import CallSnapshot


class Target(msgspec.Struct, frozen=True):
    """The dialog to act on, in every way a controller may want to name it."""

    call_id: str
    from_tag: str
    to_tag: str
    h_entry: int
    h_id: int
    did_seen: bool
    "True when h_entry and h_id are the proxy's own, from its `did` cookie on the wire."

    state: int

    @classmethod
    def of(cls, call: CallSnapshot) -> "Target":
        """Return the target that a call is."""
        return cls(call.call_id, call.caller.tag, call.callee.tag, call.h_entry, call.h_id, call.did_seen, call.state)


class Answer(msgspec.Struct, frozen=True):
    """What the controller said. That a call really ended is never its word, but the tap's."""

    accepted: bool
    detail: str
    "For people; holds no credentials."

    unsure: bool = False
    "True when it may have acted although it did not accept: it got the request, and no answer came."


class Controller(Protocol):
    """Somebody who can act on calls."""

    async def end(self, target: Target, reason: str) -> Answer:
        """Ask for the end of a call. Never raises for what the other side does."""
        ...
