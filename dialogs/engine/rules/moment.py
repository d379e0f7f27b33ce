"""What a rule looks at: a message, the dialog it belongs to, and when. Knows shapes only; makes and changes nothing."""

from typing import Protocol

import msgspec

from dialogs.engine.profiles import Membership, Profiles
from dialogs.packet import Packet
from dialogs.sip import Message

TIMEOUT_BYE = 1
"Bit of `iflags`: the proxy itself sends BYEs when the lifetime is over."


class Subject(Protocol):
    """A dialog as rules see it: a wire call or a Kamailio record."""

    profiles: list[Membership]
    variables: dict[str, str]
    sflags: int
    iflags: int
    lifetime: int
    start_ns: int

    def field(self, key: str) -> str | int | None:
        """Return `$dlg(key)`; None for a key that has no value yet."""
        ...


class Moment(msgspec.Struct, frozen=True, gc=False):
    """A message that has just moved, or made, a dialog."""

    message: Message
    packet: Packet
    subject: Subject
    profiles: Profiles
    active: int
    "Dialogs answered and not ended ($DLG_count)."

    state: int
    "The dialog's state after the message ($DLG_status): 5 at an end, with its variables still there."

    downstream: bool
    "Whether the message goes from the caller's side to the callee's."
