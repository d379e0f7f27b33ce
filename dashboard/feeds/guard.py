"""Where a webhook may go: the address that its name has at this moment is looked at, and that very address is connected to. Knows httpx; knows no event.

Looking a name up twice, once for the check and once to connect, would let whoever owns the name answer differently the second time. The certificate is
checked against the name all the same. Redirects are not followed, proxies of the environment are not used: both would lead elsewhere.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"NAT64: the last four bytes are an IPv4 address."

type Address = IPv4Address | IPv6Address


class Denied(httpx.ConnectError):
    """The address is not one that may be sent to."""


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public Internet, also when IPv6 wraps it."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if any(address in network for network in EMBEDDING):
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback)


class Guard:
    """Decides which addresses may be connected to."""

    def __init__(self, allow: Iterable[str]) -> None:
        """`allow`: networks that are not public and may be sent to all the same."""
        self.networks = tuple(ip_network(each) for each in allow)

    def allows(self, address: Address) -> bool:
        """Return whether this address may be connected to."""
        plain = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
        return is_public(address) or any(plain in network for network in self.networks)

    async def address_of(self, host: str, port: int) -> str:
        """Return an address of this name that may be connected to. Raises Denied, and ConnectError for a name that has none."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError(f"{host}: {error.strerror or error}") from error
        addresses = [str(entry[4][0]) for entry in found]
        return self.choose(host, addresses)

    def choose(self, host: str, addresses: Sequence[str]) -> str:
        """Return the first of a name's addresses that may be connected to. Raises Denied."""
        for text in addresses:
            if "%" not in text and self.allows(ip_address(text)):  # one with a zone is link-local
                return text
        raise Denied(f"{host} is {', '.join(addresses[:3]) or 'nowhere'}: not a public address; [[webhook]] allow names others that may be sent to")


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests to addresses that are allowed, each to the one that was looked at. One a webhook: connections are kept by address."""

    def __init__(self, guard: Guard, context: ssl.SSLContext, connections: int) -> None:
        self._guard = guard
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30)
        self._inner = httpx.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it. Raises httpx.TransportError."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await self._guard.address_of(url.host, port)
        sent = httpx.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,  # "Host" is the name's
            stream=request.stream,
            extensions=request.extensions | {"sni_hostname": url.host},
        )
        return await self._inner.handle_async_request(sent)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
