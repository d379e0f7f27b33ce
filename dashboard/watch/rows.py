"""The calls on the screen, each in its place: nothing above or below the cursor moves by itself. Knows frames; knows no terminal.

A call that ends, or that the query does not find any more, keeps its line for a while; then the next new call takes it. Without a free line new
calls come at the end, as in sngrep.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

LINGER_SECONDS = 5.0
"How long a call that has ended keeps its line, at least."

type Call = dict[str, Any]


class Row:
    """One line: a call, and since when it is over."""

    __slots__ = ("answered", "begun", "call", "ended", "over_at")

    def __init__(self, call: Call) -> None:
        self.over_at = 0.0
        "0 while it is up."

        self.tell(call)

    def tell(self, call: Call) -> None:
        """Take what is known of the call now."""
        self.call = call
        self.begun, self.answered, self.ended = (seconds(call.get(name, "")) for name in ("begun", "answered", "ended"))

    @property
    def uid(self) -> str:
        """The call's name."""
        return str(self.call["call"])

    def lasted(self, now: float) -> float:
        """Return the seconds since it was answered, else since it began; of one that is over how long it lasted."""
        end = self.ended or (self.over_at or now)
        return max(0.0, end - (self.answered or self.begun or end))


def seconds(moment: str) -> float:
    """Return an ISO time as epoch seconds, 0 for what is none."""
    try:
        return datetime.fromisoformat(moment).timestamp() if moment else 0.0
    except ValueError:
        return 0.0


class Rows:
    """The list."""

    def __init__(self) -> None:
        self.shown: list[Row] = []
        self.total = 0
        self.paused = False
        self._held: dict[str, tuple[Call, bool]] = {}

    @property
    def held(self) -> int:
        """How many calls have changed since the list was frozen."""
        return len(self._held)

    def take(self, frame: dict[str, Any], keep: str, now: float) -> None:
        """Take a frame; `keep`: the call under the cursor, whose line is never taken."""
        self.total = frame.get("total", self.total)
        gone = [(call, True) for call in frame["gone"]]
        if frame["snapshot"]:  # after a break: what is not in it has ended meanwhile
            here = {call["call"] for call in frame["calls"]}
            gone += [(row.call, True) for row in self.shown if row.uid not in here and not row.over_at]
        moved = [*((call, False) for call in frame["calls"]), *gone]
        if self.paused:
            self._held |= {call["call"]: (call, over) for call, over in moved}
        else:
            self._apply(moved, keep, now)

    def resume(self, keep: str, now: float) -> None:
        """Show what was held back."""
        self.paused = False
        self._apply(self._held.values(), keep, now)
        self._held = {}

    def sort(self) -> None:
        """Put the newest call first, and forget what has ended."""
        self.shown = sorted((row for row in self.shown if not row.over_at), key=lambda row: (-row.begun, row.uid))

    def _apply(self, moved: Iterable[tuple[Call, bool]], keep: str, now: float) -> None:
        places = {row.uid: row for row in self.shown}
        free = [at for at, row in enumerate(self.shown) if row.over_at and now - row.over_at > LINGER_SECONDS and row.uid != keep]
        for call, over in moved:
            row = places.get(call["call"])
            if row is None and not over:
                row = places[call["call"]] = Row(call)
                self._place(row, free)
            elif row is not None:
                row.tell(row.call | call)
                row.over_at = (row.over_at or now) if over else 0.0

    def clear(self, below: str, now: float) -> None:
        """Take away what has been over for a while, below the cursor's call only: what is above keeps its line, so that the cursor does."""
        first = next((at for at, row in enumerate(self.shown) if row.uid == below), -1) + 1
        if not self.paused:
            self.shown[first:] = [row for row in self.shown[first:] if not row.over_at or now - row.over_at <= LINGER_SECONDS]

    def _place(self, row: Row, free: list[int]) -> None:
        if free:
            self.shown[free.pop(0)] = row
        else:
            self.shown.append(row)
