"""Which addresses of a call are one column of its ladder, and what stands above it. Knows addresses and peers; knows no messages."""

from collections.abc import Callable, Iterable, Mapping

from dialogs.engine.sockets import split_address
from dialogs.insight.ladder import Host
from dialogs.insight.peers import PeerNames

MODES = ("alias", "address", "port")
"By name, where a peer's addresses are one column; by address; by address with port."

EPHEMERAL = 32768
"A port from here on is one that a TCP client was given: with another address of its host it is one column."


def naming(mode: str, peers: PeerNames, parties: Mapping[str, str], addresses: Iterable[str]) -> Callable[[str], Host]:
    """Return what gives a "host:port" its column; `parties` are the call's users by address, `addresses` all that the ladder will hold."""
    if mode == "port":
        return lambda address: Host(address, address)
    if mode == "address":
        return lambda address: Host(host_text(address), host_text(address))
    listening: dict[str, list[str]] = {}
    for address in dict.fromkeys(addresses):
        if split_address(address)[1] < EPHEMERAL:
            listening.setdefault(host_text(address), []).append(address)

    def by_alias(address: str) -> Host:
        others = listening.get(host_text(address), [])
        if split_address(address)[1] >= EPHEMERAL and len(others) == 1 and not peers.peer(address) and address not in parties:
            address = others[0]
        peer = peers.peer(address)
        if peer:
            return Host(peer.name, peer.name, address)
        return Host(address, parties[address], address) if parties.get(address) else Host(address, address)

    return by_alias


def host_text(address: str) -> str:
    """Return "192.0.2.1" of "192.0.2.1:5060" and "2001:db8::1" of "[2001:db8::1]:5060"."""
    return split_address(address)[0]
