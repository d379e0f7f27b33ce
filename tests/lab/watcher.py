"""Dialtap's own tap and engine beside the lab's proxy, without any web: what a test compares with. Knows the product's public packages."""

import select
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from dialogs.config import Config, Dialog
from dialogs.engine import CallSnapshot, Engine
from dialogs.replay import kamailio_view
from dialogs.taps import HepStreamTap, HepTap, LiveTap

from .proxy import SIP_PORT

NEVER = 1 << 62


@dataclass(frozen=True)
class Step:
    """A state that a call was in, and since when."""

    state: int
    since_ns: int


class Watcher:
    """A tap with an engine behind it. Raises TapError where nothing may be tapped."""

    def __init__(self, address: str, tap: LiveTap | HepTap | HepStreamTap | None = None, sockets: Sequence[str] = ()) -> None:
        """`address`: the proxy's, on UDP; `sockets`: all of them, when there are more. Without a `tap` the loopback is captured."""
        self.tap = LiveTap("lo", ports=(SIP_PORT,)) if tap is None else tap
        self.engine = Engine(Config(dialog=Dialog(sockets=tuple(sockets) or (f"udp:{address}:{SIP_PORT}",))))
        self._calls: dict[str, CallSnapshot] = {}

    def drain(self) -> int:
        """Feed the engine with what has arrived and return the number of packets."""
        arrived = self.tap.drain()
        for packet in arrived:
            self.engine.expire(packet.at_ns)
            for event in self.engine.receive(packet):
                snapshot = self.engine.snapshot(event.uid)
                if snapshot is not None:
                    self._calls[event.uid] = snapshot
        return len(arrived)

    def watch(self, milliseconds: int) -> int:
        """Feed the engine for that long, and with what waits then; return the number of packets."""
        end, packets = time.monotonic() + milliseconds / 1000, 0
        while True:
            rest = max(0.0, end - time.monotonic())
            if select.select([self.tap], [], [], rest)[0]:
                packets += self.drain()
            elif not rest:  # only now has all been fetched, however late this process got its turn
                return packets

    def dialogs(self) -> list[dict[str, object]]:
        """Return dlg.list as Dialtap would answer it now."""
        now = time.time_ns()
        self.engine.expire(now)
        listed: list[dict[str, object]] = kamailio_view(self.engine, now)["dlg.list"]
        return listed

    def call(self, call_id: str) -> CallSnapshot:
        """Return a call as it was after its last message."""
        (found,) = [snapshot for snapshot in self._calls.values() if snapshot.call_id == call_id]
        return found

    def steps(self, call_id: str, shortest_ms: int) -> list[Step]:
        """Return the states that a call was in for at least so long, or is in at the end."""
        steps = [Step(transition.state, transition.at_ns) for transition in self.call(call_id).transitions]
        ends = [step.since_ns for step in steps[1:]] + [NEVER]
        lasting = [step for step, end in zip(steps, ends, strict=True) if end - step.since_ns >= shortest_ms * 1_000_000]
        return [next(same) for _, same in groupby(lasting, key=lambda step: step.state)]
