"""What is too much, sans-IO: sizes, calls and the time go in, breaches that open, get worse and clear come out.

Knows limits; knows no engine, no alert's row, no order.

A breach is one value of a profile with more calls than a limit has, one call that lasts too long, or calls that expire one after another. It opens when the
limit is passed and clears when it has not been passed for HOLD_NS, so that a size that goes to and fro is one breach, not one each time.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from dialogs.config import Limit
from dialogs.packet import SECOND

HOLD_NS = 10 * SECOND
"A breach clears when there was none for so long."

EXPIRY_HOLD_NS = 60 * SECOND
"Likewise, of calls that expire: they come in ones and twos."

BREACHES_MAX = 1000
"Open breaches of one limit; what is beyond is counted in `unsaid`."

EXPIRED_MAX = 10_000
"Expired calls remembered, so that each counts once."

WARN, CRITICAL = "warn", "critical"
RANK = {WARN: 0, CRITICAL: 1}

OPENED, CHANGED, CLEARED = "opened", "changed", "cleared"

Key = tuple[str, str | None]
"(limit, what breaches it): the profile's value, or a call's uid."


class Breach(NamedTuple):
    """Something that is too much, as it is now."""

    limit: str
    subject: str | None
    "The profile's value (None of a profile without), or a call's uid; empty for calls that expire."

    severity: str
    "The worst that it was."

    size: int
    "Calls now; of a call's duration its seconds' limit."

    most: int
    "The most that it was."

    uid: str
    "A call to look at; empty when there is no certain one."

    opened_ns: int


class Event(NamedTuple):
    """What became of a breach."""

    what: str
    "OPENED, CHANGED (it got worse), CLEARED."

    at_ns: int
    breach: Breach


class Over(NamedTuple):
    """Calls of a value that a limit would have ended."""

    limit: Limit
    value: str | None
    excess: int


class Spoken(NamedTuple):
    """An answered call as limits know it."""

    uid: str
    start_ns: int


class Limits:
    """The configured limits and what breaches them now. Every step costs with what has changed, not with what is there."""

    def __init__(self, limits: Iterable[Limit], concerns: Callable[[Limit, str], bool] = lambda _limit, _uid: True) -> None:
        """`concerns`: whether a limit's `when` holds for the call of this uid."""
        limits = tuple(limits)
        self.concurrent = [limit for limit in limits if limit.warn or limit.critical]
        self.lasting = [limit for limit in limits if limit.duration_seconds]
        self.expiring = [limit for limit in limits if limit.expiry]
        self.profiles = frozenset(limit.profile for limit in self.concurrent)
        "Whose sizes are to be told."

        self.unsaid = 0
        "Breaches that were not opened because there were too many."

        self.breaches: dict[Key, Breach] = {}
        self._concerns = concerns
        self._open: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._clears: dict[Key, int] = {}
        "Breaches that are over -> when they clear."

        self._starts: dict[str, int] = {}
        "Answered calls, while a limit is about durations."

        self._due: list[tuple[int, str, int, int]] = []
        "(when, uid, its start, which of `lasting`), soonest first."

        self._expired: OrderedDict[str, None] = OrderedDict()

    # What goes in

    def sizes(self, moved: Iterable[tuple[str, str | None, int]], now_ns: int) -> Iterator[Event]:
        """Take the sizes that changed, (profile, value, calls)."""
        for profile, value, size in moved:
            for limit in self.concurrent:
                if limit.profile == profile and limit.value in ("", value):
                    yield from self._judge((limit.name, value), severity_of(limit, size), size, "", now_ns)

    def answered(self, call: Spoken) -> None:
        """Take a call that is up; again and again does not matter."""
        if self.lasting and self._starts.get(call.uid) != call.start_ns:
            self._starts[call.uid] = call.start_ns
            for number, limit in enumerate(self.lasting):
                heapq.heappush(self._due, (call.start_ns + limit.duration_seconds * SECOND, call.uid, call.start_ns, number))

    def ended(self, uid: str, now_ns: int) -> Iterator[Event]:
        """Take a call that has ended: how long it lasts is over at once, there is nothing to go to and fro."""
        if self._starts.pop(uid, None) is not None:
            for limit in self.lasting:
                if (limit.name, uid) in self.breaches:
                    yield self._clear((limit.name, uid), now_ns)

    def expired(self, uid: str, now_ns: int) -> Iterator[Event]:
        """Take a call that ended because nothing was seen of it for too long."""
        if not self.expiring or uid in self._expired:
            return
        self._expired[uid] = None
        while len(self._expired) > EXPIRED_MAX:
            self._expired.popitem(last=False)
        for limit in self.expiring:
            if self._concerns(limit, uid):
                key = (limit.name, "")
                self._counts[limit.name] = count = self._counts.get(limit.name, 0) + 1
                yield from self._judge(key, WARN, count, uid, now_ns)
                if key in self.breaches:
                    self._clears[key] = now_ns + EXPIRY_HOLD_NS

    def step(self, now_ns: int) -> Iterator[Event]:
        """Let time pass: calls come to last too long, breaches clear."""
        while self._due and self._due[0][0] <= now_ns:
            _, uid, start_ns, number = heapq.heappop(self._due)
            limit = self.lasting[number]
            if self._starts.get(uid) == start_ns and self._concerns(limit, uid):
                yield from self._judge((limit.name, uid), CRITICAL if limit.send_bye else WARN, limit.duration_seconds, uid, now_ns)
        for key in [key for key, clears_ns in self._clears.items() if clears_ns <= now_ns]:
            yield self._clear(key, now_ns)

    # What may be asked

    def over(self) -> list[Over]:
        """Return what would have to be ended now so that every limit with `end` is kept."""
        return [
            Over(limit, value, excess)
            for limit in self.concurrent
            if limit.end
            for (name, value), breach in self.breaches.items()
            if name == limit.name and (excess := breach.size - limit.critical) > 0
        ]

    # How a breach goes

    def _judge(self, key: Key, severity: str, size: int, uid: str, now_ns: int) -> Iterator[Event]:
        breach = self.breaches.get(key)
        if not severity:
            if breach is not None:
                self.breaches[key] = breach._replace(size=size)
                self._clears.setdefault(key, now_ns + HOLD_NS)
            return
        self._clears.pop(key, None)
        if breach is None:
            if self._room(key[0]):
                self.breaches[key] = breach = Breach(key[0], key[1], severity, size, size, uid, now_ns)
                yield Event(OPENED, now_ns, breach)
            return
        worst = max(breach.severity, severity, key=RANK.__getitem__)
        self.breaches[key] = breach._replace(severity=worst, size=size, most=max(size, breach.most), uid=uid or breach.uid)
        if worst != breach.severity:
            yield Event(CHANGED, now_ns, self.breaches[key])

    def _room(self, name: str) -> bool:
        """Return whether another breach of this limit may open."""
        count = self._open.get(name, 0)
        if count >= BREACHES_MAX:
            self.unsaid += 1
            return False
        self._open[name] = count + 1
        return True

    def _clear(self, key: Key, now_ns: int) -> Event:
        self._clears.pop(key, None)
        self._counts.pop(key[0], None)
        self._open[key[0]] -= 1
        return Event(CLEARED, now_ns, self.breaches.pop(key))


def severity_of(limit: Limit, size: int) -> str:
    """Return how bad so many calls at once are, "" for not at all."""
    if limit.critical and size > limit.critical:
        return CRITICAL
    return WARN if limit.warn and size > limit.warn else ""
