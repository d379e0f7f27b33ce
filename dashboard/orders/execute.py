"""Carries orders out and finds out what came of them: the ingest's loop calls it, there is no loop in here. Knows no page and no permission.

An order is marked as sent, and that is committed, before the first byte leaves: after a crash it may have been sent. What a proxy was asked is then
only verified, never asked again; what our own user agent sent is stored whole, and the identical bytes are sent again.
What the controller answers is not the outcome. The outcome is what the tap saw of the two legs, and what a leg answered to our own BYE.
"""

import time
from collections.abc import Callable

from channels.db import database_sync_to_async
from django.db import transaction

from dashboard.models import DialogRow, Order
from dashboard.orders import stored
from dashboard.orders.closing import LEGS, OWN, add_evidence, answers, by_itself, close, connected, needs_call, outcome_of, released, seen, spoken_for
from dashboard.orders.safety import still
from dashboard.orders.underway import Look, UnderWay, recorded
from dialogs.control import Answer, Controller, Target
from dialogs.control.sip import UserAgent
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State

__all__ = ["SECOND_NS", "STALE_NS", "Executor", "by_itself"]

SECOND_NS = 10**9
STALE_NS = 60 * SECOND_NS
"An order that nobody took for this long is not sent: who asked did not mean a call an hour later."

LETTING_GO = 45.0
"Seconds that a proxy may take to let go of a dialog: it gives up its BYEs to phones that are gone after 32 s (RFC 3261, timer F)."


class Executor:
    """The orders of one node."""

    def __init__(self, node: str, controller: Controller | None, verify_seconds: float, clock: Callable[[], int] = time.time_ns) -> None:
        """Take who acts, and how long after its answer the tap may take to prove it; `clock` gives nanoseconds UTC."""
        self.node = node
        self.controller = controller
        self.agent: UserAgent | None = None
        "Our own, while it has its sockets."

        self.agent_error = ""
        "Why there is none."

        self.verify_seconds = verify_seconds
        self.clock = clock
        self.resumed_ns = 0
        self.asking: set[int] = set()
        "Keys of orders that wait for the controller's answer."

        self.resumed: set[int] = set()
        "Keys of orders from before the restart."

        self.work: dict[int, UnderWay] = {}
        "By key, what our own user agent has begun."

    def claim(self, now_ns: int) -> list[Order]:
        """Return the orders that are to be executed now, each marked as sent and committed. Stale ones are refused instead."""
        claimed = []
        for order in self._orders(Order.Phase.REQUESTED):
            if order.requested_ns < now_ns - STALE_NS:
                close(order, now_ns, Order.Outcome.REFUSED, f"it waited for {STALE_NS // SECOND_NS} s and was not sent: ask again")
                continue
            order.via = self._first(order)
            with transaction.atomic(durable=True):
                waiting = Order.objects.filter(pk=order.pk, phase=Order.Phase.REQUESTED)
                taken = waiting.update(phase=Order.Phase.SENT, sent_ns=now_ns, via=order.via)
            if taken:
                order.phase, order.sent_ns = Order.Phase.SENT, now_ns
                claimed.append(order)
        return claimed

    def _first(self, order: Order) -> str:
        """Return who is asked first: the proxy where there is one, for what it can do; a leg that it left is ours to end."""
        if order.kind == Order.Kind.RELEASE:
            return self.controller.name if self.controller is not None else ""
        able = order.kind == Order.Kind.END and order.side == "both"
        if self.controller is not None and (able or not self._has_own) and order.kind in (Order.Kind.END, Order.Kind.BRIDGE):
            return self.controller.name
        return OWN if self._has_own else ""

    @property
    def _has_own(self) -> bool:
        return self.agent is not None or bool(self.agent_error)

    def resume(self, now_ns: int) -> list[Order]:
        """Return the orders that were under way when the ingest stopped: to be verified; who may be asked again is `interrupted`'s to say."""
        self.resumed_ns = now_ns
        found = self._orders(Order.Phase.SENT, Order.Phase.ACCEPTED)
        self.resumed = {order.pk for order in found}
        return found

    def interrupted(self, order: Order) -> bool:
        """Return whether an order of before the restart is to go on: ends of our own user agent, with the bytes that were stored."""
        return order.via == OWN and order.kind == Order.Kind.END and self.agent is not None

    async def execute(self, order: Order, snapshot: CallSnapshot | None, look: Look | None = None) -> None:
        """Send a claimed order unless the call has ended, and store the answer. look: what the engine knows of a call now."""
        if needs_call(order) and (snapshot is None or snapshot.state >= State.DELETED):
            detail = "before anything was sent" if snapshot else "the call is no longer known"
            await database_sync_to_async(close)(order, self.clock(), Order.Outcome.ALREADY_ENDED, detail)
            return
        if words := await database_sync_to_async(self._forbidden)(order):
            await database_sync_to_async(close)(order, self.clock(), Order.Outcome.REFUSED, words)
            return
        if order.via != OWN and await self._by_controller(order, snapshot):
            return
        await self.by_own(order, look or (lambda _uid: snapshot))

    @staticmethod
    def _forbidden(order: Order) -> str:
        refusal = still(tuple(DialogRow.objects.filter(pk=order.dialog_uid)), order.kind)
        return refusal.words if refusal else ""

    # By a proxy

    async def _by_controller(self, order: Order, snapshot: CallSnapshot | None) -> bool:
        """Ask the controller; return False when it is our own user agent's turn."""
        self.asking.add(order.pk)
        try:
            answer = await self._ask(order, snapshot)
            if not answer.accepted and not answer.unsure and self.agent is not None and order.kind != Order.Kind.RELEASE:
                await database_sync_to_async(self._next)(order, answer)
                return False
            await database_sync_to_async(self._answered)(order, answer)
        finally:
            self.asking.discard(order.pk)
        return True

    async def _ask(self, order: Order, snapshot: CallSnapshot | None) -> Answer:
        if self.controller is None:
            return Answer(accepted=False, detail="no controller is configured")
        given = order.arguments
        if order.kind == Order.Kind.BRIDGE:
            return await self.controller.bridge(given["first"], given["second"])
        if order.kind == Order.Kind.RELEASE:
            return await self.controller.release(given["proxy"], (given["h_entry"], given["h_id"]), order.reason)
        if snapshot is None or order.side != "both":
            return Answer(accepted=False, detail="a proxy ends both legs: for one of them our own SIP user agent is needed")
        return await self.controller.end(Target.of(snapshot), order.reason)

    def _next(self, order: Order, answer: Answer) -> None:
        order.via = OWN
        order.evidence = add_evidence(order, [(self.clock(), f"{answer.detail}; now by our own SIP")])
        order.save(update_fields=["via", "evidence"])

    def _answered(self, order: Order, answer: Answer) -> None:
        order.answered_ns = self.clock()
        if not answer.accepted and not answer.unsure:
            close(order, order.answered_ns, Order.Outcome.REFUSED, answer.detail)
            return
        order.phase = Order.Phase.ACCEPTED if answer.accepted else Order.Phase.SENT  # unsure: the tap decides
        order.detail = answer.detail
        order.evidence = add_evidence(order, [(order.sent_ns, "sent"), (order.answered_ns, answer.detail)])
        order.save(update_fields=["phase", "detail", "evidence", "answered_ns"])

    # By our own user agent

    async def by_own(self, order: Order, look: Look) -> None:
        """Have our own user agent carry an order out, or go on with it after a restart."""
        if self.agent is None:
            words = self.agent_error or "no controller is configured"
            await database_sync_to_async(close)(order, self.clock(), Order.Outcome.REFUSED, words)
            return
        work = self.work[order.pk] = UnderWay(order, self.agent, self.clock)
        try:
            await work.run(look)
        finally:
            work.changed = True

    def _kept(self, order: Order, work: UnderWay) -> None:
        """Write what an order's work has come to."""
        if not work.changed:
            return
        work.changed = False
        order.steps, order.legs = list(work.steps), dict(work.legs)
        if work.begun_ns and order.phase == Order.Phase.SENT:
            order.phase, order.answered_ns = Order.Phase.ACCEPTED, work.begun_ns
        order.save(update_fields=["steps", "legs", "phase", "answered_ns"])

    # What came of it

    def verify(self, order: Order, snapshot: CallSnapshot | None, now_ns: int, *, held: bool | None = None) -> bool:
        """Close an order that was sent when the wire has decided or time is over; return whether it is closed.

        Nothing is decided while the controller is being asked. Without a snapshot (the engine has let go of the call) the row's own is read.
        `held`: of a release whether the proxy's table has the dialog since the answer, None while it was not looked at.
        """
        if order.pk in self.asking:
            return False
        if (work := self.work.get(order.pk)) is not None:
            self._kept(order, work)
        match order.kind:
            case Order.Kind.END:
                done = self._ended(order, snapshot or recorded(order), now_ns, work)
            case Order.Kind.RELEASE:
                done = self._let_go(order, now_ns, held=held)
            case _:
                done = self._connected(order, now_ns, work)
        if done:
            self.work.pop(order.pk, None)
        return done

    def _ended(self, order: Order, snapshot: CallSnapshot | None, now_ns: int, work: UnderWay | None) -> bool:
        told = [*answers(order), *(seen(snapshot) if snapshot else [])]
        if snapshot is not None and self._cancelled(order, snapshot):
            close(order, now_ns, Order.Outcome.CANCELLED, f"{snapshot.end_code} {snapshot.end_reason}".strip(), told)
            return True
        if snapshot is not None and needs_call(order) and (who := by_itself(snapshot)) and not self._ours(order, snapshot):
            close(order, now_ns, Order.Outcome.ALREADY_ENDED, who, told)
            return True
        gone = released(order, snapshot)
        asked = LEGS if order.side == "both" else (order.side,)
        if words := unsent(order, asked, work):
            close(order, now_ns, Order.Outcome.REFUSED, words, told)
            return True
        if not all(leg in gone for leg in asked) and now_ns < self.deadline_ns(order):
            return False
        detail = order.detail if all(leg in gone for leg in asked) else self._late(order, snapshot)
        close(order, now_ns, outcome_of(order, gone), detail, told)
        return True

    def _ours(self, order: Order, snapshot: CallSnapshot) -> bool:
        """Return whether the end that the wire shows may be our own BYE's: it looks as if the other party had sent it."""
        first = stored.first_ns(order) if order.via == OWN else 0
        return 0 < first <= snapshot.end_ns

    def _cancelled(self, order: Order, snapshot: CallSnapshot) -> bool:
        """Return whether a ringing call ended by our doing: what our own CANCEL looks like only the caller's could, a proxy's is told apart."""
        if snapshot.state != State.DELETED or snapshot.end_code != 487:
            return False
        return stored.cancels(order) if order.via == OWN else snapshot.ended_by == "proxy"

    def _connected(self, order: Order, now_ns: int, work: UnderWay | None) -> bool:
        """Close a transfer, a bridge or a join when it is told what came of it."""
        told = answers(order)
        if order.via != OWN:
            if now_ns < self.deadline_ns(order):
                return False
            close(order, now_ns, Order.Outcome.NOT_CONFIRMED, f"{order.detail}; it does not tell what came of it", told)
        elif order.pk in self.resumed:
            close(order, now_ns, Order.Outcome.NOT_CONFIRMED, "interrupted by a restart: what was sent is below", told)
        elif work is None:
            return False
        elif work.failure:
            close(order, now_ns, Order.Outcome.REFUSED, work.failure, told)
        elif work.result is not None:
            outcome, words = connected(work.result)
            close(order, now_ns, outcome, words, told)
        else:
            return False
        return True

    def _let_go(self, order: Order, now_ns: int, *, held: bool | None) -> bool:
        """Close a release when the proxy's table, listed after the answer, does not have the dialog any more."""
        if held is False:
            close(order, now_ns, Order.Outcome.LET_GO, order.detail, [(now_ns, "not in the proxy's table any more")])
        elif now_ns < self.deadline_ns(order):
            return False
        else:
            looked = "the proxy's table still has it" if held else "the proxy's table could not be looked at"
            close(order, now_ns, Order.Outcome.NOT_CONFIRMED, f"not confirmed after {LETTING_GO:g} s: {looked}")
        return True

    def deadline_ns(self, order: Order) -> int:
        """Return when waiting for the proof is over: counted from the answer, or from the restart for an order from before it."""
        begun = max(order.sent_ns, order.answered_ns, self.resumed_ns)
        seconds = max(self.verify_seconds, LETTING_GO) if order.kind == Order.Kind.RELEASE else self.verify_seconds
        return begun + int(seconds * SECOND_NS)

    def _late(self, order: Order, snapshot: CallSnapshot | None) -> str:
        words = f"not confirmed after {self.verify_seconds:g} s"
        if order.via != OWN and snapshot is not None and spoken_for(snapshot):
            return f"{words}: the tap sees one side of the proxy only"
        unanswered = order.phase == Order.Phase.SENT and order.detail
        return f"{words}: {order.detail}" if unanswered else words

    def _orders(self, *phases: str) -> list[Order]:
        return list(Order.objects.filter(node=self.node, phase__in=phases).order_by("pk"))


def unsent(order: Order, asked: tuple[str, ...], work: UnderWay | None) -> str:
    """Return why no leg could be sent anything, "" when one was."""
    if work is not None and work.failure:
        return work.failure
    told = [order.legs.get(leg, {}) for leg in asked]
    return "; ".join(dict.fromkeys(leg["words"] for leg in told)) if all(leg.get("outcome") == "not sent" for leg in told) else ""
