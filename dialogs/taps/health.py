"""What a tap says of itself beside its four sums: a value that can be stored. Knows counts and causes; judges nothing, knows no screen.

A tap makes `Health`; the ingest adds what only it knows (rates, when something was last lost, when a peer was last heard) and stores a `Report`.
"""

from typing import Any

import msgspec

from dialogs.taps.addresses import OTHERS
from dialogs.taps.counters import Counters

NAMED = 50
"Causes, peers and agents named in one list: the most frequent ones. The rest is summed up under OTHERS."

ONE_WAY = 20
"Packets of a peer in one direction, and none in the other, from which on it is worth a word."


Counted = tuple[str, int, int, int, int, int]
"(caller, processed, early, active, failed, expired), as dialogs.engine.callers.Caller has them."


class PeerCounted(msgspec.Struct, frozen=True, array_like=True):
    """What goes through one peer, as dialogs.insight.traffic.Traffic has it."""

    name: str
    kind: str
    live: int
    begun: int
    answered: int
    failed: int
    setup_ns: int
    codes: dict[int, int]
    last_ns: int


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """What came to the door of RPC."""

    requests: int
    faults: int
    malformed: int
    "Bytes that were no request."

    connections: int
    refused: int
    "Connections beyond the cap."


class Agent(msgspec.Struct, frozen=True, array_like=True):
    """One sender of HEP."""

    name: str
    packets: int

    skew_ns: int
    "How far its clock is ahead of ours, negative when behind; includes the way here."

    misdated: int = 0
    "Its packets that got the time of their arrival, because its clock was too far off to be believed."

    one_way: bool = False
    "Whether it reports one direction only."


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counts since the tap was opened. Peers are "host" or "host:port" as the tap knows them."""

    undecodable: dict[str, int] = {}
    "Frames or datagrams that could not be read, by cause."

    skipped: dict[str, int] = {}
    "Readable, but of no interest, by cause."

    incomplete: int = 0
    "Fragmented datagrams of which a piece never came."

    tcp_gaps: int = 0
    "Places in TCP streams where bytes were missing."

    tcp_evicted: int = 0
    "Connections forgotten because there were too many."

    encrypted: dict[str, int] = {}
    "Peers that speak TLS or IPsec, with how often that was seen."

    unreachable: dict[str, int] = {}
    "Hosts that sent ICMP errors about SIP."

    one_way: dict[str, int] = {}
    "Peers of which only one direction is seen, with its packets."

    agents: tuple[Agent, ...] = ()
    "Senders of HEP."

    refused: dict[str, int] = {}
    "What was sent here and not taken, by cause: a stranger's address, a wrong key."

    down_ns: int = 0
    "Since when its interface is away; 0 while it is there."


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is stored of a tap each second."""

    health: Health = Health()
    packets_rate: float = 0
    "Packets a second since the report before; -1 before the second one."

    messages_rate: float = 0
    "SIP messages a second, likewise."

    lost_ns: int = 0
    "When it last turned out that packets had been lost; 0 for never."

    since_ns: int = 0
    "Since when this ingest runs."

    calls: Counted | None = None
    "What the node counted of all calls. This and the rest only in the report of the node itself."

    callers: tuple[Counted, ...] = ()
    "Its greatest callers, greatest first."

    callers_known: int = 0
    callers_forgotten: int = 0
    "Callers that are counted, and that made room for others."

    peers: tuple[PeerCounted, ...] = ()
    "Its peers: those of the configuration, then the busiest others."

    peers_since_ns: int = 0
    "Since when the calls began that `peers` tells of, but for those of this moment."

    peers_known: int = 0
    peers_forgotten: int = 0
    "Addresses without a name that are counted, and that made room for others."

    proxy_error: str = ""
    "Why the proxy whose table is compared with ours does not answer."

    proxy_down_ns: int = 0
    "Since when it does not."

    disagreeing: dict[str, int] = {}
    "Calls on which its table and ours do not agree, by kind."

    notices_lost: int = 0
    "Alerts of rules that were too many at once to be kept."

    door: Asked | None = None
    "What programs asked of the node by RPC."

    heard: dict[str, int] = {}
    "Names of watched peers -> when SIP from them was last seen, 0 for never. Only in the report of the node itself."

    measured: msgspec.Raw = msgspec.Raw(b"{}")
    "What the node measured, as JSON that only who wants it decodes: see dashboard.metrics.metric."


def encode(report: Report) -> str:
    """Return a report as JSON."""
    return msgspec.json.encode(report).decode()


def decode(text: str) -> Report:
    """Return a stored report; an empty one for what another version wrote."""
    try:
        return msgspec.json.decode(text or "{}", type=Report)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Report()


def most(counts: dict[str, int]) -> dict[str, int]:
    """Return the greatest counts, greatest first, the rest summed up: what strangers send may not grow a stored row."""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    named = dict(ranked[:NAMED])
    if rest := sum(count for _, count in ranked[NAMED:]):
        named[OTHERS] = named.get(OTHERS, 0) + rest
    return named


def one_way(peers: dict[str, tuple[int, int]]) -> dict[str, int]:
    """Return of these hosts (packets to it, packets by it) those of which only one direction is seen, with its packets; a few prove nothing."""
    return {host: to + by for host, (to, by) in peers.items() if not (to and by) and to + by >= ONE_WAY}


def health_of(counters: Counters, **more: Any) -> Health:
    """Return what a tap's counters hold as a value, with what only the tap itself knows. Takes milliseconds: for once a second."""
    return Health(
        undecodable=most(counters.undecodable),
        skipped=most(counters.skipped),
        incomplete=counters.incomplete,
        encrypted=most(counters.encrypted),
        unreachable=most(counters.unreachable),
        one_way=most(one_way(counters.peers())),
        **more,
    )
