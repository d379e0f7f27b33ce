"""Endpoints from the raw bytes of headers, remembered, because a proxy talks to the same few addresses all day. Knows no layer."""

from socket import AF_INET6, inet_ntoa, inet_ntop

from dialogs.packet import Endpoint

MAX_ENDPOINTS = 65_536
"Both stores are emptied when they reach their cap: cheaper than an eviction order on every packet."

MAX_PAIRS = 32_768

Pair = tuple[Endpoint, Endpoint]


class AddressBook:
    """Turns raw addresses and ports into shared `Endpoint` values; bounded, whatever strangers send."""

    __slots__ = ("_endpoints", "pairs")

    def __init__(self) -> None:
        self._endpoints: dict[bytes, Endpoint] = {}
        self.pairs: dict[bytes, Pair] = {}
        "Both addresses and both ports as they stand in the headers -> source and destination. The decoder looks here first."

    def pair(self, key: bytes) -> Pair:
        """Return (source, destination) of the 12 or 36 bytes source address, destination address, source port, destination port."""
        found = self.pairs.get(key)
        if found is None:
            found = self._remember(key)
        return found

    def endpoint(self, address: bytes, port: bytes) -> Endpoint:
        """Return the endpoint of a 4 or 16 byte address and a port in network byte order."""
        key = address + port
        found = self._endpoints.get(key)
        if found is None:
            if len(self._endpoints) >= MAX_ENDPOINTS:
                self._endpoints.clear()
            found = self._endpoints[key] = Endpoint(address_text(address), port[0] << 8 | port[1])
        return found

    def _remember(self, key: bytes) -> Pair:
        if len(self.pairs) >= MAX_PAIRS:
            self.pairs.clear()
        size = (len(key) - 4) // 2
        found = self.pairs[key] = (
            self.endpoint(key[:size], key[2 * size : 2 * size + 2]),
            self.endpoint(key[size : 2 * size], key[2 * size + 2 :]),
        )
        return found


def address_text(address: bytes) -> str:
    """Write a raw address of 4 or 16 bytes as people do. RFC 5952 for IPv6."""
    return inet_ntoa(address) if len(address) == 4 else inet_ntop(AF_INET6, address)
