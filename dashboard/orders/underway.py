"""An order that our own user agent carries out: what it does, and what it was told. Knows operations of the agent; decides no outcome.

Lives on the loop's thread; the writer's thread takes copies. Every request is stored, see `stored.commit`, before its first byte leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from channels.db import database_sync_to_async

from dashboard.models import DialogRow, Order
from dashboard.orders import stored
from dashboard.orders.ringing import cancel_for
from dialogs.control.sip import Dialog, Hangup, Prepared, Progress, ReferResult, Unsendable, UserAgent
from dialogs.control.sip.operations import ask
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State

STEPS_MAX = 100
"Steps kept of one order: a phone that rings on and on must not fill the row."

type Look = Callable[[str], CallSnapshot | None]


class UnderWay:
    """One order under way."""

    def __init__(self, order: Order, agent: UserAgent, clock: Callable[[], int]) -> None:
        self.order = order
        self.agent = agent
        self.clock = clock
        self.steps: list[list[Any]] = list(order.steps)
        self.legs: dict[str, dict[str, Any]] = dict(order.legs)
        self.result: ReferResult | None = None
        self.failure = ""
        "Why nothing could be sent at all."

        self.begun_ns = 0
        "When the first request was stored."

        self.changed = False
        self.stop = asyncio.Event()

    async def run(self, look: Look) -> None:
        """Carry the order out; never raises for what the other side does."""
        call = look(self.order.dialog_uid) if self.order.dialog_uid else None
        call = call or await database_sync_to_async(recorded)(self.order)
        try:
            await self._do(call, look)
        except (Unsendable, OSError) as error:
            self._fail(str(error))

    async def _do(self, call: CallSnapshot | None, look: Look) -> None:
        if self.order.kind == Order.Kind.BRIDGE:
            arguments = self.order.arguments
            self.result = await self.agent.bridge(
                arguments["first"], arguments["second"], commit=self._commit("first"), show=self._show("first"), stop=self.stop
            )
        elif call is None:
            self._fail("the call is no longer known")
        elif self.order.kind == Order.Kind.END:
            await (self._end(call) if call.state >= State.CONFIRMED_NA else self._cancel(call))
        else:
            await self._refer(call, look)
        self.changed = True

    # Ending

    async def _end(self, call: CallSnapshot, side: str = "") -> None:
        side = side or self.order.side
        kept = await database_sync_to_async(stored.newest)(self.order)
        sent = await database_sync_to_async(stored.highest)(self.order.dialog_uid)
        hangup = Hangup.of(call, side, self.order.reason, sent=sent)
        again = {leg: request for leg, request in kept.items() if request.method == "BYE"}
        gone = {leg for leg, told in self.legs.items() if told["outcome"] == "released"}
        dialogs = {leg: dialog for leg, dialog in hangup.dialogs.items() if leg not in gone}
        for leg, words in hangup.unsendable.items():
            self._leg(leg, "not sent", words)
        result = await self.agent.end(msgspec.structs.replace(hangup, dialogs=dialogs, stored=again), self._store, self._show_leg)
        for leg, found in (("caller", result.caller), ("callee", result.callee)):
            if found is not None:
                self._leg(leg, found.outcome, found.words, found.status, found.cseq)

    async def _cancel(self, call: CallSnapshot) -> None:
        """Cancel a ringing call where its INVITE went: the same branch to the same hop, as the caller's own CANCEL would be (RFC 3261, 9.1)."""
        if (kept := await database_sync_to_async(stored.newest)(self.order)) and "caller" in kept:
            request = kept["caller"]
        else:
            request = await database_sync_to_async(self._cancel_for)(call)
            await self._store("caller", request)
        self._step("caller", Progress("cancel", "begun", f"CANCEL to {request.hop}"))
        answer = await self.agent.run(ask(request, "cancel"), show=self._show("caller"))
        words = answer.words if answer.response else "its answer went to the caller; the wire shows the rest"
        self._step("caller", Progress("cancel", "done" if answer.accepted or not answer.response else "failed", words))

    def _cancel_for(self, call: CallSnapshot) -> Prepared:
        return cancel_for(DialogRow.objects.filter(pk=self.order.dialog_uid).first(), call)

    # Connecting

    async def _refer(self, call: CallSnapshot, look: Look) -> None:
        arguments, side = self.order.arguments, self.order.side
        sent = await database_sync_to_async(stored.highest)(self.order.dialog_uid)
        dialog = Dialog.toward(call, side, cseq=sent.get(side, 0))
        replaced, to = None, arguments.get("to", "")
        if self.order.kind == Order.Kind.JOIN:
            other = look(arguments["other"])
            if other is None or other.state >= State.DELETED:
                self._fail("the other call has ended")
                return
            replaced = Dialog.toward(other, arguments["other_side"])
            to = replaced.target
        result = await self.agent.transfer(dialog, to, replaced=replaced, commit=self._commit(side), show=self._show(side), stop=self.stop)
        now = look(call.uid)
        if result.outcome == "connected" and now is not None and now.state < State.DELETED:
            await self._end(now, "both")  # who was referred may have hung up already: 481 counts as released
        self.result = result

    # What is told

    def _commit(self, leg: str) -> Callable[[Prepared], Awaitable[None]]:
        async def commit(request: Prepared) -> None:
            await self._store(leg, request)

        return commit

    async def _store(self, leg: str, request: Prepared) -> None:
        now_ns = self.clock()
        await database_sync_to_async(stored.commit)(self.order, leg, request, now_ns)
        self.begun_ns = self.begun_ns or now_ns
        self.changed = True

    def _show(self, leg: str) -> Callable[[Progress], None]:
        return lambda progress: self._step(leg, progress)

    def _show_leg(self, leg: str, progress: Progress) -> None:
        self._step(leg, progress)
        if progress.state in ("done", "failed"):
            self._leg(leg, "released" if progress.state == "done" else "refused", progress.words)

    def _leg(self, leg: str, outcome: str, words: str, status: int = 0, cseq: int = 0) -> None:
        before = self.legs.get(leg, {})
        self.legs[leg] = {"outcome": outcome, "words": words, "status": status, "cseq": cseq, "at_ns": before.get("at_ns") or self.clock()}
        self.changed = True

    def _step(self, leg: str, progress: Progress) -> None:
        if len(self.steps) < STEPS_MAX:
            self.steps.append([self.clock(), progress.step, progress.state, f"{leg}: {progress.words}"])
            self.changed = True

    def _fail(self, words: str) -> None:
        self.failure = words
        self.changed = True


def recorded(order: Order) -> CallSnapshot | None:
    """Return the call of an order as its row has it, None without one."""
    row = DialogRow.objects.filter(pk=order.dialog_uid).first()
    try:
        return row.snapshot if row else None
    except msgspec.DecodeError:  # written by another version
        return None
