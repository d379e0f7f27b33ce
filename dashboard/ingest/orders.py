"""Has orders carried out beside the taps: claims them, starts their execution, asks each tick what the wire proved. Knows the loop's tick; decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import structlog

from dashboard.models import Order
from dashboard.orders import words
from dashboard.orders.execute import Executor, by_itself
from dashboard.orders.safety import stopped
from dialogs.config import Config
from dialogs.control import Controller, agent_settings
from dialogs.control.sip import UserAgent
from dialogs.engine import Event, Seen
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State
from dialogs.sip import parse

REMEMBERED = 10_000
"Calls whose order is remembered, so that their end is put down to who asked for it."

InWriter = Callable[..., Awaitable[Any]]
type Look = Callable[[str], CallSnapshot | None]
type HeldBy = Callable[[str, tuple[str, str], int], bool | None]
"Whether a proxy still has a dialog (Call-ID, caller's tag) since a moment, None while its table was not looked at."

logger = structlog.get_logger(__name__)


class Orders:
    """The orders of this node that are under way."""

    def __init__(self, node: str, controller: Controller | None, config: Config, clock: Callable[[], int], held_by: HeldBy = lambda *_: None) -> None:
        """ValueError for a password that cannot be had."""
        self._held_by = held_by
        self.executor = Executor(node, controller, config.control.verify_seconds, clock)
        self._clock = clock
        settings = agent_settings(config)
        self._agent = UserAgent(settings) if settings else None
        self._open: dict[int, Order] = {}
        self._sent: dict[str, Order] = {}
        self._interrupted: list[Order] = []
        self._tasks: set[asyncio.Task[None]] = set()
        "What proxies are asked: waited for at the end."

        self._own: set[asyncio.Task[None]] = set()
        "What our own user agent does: it goes on after a restart."

    async def start(self) -> None:
        """Open the sockets of our own user agent; without them its orders are refused, with the reason."""
        if self._agent is None:
            return
        try:
            await self._agent.__aenter__()
        except OSError as error:
            self.executor.agent_error = f"our own SIP user agent has no socket: {error}"
            logger.warning("orders", error=self.executor.agent_error)
        else:
            self.executor.agent = self._agent

    def resume(self) -> None:
        """Take up the orders of before the restart; runs on the writer's thread."""
        for order in self.executor.resume(self._clock()):
            self._watch(order)
            self._interrupted.append(order)

    async def step(self, snapshot: Look, now_ns: int, in_writer: InWriter) -> list[str]:
        """Claim and start what is new, verify what is open; returns the calls whose order was closed."""
        for order in self._interrupted:
            if self.executor.interrupted(order):
                self._begin(self._own, self.executor.by_own(order, snapshot))
        self._interrupted.clear()
        for order in await in_writer(self.executor.claim, now_ns):
            self._watch(order)
            own = order.via not in ("kamailio", "dryrun")
            self._begin(self._own if own else self._tasks, self.executor.execute(order, snapshot(order.dialog_uid), snapshot))
        if self.executor.work and stopped():
            for work in self.executor.work.values():
                work.stop.set()
        closed = []
        for order in list(self._open.values()):
            verify = partial(self.executor.verify, held=self._held(order))
            if order.phase not in Order.OPEN or await in_writer(verify, order, snapshot(order.dialog_uid), now_ns):
                del self._open[order.pk]
                closed.append(order.dialog_uid)
        return closed

    def _held(self, order: Order) -> bool | None:
        """Return whether a proxy still has what it is to let go of."""
        if order.kind != Order.Kind.RELEASE or order.phase not in Order.OPEN:
            return None
        call_id, tag = order.arguments["key"]
        return self._held_by(order.arguments["proxy"], (call_id, tag), max(order.answered_ns, self.executor.resumed_ns)) if order.answered_ns else None

    def _begin(self, tasks: set[asyncio.Task[None]], work: Any) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def take(self, events: Iterable[Event]) -> None:
        """Tell our user agent the NOTIFYs and BYEs that a tap saw: a referred phone sends them to its peer, for whom we spoke."""
        if self.executor.agent is None or not self.executor.work:
            return
        for event in events:
            if isinstance(event, Seen) and event.packet.data.startswith((b"NOTIFY ", b"BYE ")) and (message := parse(event.packet.data)) is not None:
                self.executor.agent.observed(message)

    async def finish(self) -> None:
        """Wait for the controllers that are being asked: their time-out bounds it. Our own work is left as it is stored."""
        if self._tasks:
            await asyncio.gather(*self._tasks)
        for task in self._own:
            task.cancel()
        await asyncio.gather(*self._own, return_exceptions=True)
        if self.executor.agent is not None:
            await self.executor.agent.__aexit__()
            self.executor.agent = None

    @property
    def under_way(self) -> int:
        """How many orders are not closed."""
        return len(self._open)

    def ended_by(self, call: CallSnapshot) -> str:
        """Return "operator:NAME" for a call that an order ended, "" for any other."""
        order = self._sent.get(call.uid)
        if order is None or call.state != State.DELETED or order.outcome in (Order.Outcome.REFUSED, Order.Outcome.ALREADY_ENDED):
            return ""
        return words.ended_by(order) if order.via == "sip" or not by_itself(call) else ""

    def _watch(self, order: Order) -> None:
        self._open[order.pk] = order
        if order.kind == Order.Kind.END:
            self._sent[order.dialog_uid] = order
        while len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]
