"""The calls that are up, as they change: frames for a program or a terminal that shows them. Knows tables; knows no socket and no screen.

As on the pages, the database is the log: each look reads what is there now, and a frame says what differs from the one before.
"""

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
        self._counted_ns = 0
        self._told_ns = 0

    def look(self, now_ns: int) -> Answer | None:
        """Return what is new, None when nothing is; the first frame is a snapshot."""
        revision, orders = newest_revision(), self._moved(now_ns)
        counted = self._count(now_ns)
        looked = revision != self._revision or (self._chosen.timed and counted)
        if not (looked or orders or counted > 1 or now_ns - self._told_ns > HEARTBEAT_NS):
            return None
        changes = self._changes() if looked else {}
        self._revision, self._told_ns, self._frame = revision, now_ns, self._frame + 1
        head = {"frame": self._frame, "at": iso(now_ns), "revision": revision, "snapshot": self._frame == 1}
        moved = [order_of(self._policy.order(order)) for order in orders]
        return head | {"calls": [], "gone": []} | changes | {"orders": moved, "states": self._states, "doubts": self._doubts}

    def _changes(self) -> Answer:
        found = self._chosen.apply(DialogRow.objects.live())
        now = dict(found.order_by("-init_ns", "uid").values_list("uid", "revision")[:MOST])
        calls = [uid for uid, revision in now.items() if self._have.get(uid) != revision]
        gone = [uid for uid in self._have if uid not in now]
        self._have = now
        return {"calls": self._rows(calls), "gone": self._rows(gone), "total": found.count()}

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

    def _count(self, now_ns: int) -> int:
        """Count the calls by state once a second; returns 0 when it was not due, 2 when a figure moved."""
        if 0 <= now_ns - self._counted_ns < SECOND_NS:
            return 0
        self._counted_ns = now_ns
        before = self._states, self._doubts
        self._states, self._doubts = standing(now_ns), [doubt.words for doubt in doubts(taps(now_ns), now_ns)]
        return 2 if (self._states, self._doubts) != before else 1
