"""Endpoints from the raw bytes of headers, remembered, because a proxy talks to the same few addresses all day. Knows no layer.

Counts the packets between each two endpoints on the way: a number beside what is looked up anyway costs next to nothing.
"""

from socket import AF_INET6, inet_ntoa, inet_ntop

from dialogs.packet import Endpoint

MAX_ENDPOINTS = 65_536
"Both stores are emptied when they reach their cap: cheaper than an eviction order on every packet."

MAX_PAIRS = 32_768

MAX_HOSTS = 4096
"Hosts whose packets are counted one by one; those of all others are counted together."

OTHERS = "others"


class Pair:
    """Two endpoints in the order of a packet's way, with how many packets went it since they were last summed up."""

    __slots__ = ("destination", "packets", "source")

    def __init__(self, source: Endpoint, destination: Endpoint) -> None:
        self.source = source
        self.destination = destination
        self.packets = 0


class AddressBook:
    """Turns raw addresses and ports into shared `Endpoint` values; bounded, whatever strangers send."""

    __slots__ = ("_endpoints", "_traffic", "pairs")

    def __init__(self) -> None:
        self._endpoints: dict[bytes, Endpoint] = {}
        self._traffic: dict[str, tuple[int, int]] = {}
        self.pairs: dict[bytes, Pair] = {}
        "Both addresses and both ports as they stand in the headers -> source and destination. The decoder looks here first."

    def pair(self, key: bytes) -> tuple[Endpoint, Endpoint]:
        """Return (source, destination) of the 12 or 36 bytes source address, destination address, source port, destination port; counts a packet."""
        found = self.pairs.get(key) or self.remember(key)
        found.packets += 1
        return found.source, found.destination

    def endpoint(self, address: bytes, port: bytes) -> Endpoint:
        """Return the endpoint of a 4 or 16 byte address and a port in network byte order."""
        key = address + port
        found = self._endpoints.get(key)
        if found is None:
            if len(self._endpoints) >= MAX_ENDPOINTS:
                self._endpoints.clear()
            found = self._endpoints[key] = Endpoint(address_text(address), port[0] << 8 | port[1])
        return found

    def remember(self, key: bytes) -> Pair:
        """Make the pair of a key that is not in `pairs`; counts nothing."""
        if len(self.pairs) >= MAX_PAIRS:
            self._sum_up()
            self.pairs.clear()
        size = (len(key) - 4) // 2
        found = self.pairs[key] = Pair(
            self.endpoint(key[:size], key[2 * size : 2 * size + 2]),
            self.endpoint(key[size : 2 * size], key[2 * size + 2 :]),
        )
        return found

    def traffic(self) -> dict[str, tuple[int, int]]:
        """Return for each host the packets sent to it and those sent by it."""
        self._sum_up()
        return self._traffic.copy()

    def _sum_up(self) -> None:
        for pair in self.pairs.values():
            if pair.packets:
                self._add(pair.source.host, 0, pair.packets)
                self._add(pair.destination.host, pair.packets, 0)
                pair.packets = 0

    def _add(self, host: str, received: int, sent: int) -> None:
        if host not in self._traffic and len(self._traffic) >= MAX_HOSTS:
            host = OTHERS
        before = self._traffic.get(host, (0, 0))
        self._traffic[host] = before[0] + received, before[1] + sent


def address_text(address: bytes) -> str:
    """Write a raw address of 4 or 16 bytes as people do. RFC 5952 for IPv6."""
    return inet_ntoa(address) if len(address) == 4 else inet_ntop(AF_INET6, address)
