"""What goes through each peer: calls now, and what became of those of the last minutes. Knows snapshots and names; knows no engine, no clock, no table.

One step a call that changed, none a message. Peers of the configuration are always counted, other addresses while there is room. A call counts in the
span of time in which it began, whatever happens to it later, so that each figure is a list of calls that can be asked for.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from heapq import nlargest
from typing import NamedTuple

from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import DELETED
from dialogs.insight.peers import PeerNames
from dialogs.insight.totals import PeerTotals
from dialogs.packet import SECOND

SPAN_NS = 300 * SECOND
"Figures are about this span and the one before: the last five to ten minutes."

OTHERS_MAX = 10_000
"Addresses without a name that are remembered; the one of which nothing has changed for longest is forgotten first, counted."

ENDED_MAX = 4096
"Ended calls whose count can be taken back: a caller who was asked for credentials tries again."

CODES_MAX = 16
"Final codes told apart in a span; further ones count as 0."


class Traffic(NamedTuple):
    """What was counted of one peer."""

    name: str
    kind: str
    'As the configuration has it; "" of an address without a name.'

    live: int
    begun: int
    "Calls that began in the two spans, and below what became of these."

    answered: int
    failed: int
    setup_ns: int
    "Their mean time from the INVITE to the first sign of the other end (RFC 6076, SRD); 0 for none."

    codes: dict[int, int]
    last_ns: int
    "When a message of one of its calls was last seen; 0 for never."


class _Span:
    """Counts of calls that began in one span."""

    __slots__ = ("answered", "begun", "codes", "failed", "setup_ns", "setups")

    def __init__(self) -> None:
        self.begun = self.answered = self.failed = self.setup_ns = self.setups = 0
        self.codes: dict[int, int] = {}

    def fail(self, code: int, step: int) -> None:
        """Count a final code; a step of -1 takes it back."""
        self.failed += step
        place = code if code in self.codes or len(self.codes) < CODES_MAX else 0
        self.codes[place] = self.codes.get(place, 0) + step


class _Counts:
    """One peer."""

    __slots__ = ("kind", "last_ns", "live", "spans", "totals")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.totals = PeerTotals()
        self.live = self.last_ns = 0
        self.spans: dict[int, _Span] = {}

    def span(self, number: int) -> _Span:
        """Return the counts of a span, and let go of those before the last two."""
        if number not in self.spans:
            self.spans = {kept: span for kept, span in self.spans.items() if kept >= number - 1}
            self.spans[number] = _Span()
        return self.spans[number]


class _Held:
    """What was counted of a call: with whom, and how far it had come."""

    __slots__ = ("answered", "code", "counts", "hosts", "new", "number", "set_up", "spans")

    def __init__(self, number: int, *, new: bool) -> None:
        self.number = number
        self.new = new
        "Whether what it has done so far is news for the totals; of a call that a restart brought back it is none."

        self.hosts = self.code = 0
        self.answered = self.set_up = False
        self.counts: list[_Counts] = []
        self.spans: list[_Span] = []


class PeerTraffic:
    """Counts by peer, fed with each tick's changed calls."""

    def __init__(self, names: PeerNames) -> None:
        self.forgotten = 0
        "Addresses that made room for others."

        self._names = names
        self._now = 0
        self._named = {peer.name: _Counts(peer.kind) for peer in names.peers}
        self._others: OrderedDict[str, _Counts] = OrderedDict()
        self._live: dict[str, _Held] = {}
        self._ended: OrderedDict[str, _Held] = OrderedDict()

    def __len__(self) -> int:
        return len(self._others)

    def since_ns(self, now_ns: int) -> int:
        """Return when the calls began at the earliest of which the figures tell."""
        return (now_ns // SPAN_NS - 1) * SPAN_NS

    def take(self, calls: Iterable[tuple[CallSnapshot, bool]], now_ns: int) -> None:
        """Count what has become of these calls; with each, whether it began since the last time."""
        self._now = now_ns // SPAN_NS
        for call, begun in calls:
            held = self._live.get(call.uid) or self._back(call, begun=begun)
            if held is None:
                continue
            if len(call.hosts) != held.hosts:
                self._join(held, call)
            self._count(held, call)

    def _back(self, call: CallSnapshot, *, begun: bool) -> _Held | None:
        """Return a call that is new, or is back: after a restart, or because its end was none; None for what has ended and stays so."""
        ended = self._ended.get(call.uid)
        if call.state == DELETED and not begun:
            return None
        if ended is not None and not begun:
            del self._ended[call.uid]
            for counts, span in zip(ended.counts, ended.spans, strict=True):
                counts.live += 1
                if ended.code:
                    span.fail(ended.code, -1)
                    counts.totals.failed.take_back(ended.code // 100)
            ended.code = 0
            held = ended
        else:
            held = _Held(min(call.init_ns // SPAN_NS, self._now), new=begun)
        self._live[call.uid] = held
        return held

    def _join(self, held: _Held, call: CallSnapshot) -> None:
        """Count the call with the peers of which it was not known."""
        held.hosts = len(call.hosts)
        for name in self._names.names(call.hosts):
            counts = self._named.get(name) or self._other(name)
            if counts in held.counts:
                continue
            span = counts.span(held.number) if held.number >= self._now - 1 else _Span()
            span.begun += 1
            span.answered += held.answered
            counts.totals.begun += held.new
            counts.totals.answered += held.answered and held.new
            counts.live += 1
            held.counts.append(counts)
            held.spans.append(span)

    def _other(self, name: str) -> _Counts:
        counts = self._others.get(name)
        if counts is None:
            counts = self._others[name] = _Counts("")
            if len(self._others) > OTHERS_MAX:
                self._others.popitem(last=False)
                self.forgotten += 1
        self._others.move_to_end(name)
        return counts

    def _count(self, held: _Held, call: CallSnapshot) -> None:
        """Note what has happened to the call since it was last looked at."""
        answered, code = call.start_ns > 0, call.end_code if call.state == DELETED else 0
        first_ns = call.ring_ns or call.start_ns
        for counts, span in zip(held.counts, held.spans, strict=True):
            counts.last_ns = max(counts.last_ns, call.last_ns)
            if answered and not held.answered:
                span.answered += 1
                counts.totals.answered += held.new
            if first_ns and not held.set_up:
                span.setups += 1
                span.setup_ns += first_ns - call.init_ns
            if code:
                span.fail(code, 1)
                counts.totals.failed.add(code // 100)
            counts.live -= call.state == DELETED
        held.answered, held.set_up, held.code, held.new = answered, first_ns > 0, code, True
        if call.state == DELETED:
            del self._live[call.uid]
            self._ended[call.uid] = held
            if len(self._ended) > ENDED_MAX:
                self._ended.popitem(last=False)

    def named(self) -> Iterator[tuple[str, str, int, PeerTotals]]:
        """Yield (name, kind, calls now, totals) of each peer of the configuration."""
        for name, counts in self._named.items():
            yield name, counts.kind, counts.live, counts.totals

    def top(self, most: int, now_ns: int) -> list[Traffic]:
        """Return all peers of the configuration, then the other addresses with the most calls. Looks at all: for once a second."""
        newest = now_ns // SPAN_NS - 1
        busiest = nlargest(most, self._others.items(), key=lambda item: (item[1].live, item[1].last_ns))
        return [_traffic(name, counts, newest) for name, counts in (*self._named.items(), *busiest)]


def _traffic(name: str, counts: _Counts, newest: int) -> Traffic:
    spans = [span for number, span in counts.spans.items() if number >= newest]
    codes: dict[int, int] = {}
    for span in spans:
        for code, count in span.codes.items():
            codes[code] = codes.get(code, 0) + count
    setups = sum(span.setups for span in spans)
    return Traffic(
        name,
        counts.kind,
        counts.live,
        sum(span.begun for span in spans),
        sum(span.answered for span in spans),
        sum(span.failed for span in spans),
        sum(span.setup_ns for span in spans) // setups if setups else 0,
        {code: count for code, count in sorted(codes.items(), key=lambda item: -item[1]) if count},
        counts.last_ns,
    )
