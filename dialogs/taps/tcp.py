"""TCP segments to SIP messages: each direction's bytes in order, whatever order they came in. Knows sequence numbers; what the bytes mean is `content`.

A hole waits `GAP_NS` for its bytes, or until too much waits behind it; then it is skipped and counted, for what a tap itself has lost does not
come again. Everything is bounded: directions, bytes of one and of all, connections of which only the SYN was seen (a number each), connections
that carry nothing for us (a name each). What is forgotten too early is joined again at its next start line.
"""

from collections.abc import Callable

from dialogs.packet import Packet
from dialogs.taps.addresses import AddressBook
from dialogs.taps.counters import Counters
from dialogs.taps.flows import Flow, Flows
from dialogs.taps.waiting import Waiting

FIN, SYN, RST = 1, 2, 4
EVENTS = FIN | SYN | RST
MASK = 0xFFFFFFFF
HALF = 1 << 31
WINDOW = 16 * 1024 * 1024
"A segment this far from what is expected belongs to another connection, whose beginning was not seen."

MAX_WAITING = 1024 * 1024
MAX_PIECES = 2048
GAP_NS = 3 * 1_000_000_000


class Streams:
    """All TCP connections of one tap. A key is what the address book wants: both addresses and both ports as they stand in the headers."""

    __slots__ = ("_book", "_counters", "_encrypted", "_messages", "_newest_ns", "_tap", "flows", "gaps")

    def __init__(self, tap: str, counters: Counters, book: AddressBook, encrypted: Callable[[bytes, bytes], bool]) -> None:
        """`encrypted`: tells whether the first bytes of a key's connection are those of TLS, and counts that."""
        self._tap = tap
        self._counters = counters
        self._book = book
        self._encrypted = encrypted
        self.flows = Flows(counters)
        self._messages: list[bytes] = []
        self._newest_ns = 0
        self.gaps = 0
        "Places where bytes were missing for good."

    def segment(self, at_ns: int, key: bytes, sequence: int, flags: int, payload: bytes, packets: list[Packet], missing: int = 0) -> None:
        """Take one segment and append the messages that it completes, at its time. Never raises on wire data.

        `missing`: bytes behind the payload that the snap length has cut off.
        """
        if self.flows.gapped:
            self.expire(at_ns, packets)
        self._newest_ns = at_ns
        flow = self.flows.by_key.get(key)
        if flow is None or flags & SYN:
            sequence = sequence + 1 & MASK if flags & SYN else sequence
            flow = self._unknown(at_ns, key, flow, sequence, flags, payload, packets)
            if flow is None:
                return
        flow.seen_ns = at_ns
        self.flows.by_key.move_to_end(key)
        if payload:
            if sequence == flow.next & MASK and flow.waiting is None and not flow.closed:
                self._take(flow, at_ns, payload, packets)
            else:
                self._place(flow, at_ns, sequence, payload, packets)
            if missing:
                self._cut(flow, sequence, payload, missing, at_ns, packets)
        if flags & EVENTS:
            self._ends(flow, at_ns, sequence + len(payload) & MASK, flags, packets)

    def expire(self, now_ns: int, packets: list[Packet]) -> None:
        """Skip the holes that have been waited for long enough; what stood behind them gets this time."""
        while self.flows.gapped:
            flow = next(iter(self.flows.gapped.values()))
            if now_ns - flow.gap_ns < GAP_NS:
                return
            self._skip(flow, now_ns, packets)

    def finish(self, packets: list[Packet]) -> None:
        """Skip every hole and forget all connections: the capture is over, and may be read once more."""
        while self.flows.gapped:
            self._skip(next(iter(self.flows.gapped.values())), self._newest_ns, packets)
        self.flows.clear()

    # Connections

    def _unknown(self, at_ns: int, key: bytes, flow: Flow | None, sequence: int, flags: int, payload: bytes, packets: list[Packet]) -> Flow | None:
        """Return the flow of a segment whose connection is new, None when nothing is to be read from it."""
        if flags & SYN:
            if flow is not None:
                if flow.first & MASK == sequence and not flow.closed:
                    return flow
                self._cease(flow, at_ns, packets)
                self.flows.drop(flow)
            self.flows.others.pop(key, None)
            if not payload:
                self.flows.half_opened(key, sequence)
                return None
        elif key in self.flows.others:
            self._counters.skip("TCP without SIP")
            return None
        known = bool(flags & SYN)
        if not payload:
            if flags & EVENTS:
                self.flows.half_open.pop(key, None)
            return None
        if key in self.flows.half_open:
            sequence, known = self._expected(key, sequence)
        if self._encrypted(key, payload):
            self._other(key)
            return None
        return self.flows.begin(at_ns, key, sequence, from_start=known)

    def _expected(self, key: bytes, sequence: int) -> tuple[int, bool]:
        """Return where the stream begins by its SYN, and whether the segment can be of that connection."""
        first = self.flows.half_open.pop(key)
        return (first, True) if (sequence - first & MASK) < WINDOW else (sequence, False)

    def _ends(self, flow: Flow, at_ns: int, sequence: int, flags: int, packets: list[Packet]) -> None:
        """Take note of a FIN at a sequence number, or of an RST."""
        if flow.closed or not flags & (FIN | RST):
            return
        if flags & RST:
            self._cease(flow, at_ns, packets)
            return
        flow.end = flow.next + _signed(sequence - flow.next)
        if flow.end <= flow.next:
            self._cease(flow, at_ns, packets)
        elif flow.end - flow.next < WINDOW:
            self._wait(flow, at_ns, flow.end, b"", packets)

    def _cease(self, flow: Flow, at_ns: int, packets: list[Packet]) -> None:
        """End a flow; what comes again of it is known by its numbers."""
        while flow.waiting is not None:
            self._skip(flow, at_ns, packets)
        flow.content.lose(self._messages)
        self._hand_over(flow, at_ns, packets)
        flow.closed = True
        self.flows.account(flow)

    def _other(self, key: bytes) -> None:
        self._counters.skip("TCP without SIP")
        self.flows.set_aside(key)

    # Bytes

    def _place(self, flow: Flow, at_ns: int, sequence: int, payload: bytes, packets: list[Packet]) -> None:
        """Take a segment that is not simply the next one."""
        ahead = _signed(sequence - flow.next)
        if ahead > WINDOW or ahead + len(payload) < -WINDOW or (flow.closed and ahead + len(payload) > 0):
            self._rejoin(flow, at_ns, sequence, payload, packets)
        elif ahead > 0:
            self._wait(flow, at_ns, flow.next + ahead, payload, packets)
        elif ahead + len(payload) > 0:
            self._take(flow, at_ns, payload[-ahead:] if ahead else payload, packets)
            self._go_on(flow, at_ns, packets)
        else:
            self._counters.skip("TCP retransmission")

    def _rejoin(self, flow: Flow, at_ns: int, sequence: int, payload: bytes, packets: list[Packet]) -> None:
        """Begin anew: a connection between the same ports whose SYN was not seen."""
        if not flow.closed:
            self._cease(flow, at_ns, packets)
        self.flows.drop(flow)
        fresh = self.flows.begin(at_ns, flow.key, sequence, from_start=False)
        fresh.seen_ns = at_ns
        self._take(fresh, at_ns, payload, packets)

    def _take(self, flow: Flow, at_ns: int, payload: bytes, packets: list[Packet]) -> None:
        """Feed the next bytes."""
        flow.next += len(payload)
        content = flow.content
        content.feed(payload, self._messages)
        self._hand_over(flow, at_ns, packets)
        if content.other:
            self._other(flow.key)
        elif flow.held or content.held:
            self.flows.account(flow)

    def _hand_over(self, flow: Flow, at_ns: int, packets: list[Packet]) -> None:
        if not self._messages:
            return
        pair = self._book.pairs.get(flow.key) or self._book.remember(flow.key)
        pair.packets += len(self._messages)
        start, end, transport, tap = pair.source, pair.destination, flow.content.transport, self._tap
        packets.extend([Packet(at_ns, start, end, transport, message, tap) for message in self._messages])
        self._messages.clear()

    def _wait(self, flow: Flow, at_ns: int, place: int, payload: bytes, packets: list[Packet]) -> None:
        """Keep a piece behind a hole."""
        if flow.waiting is None:
            flow.waiting = Waiting()
            flow.gap_ns = at_ns
            self.flows.gapped[flow.key] = flow
        if not flow.waiting.add(place, payload):
            self._counters.skip("TCP retransmission")
            return
        self.flows.account(flow)
        while flow.waiting is not None and (flow.waiting.size > MAX_WAITING or len(flow.waiting) > MAX_PIECES):
            self._skip(flow, at_ns, packets)

    def _go_on(self, flow: Flow, at_ns: int, packets: list[Packet]) -> None:
        """Feed what waited for the bytes that have come."""
        while flow.waiting is not None and (piece := flow.waiting.take(flow.next)) is not None:
            if piece:
                self._take(flow, at_ns, piece, packets)
        if flow.waiting is not None:
            if flow.waiting:
                flow.gap_ns = at_ns
                self.flows.gapped.move_to_end(flow.key)
            else:
                flow.waiting = None
                del self.flows.gapped[flow.key]
        if not flow.closed and 0 <= flow.end <= flow.next:
            self._cease(flow, at_ns, packets)

    def _skip(self, flow: Flow, at_ns: int, packets: list[Packet]) -> None:
        """Go on behind a hole."""
        if flow.waiting is not None:
            self._lose(flow, flow.waiting.first, at_ns, packets)
            self._go_on(flow, at_ns, packets)

    def _cut(self, flow: Flow, sequence: int, payload: bytes, missing: int, at_ns: int, packets: list[Packet]) -> None:
        """Do not wait for what the snap length has cut off the segment just taken."""
        if flow.next & MASK == sequence + len(payload) & MASK and not flow.closed:
            self._lose(flow, flow.next + missing, at_ns, packets)
            self._go_on(flow, at_ns, packets)

    def _lose(self, flow: Flow, place: int, at_ns: int, packets: list[Packet]) -> None:
        self.gaps += 1
        flow.content.lose(self._messages)
        self._hand_over(flow, at_ns, packets)
        flow.next = place


def _signed(distance: int) -> int:
    """Return how far ahead one sequence number is of another, negative when behind."""
    distance &= MASK
    return distance - (MASK + 1) if distance >= HALF else distance
