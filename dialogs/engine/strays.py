"""Messages that came before the INVITE they belong to: packets overtake each other on the way to the tap. Knows packets; knows no call.

Kept for a second and few, whatever is sent: a stranger's flood of answers pushes out strays only.
"""

from collections import OrderedDict

from dialogs.packet import Packet

KEEP_NS = 1_000_000_000
STRAYS_MAX = 1024
OF_ONE_CALL = 8


class Strays:
    """The last messages of unknown calls, by Call-ID."""

    __slots__ = ("_packets",)

    def __init__(self) -> None:
        self._packets: OrderedDict[bytes, list[Packet]] = OrderedDict()

    def keep(self, call_id: bytes, packet: Packet) -> None:
        """Keep a message that may belong to an INVITE still to come."""
        waiting = self._packets.setdefault(call_id, [])
        if len(waiting) < OF_ONE_CALL:
            waiting.append(packet)
        if len(self._packets) > STRAYS_MAX:
            self._packets.popitem(last=False)

    def take(self, call_id: bytes, now_ns: int) -> list[Packet]:
        """Return what waits for this INVITE and is not too old."""
        waiting = self._packets.pop(call_id, None)
        return [packet for packet in waiting if now_ns - packet.at_ns <= KEEP_NS] if waiting else []
