"""The ingest: reads the taps, feeds the engine, has changes written each tick. Knows the clock and the event loop; knows no page.

Everything that touches the engine runs on the event loop's thread; everything that touches the database on one writer thread.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog
from django.db import DatabaseError, connection

from dashboard.history.outbox import outbox
from dashboard.history.recorder import Recorder
from dashboard.history.retention import prune_alerts, prune_minutes, prune_records, prune_samples
from dashboard.history.rows import Change
from dashboard.history.segments import prune
from dashboard.ingest.commands import Commands
from dashboard.ingest.door import Door
from dashboard.ingest.figures import Figures, write_figures
from dashboard.ingest.followed import Followed
from dashboard.ingest.handlers import Handlers
from dashboard.ingest.heard import Heard
from dashboard.ingest.keeping import Held
from dashboard.ingest.kpis import Sampling
from dashboard.ingest.limits import Due, LimitWatch
from dashboard.ingest.orders import Orders
from dashboard.ingest.pending import Pending
from dashboard.ingest.reconcile import Proxies
from dashboard.ingest.rpchost import EngineHost
from dashboard.ingest.sources import Played, Sources
from dashboard.ingest.status import Status
from dashboard.ingest.trend import ProfileTrend
from dashboard.metrics.metric import measure, packed
from dashboard.metrics.node import NODE
from dashboard.metrics.profiles import NamedValues
from dashboard.models import TapStatus
from dashboard.orders.pacing import Pacer
from dashboard.pause import pause
from dashboard.workspace.store import sweep
from dialogs.config import Config
from dialogs.control import Controller
from dialogs.engine import Engine, Event
from dialogs.insight import PeerNames
from dialogs.insight.totals import WORK_BOUNDS, Histogram
from dialogs.insight.traffic import PeerTraffic
from dialogs.packet import Packet
from dialogs.taps import FollowTap, HepStreamTap, HepTap, LiveTap

TICK = 0.25
"Seconds between two writes."

DRAIN = 256
"Packets taken from a tap before others have their turn."

RETENTION = 600.0
"Seconds between two looks at what has become too old."

logger = structlog.get_logger(__name__)


class Ingest:
    """One node: its taps, its engine, its recorder, its orders, its door."""

    def __init__(
        self,
        config: Config,
        node: str,
        sources: Sources,
        controller: Controller | None,
        messages: Path,
        handlers: Handlers | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`messages`: folder of the message store. `clock`: epoch nanoseconds."""
        self.config = config
        self.node = node
        self.sources = sources
        self.clock = clock
        self.engine = Engine(config, node)
        recorded = {tap.name for tap in (*sources.live, *sources.players) if tap.recorded}
        self.outbox = outbox()
        self.recorder = Recorder(node, recorded.__contains__, messages, outbox=self.outbox)
        self.followed = Followed(node, [tap for tap in sources.players if isinstance(tap, FollowTap)])
        self.proxies = Proxies(config, self.engine, recorded.__contains__, clock)
        self.orders = Orders(node, controller, config, clock, self.proxies.held)
        self.pacer = Pacer(node, config.control.bulk_rate)
        self.pending = Pending(self.engine, PeerNames(config.peer), self.orders.ended_by)
        host = EngineHost(self.engine, clock, messages.parent / "dumps", self.pending.touch)
        host.controller = self.commands = Commands()
        self.door = Door(host, config.rpc, messages.parent)
        self.limits = LimitWatch(config, self.engine, recorded=all(tap.recorded for tap in (*sources.live, *sources.players)))
        self.sampling = Sampling(node, clock())
        self.traffic = PeerTraffic(self.pending.peers)
        self.trend = ProfileTrend(node, self.engine.calls.profiles)
        self.named = NamedValues(self.engine.calls.profiles, config.metrics.profile_values)
        self.lag, self.ticks = Histogram(WORK_BOUNDS), Histogram(WORK_BOUNDS)
        heard = Heard(config.peer)
        self.status = Status(node, sources, self.engine, self.recorder, self.pending, heard, self.door, self.traffic, self._beside)
        self.handlers = handlers or Handlers(())
        self._interfaces = [tap for tap in sources.live if isinstance(tap, LiveTap)]
        self._messages = messages
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._stopping = asyncio.Event()
        self._pruned = 0.0

    # Running

    async def run(self) -> None:
        """Restore, then read the taps until `stop`; the last tick is written before this returns."""
        await self._in_writer(self._restore)
        await self.orders.start()
        await self.door.start()
        loop = asyncio.get_running_loop()
        for tap in self.sources.live:
            self._listen(tap)
        players = [asyncio.create_task(self._play(player)) for player in self.sources.players]
        beside = asyncio.create_task(self.proxies.run(self._in_writer))
        try:
            while not self._stopping.is_set():
                started = loop.time()
                await self._tick()
                self.ticks.observe(took := loop.time() - started)
                await pause(self._stopping, max(0.01, TICK - took))
        finally:
            for task in (*players, beside):
                task.cancel()
            await self.proxies.close()
            await self.door.stop()
            self.commands.close()
            self._close_taps(loop)
            await self.orders.finish()
            await self._tick(last=True)
            await self._in_writer(self._close, self.pending.keeping.last())
            self._writer.shutdown()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()

    def _in_writer(self, work: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._writer, work, *arguments)

    # Packets

    def _listen(self, tap: LiveTap | HepTap | HepStreamTap) -> None:
        asyncio.get_running_loop().add_reader(tap.fileno(), self._readable, tap)

    def _readable(self, tap: LiveTap | HepTap | HepStreamTap) -> None:
        descriptor = tap.fileno()
        if packets := tap.drain(DRAIN):
            self._feed(tap.name, packets)
            self.lag.observe(max(0, self.clock() - packets[-1].at_ns) / 1e9)
        if tap.fileno() < 0:
            asyncio.get_running_loop().remove_reader(descriptor)
            logger.warning("tap lost", tap=tap.name, error=tap.error)

    def _find_again(self, now_ns: int) -> None:
        """Open interfaces that went away as soon as they are back."""
        for tap in self._interfaces:
            if tap.reopen(now_ns):
                self._listen(tap)
                logger.info("tap back", tap=tap.name)

    async def _play(self, player: Played) -> None:
        while (due_ns := player.next_due_ns()) is not None:
            wait_ns = due_ns - self.clock()
            if wait_ns > 0 or self.pending.full:
                await asyncio.sleep(min(max(wait_ns / 1e9, 0.01), TICK))
                continue
            self._feed(player.name, player.due(self.clock(), DRAIN))
            await asyncio.sleep(0)

    def _feed(self, tap: str, packets: list[Packet]) -> None:
        engine, take = self.engine, self._take
        messages, mirrored = engine.messages, engine.mirrored
        for packet in packets:
            if engine.is_due(packet.at_ns):
                take(engine.expire(packet.at_ns))
            if events := engine.receive(packet):
                take(events)
        self.status.count(tap, packets, engine.messages - messages, engine.mirrored - mirrored)

    def _take(self, events: list[Event]) -> None:
        self.pending.take(events)
        self.orders.take(events)
        self.handlers.tell(events)

    # Ticks

    async def _tick(self, *, last: bool = False) -> None:
        now_ns = self.clock()
        self._find_again(now_ns)
        for tap in self._interfaces:
            self._feed(tap.name, tap.expire(now_ns))
        if not self._importing():
            self._take(self.engine.expire(now_ns))
        self.followed.collect()
        changes, keeping = self.pending.changes(now_ns, last=last), self.pending.keeping
        self.proxies.take(changes)
        self.traffic.take(((change.snapshot, change.begun) for change in changes), now_ns)
        states, due = keeping.due(now_ns), self.limits.take(changes, now_ns)
        figures = [*self.sampling.take(changes, now_ns), *self.trend.take(changes, now_ns)]
        if await self._in_writer(self._write, changes, states, self.status.due(now_ns), due, figures):
            keeping.done(states)
        closed = await self.orders.step(self.engine.snapshot, self.clock(), self._in_writer)  # orders of this very tick are younger than now_ns
        for uid in closed:
            self.pending.touch(uid)

    def _beside(self) -> dict[str, Any]:
        """Return what the node's report says beside its taps."""
        self.named.choose(self.clock())
        return self.proxies.report() | {"measured": packed(measure(NODE, self, (self.node,)))}

    def _importing(self) -> bool:
        """Return whether a recording is being read with its original times: then only its packets move the engine's time."""
        return any(player.next_due_ns() is not None for player in self.sources.imports)

    def _write(self, changes: list[Change], states: list[Held], taps: list[TapStatus], due: Due, figures: list[Figures]) -> bool:
        """Return whether the states are stored."""
        self.recorder.write(changes, due.now_ns)
        kept = self.recorder.keep(states)
        try:
            if not self.recorder.waiting:
                self.followed.write()
            self.status.write(taps)
            self.limits.write(due)
            write_figures(figures)
            self.pacer.step(due.now_ns)
            self.outbox.prune(self.node)
            if time.monotonic() - self._pruned > RETENTION:
                self._pruned = time.monotonic()
                self._prune(due.now_ns)
        except DatabaseError as error:
            logger.warning("database", error=str(error))
        return kept

    def _prune(self, now_ns: int) -> None:
        kept = self.config.history
        prune(self._messages, now_ns, kept.messages_days, kept.messages_gb)
        prune_records(now_ns, kept.records_days)
        prune_alerts(now_ns, kept.records_days)
        prune_samples(now_ns, kept.records_days)
        prune_minutes(now_ns)
        sweep(now_ns)

    # Beginning and end

    def _restore(self) -> None:
        self.followed.load()
        self.outbox.begin(self.node)
        keeping = self.pending.keeping
        held = self.recorder.restore(self.followed.names) if keeping.loads else ()
        restored = {uid for call in held if (uid := self.engine.restore(call.engine)) is not None}
        keeping.restored(restored)
        lost = self.recorder.close_lost(restored)
        if keeping.empties:
            self.recorder.forget_states()
        self.orders.resume()
        self.limits.begin()
        self.proxies.begin()
        self.traffic.take(((self.engine.view(call), False) for call in self.engine.all_calls()), self.clock())
        if restored or lost:
            logger.info("restored", calls=len(restored), lost=lost)

    def _close(self, states: list[Held]) -> None:
        self.recorder.keep(states)
        self.recorder.close()
        connection.close()

    def _close_taps(self, loop: asyncio.AbstractEventLoop) -> None:
        for tap in self.sources.live:
            if tap.fileno() >= 0:
                loop.remove_reader(tap.fileno())
            tap.close()
        for player in self.sources.players:
            player.close()
