"""What happened to calls in a tick, as feeds tell it: begun, answered, ended, failed. Knows events of the engine; knows no database and no clock.

A refusal that asks for credentials or another session timer (401, 407, 422) is no failure yet: nearly every call is challenged first. It becomes one
when the caller does not try again within CHALLENGED_NS.
"""

from collections.abc import Iterator

from dashboard.history.events import CREATED, END, FAILED, START
from dialogs.engine import Changed, Created, Event, Forgotten
from dialogs.engine.call import CHALLENGES
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State
from dialogs.packet import SECOND

CHALLENGED_NS = 5 * SECOND
HELD_MAX = 50_000
"Challenged calls that are waited for; beyond, the oldest counts as failed."

ORDER = (CREATED, START, END)


class Moments:
    """Collects the moments of a tick."""

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}
        self._held: dict[str, int] = {}
        "Challenged calls -> when they were first seen so, 0 until a tick has come."

        self._over: set[str] = set()
        "Challenged calls of which nothing more will come."

    def take(self, event: Event) -> None:
        """Note what an event means."""
        if isinstance(event, Created):
            self._seen.setdefault(event.uid, set()).add(CREATED)
        elif isinstance(event, Changed):
            if event.state == State.CONFIRMED_NA:
                self._seen.setdefault(event.uid, set()).add(START)
            if event.state == State.DELETED:
                self._seen.setdefault(event.uid, set()).add(END)
            elif event.uid in self._held or event.uid in self._seen:
                self._held.pop(event.uid, None)
                self._seen.get(event.uid, set()).discard(END)
        elif isinstance(event, Forgotten) and self._held.pop(event.uid, None) is not None:
            self._over.add(event.uid)

    def awaits(self, uid: str) -> bool:
        """Return whether a challenged call has still to be told of."""
        return uid in self._over

    def due(self, now_ns: int) -> Iterator[str]:
        """Yield the challenged calls that were not tried again in time; their moment comes with `of`."""
        for uid, since in list(self._held.items()):
            if not since:
                self._held[uid] = now_ns
            elif now_ns - since >= CHALLENGED_NS or len(self._held) > HELD_MAX:
                del self._held[uid]
                self._over.add(uid)
        yield from self._over

    def of(self, call: CallSnapshot) -> tuple[str, ...]:
        """Return what happened to a call in this tick, in its order."""
        seen = self._seen.pop(call.uid, set())
        over = call.uid in self._over
        self._over.discard(call.uid)
        if call.start_ns and CREATED in seen:  # joined late, answered already; or all of it in one tick
            seen.add(START)
        if END in seen and not over and not call.start_ns and call.end_code in CHALLENGES:
            self._held[call.uid] = 0
            seen.discard(END)
        moments = tuple(moment for moment in ORDER if moment in seen or (moment == END and over and call.state == State.DELETED))
        return tuple(FAILED if moment == END and not call.start_ns else moment for moment in moments)

    def clear(self) -> None:
        """Begin the next tick."""
        self._seen.clear()
        self._over.clear()

    def last(self) -> Iterator[str]:
        """Yield the challenged calls that are still waited for, when nothing more will come."""
        self._over |= set(self._held)
        self._held.clear()
        yield from self._over
