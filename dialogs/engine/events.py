"""What the engine says happened on the wire. Values only; knows no dialog object, no storage.

Each event carries the uid of its call. `Engine.snapshot(uid)` gives the call as it is after the events of one `receive`.
"""

from typing import Any

import msgspec

from dialogs.engine.call import Call
from dialogs.packet import Packet
from dialogs.sip import Message


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A SIP message that belongs to a call. First event of every such packet; all other events of the packet follow it."""

    uid: str
    at_ns: int
    packet: Packet
    message: Message
    copy: str
    '"" first sight, "hop" the same message on another hop, "repeat" a retransmission.'


class Created(msgspec.Struct, frozen=True, gc=False):
    """A call began: by its initial INVITE, or by what proves a call whose INVITE was not seen."""

    uid: str
    at_ns: int


class Changed(msgspec.Struct, frozen=True, gc=False):
    """The call's state changed."""

    uid: str
    at_ns: int
    state: int
    cause: str


class Anomaly(msgspec.Struct, frozen=True, gc=False):
    """The wire did what the table does not allow; the state was kept."""

    uid: str
    at_ns: int
    text: str


class Noted(msgspec.Struct, frozen=True, gc=False):
    """Something about the call is known now that moves no state: its session timer."""

    uid: str
    at_ns: int
    text: str


class Forgotten(msgspec.Struct, frozen=True, gc=False):
    """The engine dropped an ended call from memory (linger over) or a live one at its cap (`evicted`)."""

    uid: str
    at_ns: int
    evicted: bool
    call: Call
    "The call as it was last, which nobody writes any more; `Engine.view` makes a snapshot of it."


class Said(msgspec.Struct, frozen=True, gc=False):
    """A rule spoke: `kind` is log, alert, webhook or terminate."""

    uid: str
    at_ns: int
    kind: str
    text: str


class Called(msgspec.Struct, frozen=True, gc=False):
    """A moment in the life of a Kamailio record: a callback (`CREATED`, `EARLY`, ... without DLGCB_) or an event route (`dialog:start`).

    Only made while `[dialog] handlers` name somebody who listens.
    """

    name: str
    at_ns: int
    dialog: dict[str, Any]
    "As `dlg.list` has it at that moment."


Event = Seen | Created | Changed | Anomaly | Noted | Forgotten | Said | Called
