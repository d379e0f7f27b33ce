"""The HEP listener: a UDP socket that agents send to. Knows the socket and who may send; what a datagram means is in `hep`.

Read by "readable, then drain": asyncio's own datagram protocol lost half of 40,000 datagrams a second, this none.
Losses are counted by the kernel (SO_MEMINFO): asked once a drain instead of a control message on every datagram.
"""

import ipaddress
import socket
import struct
import sys
import time
from collections.abc import Iterable

from dialogs.packet import Packet
from dialogs.taps import hep
from dialogs.taps.addresses import AddressBook
from dialogs.taps.counters import Counted, Counters
from dialogs.taps.errors import TapError

RECEIVE_BUFFER = 64 * 1024 * 1024
"Room for a burst of 40,000 full-sized messages; the kernel takes it only while it is needed."
MAX_DATAGRAM = 65_535
MAX_AHEAD_NS = 60 * 1_000_000_000
"An agent whose clock is further ahead is not believed: its packets get the time of their arrival. One wrong clock would expire all calls."

MAX_SENDERS = 4096
"Addresses whose right to send is remembered."

_SO_RCVBUFFORCE = 33  # Linux; the socket module has no names for these two
_SO_MEMINFO = 55
_MEMINFO_DROPS = struct.Struct("=32xI")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class HepTap(Counted):
    """Packets that HEP agents report over UDP."""

    recorded = False

    def __init__(self, host: str, port: int, allow: Iterable[str] = ()) -> None:
        """Listen on an address; raises TapError when it is taken, is not ours, or lets in strangers.

        `allow`: networks that may send, "192.0.2.0/24" or "192.0.2.7"; empty: loopback only, and then only on a loopback address.
        """
        self.error = ""
        self.newest_ns = 0
        self.refused = 0
        "Datagrams of senders that are not allowed."

        self.ahead = 0
        "Packets whose agent's clock was too far ahead."

        self.counters = Counters()
        self._allowed = _networks(allow)
        self._senders: dict[str, bool] = {}
        self._book = AddressBook()
        self._dropped = 0
        self._socket: socket.socket | None = _listening(host, port, open_to_others=bool(self._allowed))
        bound = self._socket.getsockname()
        self.address: tuple[str, int] = (bound[0], bound[1])
        self.name = f"hep:{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}"

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel threw away because the buffer was full; 0 where the kernel does not say."""
        if self._socket is not None and sys.platform.startswith("linux"):
            (self._dropped,) = _MEMINFO_DROPS.unpack(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))
        return self._dropped

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when datagrams wait; -1 once closed."""
        return -1 if self._socket is None else self._socket.fileno()

    def drain(self, limit: int = 256) -> list[Packet]:
        """Return the packets of the datagrams that wait, at most `limit` datagrams; never waits."""
        packets: list[Packet] = []
        if self._socket is None:
            return packets
        self.error = ""
        receive, received_ns = self._socket.recvfrom, time.time_ns()
        for _ in range(limit):
            try:
                datagram, sender = receive(MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError as error:  # said once: the next drain tries again
                self.error = str(error)
                break
            self.counters.frames += 1
            if self._may_send(sender[0]):
                self._open(datagram, received_ns, packets)
            else:
                self.refused += 1
        if packets:
            self.counters.packets += len(packets)
            self.newest_ns = max(self.newest_ns, packets[-1].at_ns)
        return packets

    def close(self) -> None:
        """Give the port back; the counters keep their last values."""
        if self._socket is not None:
            _ = self.dropped
            self._socket.close()
            self._socket = None

    def _open(self, datagram: bytes, received_ns: int, packets: list[Packet]) -> None:
        message = hep.decode(datagram, received_ns, self.name, self._book)
        if message is None:
            self.counters.fail("HEP")
        elif message.payload_type != hep.SIP:
            self.counters.skip("HEP without SIP")
        elif message.packet.at_ns > received_ns + MAX_AHEAD_NS:
            self.ahead += 1
            packets.append(message.packet._replace(at_ns=received_ns))
        else:
            packets.append(message.packet)

    def _may_send(self, address: str) -> bool:
        known = self._senders.get(address)
        if known is None:
            if len(self._senders) >= MAX_SENDERS:
                self._senders.clear()
            known = self._senders[address] = _contains(self._allowed or LOOPBACK, address)
        return known


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise TapError(f"hep_allow: {text!r} is no network, write 192.0.2.0/24 or 2001:db8::/32") from error
    return tuple(networks)


def _contains(networks: tuple[Network, ...], text: str) -> bool:
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _listening(host: str, port: int, *, open_to_others: bool) -> socket.socket:
    """Open the socket with a big buffer; refuses an address that others reach as long as nobody has said who they are."""
    if not 0 <= port <= 65_535:  # getaddrinfo would take it modulo 65536
        raise TapError(f"HEP listener {host}:{port}: a port is 0 to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise TapError(f"HEP listener {host}:{port}: no such address") from error
    if not open_to_others and not _contains(LOOPBACK, str(address[0])):
        raise TapError(f'HEP listener {host}:{port} can be reached by others: say in dialtap.toml who may send, [tap] hep_allow = ["192.0.2.0/24"]')
    listener = socket.socket(family, socket.SOCK_DGRAM)
    try:
        listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        _grow_buffer(listener)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise TapError(f"HEP listener {host}:{port}: {error.strerror}") from error
    return listener


def _grow_buffer(listener: socket.socket) -> None:
    """Ask for a big receive buffer: past the system's limit when we may, else up to it."""
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
