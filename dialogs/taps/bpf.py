"""The capture filter: which frames the kernel hands over. Builds text in libpcap's language; opens nothing.

"udp port 5060" alone loses four things, all let in here:
- frames that carry a VLAN tag inside (a tag the network card or kernel has taken off is no problem);
- every IP fragment but the first, which alone carries ports;
- what is inside MPLS, PPPoE and tunnels: libpcap's words for them move the offsets of everything to their right, and know no second tunnel.
  They are let in whole, and the decoder looks at the ports. Where that is too much, the user's own expression says less;
- evidence: ICMP errors, TLS on its own port, and of IPsec one packet in 64, which is enough to say who speaks it.

`vlan` moves the offsets too, so each tag is an alternative of its own, nested, at the end of the expression.
libpcap knows `vlan` on Ethernet only (1.9: "no VLAN support for Linux cooked v1", which is the "any" device's link type). On "any" the outer tag
is always off already; what still shows a tag inside is QinQ, recognised by its Ethertype and let in whole.
"""

import re
from collections.abc import Iterable, Sequence

from dialogs.taps.encrypted import TLS_PORT
from dialogs.taps.link import VLAN_TAGS
from dialogs.taps.tunnels import PROTOCOLS, UDP_PORTS

LATER_FRAGMENTS = "ip[6:2] & 0x1fff != 0 or ip6 proto 44"
V6_EXTENSIONS = "ip6 proto 0 or ip6 proto 43 or ip6 proto 51 or ip6 proto 60"
"libpcap finds ports only directly behind the IPv6 header."

LABELLED = "ether proto 0x8847 or ether proto 0x8848 or ether proto 0x8864"
"MPLS and PPPoE. On link types without Ethertypes libpcap takes this for what never is."

TUNNELS = " or ".join([f"ip proto {number} or ip6 proto {number}" for number in PROTOCOLS] + [f"udp dst port {port}" for port in UDP_PORTS] + ["ip proto 51"])
"IPv4's authentication header hides ports as a tunnel does."

ICMP_ERRORS = "icmp[0] == 3 or icmp[0] == 4 or icmp[0] == 5 or icmp[0] == 11 or icmp[0] == 12 or (ip6 proto 58 and ip6[40] < 128)"
IPSEC_SAMPLE = "(ip proto 50 and ip[(ip[0] & 15) * 4 + 7] & 63 == 0) or (ip6 proto 50 and ip6[47] & 63 == 0)"
"By the last bits of the sequence number."

MAX_TAGS = 2

MOVING = re.compile(r"\b(mpls|pppoes|geneve)\b")
"Words after which libpcap knows IP alone: no Ethertype and no VLAN."


def capture_filter(ports: Sequence[int], extra: str = "", *, vlan: bool = True) -> str:
    """Build the expression for these ports (none: all UDP and TCP), combined by `and` with the user's own.

    `vlan`: whether libpcap knows the word on this link type. Behind a user's expression that speaks of VLANs itself the offsets have moved
    already: ours then adds only what a second tag needs; behind one that speaks of MPLS or PPPoE only what may be in there.
    """
    in_ip = " or ".join([_ports(ports), LATER_FRAGMENTS, V6_EXTENSIONS, TUNNELS, ICMP_ERRORS, IPSEC_SAMPLE])
    if MOVING.search(extra.lower()):
        return f"({extra.strip()}) and ({in_ip})"
    wanted = ours = f"{in_ip} or {LABELLED}"
    if extra.strip():
        wanted = f"({extra.strip()}) and ({ours})"
        if "vlan" in extra.lower():
            return f"({extra.strip()}) and ({ours} or (vlan and ({ours})))"
    if not vlan:
        return wanted if extra.strip() else f"{wanted} or {_any_of('ether proto', sorted(VLAN_TAGS))}"
    tagged = wanted
    for _ in range(MAX_TAGS):
        tagged = f"({wanted}) or (vlan and ({tagged}))"
    return tagged


def _ports(ports: Sequence[int]) -> str:
    if not ports:
        return "udp or tcp"
    return _any_of("port", sorted({*ports, TLS_PORT}))


def _any_of(word: str, numbers: Iterable[int]) -> str:
    return " or ".join(f"{word} {number}" for number in numbers)
