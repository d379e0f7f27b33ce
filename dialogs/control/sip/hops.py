"""Where a request is sent: the next hop of a URI (RFC 3261, 8.1.2 and 18.1.1; RFC 3263 without NAPTR and SRV), and which networks we may send to.

Knows URIs and addresses; opens no socket and asks no resolver.
"""

import ipaddress
from typing import NamedTuple

from dialogs.control.sip.syntax import Unsendable, uri_parameters
from dialogs.sip import URI

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
LARGE = 1300
"Bytes above which a request does not go by UDP (RFC 3261, 18.1.1)."


class Hop(NamedTuple):
    """A transport address; before resolution `host` may be a name."""

    transport: str
    '"udp", "tcp" or "tls".'

    host: str
    "Without brackets."

    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"


class NotAllowed(PermissionError):
    """Nothing is sent to this address: it is in no network of `[control] allow`."""


class Allow:
    """The networks that our user agent may send to. None by default: then it sends nothing."""

    def __init__(self, networks: tuple[str, ...] = ()) -> None:
        """Take networks and addresses as text; ValueError for one that is none."""
        self.networks = tuple(ipaddress.ip_network(network, strict=False) for network in networks)

    def __contains__(self, address: str) -> bool:
        try:
            found = plain_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.networks)

    def check(self, address: str, name: str = "") -> None:
        """Raise NotAllowed for an address that is in no network; `name`: what was resolved to it."""
        if address not in self:
            shown = f"{name} ({address})" if name and name != address else address
            known = ", ".join(map(str, self.networks)) or "empty"
            raise NotAllowed(f"nothing is sent to {shown}: it is not in [control] allow ({known})")


def plain_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address; one of IPv4 in IPv6's clothes as what it is. ValueError for a name."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def is_address(host: str) -> bool:
    """Return whether a host is an address and needs no resolver."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def bracketed(host: str) -> str:
    """Return a host as it stands in a URI or Via."""
    return f"[{host}]" if ":" in host else host


def next_hop(uri: str) -> Hop:
    """Return the hop that a URI names: `maddr`, `transport`, `sips`, ports by default; Unsendable for a transport that we do not speak."""
    parts, parameters = URI.parse(uri), uri_parameters(uri)
    host = (parameters.get("maddr") or parts.host).strip("[]")
    if parts.scheme not in ("sip", "sips") or not host:
        raise Unsendable(f"next hop: {uri!r} names no host")
    transport = parameters.get("transport", "udp").lower()
    if parts.scheme == "sips":
        transport = "tls" if transport in ("udp", "tcp", "tls") else transport
    if transport not in PORTS:
        raise Unsendable(f"next hop: {uri!r} is reached by {transport}, which only its proxy speaks, and no route to that is known")
    return Hop(transport, host, parts.port or PORTS[transport])
