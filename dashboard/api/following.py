"""The calls that are up, as they change: frames for a program or a terminal that shows them. Knows tables; knows no socket and no screen.

As on the pages, the database is the log: each look reads what is there now, and a frame says what differs from the one before.
"""

import threading
import time
from collections.abc import Sequence

from dashboard.api.answers import Answer, live_of, order_of
from dashboard.api.asker import Asker
from dashboard.api.calls import chosen_by, standing
from dashboard.history.export import iso
from dashboard.live.changes import light, newest_revision, stamp
from dashboard.live.health import doubts, taps
from dashboard.models import DialogRow, Order

MOST = 1000
"Calls that are followed: the newest. A frame says how many there are."

TICK_SECONDS = 0.25
SECOND_NS = 10**9
HEARTBEAT_NS = 5 * SECOND_NS
"A frame comes at least so often: silence means that nobody is there."

ORDERS_NS = 120 * SECOND_NS
MOST_ORDERS = 200


SHARE = 20
"Counting may take one part in this many of the time."


class Figures:
    """How many calls are up in each state, and what makes numbers doubtful: counted once a second for all who follow, and more seldom where that takes long."""

    def __init__(self) -> None:
        self.states: dict[str, int] = {}
        self.doubts: list[str] = []
        self._rest_until = 0.0
        self._lock = threading.Lock()

    def read(self, now_ns: int) -> tuple[dict[str, int], list[str]]:
        """Return both, a second old at most while counting is cheap."""
        with self._lock:
            if (begun := time.monotonic()) >= self._rest_until:
                self.states, self.doubts = standing(now_ns), [doubt.words for doubt in doubts(taps(now_ns), now_ns)]
                ended = time.monotonic()
                self._rest_until = ended + max(1.0, SHARE * (ended - begun))
            return self.states, self.doubts


figures = Figures()


class Following:
    """What one program has been told."""

    def __init__(self, asker: Asker, q: str = "", state: str = "", caller: str = "", profile: str = "", peer: str = "", zone: str = "") -> None:
        """Problem for a query that cannot be understood."""
        query = {"q": q, "state": state, "caller": caller, "profile": profile, "peer": peer, "zone": zone}
        self._chosen = chosen_by(asker, query)
        self._policy = asker.policy
        self._frame = 0
        self._revision = -1
        self._have: dict[str, int] = {}
        self._orders: dict[int, tuple[object, ...]] = {}
        self._states: dict[str, int] = {}
        self._doubts: list[str] = []
        self._asked_ns = 0
        self._total = 0
        self._uncounted = False
        "Whether calls have moved since the total was counted."

        self._rest_until = 0.0
        self._told_ns = 0

    def look(self, now_ns: int) -> Answer | None:
        """Return what is new, None when nothing is; the first frame is a snapshot."""
        revision, orders, counted = newest_revision(), self._moved(now_ns), figures.read(now_ns)
        again = self._chosen.timed and now_ns - self._asked_ns >= SECOND_NS
        looked = revision != self._revision or again
        self._uncounted |= looked
        if not (looked or orders or counted != (self._states, self._doubts) or self._may_count or now_ns - self._told_ns > HEARTBEAT_NS):
            return None
        changes = self._changes(now_ns) if looked else {}
        self._states, self._doubts = counted
        self._revision, self._told_ns, self._frame = revision, now_ns, self._frame + 1
        head = {"frame": self._frame, "at": iso(now_ns), "revision": revision, "snapshot": self._frame == 1}
        moved = [order_of(self._policy.order(order)) for order in orders]
        return head | {"calls": [], "gone": []} | changes | {"orders": moved, "total": self._count(), "states": self._states, "doubts": self._doubts}

    @property
    def _may_count(self) -> bool:
        return self._uncounted and time.monotonic() >= self._rest_until

    def _count(self) -> int:
        """Return how many live calls are found; while that takes long to count, how many were a moment ago."""
        if self._may_count:
            begun = time.monotonic()
            self._total = self._chosen.apply(DialogRow.objects.live()).count()
            self._rest_until = time.monotonic() + SHARE * (time.monotonic() - begun)
            self._uncounted = False
        return self._total

    def _changes(self, now_ns: int) -> Answer:
        self._asked_ns = now_ns
        found = self._chosen.apply(DialogRow.objects.live())
        now = dict(found.order_by("-init_ns", "uid").values_list("uid", "revision")[:MOST])
        calls = [uid for uid, revision in now.items() if self._have.get(uid) != revision]
        gone = [uid for uid in self._have if uid not in now]
        self._have = now
        return {"calls": self._rows(calls), "gone": self._rows(gone)}

    def _rows(self, uids: Sequence[str]) -> list[Answer]:
        rows = {row.uid: row for row in light(DialogRow.objects.filter(pk__in=uids))}
        return [live_of(self._policy.row(rows[uid])) if uid in rows else {"call": uid} for uid in uids]

    def _moved(self, now_ns: int) -> list[Order]:
        """Return the recent orders that moved since the last look."""
        recent = Order.objects.filter(requested_ns__gt=now_ns - ORDERS_NS).order_by("-requested_ns")[:MOST_ORDERS]
        stamps = {order.pk: (order, (*stamp(order), len(order.steps))) for order in recent}
        moved = [order for order, seen in stamps.values() if self._orders.get(order.pk) != seen]
        self._orders = {pk: seen for pk, (_, seen) in stamps.items()}
        return moved
