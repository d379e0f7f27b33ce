"""Names for addresses, from the configuration's peers. Knows addresses; knows no call state."""

from collections.abc import Iterable

from dialogs.config import Peer
from dialogs.engine.sockets import split_address

KNOWN_MAX = 65_536
"Addresses whose name is remembered; emptied when full."

STEPS = 5
"Steps that a path shows."


class PeerNames:
    """Gives an address its name; an address without one keeps itself."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        self.peers = tuple(peers)
        self._by_address: dict[tuple[str, int], Peer] = {}
        self._known: dict[str, str] = {}
        for peer in self.peers:
            for address in peer.addresses:
                self._by_address[split_address(address)] = peer

    def peer(self, address: str) -> Peer | None:
        """Return the peer that owns "host:port"; one declared with the port wins over one without."""
        host, port = split_address(address)
        return self._by_address.get((host, port)) or self._by_address.get((host, 0))

    def name(self, address: str) -> str:
        """Return the peer's name, else the address as it is."""
        peer = self.peer(address)
        return peer.name if peer else address

    def names(self, hosts: Iterable[str]) -> list[str]:
        """Return who has a part in a call, each once: peers by their names, others by their addresses without the port."""
        return list(dict.fromkeys(self._known.get(host) or self._remember(host) for host in hosts))

    def _remember(self, host: str) -> str:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        peer = self.peer(host)
        name = self._known[host] = peer.name if peer else split_address(host)[0]
        return name

    def path(self, hosts: Iterable[str]) -> str:
        """Return the named peers on a call's way in order, phones left out: "edge-1 -> gw-2"; without any named one, the addresses."""
        hosts = tuple(hosts)
        named = [peer.name for peer in map(self.peer, hosts) if peer is not None and peer.kind != "phone"]
        steps = named or [host.rpartition(":")[0] for host in hosts]
        return " \N{RIGHTWARDS ARROW} ".join(list(dict.fromkeys(steps))[:STEPS])
