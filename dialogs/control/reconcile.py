"""Our table against the proxy's own, sans-IO: calls, totals and listings go in, what to ask next and what is found come out.

Knows no transport, no table's row, no clock.

Totals are asked for often and a listing seldom: only when the totals differ in one direction, look after look, by more than what was found before. What a
listing shows is a finding when a second one shows it too: calls in motion are never in both.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from dialogs.engine.states import CONFIRMED, CONFIRMED_NA, DELETED, EARLY, UNCONFIRMED, State
from dialogs.packet import SECOND

GRACE_NS = 5 * SECOND
"What moved since then is in motion."

AGAIN_NS = 4 * SECOND
"Between the listing that shows something first and the one that confirms it."

LOOKS = 3
"Totals that must differ in the same direction, one after another."

ANEW_NS = 60 * SECOND
"Listed again after so long while something is found, for what comes may hide what goes."

STUCK, MISSING, DIFFERS = "stuck", "missing", "differs"

Key = tuple[str, str]
"(Call-ID, caller's tag)."

Vector = tuple[int, int, int, int]
"Calls in the states 1 to 4: starting, connecting, answering, ongoing (Kamailio: dlg.stats_active)."

NONE: Vector = (0, 0, 0, 0)


class Held(NamedTuple):
    """A dialog as the proxy lists it."""

    key: Key
    state: int
    h_entry: int
    h_id: int


class Wire(NamedTuple):
    """A call as the wire shows it."""

    uid: str
    key: Key
    state: int
    since_ns: int
    "When it came to this state."

    known: bool = True
    "Whether the proxy surely had it: its cookie was on the wire, or it listed the call. Of another one nobody can say that it is missing."


class Ended(NamedTuple):
    """A call that the wire showed to be over."""

    uid: str
    end_ns: int


class Finding(NamedTuple):
    """One call on which the two tables do not agree."""

    kind: str
    "STUCK: the proxy has it, the wire ended it. MISSING: it is up on the wire, the proxy does not know it. DIFFERS: another state."

    uid: str
    key: Key
    ours: int
    proxys: int
    "States; 0 for none."

    since_ns: int
    "Since when ours has been as it is."

    h_entry: int
    h_id: int


class Difference(NamedTuple):
    """What one listing and our table do not have in common."""

    extra: list[Held]
    "Alive at the proxy and not on the wire."

    missing: list[Wire]
    differing: list[tuple[Wire, Held]]


class Stored(msgspec.Struct, frozen=True):
    """What is kept of a comparison for those who look, beside the totals."""

    findings: tuple[Finding, ...] = ()
    counts: dict[str, int] = {}
    "By kind."

    unseen: int = 0
    "Dialogs that only the proxy knows."

    complete: bool = True
    "Whether the newest listing had all dialogs."


class Reconciler:
    """Our calls through one proxy, and what is known of its table."""

    def __init__(self) -> None:
        self.ours: dict[Key, Wire] = {}
        self.elsewhere: dict[Key, Wire] = {}
        "Calls that do not go through this proxy, as far as is known: it may still list them."

        self.counts = [0, 0, 0, 0]
        self.findings: tuple[Finding, ...] = ()
        self.unseen = 0
        "Dialogs that the proxy has and of which the wire showed nothing, neither their life nor their end."

        self.agreed = False
        "Whether the newest totals are explained by what was found."

        self._others: Vector = NONE
        self._explained: Vector = NONE
        self._streaks = [0, 0, 0, 0]
        self._candidates: dict[tuple[str, Key], int] = {}
        self._again_ns = 0

    # Our side

    def note(self, call: Wire, *, through: bool) -> None:
        """Take a call that has changed; one in state 5 goes. `through`: whether the wire shows that it goes through this proxy."""
        before = self.ours.get(call.key) or self.elsewhere.get(call.key)
        if call.state == DELETED:
            if before is not None and before.uid == call.uid:
                self._let_go(call.key)
            return
        if before is not None and before.known:
            call = call._replace(known=True)
        through = through or call.key in self.ours
        self._let_go(call.key)
        if through:
            self.counts[call.state - 1] += 1
            self.ours[call.key] = call
        else:
            self.elsewhere[call.key] = call

    def _let_go(self, key: Key) -> None:
        self.elsewhere.pop(key, None)
        if (before := self.ours.pop(key, None)) is not None:
            self.counts[before.state - 1] -= 1

    def _claim(self, alive: Mapping[Key, Held]) -> None:
        """Take over the calls that the proxy lists although the wire did not show that they go through it."""
        for key in [key for key in self.elsewhere if key in alive]:
            call = self.elsewhere.pop(key)
            self.ours[key] = call._replace(known=True)
            self.counts[call.state - 1] += 1
            others = list(self._others)
            others[call.state - 1] -= 1
            self._others = (others[0], others[1], others[2], others[3])
        for key in [key for key, call in self.ours.items() if not call.known and key in alive]:
            self.ours[key] = self.ours[key]._replace(known=True)

    def told(self, by_state: Mapping[State, int]) -> None:
        """Take the engine's counts at the moment up to which `note` was told: what else is counted there does not go through this proxy."""
        self._others = _minus(vector(by_state), self._counted())

    def now(self, by_state: Mapping[State, int]) -> Vector:
        """Return our totals of this very moment, from the engine's counts."""
        return _minus(vector(by_state), self._others)

    def _counted(self) -> Vector:
        return (self.counts[0], self.counts[1], self.counts[2], self.counts[3])

    # The proxy's side

    def look(self, totals: Vector, before: Vector, after: Vector, now_ns: int) -> str:
        """Take the proxy's totals, with ours before and after they were asked for; returns "agree", "again" (soon) or "list"."""
        off = [_off(total, low + part, high + part) for total, low, high, part in zip(totals, before, after, self._explained, strict=True)]
        self.agreed = not any(off)
        self._streaks = [streak + _sign(value) if streak * value > 0 else _sign(value) for streak, value in zip(self._streaks, off, strict=True)]
        if self._again_ns and now_ns >= self._again_ns:
            return "list"
        if any(abs(streak) >= LOOKS for streak in self._streaks):
            return "list"
        return "again" if any(off) or self.waiting else "agree"

    def compare(self, listed: Iterable[Held], *, complete: bool) -> Difference:
        """Return how a listing differs; from one that is not complete nothing can be said to be missing."""
        alive = {held.key: held for held in listed if held.state < DELETED}
        self._claim(alive)
        extra = [held for key, held in alive.items() if key not in self.ours]
        missing = [call for key, call in self.ours.items() if key not in alive] if complete else []
        pairs = [(self.ours[key], held) for key, held in alive.items() if key in self.ours]
        return Difference(extra, missing, [(call, held) for call, held in pairs if call.state != held.state])

    def settle(self, difference: Difference, ended: Mapping[Key, Ended], now_ns: int) -> None:
        """Take a listing's difference, with what is known of its extra calls; what was there before, and is not in motion, is found."""
        possible = list(_possible(difference, ended))
        first = {(finding.kind, finding.key): self._candidates.get((finding.kind, finding.key), now_ns) for finding in possible}
        rested = [finding for finding in possible if now_ns - finding.since_ns >= GRACE_NS]
        self.findings = tuple(finding for finding in rested if first[finding.kind, finding.key] < now_ns)
        self.unseen = sum(held.key not in ended for held in difference.extra)
        self._candidates = first
        self._explained = _explained(difference)
        self._streaks = [0, 0, 0, 0]
        waiting = len(possible) > len(self.findings)
        self._again_ns = now_ns + (AGAIN_NS if waiting else ANEW_NS) if possible or self.unseen else 0

    def lost(self) -> None:
        """Forget what was found: the proxy does not answer, so nobody knows."""
        self.findings, self.unseen, self.agreed = (), 0, False
        self._explained, self._candidates, self._again_ns, self._streaks = NONE, {}, 0, [0, 0, 0, 0]

    @property
    def waiting(self) -> bool:
        """Whether a listing is to be confirmed soon."""
        return len(self._candidates) > len(self.findings)


def _possible(difference: Difference, ended: Mapping[Key, Ended]) -> Iterable[Finding]:
    for held in difference.extra:
        if (over := ended.get(held.key)) is not None:
            yield Finding(STUCK, over.uid, held.key, int(DELETED), held.state, over.end_ns, held.h_entry, held.h_id)
    for call in difference.missing:
        if call.known:
            yield Finding(MISSING, call.uid, call.key, call.state, 0, call.since_ns, 0, 0)
    for call, held in difference.differing:
        yield Finding(DIFFERS, call.uid, call.key, call.state, held.state, call.since_ns, held.h_entry, held.h_id)


def _explained(difference: Difference) -> Vector:
    """Return what the proxy has more than we in each state, by this difference."""
    more = [0, 0, 0, 0]
    for state in (*(held.state for held in difference.extra), *(held.state for _, held in difference.differing)):
        more[state - 1] += 1
    for state in (*(call.state for call in difference.missing), *(call.state for call, _ in difference.differing)):
        more[state - 1] -= 1
    return (more[0], more[1], more[2], more[3])


def vector(by_state: Mapping[State, int]) -> Vector:
    """Return counts by state, 1 to 4, as a vector."""
    return (by_state.get(UNCONFIRMED, 0), by_state.get(EARLY, 0), by_state.get(CONFIRMED_NA, 0), by_state.get(CONFIRMED, 0))


def _minus(one: Vector, other: Vector) -> Vector:
    return (one[0] - other[0], one[1] - other[1], one[2] - other[2], one[3] - other[3])


def _off(value: int, one: int, other: int) -> int:
    """Return how far a value lies outside what two moments have between them."""
    low, high = min(one, other), max(one, other)
    return value - low if value < low else value - high if value > high else 0


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
