"""Frames to packets: IPv4, IPv6, UDP and TCP, in tunnels too. Knows where a payload begins and whether it may be SIP; knows no SIP beyond that.

One `Decoder` serves one tap. It never raises on what is on the wire: what cannot be read or is of no interest is counted by cause.
Checksums are not looked at: a capturing host sees its own packets before the network card fills them in.
"""

import struct
from collections.abc import Iterable

from dialogs.packet import Packet
from dialogs.taps import hep
from dialogs.taps.addresses import AddressBook, address_text
from dialogs.taps.counters import Counters
from dialogs.taps.encrypted import SIP_PORTS, TLS_PORT, looks_encrypted
from dialogs.taps.fragments import Reassembler
from dialogs.taps.icmp import ICMP, ICMP_V6, quotes_sip
from dialogs.taps.link import IPV4, IPV6, LinkReader, ethernet
from dialogs.taps.tcp import EVENTS, Streams
from dialogs.taps.tunnels import ETHERTYPES, MAX_DEPTH, PROTOCOLS, UDP_PORTS, Opener

TCP = 6
UDP = 17
ESP = 50
AUTHENTICATION = 51
V6_FRAGMENT = 44
V6_NO_NEXT_HEADER = 59
V6_EXTENSIONS = frozenset((0, 43, V6_FRAGMENT, AUTHENTICATION, 60, 135, 139, 140))
SKIPPED_PROTOCOLS = {2: "IGMP", V6_NO_NEXT_HEADER: "no payload", 132: "SCTP"}

STUN_COOKIE = b"\x21\x12\xa4\x42"

_ipv4_header = struct.Struct("!BxHxxHxB").unpack_from
_ipv6_header = struct.Struct("!BxxxHB").unpack_from
_tcp_header = struct.Struct("!I4xBB").unpack_from
_udp_length = struct.Struct("!H").unpack_from
_plain_headers = struct.Struct("!12xHBxHxxHxB14xH").unpack_from
PLAIN_SIZE = 42
"Of an Ethernet, an IPv4 and a UDP header."


class Decoder:
    """Turns the frames of one tap into packets and counts the rest."""

    __slots__ = ("_depth", "_hep", "_ports", "book", "counters", "fragments", "sip_ports", "streams", "tap")

    def __init__(self, tap: str, *, unpack_hep: bool = False, ports: Iterable[int] = ()) -> None:
        """Begin with nothing seen.

        `unpack_hep`: take HEP datagrams for what they carry. For recordings only: live, it would let anyone forge traffic.
        `ports`: those of SIP, where tunnelled traffic passed the capture filter whatever its ports were; none: tell SIP by its looks alone.
        """
        self.tap = tap
        self.book = AddressBook()
        self.counters = Counters(self.book)
        self.fragments = Reassembler(self.counters)
        self._hep = unpack_hep
        self._ports = frozenset((*ports, TLS_PORT)) if ports else frozenset()
        self.sip_ports = self._ports or SIP_PORTS
        "Where encrypted traffic and ICMP errors are taken for SIP's."

        self.streams = Streams(tap, self.counters, self.book, self.encrypted)
        self._depth = 0

    def decode(self, at_ns: int, link: LinkReader, frame: bytes, out: list[Packet]) -> None:
        """Append what the frame carries to `out`: nothing, one packet, several messages of a stream."""
        try:
            if link is ethernet and len(frame) >= PLAIN_SIZE:  # nearly all there is: UDP in a whole IPv4 packet without options, in one look
                kind, first, total, fragment, protocol, length = _plain_headers(frame)
                if kind == IPV4 and first == 0x45 and protocol == UDP and not fragment & 0x3FFF:
                    self._udp(at_ns, frame[26:38], frame, 34, 14 + total if total else len(frame), length, out)
                    return
            kind, at = link(frame)
            if kind == IPV4:
                self._ipv4(at_ns, frame, at, out)
            else:
                self._network(at_ns, kind, frame, at, out)
        except (IndexError, struct.error):
            self.counters.fail("cut short")

    def finish(self, out: list[Packet]) -> None:
        """Count as incomplete what still waits for its missing pieces, append what waits behind gaps: the capture is over."""
        self.fragments.finish()
        self.streams.finish(out)

    def _network(self, at_ns: int, kind: int, frame: bytes, at: int, out: list[Packet]) -> None:
        """Read what an Ethertype announces, off the fast path."""
        if kind == IPV4:
            self._ipv4(at_ns, frame, at, out)
        elif kind == IPV6:
            self._ipv6(at_ns, frame, at, out)
        elif kind in ETHERTYPES:
            self._open(ETHERTYPES[kind], at_ns, frame, at, out)
        else:
            self.counters.skip("not IP")

    def _open(self, opener: Opener, at_ns: int, body: bytes, at: int, out: list[Packet]) -> None:
        """Go on with what a tunnel carries, unless its header is of a kind that is not read."""
        inner = opener(body, at)
        if inner is None:
            self.counters.fail("tunnel header")
        else:
            self._enter(at_ns, *inner, body, out)

    def _enter(self, at_ns: int, kind: int, at: int, body: bytes, out: list[Packet]) -> None:
        if self._depth >= MAX_DEPTH:
            self.counters.fail("tunnels too deep")
            return
        self._depth += 1
        try:
            self._network(at_ns, kind, body, at, out)
        finally:
            self._depth -= 1

    def _ipv4(self, at_ns: int, frame: bytes, at: int, out: list[Packet]) -> None:
        first, total, fragment, protocol = _ipv4_header(frame, at)
        header = (first & 15) << 2
        if first >> 4 != 4 or header < 20:
            self.counters.fail("IP header")
            return
        # Ethernet pads short frames, so the header's length counts; it is 0 where the network card cuts big segments later
        end = at + total if total else len(frame)
        body = at + header
        if fragment & 0x3FFF:
            key = b"%c%c%b" % (protocol, 4, frame[at + 4 : at + 6] + frame[at + 12 : at + 20])
            self._fragment(at_ns, key, (fragment & 0x1FFF) << 3, fragment & 0x2000, frame[body:end], out)
        elif protocol == UDP:
            # without options addresses and ports stand side by side: one slice
            key = frame[at + 12 : at + 24] if header == 20 else frame[at + 12 : at + 20] + frame[body : body + 4]
            self._udp(at_ns, key, frame, body, end, _udp_length(frame, body + 4)[0], out)
        else:
            self._transport(at_ns, protocol, frame[at + 12 : at + 20], frame, body, end, out)

    def _ipv6(self, at_ns: int, frame: bytes, at: int, out: list[Packet]) -> None:
        first, length, protocol = _ipv6_header(frame, at)
        if first >> 4 != 6:
            self.counters.fail("IP header")
            return
        body = at + 40
        end = body + length if length else len(frame)
        addresses = frame[at + 8 : body]
        while protocol in V6_EXTENSIONS:
            following = frame[body]
            if protocol == V6_FRAGMENT:
                place = frame[body + 2] << 8 | frame[body + 3]
                if place & 0xFFF9:
                    key = b"%c%c%b" % (following, 6, frame[body + 4 : body + 8] + addresses)
                    self._fragment(at_ns, key, place & 0xFFF8, place & 1, frame[body + 8 : end], out)
                    return
                body += 8  # an "atomic" fragment is whole. RFC 6946
            elif protocol == AUTHENTICATION:
                body += (frame[body + 1] + 2) << 2
            else:
                body += (frame[body + 1] + 1) << 3
            protocol = following
        self._transport(at_ns, protocol, addresses, frame, body, end, out)

    def _fragment(self, at_ns: int, key: bytes, offset: int, more: int, piece: bytes, out: list[Packet]) -> None:
        """Keep a fragment; when it was the last one missing, go on with the whole. `key` is protocol, version, id and addresses."""
        self.counters.skip("fragments")
        whole = self.fragments.add(at_ns, key, offset, bool(more), piece)
        if whole is not None:
            addresses = key[-8:] if key[1] == 4 else key[-32:]
            self._transport(at_ns, key[0], addresses, whole, 0, len(whole), out)

    def _transport(self, at_ns: int, protocol: int, addresses: bytes, body: bytes, at: int, end: int, out: list[Packet]) -> None:
        """Read what an IP packet carries, off the fast path."""
        if at > len(body):
            self.counters.fail("cut short")  # within the IP header: the addresses are not whole
            return
        while protocol == AUTHENTICATION:
            protocol, at = body[at], at + (body[at + 1] + 2 << 2)
        if protocol == UDP:
            self._udp(at_ns, addresses + body[at : at + 4], body, at, end, _udp_length(body, at + 4)[0], out)
        elif protocol == TCP:
            self._tcp(at_ns, addresses + body[at : at + 4], body, at, end, out)
        elif protocol in PROTOCOLS:
            self._open(PROTOCOLS[protocol], at_ns, body, at, out)
        elif protocol == ESP:
            self.counters.skip("IPsec")
            self.counters.encrypt(address_text(addresses[: len(addresses) // 2]))
        elif protocol in (ICMP, ICMP_V6):
            self._icmp(protocol, addresses, body[at:end])
        else:
            self.counters.skip(SKIPPED_PROTOCOLS.get(protocol, "other IP protocol"))

    def _icmp(self, protocol: int, addresses: bytes, message: bytes) -> None:
        """Count an error about SIP: the packet it quotes is evidence, not a message."""
        self.counters.skip("ICMP" if protocol == ICMP else "ICMPv6")
        if quotes_sip(protocol, message, self.sip_ports):
            self.counters.refuse(address_text(addresses[: len(addresses) // 2]))

    def _tcp(self, at_ns: int, key: bytes, body: bytes, at: int, end: int, out: list[Packet]) -> None:
        """Read a TCP segment whose header begins at `at`. `key` is both addresses and both ports, as the address book wants them."""
        sequence, length, flags = _tcp_header(body, at + 4)
        start, stop = at + (length >> 4 << 2), min(end, len(body))
        if length < 0x50 or start > end:
            self.counters.fail("TCP header")
        elif not flags & EVENTS and start >= end:
            self.counters.skip("TCP without data")
        elif self._ports and not self.wants(key):
            self.counters.skip("other port")
        else:
            self.streams.segment(at_ns, key, sequence, flags, body[start:stop], out, end - stop)

    def _udp(self, at_ns: int, key: bytes, body: bytes, at: int, end: int, length: int, out: list[Packet]) -> None:
        """Read a datagram whose header, which tells this length, begins at `at`. `key` is both addresses and both ports."""
        stop = at + length
        if stop > end or length < 8:  # cut by the snap length, or 0 in a jumbogram
            stop = end
        payload = body[at + 8 : stop]
        if self._hep and payload.startswith(hep.MAGICS):
            self._unpack(at_ns, payload, out)
            return
        # every start line but an exotic method's begins with a letter: most junk goes here, before any object is made
        if not (payload and 65 <= payload[0] & 0xDF <= 90) and not self._unusual(at_ns, key, payload, out):
            return
        if self._ports and not self.wants(key):
            self.counters.skip("other port")
            return
        pair = self.book.pairs.get(key) or self.book.remember(key)
        pair.packets += 1
        out.append(Packet(at_ns, pair.source, pair.destination, "udp", payload, self.tap))

    def wants(self, key: bytes) -> bool:
        """Tell whether one of the ports at the end of a key is one of ours; all are where none was named."""
        ports = self._ports
        return not ports or key[-2] << 8 | key[-1] in ports or key[-4] << 8 | key[-3] in ports

    def encrypted(self, key: bytes, payload: bytes) -> bool:
        """Tell whether a payload is TLS or DTLS; count its sender when one of the ports at the end of a key is SIP's."""
        if not looks_encrypted(payload):
            return False
        if key[-2] << 8 | key[-1] in self.sip_ports or key[-4] << 8 | key[-3] in self.sip_ports:
            self.counters.encrypt(address_text(key[: len(key) // 2 - 2]))
        return True

    def _unusual(self, at_ns: int, key: bytes, payload: bytes, out: list[Packet]) -> bool:
        """Tell whether a payload that begins with no letter may be SIP all the same; go on with what it carries when it is a tunnel's."""
        opener = UDP_PORTS.get(key[-2] << 8 | key[-1])
        inner = opener(payload, 0) if opener else None
        if inner is not None:
            self._enter(at_ns, *inner, payload, out)
        elif b"SIP/2.0" in payload:
            return True
        elif self.encrypted(key, payload):
            self.counters.skip("DTLS")
        else:
            self.counters.skip(_kind_of_junk(payload))
        return False

    def _unpack(self, at_ns: int, payload: bytes, out: list[Packet]) -> None:
        message = hep.decode(payload, at_ns, self.tap, self.book)
        if message is None:
            self.counters.fail("HEP")
        elif message.payload_type != hep.SIP:
            self.counters.skip("HEP without SIP")
        else:
            out.append(message.packet)


def _kind_of_junk(payload: bytes) -> str:
    if not payload.strip(b"\r\n\t \0"):
        return "keep-alive"
    if payload[4:8] == STUN_COOKIE:
        return "STUN"
    return "RTP" if payload[0] >> 6 == 2 else "not SIP"
