"""The agents that send HEP: how much each sent, and how far its clock is off. Knows times and names; opens no datagram.

A message is late by its way here and by waiting in buffers, never early: so an agent's clock is judged by its least late message of some seconds.
"""

from typing import NamedTuple

from dialogs.packet import Packet
from dialogs.sip import text
from dialogs.taps.health import ONE_WAY

MAX_AGENTS = 1024
MAX_NAME = 64
WINDOW_NS = 10 * 1_000_000_000
"Time whose least late message counts, together with that of the window before."

MAX_ENDS = 64
"Hosts of an agent that are compared to find one that both sends and receives."

NEVER = -(1 << 63)


class HepAgent(NamedTuple):
    """One agent as it stands now."""

    host: str
    "Address it sends from; behind a proxy the proxy's."

    number: int
    "Its capture id, 0 when it has none."

    name: str
    "As it calls itself, often nothing."

    packets: int
    newest_ns: int
    "Capture time of its newest packet, by its own clock."

    skew_ns: int
    "How far its clock is ahead of ours, negative when behind."

    misdated: int = 0
    "Its packets that got the time of their arrival, because its clock was too far off to be believed."

    one_way: bool = False
    "Whether it tells of no host that both sends and receives: it reports what comes in, or what goes out, not both."

    @property
    def label(self) -> str:
        """What a person calls it: "edge-1 (101) at 192.0.2.7"."""
        who = f"{self.name} ({self.number})" if self.name and self.number else self.name or str(self.number or "agent")
        return f"{who} at {self.host}"


class _Tally:
    """What is counted of one agent."""

    __slots__ = ("before_ns", "best_ns", "both", "destinations", "misdated", "newest_ns", "packets", "sources", "until_ns")

    def __init__(self) -> None:
        self.packets = self.newest_ns = self.until_ns = self.misdated = 0
        self.best_ns = self.before_ns = NEVER
        self.sources: set[str] = set()
        self.destinations: set[str] = set()
        self.both = False
        "A host was seen that sends and receives; the sets are of no more use."

    def ends(self, source: str, destination: str) -> None:
        sources, destinations = self.sources, self.destinations
        if len(sources) < MAX_ENDS:
            sources.add(source)
        if len(destinations) < MAX_ENDS:
            destinations.add(destination)
        if source in destinations or destination in sources:
            self.both = True
            sources.clear()
            destinations.clear()

    def note(self, captured_ns: int, received_ns: int) -> None:
        self.packets += 1
        self.newest_ns = max(self.newest_ns, captured_ns)
        skew_ns = captured_ns - received_ns
        if not 0 < self.until_ns - received_ns <= WINDOW_NS:  # over, or our own clock was set
            self.before_ns, self.best_ns, self.until_ns = self.best_ns, skew_ns, received_ns + WINDOW_NS
        elif skew_ns > self.best_ns:
            self.best_ns = skew_ns


class Agents:
    """Counts per agent; when there are too many, the one that came first makes room."""

    def __init__(self) -> None:
        self.forgotten = 0
        self._tallies: dict[tuple[str, int, bytes], _Tally] = {}

    def note(self, host: str, number: int, name: bytes, packet: Packet, received_ns: int, *, misdated: bool = False) -> None:
        """Count a message, with the time that the agent gave it."""
        key = (host, number, name[:MAX_NAME])
        tally = self._tallies.get(key)
        if tally is None:
            if len(self._tallies) >= MAX_AGENTS:
                del self._tallies[next(iter(self._tallies))]
                self.forgotten += 1
            tally = self._tallies[key] = _Tally()
        tally.note(packet.at_ns, received_ns)
        tally.misdated += misdated
        if not tally.both:
            tally.ends(packet.source.host, packet.destination.host)

    def seen(self) -> list[HepAgent]:
        """Return all of them, the busiest first."""
        agents = [
            HepAgent(
                host,
                number,
                text(name),
                tally.packets,
                tally.newest_ns,
                max(tally.best_ns, tally.before_ns),
                tally.misdated,
                not tally.both and tally.packets >= ONE_WAY,
            )
            for (host, number, name), tally in self._tallies.copy().items()  # another thread counts on
        ]
        return sorted(agents, key=lambda agent: -agent.packets)
