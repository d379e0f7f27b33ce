"""Carries orders out and finds out what came of them: the ingest's loop calls it, there is no loop in here. Knows no page and no permission.

An order is marked as sent, and that is committed, before the first byte leaves: after a crash it may have been sent, so it is only verified,
never sent again. What the controller answers is not the outcome. The outcome is what the tap saw of the two legs.
"""

import json
import time
from collections.abc import Callable

import msgspec
from channels.db import database_sync_to_async
from django.db import transaction

from dashboard.models import DialogRow, Order
from dashboard.orders import audit
from dashboard.orders.words import outcome_words
from dialogs.control import Answer, Controller, Target
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State

SECOND_NS = 10**9
STALE_NS = 60 * SECOND_NS
"An order that nobody took for this long is not sent: who asked did not mean a call an hour later."

BY_LEGS = {(True, True): Order.Outcome.BOTH_LEGS, (True, False): Order.Outcome.CALLER_ONLY, (False, True): Order.Outcome.CALLEE_ONLY}


class Executor:
    """The orders of one node."""

    def __init__(self, node: str, controller: Controller | None, verify_seconds: float, clock: Callable[[], int] = time.time_ns) -> None:
        """Take who acts, and how long after its answer the tap may take to prove it; `clock` gives nanoseconds UTC."""
        self.node = node
        self.controller = controller
        self.verify_seconds = verify_seconds
        self.clock = clock
        self.resumed_ns = 0
        self.asking: set[int] = set()
        "Keys of orders that wait for the controller's answer."

    def claim(self, now_ns: int) -> list[Order]:
        """Return the orders that are to be executed now, each marked as sent and committed. Stale ones are refused instead."""
        claimed = []
        for order in self._orders(Order.Phase.REQUESTED):
            if order.requested_ns < now_ns - STALE_NS:
                self._close(order, now_ns, Order.Outcome.REFUSED, f"it waited for {STALE_NS // SECOND_NS} s and was not sent: ask again")
                continue
            with transaction.atomic(durable=True):
                taken = Order.objects.filter(pk=order.pk, phase=Order.Phase.REQUESTED).update(phase=Order.Phase.SENT, sent_ns=now_ns)
            if taken:
                order.phase, order.sent_ns = Order.Phase.SENT, now_ns
                claimed.append(order)
        return claimed

    def resume(self, now_ns: int) -> list[Order]:
        """Return the orders that were under way when the ingest stopped: to be verified, never to be sent again."""
        self.resumed_ns = now_ns
        return self._orders(Order.Phase.SENT, Order.Phase.ACCEPTED)

    async def execute(self, order: Order, snapshot: CallSnapshot | None) -> None:
        """Send a claimed order unless the call has ended, and store the answer."""
        if snapshot is None or snapshot.state >= State.DELETED:
            detail = "before anything was sent" if snapshot else "the call is no longer known"
            await database_sync_to_async(self._close)(order, self.clock(), Order.Outcome.ALREADY_ENDED, detail)
            return
        self.asking.add(order.pk)
        try:
            await database_sync_to_async(self._answered)(order, await self._ask(order, snapshot))
        finally:
            self.asking.discard(order.pk)

    async def _ask(self, order: Order, snapshot: CallSnapshot) -> Answer:
        if self.controller is None:
            return Answer(accepted=False, detail="no controller is configured")
        return await self.controller.end(Target.of(snapshot), order.reason)

    def _answered(self, order: Order, answer: Answer) -> None:
        order.answered_ns = self.clock()
        if not answer.accepted and not answer.unsure:
            self._close(order, order.answered_ns, Order.Outcome.REFUSED, answer.detail)
            return
        order.phase = Order.Phase.ACCEPTED if answer.accepted else Order.Phase.SENT  # unsure: the tap decides
        order.detail = answer.detail
        order.evidence = _evidence(order, [(order.sent_ns, "sent"), (order.answered_ns, answer.detail)])
        order.save(update_fields=["phase", "detail", "evidence", "answered_ns"])

    def verify(self, order: Order, snapshot: CallSnapshot | None, now_ns: int) -> bool:
        """Close an order that was sent when the wire has decided or time is over; return whether it is closed.

        Nothing is decided while the controller is being asked. Without a snapshot (the engine has let go of the call) the row's own is read.
        """
        if order.pk in self.asking:
            return False
        snapshot = snapshot or _recorded(order)
        if snapshot is not None and (who := by_itself(snapshot)):
            self._close(order, now_ns, Order.Outcome.ALREADY_ENDED, who, _seen(snapshot))
            return True
        legs = (snapshot.caller.released_ns > 0, snapshot.callee.released_ns > 0) if snapshot else (False, False)
        if not all(legs) and now_ns < self.deadline_ns(order):
            return False
        detail = order.detail if all(legs) else self._late(order)
        self._close(order, now_ns, BY_LEGS.get(legs, Order.Outcome.NOT_CONFIRMED), detail, _seen(snapshot) if snapshot else [])
        return True

    def deadline_ns(self, order: Order) -> int:
        """Return when waiting for the proof is over: counted from the answer, or from the restart for an order from before it."""
        begun = max(order.sent_ns, order.answered_ns, self.resumed_ns)
        return begun + int(self.verify_seconds * SECOND_NS)

    def _late(self, order: Order) -> str:
        words = f"not confirmed after {self.verify_seconds:g} s"
        unanswered = order.phase == Order.Phase.SENT and order.detail
        return f"{words}: {order.detail}" if unanswered else words

    def _orders(self, *phases: str) -> list[Order]:
        return list(Order.objects.filter(node=self.node, phase__in=phases).order_by("pk"))

    @staticmethod
    def _close(order: Order, now_ns: int, outcome: Order.Outcome, detail: str, seen: list[tuple[int, str]] | None = None) -> None:
        order.phase = Order.Phase.REFUSED if outcome == Order.Outcome.REFUSED else Order.Phase.VERIFIED
        order.outcome, order.detail, order.closed_ns = outcome, detail, now_ns
        order.evidence = _evidence(order, [*(seen or []), (now_ns, f"{outcome}: {detail}" if detail else outcome)])
        with transaction.atomic():
            order.save(update_fields=["phase", "outcome", "detail", "evidence", "answered_ns", "closed_ns"])
            facts = {"reason": order.reason, "request": order.kind, "outcome": outcome, "after": audit.state_of(order.dialog_uid)}
            audit.record(order.username, "end closed", dialog_uid=order.dialog_uid, text=f"{order.call_text}: {outcome_words(order)}", at_ns=now_ns, **facts)


def by_itself(snapshot: CallSnapshot) -> str:
    """Return how a call ended without anybody's order, "" when it did not.

    A BYE of a party is told from the proxy's own only where the tap sees both sides of the proxy (three addresses or more).
    """
    if snapshot.state < State.DELETED or snapshot.ended_by in ("", "proxy"):
        return ""
    who = "it timed out" if snapshot.ended_by == "timeout" else f"the {snapshot.ended_by} ended it"
    if snapshot.end_code:
        return f"{who}: {snapshot.end_code} {snapshot.end_reason}".rstrip()
    return who if snapshot.ended_by == "timeout" or len(snapshot.hosts) > 2 else ""


def _seen(snapshot: CallSnapshot) -> list[tuple[int, str]]:
    """Return what the tap saw of the end, in order."""
    found = [(change.at_ns, change.cause) for change in snapshot.transitions if change.state == State.DELETED]
    found += [(leg.released_ns, f"{leg.side}'s leg released") for leg in (snapshot.caller, snapshot.callee) if leg.released_ns]
    return sorted(found)


def _evidence(order: Order, new: list[tuple[int, str]]) -> str:
    return json.dumps([*json.loads(order.evidence or "[]"), *new])


def _recorded(order: Order) -> CallSnapshot | None:
    row = DialogRow.objects.filter(pk=order.dialog_uid).first()
    try:
        return row.snapshot if row else None
    except msgspec.DecodeError:  # written by another version
        return None
