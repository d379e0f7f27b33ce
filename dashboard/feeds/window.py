"""Which event a receiver is sent next, and what becomes of one that it does not take. No socket, no database, no clock: times are given.

Events of one call go one after the other; of different calls several at once. A receiver that takes nothing is asked by one event at a time, later and
later, and nothing is given up for it before `give_up_ns`. An event that is refused again and again, each time after others were taken, is that event's own
fault: it is given up after TRIES such refusals, and the next one of its call goes on.
"""

import random
from collections import OrderedDict, deque
from collections.abc import Iterable

import msgspec

from dialogs.packet import SECOND

SIZE = 500
"Events in hand at most; the others wait in the database."

BYTES = 4 << 20
"And their bytes: an event may carry many variables."

TRIES = 8
SUSPECT = 2
"Faults of an event from which on it says nothing about the receiver any more."

DOWN = 3
"Different events refused in a row after which the receiver is taken for down."

LONGEST_NS = 60 * SECOND
ANSWERING_NS = 5 * SECOND
"Between two tries at most of a receiver that answers, and refuses: perhaps it is the events."

PATIENCE_NS = 5 * SECOND
"After which a receiver that has taken nothing since a refusal is said to fail."


class Item(msgspec.Struct):
    """One event on its way."""

    revision: int
    key: str
    event: str
    uid: str
    body: bytes
    tries: int = 0
    first_ns: int = 0
    "When it was first refused."

    next_ns: int = 0
    "Not to be tried before."

    faults: int = 0
    "Refusals that are its own: others had been taken since the one before."

    taken: int = 0
    "How many others had been taken when it was last refused."

    error: str = ""


class Window:
    """The events that one receiver is to be sent, oldest first."""

    def __init__(self, position: int, settled: Iterable[int], in_flight: int, give_up_ns: int, chance: random.Random | None = None) -> None:
        """`position`, `settled`: what is settled already, as `state` told."""
        self.in_flight = in_flight
        self.give_up_ns = give_up_ns
        self.position = position
        self.read = position
        "The newest revision that was looked at."

        self.failing_ns = 0
        self.error = ""
        self.sent = self.failures = self.bytes = 0
        self.dead: list[Item] = []
        "Given up, to be written as dead letters and then cleared by whoever does."

        self._settled = set(settled)
        self._calls: OrderedDict[str, deque[Item]] = OrderedDict()
        self._flying: set[int] = set()
        self.held = 0
        "Events in hand."

        self._refused: set[int] = set()
        "Different events refused since one was taken."

        self.down = False
        "Whether the receiver takes nothing: it is asked by one event at a time."

        self._probes = 0
        self._probe_ns = 0
        self._chance = chance or random.Random()  # noqa: S311 -- jitter

    # What is in hand

    @property
    def room(self) -> int:
        """How many events more it takes."""
        return SIZE - self.held if self.bytes < BYTES else 0

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand."""
        return not self.held

    def add(self, item: Item) -> None:
        """Take the next event, of a revision above all before it; one that is settled already is passed over."""
        self.read = max(self.read, item.revision)
        if item.revision in self._settled:
            return
        self._calls.setdefault(item.key, deque()).append(item)
        self.held += 1
        self.bytes += len(item.body)

    def passed(self, revision: int) -> None:
        """Note that everything up to this revision was looked at."""
        self.read = max(self.read, revision)

    def state(self) -> tuple[int, list[int]]:
        """Return (position, settled above it): what is to be remembered."""
        open_ = [queue[0].revision for queue in self._calls.values()]
        self.position = min(open_) - 1 if open_ else self.read
        self._settled = {revision for revision in self._settled if revision > self.position}
        return self.position, sorted(self._settled)

    def failing_since(self, now_ns: int) -> int:
        """Return since when nothing is taken, 0 while all is well: one event that is refused between others is no failure of the receiver's."""
        return self.failing_ns if self.down or now_ns - self.failing_ns >= PATIENCE_NS else 0

    # What is sent

    def ready(self, now_ns: int) -> list[Item]:
        """Return the events to be sent now; each is then in flight until `taken` or `refused`."""
        heads = (queue[0] for queue in self._calls.values() if queue[0].revision not in self._flying)
        if self.down:
            if self._flying or now_ns < self._probe_ns:
                return []
            found = sorted(heads, key=lambda item: (item.tries, item.revision))[:1]
        else:
            found = [item for item in heads if item.next_ns <= now_ns][: self.in_flight - len(self._flying)]
        self._flying.update(item.revision for item in found)
        return found

    def next_ns(self) -> int:
        """Return when something may be tried again, 0 for nothing in hand."""
        if self.down:
            return self._probe_ns if self.held else 0
        times = [queue[0].next_ns for queue in self._calls.values() if queue[0].revision not in self._flying]
        return min(times, default=0)

    def taken(self, item: Item) -> None:
        """Note that the receiver has it."""
        self.sent += 1
        self._settle(item)
        self._refused.clear()
        self.failing_ns, self.error = 0, ""
        if self.down:
            self.down, self._probes = False, 0
            for queue in self._calls.values():
                if queue[0].faults < SUSPECT:
                    queue[0].next_ns = 0

    def refused(self, item: Item, now_ns: int, error: str, *, unreachable: bool = False, wait_ns: int = 0) -> None:
        """Note that it was not taken. `unreachable`: nobody answered; `wait_ns`: how long the receiver wants to be left alone."""
        self._flying.discard(item.revision)
        self.failures += 1
        self.failing_ns = self.failing_ns or now_ns
        self.error = item.error = error
        item.faults += self._is_fault(item, unreachable=unreachable)
        item.first_ns, item.taken = item.first_ns or now_ns, self.sent
        item.tries += 1
        item.next_ns = now_ns + max(self._later(item.tries), wait_ns)
        if item.faults < SUSPECT:
            self._refused.add(item.revision)
        if item.faults >= TRIES or now_ns - item.first_ns >= self.give_up_ns:
            self.dead.append(item)
            self._settle(item)
        if unreachable or len(self._refused) >= DOWN:
            self.down = True
            self._probes += 1
            pause = self._later(self._probes)
            self._probe_ns = now_ns + max(pause if unreachable else min(pause, ANSWERING_NS), wait_ns)

    def _is_fault(self, item: Item, *, unreachable: bool) -> bool:
        """Return whether a refusal is the event's own. Where suspects are all that has room, there is nothing that could be taken in between."""
        return not item.tries or self.sent > item.taken or (not unreachable and item.faults >= SUSPECT and not self.room)

    def landed(self, items: Iterable[Item]) -> None:
        """Take back what was in flight and came to nothing: it is sent again."""
        self._flying.difference_update(item.revision for item in items)

    def _settle(self, item: Item) -> None:
        self._flying.discard(item.revision)
        queue = self._calls[item.key]
        queue.popleft()
        if not queue:
            del self._calls[item.key]
        self._settled.add(item.revision)
        self.held -= 1
        self.bytes -= len(item.body)

    def _later(self, tries: int) -> int:
        """Return how long to wait after so many tries: doubling, and never the same for all (nobody is to be hit by everyone at once)."""
        longest = min(LONGEST_NS, SECOND << min(tries - 1, 10))
        return int(longest * self._chance.uniform(0.5, 1.0))
