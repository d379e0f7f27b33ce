"""The capture filter: which frames the kernel hands over. Builds text in libpcap's language; opens nothing.

"udp port 5060" alone loses two things: frames that carry a VLAN tag inside (a tag the network card or kernel has taken off is no
problem), and every IP fragment but the first, which alone carries ports. Both are let in here.

`vlan` moves the offsets of everything to its right, so each tag is an alternative of its own, nested, at the end of the expression.
libpcap has no `vlan` for the cooked link type of the "any" device (1.9: "no VLAN support for Linux cooked v1"). There the outer tag
is always off already; what still shows a tag inside is QinQ, recognised by its Ethertype and let in whole.
"""

from collections.abc import Sequence

LATER_FRAGMENTS = "ip[6:2] & 0x1fff != 0 or ip6 proto 44"
V6_EXTENSIONS = "ip6 proto 0 or ip6 proto 43 or ip6 proto 60"
"libpcap finds ports only directly behind the IPv6 header."

MAX_TAGS = 2


def capture_filter(ports: Sequence[int], extra: str = "", *, vlan: bool = True) -> str:
    """Build the expression for these ports (none: all UDP and TCP), combined by `and` with the user's own.

    `vlan`: whether libpcap knows the word on this link type. Behind a user's expression that speaks of VLANs itself the offsets have moved
    already: ours then adds only what a second tag needs.
    """
    wanted = untagged = f"{_ports(ports)} or {LATER_FRAGMENTS} or {V6_EXTENSIONS}"
    if extra.strip():
        wanted = f"({extra.strip()}) and ({untagged})"
        if "vlan" in extra.lower():
            return f"({extra.strip()}) and ({untagged} or (vlan and ({untagged})))"
    if not vlan:
        return wanted if extra.strip() else f"{wanted} or ether proto 0x8100 or ether proto 0x88a8"
    tagged = wanted
    for _ in range(MAX_TAGS):
        tagged = f"({wanted}) or (vlan and ({tagged}))"
    return tagged


def _ports(ports: Sequence[int]) -> str:
    if not ports:
        return "udp or tcp"
    return " or ".join(f"udp port {port} or tcp port {port}" for port in ports)
