"""How the values of profiles went, minute by minute: sizes, and what came and went. Knows changed calls and the engine's sizes; judges nothing.

A value that did not move in a minute gets no row: its size is the last one's.
"""

from collections.abc import Iterable

from dashboard.history.rows import MAX_KEY, Change, clean
from dashboard.models import ProfileMinute
from dialogs.engine.call import CHALLENGES
from dialogs.engine.profiles import Profiles
from dialogs.engine.states import State
from dialogs.packet import SECOND

MINUTE_NS = 60 * SECOND
ROWS_MAX = 500
"Rows of one minute: the values with the greatest peaks."

VALUES_MAX = 10_000
"Values noted in one minute; what moves beyond is not noted, counted."

ENDED_MAX = 65_536
"Ended calls that are remembered, so that none counts twice."


class _Minute:
    """One value's minute."""

    __slots__ = ("answered", "begun", "ended", "last", "peak")

    def __init__(self) -> None:
        self.peak = self.last = self.begun = self.ended = self.answered = 0


class ProfileTrend:
    """Notes each tick what became of the values that moved, and gives their rows once a minute."""

    def __init__(self, node: str, profiles: Profiles) -> None:
        self.lost = 0
        "Values that were too many for their minute."

        self._node = node
        self._profiles = profiles
        self._minute = 0
        self._values: dict[tuple[str, str], _Minute] = {}
        self._ended: dict[str, None] = {}

    def take(self, changes: Iterable[Change], now_ns: int) -> list[ProfileMinute]:
        """Note these changes; return the rows of the minute that is over, once."""
        rows: list[ProfileMinute] = []
        if (minute := now_ns // MINUTE_NS) != self._minute:
            rows = self._rows()
            self._minute, self._values = minute, {}
        touched = set()
        for change in changes:
            for membership in change.snapshot.profiles:
                if (noted := self._noted(membership)) is not None:
                    touched.add(membership)
                    noted.begun += change.begun
            if change.snapshot.state == State.DELETED:
                self._end(change)
        for name, value in touched:
            noted = self._values[name, value]
            noted.last = self._profiles.sizes.get(name, {}).get(value or None, 0)
            noted.peak = max(noted.peak, noted.last)
        return rows

    def _noted(self, membership: tuple[str, str]) -> _Minute | None:
        noted = self._values.get(membership)
        if noted is None and len(self._values) >= VALUES_MAX:
            self.lost += 1
        elif noted is None:
            noted = self._values[membership] = _Minute()
        return noted

    def _end(self, change: Change) -> None:
        call = change.snapshot
        if call.uid in self._ended or (call.end_code in CHALLENGES and not call.start_ns):
            return
        self._ended[call.uid] = None
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]
        for membership in call.profiles:
            if (noted := self._noted(membership)) is not None:
                noted.ended += 1
                noted.answered += call.start_ns > 0

    def _rows(self) -> list[ProfileMinute]:
        greatest = sorted(self._values.items(), key=lambda item: -item[1].peak)
        self.lost += len(greatest[ROWS_MAX:])
        at_ns = self._minute * MINUTE_NS
        return [
            ProfileMinute(
                node=self._node,
                name=clean(name, 64),
                value=clean(value, MAX_KEY),
                at_ns=at_ns,
                peak=noted.peak,
                last=noted.last,
                begun=noted.begun,
                ended=noted.ended,
                answered=noted.answered,
            )
            for (name, value), noted in greatest[:ROWS_MAX]
        ]
