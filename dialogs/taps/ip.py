"""Frames to packets: IPv4, IPv6 and UDP. Knows where a payload begins and whether it may be SIP; knows no SIP beyond that.

One `Decoder` serves one tap. It never raises on what is on the wire: what cannot be read or is of no interest is counted by cause.
Checksums are not looked at: a capturing host sees its own packets before the network card fills them in.
"""

import struct

from dialogs.packet import Packet
from dialogs.taps import hep
from dialogs.taps.addresses import AddressBook
from dialogs.taps.counters import Counters
from dialogs.taps.fragments import Reassembler
from dialogs.taps.link import IPV4, IPV6, LinkReader

UDP = 17
V6_FRAGMENT = 44
V6_AUTHENTICATION = 51
V6_NO_NEXT_HEADER = 59
V6_EXTENSIONS = frozenset((0, 43, V6_FRAGMENT, V6_AUTHENTICATION, 60, 135, 139, 140))
SKIPPED_PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 47: "GRE", 50: "IPsec", 58: "ICMPv6", V6_NO_NEXT_HEADER: "no payload", 132: "SCTP"}
"An ICMP error quotes the packet it is about; the quotation is not a message."

STUN_COOKIE = b"\x21\x12\xa4\x42"

_ipv4_header = struct.Struct("!BxHxxHxB").unpack_from
_ipv6_header = struct.Struct("!BxxxHB").unpack_from
_udp_length = struct.Struct("!H").unpack_from
_new = tuple.__new__  # a NamedTuple's own constructor is a Python function: twice the time


class Decoder:
    """Turns the frames of one tap into packets and counts the rest."""

    __slots__ = ("_hep", "book", "counters", "fragments", "tap")

    def __init__(self, tap: str, *, unpack_hep: bool = False) -> None:
        """`unpack_hep`: take HEP datagrams for what they carry. For recordings only: live, it would let anyone forge traffic."""
        self.tap = tap
        self.book = AddressBook()
        self.counters = Counters()
        self.fragments = Reassembler()
        self._hep = unpack_hep

    def decode(self, at_ns: int, link: LinkReader, frame: bytes, out: list[Packet]) -> None:
        """Append what the frame carries to `out`: nothing, one packet, later several."""
        try:
            kind, at = link(frame)
            if kind == IPV4:
                self._ipv4(at_ns, frame, at, out)
            elif kind == IPV6:
                self._ipv6(at_ns, frame, at, out)
            else:
                self.counters.skip("not IP")
        except (IndexError, struct.error):
            self.counters.fail("cut short")

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
            self._udp(at_ns, key, frame, body, end, out)
        else:
            self.counters.skip(SKIPPED_PROTOCOLS.get(protocol, "other IP protocol"))

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
            elif protocol == V6_AUTHENTICATION:
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
        if protocol == UDP:
            self._udp(at_ns, addresses + body[at : at + 4], body, at, end, out)
        else:
            self.counters.skip(SKIPPED_PROTOCOLS.get(protocol, "other IP protocol"))

    def _udp(self, at_ns: int, key: bytes, body: bytes, at: int, end: int, out: list[Packet]) -> None:
        (length,) = _udp_length(body, at + 4)
        stop = at + length
        if stop > end or length < 8:  # cut by the snap length, or 0 in a jumbogram
            stop = end
        payload = body[at + 8 : stop]
        if self._hep and payload.startswith(hep.MAGICS):
            self._unpack(at_ns, payload, out)
            return
        # every start line but an exotic method's begins with a letter: most junk goes here, before any object is made
        if not (payload and 65 <= payload[0] & 0xDF <= 90) and b"SIP/2.0" not in payload:
            self.counters.skip(_kind_of_junk(payload))
            return
        pair = self.book.pairs.get(key) or self.book.pair(key)
        out.append(_new(Packet, (at_ns, pair[0], pair[1], "udp", payload, self.tap)))

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
