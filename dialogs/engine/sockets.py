"""The addresses of the watched proxy. Knows endpoints and the configuration; knows no message."""

from functools import lru_cache
from ipaddress import ip_address

from dialogs.config import Config
from dialogs.packet import Endpoint

STREAMS = frozenset({"tcp", "tls", "ws", "wss"})


class Sockets:
    """Tells whether an endpoint is the proxy's own. Empty (falsy) when no socket is configured: then everything counts."""

    def __init__(self, config: Config) -> None:
        listeners = [socket.partition(":") for socket in config.dialog.sockets]
        addresses = [address for _, _, address in listeners]
        addresses += [address for peer in config.peer if peer.kind == "proxy" for address in peer.addresses]
        self._exact: set[Endpoint] = set()
        self._hosts: set[str] = set()
        self._any_port: set[str] = set()
        self._listeners: dict[tuple[str, str], Endpoint] = {}
        for transport, _, address in listeners:
            host, port = split_address(address)
            self._listeners.setdefault((transport, host), Endpoint(host, port))
        for address in addresses:
            host, port = split_address(address)
            self._hosts.add(host)
            if port:
                self._exact.add(Endpoint(host, port))
            else:
                self._any_port.add(host)

    def __bool__(self) -> bool:
        return bool(self._hosts)

    def holds(self, endpoint: Endpoint, transport: str) -> bool:
        """Return whether the proxy owns this end of a packet; a stream leaves from a port of its own, so there the host decides."""
        if endpoint in self._exact or endpoint.host in self._any_port:
            return True
        return transport in STREAMS and endpoint.host in self._hosts

    def receives(self, endpoint: Endpoint) -> bool:
        """Return whether the endpoint is an address the proxy listens on."""
        return endpoint in self._exact or endpoint.host in self._any_port

    def entrance(self, source: Endpoint, destination: Endpoint, transport: str) -> Endpoint | None:
        """Return the address by which a packet enters the proxy, None when it does not.

        What comes back on a stream that the proxy itself opened arrives at a port of no listener; it counts for the first one of that transport.
        Between two addresses of one host nobody can tell, so only a listener decides there.
        """
        if self.receives(destination):
            return destination
        if transport in STREAMS and destination.host in self._hosts and source.host != destination.host:
            return self._listeners.get((transport, destination.host), destination)
        return None


@lru_cache(4096)  # few addresses, asked for at every change of a call; bounded, whatever strangers send
def split_address(address: str) -> tuple[str, int]:
    """Return (host, port) of "host", "host:port", "[v6]" or "[v6]:port"; port 0 when absent."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.lstrip(":")
    elif address.count(":") > 1:
        host, port = address, ""
    else:
        host, _, port = address.partition(":")
    try:
        host = str(ip_address(host))
    except ValueError:
        host = host.lower()
    return host, int(port) if port.isascii() and port.isdigit() else 0


def socket_text(endpoint: Endpoint, transport: str) -> str:
    """Return a socket as Kamailio prints it: "udp:192.0.2.1:5060"; WebSocket calls show the TCP or TLS listener."""
    return f"{ {'ws': 'tcp', 'wss': 'tls'}.get(transport, transport) }:{endpoint}"
