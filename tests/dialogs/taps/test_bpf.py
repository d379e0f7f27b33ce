import re
from pathlib import Path

import pcapy
import pytest

from dialogs.taps import capture_filter
from dialogs.taps.bpf import ICMP_ERRORS, IPSEC_SAMPLE, LABELLED, TUNNELS

from .frames import ethernet, ipv4, udp
from .tunnelled import tunnels

ETHERNET, COOKED = 1, 113
OTHER_LINKS = (0, 9, 12, 50, 104, 108, COOKED, 228, 276)
BASE = (
    "port 5060 or port 5061 or ip[6:2] & 0x1fff != 0 or ip6 proto 44 or ip6 proto 0 or ip6 proto 43 or ip6 proto 51 or ip6 proto 60"
    f" or {TUNNELS} or {ICMP_ERRORS} or {IPSEC_SAMPLE} or {LABELLED}"
)
TAGGED = "ether proto 33024 or ether proto 34984 or ether proto 37120 or ether proto 37376"
INSTRUCTIONS = 4096
"Linux refuses longer programs."


def test_filter_nests_one_alternative_a_tag() -> None:
    assert capture_filter([5060]) == f"({BASE}) or (vlan and (({BASE}) or (vlan and ({BASE}))))"


def test_filter_of_the_cooked_link_type_has_no_vlan() -> None:
    assert capture_filter([5060], vlan=False) == f"{BASE} or {TAGGED}"
    assert capture_filter([5060], "host 192.0.2.1", vlan=False) == f"(host 192.0.2.1) and ({BASE})"


def test_filter_combines_with_the_users_by_and_on_every_level() -> None:
    wanted = f"(host 192.0.2.1) and ({BASE})"
    assert capture_filter([5060], " host 192.0.2.1 ") == f"({wanted}) or (vlan and (({wanted}) or (vlan and ({wanted}))))"


def test_filter_leaves_vlans_to_a_user_who_speaks_of_them() -> None:
    assert capture_filter([5060], "vlan 24") == f"(vlan 24) and ({BASE} or (vlan and ({BASE})))"


def test_filter_says_nothing_of_ethernet_behind_a_user_who_speaks_of_labels() -> None:
    assert capture_filter([5060], "mpls and host 192.0.2.1") == f"(mpls and host 192.0.2.1) and ({BASE.removesuffix(f' or {LABELLED}')})"


def test_filter_without_ports_takes_all() -> None:
    assert capture_filter([], vlan=False).startswith("udp or tcp or ip[6:2]")


@pytest.mark.parametrize("ports", [(), (5060,), (5060, 5061, 5080), tuple(range(5060, 5090))])
@pytest.mark.parametrize("extra", ["", "ip", "host 192.0.2.1 and not port 22", "vlan 24", "mpls and mpls 7", "vlan and pppoes"])
def test_filter_is_what_libpcap_understands(ports: tuple[int, ...], extra: str) -> None:
    assert len(pcapy.compile(ETHERNET, 65535, capture_filter(ports, extra), 1, 0).get_bpf()) < INSTRUCTIONS
    if not {"vlan", "mpls"} & set(extra.split()):
        for link_type in OTHER_LINKS:
            pcapy.compile(link_type, 65535, capture_filter(ports, extra, vlan=False), 1, 0)


OPERATING = (Path(__file__).resolve().parents[3] / "docs" / "operating.md").read_text().partition("## Busy tunnels")[2].partition("\n## ")[0]
WHOLE = (ethernet(ipv4(udp())), ethernet(ipv4(udp()), 0x8100))
LEFT_OUT = {name: frame for name, (link_type, frame) in tunnels(ipv4(udp())).items() if link_type == ETHERNET}


FILTERS = list(zip(re.findall(r'`"([^"]+)"`', OPERATING), ("gtp", "gtp", "vxlan", "mpls", "pppoe"), strict=True))


@pytest.mark.parametrize(("extra", "tunnel"), FILTERS)
def test_filter_of_the_operators_guide_leaves_a_tunnel_out_and_plain_sip_in(extra: str, tunnel: str) -> None:
    program = pcapy.compile(ETHERNET, 65535, capture_filter([5060], extra), 1, 0)
    assert [bool(program.filter(frame)) for frame in (*WHOLE, LEFT_OUT[tunnel])] == [True, True, False]
