"""Sockets of our user agent: UDP, TCP and TLS over asyncio, with the networks it may send to. Knows bytes and addresses; knows no transaction, no dialog.

Every address is checked against `allow` after it was resolved and before anything leaves for it; strangers who connect are cut off.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from dialogs.control.sip.hops import Allow, Hop, is_address
from dialogs.control.sip.streams import Stream

RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
CONNECTIONS_MAX = 256
DATAGRAM_MAX = 65_535
BIND_TRIES = 16


class Link(Protocol):
    """A way to one peer."""

    @property
    def local(self) -> tuple[str, int]:
        """Host and port that bytes leave from, as Via names them."""
        ...

    def send(self, data: bytes) -> None:
        """Send one message; OSError when it cannot be."""
        ...


type Receive = Callable[[bytes, Hop, Link], None]
"Is given every message, where it came from, and the link that answers go by."


class Links:
    """All sockets. `async with` it."""

    def __init__(self, receive: Receive, allow: Allow, *, hosts: tuple[str, ...] = ("0.0.0.0",), port: int = 0, tls: ssl.SSLContext | None = None) -> None:  # noqa: S104 -- parties may be on any interface; what may be sent is `allow`
        """Take the addresses to bind (one of each family counts), the port (0: any), and how TLS is checked (None: the system's authorities)."""
        self.allow = allow
        self.counts: Counter[str] = Counter()
        "What was refused or lost, in words."

        self._receive = receive
        self._hosts = hosts
        self._port = port
        self._tls = tls
        self._udp: dict[int, UdpSocket] = {}
        self._servers: list[asyncio.Server] = []
        self._streams: dict[tuple[Hop, str], Stream] = {}
        "By address, and by the name that the peer's certificate was checked for."

        self._opening: dict[tuple[Hop, str], asyncio.Lock] = {}

    async def __aenter__(self) -> "Links":
        try:
            for host in self._hosts:
                await self._bind(host)
        except OSError:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close everything."""
        for udp in self._udp.values():
            udp.close()
        for server in self._servers:
            server.close()
        for stream in list(self._streams.values()):
            await stream.aclose()
        self._streams.clear()
        self._udp.clear()

    async def _bind(self, host: str) -> None:
        """Bind UDP and TCP to the same port, as Contact and Via have only one."""
        for left in range(BIND_TRIES, 0, -1):
            udp = UdpSocket(host, self._port, self._datagram, self.allow)
            try:
                server = await asyncio.start_server(self._accepted, host, udp.port, limit=DATAGRAM_MAX)
            except OSError:
                udp.close()
                if self._port or left == 1:
                    raise
                continue
            self._udp[udp.family] = udp
            self._servers.append(server)
            return

    async def resolve(self, hop: Hop) -> list[Hop]:
        """Return the addresses of a hop that we may and can send to, in the resolver's order. OSError when there is none, NotAllowed when none is allowed."""
        if is_address(hop.host):
            self.allow.check(hop.host)
            return [hop]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await loop.getaddrinfo(hop.host, hop.port, type=socket.SOCK_DGRAM)
        except (TimeoutError, UnicodeError) as error:
            raise OSError(f"{hop.host} cannot be resolved: {error or 'no answer'}") from error
        usable = [str(address[0]) for family, _, _, _, address in found if family in self._udp]
        if not usable:
            raise OSError(f"{hop.host} has no address of a family that we have")
        allowed = [Hop(hop.transport, address, hop.port) for address in dict.fromkeys(usable) if address in self.allow]
        if not allowed:
            self.allow.check(usable[0], hop.host)
        return allowed

    async def link(self, hop: Hop, name: str = "") -> Link:
        """Return a link to a resolved address, reusing a connection; `name`: what a certificate must be for. OSError when there is none."""
        self.allow.check(hop.host, name)
        if hop.transport == "udp":
            return self._udp_to(hop)
        key = (hop, (name or hop.host) if hop.transport == "tls" else "")
        async with self._opening.setdefault(key, asyncio.Lock()):
            try:
                if (stream := self._streams.get(key)) is None:
                    stream = await self._connect(*key)
                    self._take(stream)
                return stream
            finally:
                self._opening.pop(key, None)

    def reached_at(self, link: Link) -> tuple[str, int]:
        """Return host and port at which we are reached, for Via and Contact: a connection's own port takes no calls."""
        host, _ = link.local
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return (host, self._udp[family].port) if family in self._udp else link.local

    def _udp_to(self, hop: Hop) -> "UdpLink":
        family = socket.AF_INET6 if ":" in hop.host else socket.AF_INET
        if family not in self._udp:
            raise OSError(f"no socket for {hop.host}: bind one of its family")
        return UdpLink(self._udp[family], hop)

    async def _connect(self, hop: Hop, name: str) -> Stream:
        context = (self._tls or ssl.create_default_context()) if hop.transport == "tls" else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(hop.host, hop.port, ssl=context, server_hostname=name or None, limit=DATAGRAM_MAX)
        except TimeoutError as error:
            raise OSError(f"no connection to {hop} within {CONNECT_SECONDS:g} s") from error
        return Stream(reader, writer, hop, name)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("peername")[:2]
        if host not in self.allow:
            self.counts["connections of strangers"] += 1
            writer.close()
            return
        self._take(Stream(reader, writer, Hop("tcp", host, port)))

    def _take(self, stream: Stream) -> None:
        """Read a connection for as long as it lasts; the oldest goes when there are too many."""
        if len(self._streams) >= CONNECTIONS_MAX or stream.key in self._streams:
            self.counts["connections closed for newer ones"] += 1
            self._streams.pop(stream.key if stream.key in self._streams else next(iter(self._streams))).close()
        self._streams[stream.key] = stream
        stream.start(self._message, self._closed)

    def _closed(self, stream: Stream, words: str) -> None:
        if words:
            self.counts[words] += 1
        if self._streams.get(stream.key) is stream:
            del self._streams[stream.key]

    def _message(self, data: bytes, stream: Stream) -> None:
        self._receive(data, stream.hop, stream)

    def _datagram(self, data: bytes, source: Hop, udp: "UdpSocket") -> None:
        if source.host not in self.allow:
            self.counts["datagrams of strangers"] += 1
            return
        self._receive(data, source, UdpLink(udp, source))


class UdpSocket:
    """One bound socket. Sends at once or not at all: what is lost is repeated by its transaction."""

    def __init__(self, host: str, port: int, receive: Callable[[bytes, Hop, "UdpSocket"], None], allow: Allow) -> None:
        """Bind; port 0: any."""
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 -- the socket's own signature
        if self.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._receive = receive
        self._allow = allow
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Close the socket."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def send(self, data: bytes, host: str, port: int) -> None:
        """Send one datagram; OSError when the kernel refuses, NotAllowed for an address outside of the networks."""
        self._allow.check(host)
        with suppress(BlockingIOError):
            self._socket.sendto(data, (host, port))

    def host_toward(self, host: str, port: int) -> str:
        """Return the address that datagrams to a host leave from; nothing is sent to find out."""
        bound: str = self._socket.getsockname()[0]
        if bound not in ("0.0.0.0", "::"):  # noqa: S104 -- compared, not bound
            return bound
        with socket.socket(self.family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return str(probe.getsockname()[0])

    def _readable(self) -> None:
        try:
            data, address = self._socket.recvfrom(DATAGRAM_MAX)
        except OSError:
            return
        self._receive(data, Hop("udp", address[0], address[1]), self)


class UdpLink:
    """One peer over a bound socket."""

    def __init__(self, udp: UdpSocket, hop: Hop) -> None:
        self._udp = udp
        self._hop = hop
        self.local = (udp.host_toward(hop.host, hop.port), udp.port)

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        self._udp.send(data, self._hop.host, self._hop.port)

    def back(self, port: int) -> "UdpLink":
        """Return the link to another port of the same host."""
        return UdpLink(self._udp, self._hop._replace(port=port))
