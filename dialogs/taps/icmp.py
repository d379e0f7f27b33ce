"""ICMP errors: the packet that one quotes is evidence that SIP was refused, not a message. Knows the quotation; knows nobody's address.

RFC 792 quotes the IP header and 8 bytes: both ports, no payload. Linux, as RFC 1812 asks, quotes up to 576 bytes in all.
"""

from collections.abc import Container

ICMP = 1
ICMP_V6 = 58
_ERRORS = {ICMP: frozenset((3, 4, 5, 11, 12)), ICMP_V6: frozenset((1, 2, 3, 4))}
_TRANSPORTS = frozenset((6, 17, 132))


def quotes_sip(protocol: int, message: bytes, ports: Container[int]) -> bool:
    """Tell whether an ICMP message is an error about SIP: by the quoted text, or by one of these ports where no text is quoted."""
    if not message or message[0] not in _ERRORS[protocol]:
        return False
    return b"SIP/2.0" in message or any(port in ports for port in _quoted_ports(message[8:]))


def _quoted_ports(packet: bytes) -> tuple[int, ...]:
    """Return source and destination port of a quoted IP packet, none if it has none. IPv6 extension headers are not walked over."""
    if len(packet) < 20:
        return ()
    if packet[0] >> 4 == 4:
        transport, at, first = packet[9], (packet[0] & 15) << 2, not (packet[6] & 0x1F or packet[7])
    else:
        transport, at, first = packet[6], 40, True
    ports = packet[at : at + 4]
    if not first or transport not in _TRANSPORTS or len(ports) < 4:
        return ()
    return ports[0] << 8 | ports[1], ports[2] << 8 | ports[3]
