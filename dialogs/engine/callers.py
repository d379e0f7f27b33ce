"""Statistics of each caller and of the node: what was counted of their wire calls. Knows URIs and states; knows no call, no message and no time.

One step a call that is made or changes its state, none a message. A call holds the number of its caller's counts, so that what is left of the
calls of a caller who was forgotten changes nobody's counts.
"""

from collections import OrderedDict
from collections.abc import Iterator
from heapq import nlargest
from typing import NamedTuple

from dialogs.engine.states import CONFIRMED, CONFIRMED_NA, EARLY, State

CALLERS_MAX = 10_000
"Callers remembered; the one of whom nothing has changed for longest is forgotten first, counted."

URI_MAX = 200
"Characters of a URI by which callers are told apart."


class Caller(NamedTuple):
    """What was counted of one caller, or of all ("")."""

    caller: str
    "From URI, as `$fu` has it."

    processed: int
    "Late joins included."
    early: int
    "Ringing now."

    active: int
    "Answered and not ended."

    failed: int
    "Ended by an answer of 300 or more that no other attempt followed."

    expired: int


PROCESSED, EARLY_NOW, ACTIVE, FAILED, EXPIRED = range(5)
GAUGES = {EARLY: EARLY_NOW, CONFIRMED_NA: ACTIVE, CONFIRMED: ACTIVE}


class Counts:
    """One caller's counts, by the numbers above."""

    __slots__ = ("number", "values")

    def __init__(self, number: int) -> None:
        self.number = number
        self.values = [0] * 5


class Callers:
    """Counts by caller, and in sum."""

    def __init__(self) -> None:
        self.forgotten = 0
        "Callers that made room for others."

        self._all = [0] * 5
        self._by_uri: OrderedDict[str, Counts] = OrderedDict()
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._by_uri)

    def begin(self, uri: str, state: State) -> int:
        """Count a call that is new here, in this state; returns the number that the other steps want back."""
        uri = uri[:URI_MAX]
        counts = self._by_uri.get(uri)
        if counts is None:
            self._numbers += 1
            counts = self._by_uri[uri] = Counts(self._numbers)
            if len(self._by_uri) > CALLERS_MAX:
                self._by_uri.popitem(last=False)
                self.forgotten += 1
        self._by_uri.move_to_end(uri)
        gauge = GAUGES.get(state)
        for values in (self._all, counts.values):
            values[PROCESSED] += 1
            if gauge is not None:
                values[gauge] += 1
        return counts.number

    def move(self, uri: str, number: int, before: State, after: State | None) -> None:
        """A call went from one state to another; None: it was dropped."""
        left, entered = GAUGES.get(before), GAUGES.get(after) if after is not None else None
        if left != entered:
            for values in self._counts(uri, number):
                if left is not None:
                    values[left] -= 1
                if entered is not None:
                    values[entered] += 1

    def undo(self, uri: str, number: int, state: State) -> None:
        """Take back that a call was counted here: its caller was a guess."""
        self.move(uri, number, state, None)
        for values in self._counts(uri, number):
            values[PROCESSED] -= 1

    def fail(self, uri: str, number: int, step: int = 1) -> None:
        """A call was refused; a step of -1: it was not, its caller has tried again with credentials."""
        for values in self._counts(uri, number):
            values[FAILED] += step

    def expire(self, uri: str, number: int) -> None:
        """Nothing was seen of a call for too long."""
        for values in self._counts(uri, number):
            values[EXPIRED] += 1

    def _counts(self, uri: str, number: int) -> Iterator[list[int]]:
        yield self._all
        uri = uri[:URI_MAX]
        counts = self._by_uri.get(uri)
        if counts is not None and counts.number == number:
            self._by_uri.move_to_end(uri)
            yield counts.values

    def total(self) -> Caller:
        """Return what was counted of all callers, those who were forgotten included."""
        return Caller("", *self._all)

    def of(self, uri: str) -> Caller | None:
        """Return what was counted of one caller; None for one who is not remembered."""
        counts = self._by_uri.get(uri[:URI_MAX])
        return None if counts is None else Caller(uri[:URI_MAX], *counts.values)

    def top(self, most: int) -> list[Caller]:
        """Return the callers with the most active calls, then failed, then processed ones, greatest first. Looks at all: for once a second."""
        greatest = nlargest(most, self._by_uri.items(), key=lambda item: (item[1].values[ACTIVE], item[1].values[FAILED], item[1].values[PROCESSED]))
        return [Caller(uri, *counts.values) for uri, counts in greatest]
