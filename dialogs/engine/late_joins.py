"""Calls that are joined in their middle, because their INVITE was not seen. Knows the Call-IDs and their calls; knows no record: Kamailio's begin at an INVITE.

What came of an unknown Call-ID waits among the strays for its INVITE. When that second is over and it proves a call (see `evidence`), the call begins
there, marked incomplete, and what waited is taken in order.
"""

from abc import ABC, abstractmethod
from collections import OrderedDict

from dialogs.config import Config
from dialogs.engine.call import Call
from dialogs.engine.calls import Calls
from dialogs.engine.events import Event
from dialogs.engine.evidence import evidence
from dialogs.engine.family import Family
from dialogs.engine.identity import h_entry
from dialogs.engine.strays import Strays
from dialogs.engine.transaction import Copies
from dialogs.packet import Packet
from dialogs.sip import Message


class LateJoins(ABC):
    """The Call-IDs that are known, and the way in for those whose beginning was missed."""

    def __init__(self, config: Config, calls: Calls) -> None:
        self.config = config
        self.calls = calls
        self.strays = Strays()
        self.ignored = 0
        self.families = 0
        "Call-IDs with an initial INVITE, ever."

        self._families: OrderedDict[bytes, Family] = OrderedDict()
        self._by_uid: dict[str, tuple[bytes, Call]] = {}

    @abstractmethod
    def _taken_up(self, packet: Packet) -> list[Event]:
        """Take a stray again, now that there is a call for it."""

    @abstractmethod
    def _schedule(self, call_id: bytes, family: Family) -> None:
        """Have a timer for what this Call-ID waits for next."""

    def join_late(self, now_ns: int) -> list[Event]:
        """Begin the calls of which something was seen, but no INVITE within a second, up to this time; `expire` does it too."""
        return [event for call_id, packets in self.strays.over(now_ns) for event in self._join(call_id, packets)]

    def _join(self, call_id: bytes, packets: list[Packet]) -> list[Event]:
        """Begin a call in its middle. It takes no other's place: at the cap it stays outside."""
        found = evidence(packets) if len(self._by_uid) < self.config.dialog.max_dialogs else None
        if found is None:
            return []
        call, begun = self.calls.join(found)
        family = self._families.setdefault(call_id, Family(h_entry(call_id, self.config.dialog.hash_size)))
        if call is None:
            return self._ignored(call_id, family)
        family.late = True
        family.calls.append(call)
        self._by_uid[call.uid] = (call_id, call)
        taken = [event for packet in found.packets for event in self._taken_up(packet)]
        self._schedule(call_id, family)
        return [*taken[:1], *begun, *taken[1:]]

    def _begun_after_all(self, family: Family, message: Message, packet: Packet) -> None:
        """Take the INVITE of a Call-ID that was joined late: it only came very late."""
        family.late, family.copies = False, Copies()
        self.families += 1
        self.calls.found(family.calls, message, packet)

    def _ignored(self, call_id: bytes, family: Family) -> list[Event]:
        """Let go of what a rule ignores: nor is it joined late by what is still to come of it."""
        self.ignored += 1
        self.strays.refuse(call_id)
        if not family.calls and not family.records:
            del self._families[call_id]
        return []
