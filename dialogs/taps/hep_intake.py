"""What both HEP listeners share: opening a message, its sender's right, its agent's clock; and opening sockets. Knows no transport of its own."""

import socket
from collections.abc import Callable, Iterable

from dialogs.packet import Packet
from dialogs.taps import hep, hep_gate
from dialogs.taps.addresses import AddressBook
from dialogs.taps.counters import Counted, Counters
from dialogs.taps.errors import TapError
from dialogs.taps.health import NAMED, Agent, Health, health_of, most
from dialogs.taps.hep_agents import Agents, HepAgent

MAX_OFF_NS = 60 * 1_000_000_000
"""An agent whose clock is further off is not believed: its packets get the time of their arrival. Ahead, one wrong clock would expire all calls;
behind, its own calls would expire as soon as they are seen."""


class HepIntake(Counted):
    """Counts and decisions over HEP messages, whatever brought them."""

    recorded = False

    def __init__(self, allow: Iterable[str], key: bytes, clock: Callable[[], int]) -> None:
        self.name = ""
        self.error = ""
        self.newest_ns = 0
        self.misdated = 0
        "Packets whose agent's clock was too far off to be believed."

        self._book = AddressBook()
        self.counters = Counters(self._book)
        self._gate = hep_gate.Gate(allow, key)
        self._agents = Agents()
        self._clock = clock

    @property
    def refused(self) -> int:
        """Messages and connections of senders that are not allowed or do not have the key."""
        return self._gate.refused

    def agents(self) -> list[HepAgent]:
        """Return who sends, the busiest first; callable from any thread."""
        return self._agents.seen()

    def health(self) -> Health:
        """Return the counts that a screen shows; callable from any thread."""
        agents = tuple(Agent(agent.label, agent.packets, agent.skew_ns, agent.misdated, agent.one_way) for agent in self.agents()[:NAMED])
        return health_of(self.counters, agents=agents, refused=most(self._refusals()))

    def _refusals(self) -> dict[str, int]:
        return self._gate.counts()

    def _take(self, datagram: bytes, host: str, received_ns: int, packets: list[Packet]) -> bool:
        """Open one message and append what is in it; false when its sender has no right to be heard."""
        self.counters.frames += 1
        message = hep.decode(datagram, received_ns, self.name, self._book, self._gate.key)
        if message is None:
            self.counters.fail("HEP")
        elif message is hep.WRONG_KEY or message is hep.NO_KEY:
            self._gate.refuse(host, hep_gate.WRONG_KEY if message is hep.WRONG_KEY else hep_gate.NO_KEY)
            return False
        elif message.payload_type != hep.SIP:
            self.counters.skip("HEP without SIP")
        else:
            packets.append(self._dated(message, host, received_ns))
        return True

    def _dated(self, message: hep.HepMessage, host: str, received_ns: int) -> Packet:
        packet = message.packet
        believed = -MAX_OFF_NS <= packet.at_ns - received_ns <= MAX_OFF_NS
        self._agents.note(host, message.agent, message.agent_name, packet, received_ns, misdated=not believed)
        if believed:
            return packet
        self.misdated += 1
        return packet.changed(at_ns=received_ns)

    def _count(self, packets: list[Packet]) -> list[Packet]:
        if packets:
            self.counters.packets += len(packets)
            self.newest_ns = max(self.newest_ns, packets[-1].at_ns)
        return packets


def opened(kind: socket.SocketKind, host: str, port: int, prepare: Callable[[socket.socket], None], *, open_to_others: bool) -> socket.socket:
    """Return a bound socket that does not block. Raises TapError, also for an address that others reach while nobody has said who they are."""
    place = f"HEP listener {host}:{port}"
    if not 0 <= port <= 65_535:  # getaddrinfo would take it modulo 65536
        raise TapError(f"{place}: a port is 0 to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise TapError(f"{place}: no such address") from error
    if not open_to_others and not hep_gate.contains(hep_gate.LOOPBACK, str(address[0])):
        ways = f'[tap] hep_allow = ["192.0.2.0/24"], or what they must know, hep_key_file = "hep.key" (or {hep_gate.KEY_VARIABLE} in the environment)'
        raise TapError(f"{place} can be reached by others: say in dialtap.toml who may send, {ways}")
    listener = socket.socket(family, kind)
    try:
        listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        prepare(listener)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise TapError(f"{place}: {error.strerror}") from error
    return listener


def address_of(listener: socket.socket) -> tuple[tuple[str, int], str]:
    """Return where a socket is bound, and the same as people write it."""
    host, port = listener.getsockname()[:2]
    return (host, port), f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
