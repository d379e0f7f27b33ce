"""What is remembered of TCP connections: those that are read, and in a few bytes each those that are not. Knows counts and caps; reads no byte."""

from collections import OrderedDict

from dialogs.taps.content import Content
from dialogs.taps.counters import Counters
from dialogs.taps.waiting import Waiting

MAX_FLOWS = 65_536
MAX_HALF_OPEN = 16_384
MAX_OTHERS = 65_536
MAX_BYTES = 64 * 1024 * 1024
IDLE_NS = 600 * 1_000_000_000


class Flow:
    """One direction of one connection. Positions count bytes and do not wrap."""

    __slots__ = ("closed", "content", "end", "first", "gap_ns", "held", "key", "next", "seen_ns", "waiting")

    def __init__(self, key: bytes, first: int, content: Content) -> None:
        self.key = key
        self.content = content
        self.first = self.next = first
        self.end = -1
        "Where the sender has said that it ends; -1 before that."

        self.closed = False
        self.waiting: Waiting | None = None
        self.gap_ns = self.seen_ns = self.held = 0


class Flows:
    """All directions of all connections of one tap, by key."""

    __slots__ = ("_counters", "by_key", "evicted", "gapped", "half_open", "held", "holders", "others")

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.by_key: OrderedDict[bytes, Flow] = OrderedDict()
        "Those that are read, idle longest first."

        self.half_open: OrderedDict[bytes, int] = OrderedDict()
        "Only the SYN was seen -> the sequence number of the first byte."

        self.others: OrderedDict[bytes, None] = OrderedDict()
        "Those that carry nothing for us."

        self.gapped: OrderedDict[bytes, Flow] = OrderedDict()
        "Those that wait for bytes, longest first."

        self.holders: OrderedDict[bytes, Flow] = OrderedDict()
        "Those that keep bytes, the one that got none for the longest time first."

        self.evicted = 0
        "Connections forgotten because there were too many, or too many bytes."

        self.held = 0
        "Bytes kept in all."

    def __len__(self) -> int:
        return len(self.by_key) + len(self.half_open) + len(self.others)

    def clear(self) -> None:
        """Forget all; the counts stay."""
        for table in (self.by_key, self.half_open, self.others, self.gapped, self.holders):
            table.clear()
        self.held = 0

    def half_opened(self, key: bytes, first: int) -> None:
        """Remember the sequence number of the first byte to come."""
        self.evicted += _remember(self.half_open, key, first, MAX_HALF_OPEN)

    def set_aside(self, key: bytes) -> None:
        """Remember that a connection carries nothing for us."""
        flow = self.by_key.get(key)
        if flow is not None:
            self.drop(flow)
        self.evicted += _remember(self.others, key, None, MAX_OTHERS)

    def begin(self, at_ns: int, key: bytes, first: int, *, from_start: bool) -> Flow:
        """Make a flow that begins at a sequence number, and room for it."""
        flows = self.by_key
        while flows:
            oldest = next(iter(flows.values()))
            full = len(flows) >= MAX_FLOWS
            if not full and at_ns - oldest.seen_ns < IDLE_NS:
                break
            self.evicted += full
            self.drop(oldest)
        flow = flows[key] = Flow(key, first, Content(self._counters, from_start=from_start))
        return flow

    def drop(self, flow: Flow) -> None:
        """Forget a flow; whoever still works on it finds nothing waiting."""
        self.held -= flow.held
        flow.held, flow.waiting = 0, None
        for table in (self.by_key, self.gapped, self.holders):
            table.pop(flow.key, None)

    def account(self, flow: Flow) -> None:
        """Bring the sum of kept bytes up to date; over the cap the flow whose bytes have waited longest for more is forgotten."""
        size = flow.content.held + (flow.waiting.size if flow.waiting is not None else 0)
        if size == flow.held or self.by_key.get(flow.key) is not flow:
            return
        self.held += size - flow.held
        flow.held = size
        self.holders[flow.key] = flow
        self.holders.move_to_end(flow.key)
        if not size:
            del self.holders[flow.key]
        while self.held > MAX_BYTES:
            self.evicted += 1
            self.drop(next(iter(self.holders.values())))


def _remember[Value](table: OrderedDict[bytes, Value], key: bytes, value: Value, most: int) -> int:
    """Put into a table that forgets its oldest; return how many it forgot."""
    table[key] = value
    if len(table) <= most:
        return 0
    table.popitem(last=False)
    return 1
