"""Gives the calls of a bulk their orders, a few at a time. The ingest's tick calls it, there is no loop in here; knows no page and sends nothing.

A call's turn and its order are one transaction: after a crash the order is there or the call still waits, so that it is asked for once.
"""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from dashboard.models import Bulk, BulkItem, DialogRow, Order
from dashboard.orders import audit
from dashboard.orders.bulk import RATES, Progress, progress
from dashboard.orders.request import OrderRefused, request_end
from dashboard.orders.safety import BULK, GONE, Asked, Refusal, User, decide

SECOND_NS = 10**9
STALE_NS = 120 * SECOND_NS
"A bulk of which no call had its turn for this long is over: who asked did not mean the calls of an hour later."


class Pacer:
    """The turns of one node's calls."""

    def __init__(self, node: str, rate: float) -> None:
        """`rate`: orders a second."""
        self.node = node
        self.rate = rate
        self._saved = 1.0
        self._at_ns = 0

    def step(self, now_ns: int) -> int:
        """Give orders to the calls whose turn it is and close bulks that are over; return how many orders were given."""
        running = list(Bulk.objects.filter(state=Bulk.State.RUNNING).order_by("pk"))
        if not running:
            self._saved, self._at_ns = 1.0, 0
            return 0
        self._save(now_ns)
        return sum(self._work(bulk, now_ns) for bulk in running)

    def _save(self, now_ns: int) -> None:
        """Earn turns by the time that went by: at most a second's, so that a halt is not made up for at once."""
        seconds = max(0, now_ns - self._at_ns) / SECOND_NS if self._at_ns else 0.0
        self._saved = min(self._saved + seconds * self.rate, max(1.0, self.rate))
        self._at_ns = now_ns

    def _work(self, bulk: Bulk, now_ns: int) -> int:
        waiting = bulk.items.filter(state=BulkItem.State.WAITING)
        turns = list(waiting.filter(node=self.node).order_by("pk")[: int(self._saved)])
        user: User = get_user_model().objects.filter(username=bulk.username, is_active=True).first() or AnonymousUser()
        given = 0
        for item in turns:
            if _must_wait(item, user):
                break
            given += self._turn(bulk, item, user, now_ns)
            self._saved -= 1
        if not turns and bulk.moved_ns < now_ns - STALE_NS:
            waiting.update(state=BulkItem.State.LEFT_OUT, words=f"it waited for {STALE_NS // SECOND_NS} s without its turn: ask again")
        if not turns and not waiting.exists():
            _close(bulk, now_ns)
        return given

    def _turn(self, bulk: Bulk, item: BulkItem, user: User, now_ns: int) -> bool:
        """Order the end of one call, or leave it out; return whether it was ordered."""
        with transaction.atomic(durable=True):
            mine = BulkItem.objects.filter(pk=item.pk, state=BulkItem.State.WAITING, bulk__state=Bulk.State.RUNNING)
            if not mine.update(state=BulkItem.State.ORDERED):
                return False  # it was stopped, or another process took it
            Bulk.objects.filter(pk=bulk.pk).update(moved_ns=now_ns)
            found = _order(item, bulk, user)
            if isinstance(found, Order):
                BulkItem.objects.filter(pk=item.pk).update(order=found)
                return True
            BulkItem.objects.filter(pk=item.pk).update(state=BulkItem.State.LEFT_OUT, words=found.words)
            return False


def _must_wait(item: BulkItem, user: User) -> bool:
    """Return whether the only thing against this turn is that there were too many orders in this minute."""
    row = DialogRow.objects.filter(pk=item.dialog_uid).defer("frames", "engine").first()
    return row is not None and decide(Asked(user, (row,), how=BULK)) in RATES


def _order(item: BulkItem, bulk: Bulk, user: User) -> Order | Refusal:
    row = DialogRow.objects.filter(pk=item.dialog_uid).defer("frames", "engine").first()
    if row is None:
        return GONE
    if refusal := decide(Asked(user, (row,), how=BULK)):
        return refusal
    try:
        return request_end(row, user, bulk.reason, bulk.address, how=BULK)
    except OrderRefused as refused:
        return Refusal(str(refused))


def _close(bulk: Bulk, now_ns: int) -> None:
    """Say that a bulk is over, when its last order is."""
    reached: Progress = progress(bulk)
    if reached.done < reached.total:
        return
    with transaction.atomic():
        if Bulk.objects.filter(pk=bulk.pk, state=Bulk.State.RUNNING).update(state=Bulk.State.DONE, closed_ns=now_ns):
            text = f"bulk {bulk.pk}: {reached.words}"
            audit.record(bulk.username, "bulk closed", text=text, at_ns=now_ns, reason=bulk.reason, outcome=reached.words)
