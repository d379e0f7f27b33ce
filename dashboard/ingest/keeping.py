"""When the engine's state of a call is stored, which a restart restores: `[dialog] db_mode`. Knows the engine and modes; knows no database and no clock.

What pages show is written each tick in every mode. In mode 1 a call's state goes with its row. In mode 2 a row that is written between two periods
keeps the state that was stored last while that still tells the call's own state (1 to 4) right; else it goes, and a crash loses the call rather
than to bring back one that rings although it was answered.
"""

from collections.abc import Iterable
from typing import NamedTuple

from dashboard.history.rows import KEPT_STATE
from dialogs.config import Dialog
from dialogs.engine import Engine
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State
from dialogs.packet import SECOND

NONE, REALTIME, DELAYED, SHUTDOWN = range(4)
"db_mode."

MOST = 500
"States stored in one tick: a period's come over several ticks, so that none of them takes long."


class Held(NamedTuple):
    """A call's state on its way to where it is stored."""

    uid: str
    engine: bytes


class Keeping:
    """Which states are stored, and which still have to be."""

    def __init__(self, dialog: Dialog, engine: Engine) -> None:
        self.mode = dialog.db_mode
        self.loads = dialog.db_mode != NONE and not dialog.db_skip_load
        "Whether the start reads calls back."

        self.empties = dialog.db_mode == SHUTDOWN
        "Whether what is stored is used up by reading it: only the next clean end stores again."

        self._engine = engine
        self._period_ns = dialog.db_update_period * SECOND
        self._next_ns = 0
        self._changed: dict[str, int] = {}
        "Calls whose stored state is not their newest -> which of 1 to 4 they are in."

        self._round: list[str] = []
        "Those that are still to be stored in this period."

        self._stored: dict[str, int] = {}
        "Calls whose stored state is worth keeping -> the state in it, 1 to 4."

    def restored(self, uids: Iterable[str]) -> None:
        """Note that these calls have come back from what is stored."""
        if self.mode == DELAYED:
            self._stored = {uid: call.state for uid in uids if (call := self._engine.snapshot(uid)) is not None}

    def of(self, call: CallSnapshot) -> bytes | None:
        """Return what a call's row carries: its state, KEPT_STATE for that which is stored, None for none."""
        if self.mode == REALTIME:
            return self._engine.dump(call.uid)
        if self.mode != DELAYED:
            return None
        if call.state == State.DELETED:
            self._changed.pop(call.uid, None)
            self._stored.pop(call.uid, None)
            return None
        self._changed[call.uid] = call.state
        if self._stored.get(call.uid) == call.state:
            return KEPT_STATE
        self._stored.pop(call.uid, None)
        return None

    def due(self, now_ns: int) -> list[Held]:
        """Return the states that are to be stored now; `done` says that they were, else they come again."""
        if self.mode == DELAYED and not 0 < self._next_ns - now_ns <= self._period_ns:  # a clock that was set back does not stop it
            self._next_ns = now_ns + self._period_ns
            self._round = list(self._changed)
        return self._held(self._round[:MOST])

    def done(self, stored: Iterable[Held]) -> None:
        """Note that what `due` returned is stored."""
        del self._round[:MOST]
        for held in stored:
            if (state := self._changed.pop(held.uid, None)) is not None:
                self._stored[held.uid] = state

    def last(self) -> list[Held]:
        """Return the states to store at the end."""
        if self.mode == SHUTDOWN:
            return self._held([call.uid for call in self._engine.all_calls()])
        return self._held(list(self._changed))

    def _held(self, uids: Iterable[str]) -> list[Held]:
        return [Held(uid, engine) for uid in uids if (engine := self._engine.dump(uid)) is not None]
