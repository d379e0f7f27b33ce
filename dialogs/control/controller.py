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
    hosts: tuple[str, ...] = ()
    "host:port of every endpoint of the call: among them is the proxy that has the dialog."

    invite_cseq: int = 0
    "CSeq number of its INVITE: names the transaction of a call that still rings."

    @classmethod
    def of(cls, call: CallSnapshot) -> "Target":
        """Return the target that a call is."""
        return cls(call.call_id, call.caller.tag, call.callee.tag, call.h_entry, call.h_id, call.did_seen, call.state, call.hosts, call.invite_cseq)


class Answer(msgspec.Struct, frozen=True):
    """What the controller said. That a call really ended is never its word, but the tap's."""

    accepted: bool
    detail: str
    "For people; holds no credentials."

    unsure: bool = False
    "True when it may have acted although it did not accept: it got the request, and no answer came."

    unreached: bool = False
    "True when it certainly got nothing."


class Controller(Protocol):
    """Somebody who can act on calls."""

    name: str
    "As orders name it: at most 16 characters."

    async def end(self, target: Target, reason: str) -> Answer:
        """Ask for the end of a call. Never raises for what the other side does."""
        ...

    async def release(self, proxy: str, number: tuple[int, int], reason: str) -> Answer:
        """Ask one proxy (its name in `[[proxy]]`, "" for the only one) to end a dialog of its own (h_entry, h_id) that has ended on the wire.

        Never raises for what the other side does.
        """
        ...

    async def bridge(self, first: str, second: str) -> Answer:
        """Ask for two parties to be connected. Never raises for what the other side does."""
        ...
