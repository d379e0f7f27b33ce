"""Messages of calls whose INVITE was not seen (yet): packets overtake each other on the way to the tap. Knows packets; knows no call.

Kept for a second and few, whatever is sent: a stranger's flood of answers pushes out strays only. Who comes back when that second is over
(`over`) can be joined late.
"""

from collections import OrderedDict

from dialogs.packet import NEVER, Packet

OVERTAKERS = frozenset({"INVITE", "ACK", "BYE", "PRACK", "UPDATE", "INFO"})
"Methods of requests and answers that belong to a call and to nothing else."

KEEP_NS = 1_000_000_000
STRAYS_MAX = 1024
OF_ONE_CALL = 16
IGNORED_MAX = 4096


class Strays:
    """The last messages of unknown calls, by Call-ID."""

    __slots__ = ("_ignored", "_packets", "due_ns")

    def __init__(self) -> None:
        self._packets: OrderedDict[bytes, list[Packet]] = OrderedDict()
        self._ignored: OrderedDict[bytes, None] = OrderedDict()
        self.due_ns = NEVER
        "When the first second may be over: not later than that."

    def keep(self, call_id: bytes, packet: Packet) -> None:
        """Keep a message that may belong to an INVITE still to come."""
        if call_id in self._ignored:
            self._ignored.move_to_end(call_id)
            return
        waiting = self._packets.setdefault(call_id, [])
        if not waiting:
            self.due_ns = min(self.due_ns, _over_ns(packet))
        if len(waiting) < OF_ONE_CALL:
            waiting.append(packet)
        if len(self._packets) > STRAYS_MAX:
            self._packets.popitem(last=False)

    def take(self, call_id: bytes, now_ns: int) -> list[Packet]:
        """Return what waits for this INVITE and is not too old."""
        waiting = self._packets.pop(call_id, None)
        return [packet for packet in waiting if now_ns - packet.at_ns <= KEEP_NS] if waiting else []

    def over(self, now_ns: int) -> list[tuple[bytes, list[Packet]]]:
        """Return, and keep no longer, what has waited for its INVITE in vain, the longest waiting first."""
        if self.due_ns > now_ns:
            return []
        found = sorted((_over_ns(waiting[0]), call_id) for call_id, waiting in self._packets.items() if _over_ns(waiting[0]) <= now_ns)
        taken = [(call_id, self._packets.pop(call_id)) for _, call_id in found]
        self.due_ns = min((_over_ns(waiting[0]) for waiting in self._packets.values()), default=NEVER)
        return taken

    def refuse(self, call_id: bytes) -> None:
        """Keep nothing of a call that is not to be tracked, while something is heard of it and not too many others are ignored."""
        self._ignored[call_id] = None
        self._ignored.move_to_end(call_id)
        if len(self._ignored) > IGNORED_MAX:
            self._ignored.popitem(last=False)


def _over_ns(packet: Packet) -> int:
    return packet.at_ns + KEEP_NS + 1
