"""Has orders carried out beside the taps: claims them, starts their execution, asks each tick what the wire proved. Knows the loop's tick; decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dashboard.models import Order
from dashboard.orders import words
from dashboard.orders.execute import Executor, by_itself
from dialogs.control import Controller
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State

REMEMBERED = 10_000
"Calls whose order is remembered, so that their end is put down to who asked for it."

InWriter = Callable[..., Awaitable[Any]]


class Orders:
    """The orders of this node that are under way."""

    def __init__(self, node: str, controller: Controller | None, verify_seconds: float, clock: Callable[[], int]) -> None:
        self.executor = Executor(node, controller, verify_seconds, clock)
        self._clock = clock
        self._open: dict[int, Order] = {}
        self._sent: dict[str, Order] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Take up the orders of before the restart; runs on the writer's thread."""
        for order in self.executor.resume(self._clock()):
            self._watch(order)

    async def step(self, snapshot: Callable[[str], CallSnapshot | None], now_ns: int, in_writer: InWriter) -> list[str]:
        """Claim and start what is new, verify what is open; returns the calls whose order was closed."""
        for order in await in_writer(self.executor.claim, now_ns):
            self._watch(order)
            task = asyncio.create_task(self.executor.execute(order, snapshot(order.dialog_uid)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        closed = []
        for order in list(self._open.values()):
            done = order.phase not in Order.OPEN or await in_writer(self.executor.verify, order, snapshot(order.dialog_uid), now_ns)
            if done:
                del self._open[order.pk]
                closed.append(order.dialog_uid)
        return closed

    async def finish(self) -> None:
        """Wait for the controllers that are being asked: their time-out bounds it."""
        if self._tasks:
            await asyncio.gather(*self._tasks)

    def ended_by(self, call: CallSnapshot) -> str:
        """Return "operator:NAME" for a call that an order ended, "" for any other."""
        order = self._sent.get(call.uid)
        if order is None or call.state != State.DELETED or order.outcome == Order.Outcome.REFUSED or by_itself(call):
            return ""
        return words.ended_by(order)

    def _watch(self, order: Order) -> None:
        self._open[order.pk] = order
        self._sent[order.dialog_uid] = order
        while len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]
