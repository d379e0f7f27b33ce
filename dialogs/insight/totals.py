"""What was counted since the beginning: numbers that only grow, for programs that take differences themselves. Knows numbers; knows no call and no clock.

`kpi` and `traffic` count into these where they count for their own figures.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

CLASSES = (3, 4, 5, 6)
"Of final answers that refuse."

SETUP_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 180.0)
TALK_BOUNDS = (1.0, 5.0, 10.0, 30.0, 35.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0)
"Seconds. Between 30 and 35 stand the calls that drop because no ACK came (RFC 3261, 13.3.1.4: 32 s)."

WORK_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"Seconds that something of ours takes, or is late."


class Histogram:
    """Values counted by the least of these upper bounds that is not below them, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        "The last one: above all bounds."

        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def numbers(self) -> list[float]:
        """Return the sum, then the counts."""
        return [self.sum, *self.counts]


class Failures:
    """Failures by kind. What only grows cannot be reduced: of one that is taken back the next of its kind is not counted."""

    __slots__ = ("_again", "counts")

    def __init__(self, kinds: Iterable[int] = ()) -> None:
        self.counts = dict.fromkeys(kinds, 0)
        self._again: dict[int, int] = {}

    def add(self, kind: int) -> None:
        """Count a failure."""
        if self._again.get(kind, 0):
            self._again[kind] -= 1
        else:
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def take_back(self, kind: int) -> None:
        """It was none: its caller has tried again."""
        self._again[kind] = self._again.get(kind, 0) + 1


class Totals:
    """What was counted of all calls of a node."""

    __slots__ = ("answered", "begun", "codes", "setup", "talk")

    def __init__(self) -> None:
        self.begun = self.answered = 0
        self.codes = Failures()
        "Attempts that failed, by their final answer; 0 for those without any."

        self.setup = Histogram(SETUP_BOUNDS)
        "Seconds from the INVITE to the answer."

        self.talk = Histogram(TALK_BOUNDS)
        "Seconds from the answer to the end."


class PeerTotals:
    """What was counted of the calls through one peer."""

    __slots__ = ("answered", "begun", "failed")

    def __init__(self) -> None:
        self.begun = self.answered = 0
        self.failed = Failures(CLASSES)
        "By class of the final answer: 5 for 5xx."
