import pcapy
import pytest

from dialogs.taps import capture_filter

ETHERNET, COOKED = 1, 113
BASE = "udp port 5060 or tcp port 5060 or ip[6:2] & 0x1fff != 0 or ip6 proto 44 or ip6 proto 0 or ip6 proto 43 or ip6 proto 60"


def test_filter_nests_one_alternative_a_tag() -> None:
    assert capture_filter([5060]) == f"({BASE}) or (vlan and (({BASE}) or (vlan and ({BASE}))))"


def test_filter_of_the_cooked_link_type_has_no_vlan() -> None:
    assert capture_filter([5060], vlan=False) == f"{BASE} or ether proto 0x8100 or ether proto 0x88a8"
    assert capture_filter([5060], "host 192.0.2.1", vlan=False) == f"(host 192.0.2.1) and ({BASE})"


def test_filter_combines_with_the_users_by_and_on_every_level() -> None:
    wanted = f"(host 192.0.2.1) and ({BASE})"
    assert capture_filter([5060], " host 192.0.2.1 ") == f"({wanted}) or (vlan and (({wanted}) or (vlan and ({wanted}))))"


def test_filter_leaves_vlans_to_a_user_who_speaks_of_them() -> None:
    assert capture_filter([5060], "vlan 24") == f"(vlan 24) and ({BASE} or (vlan and ({BASE})))"


def test_filter_without_ports_takes_all() -> None:
    assert capture_filter([], vlan=False).startswith("udp or tcp or ip[6:2]")


@pytest.mark.parametrize("ports", [(), (5060,), (5060, 5061, 5080)])
@pytest.mark.parametrize("extra", ["", "host 192.0.2.1 and not port 22", "vlan 24"])
def test_filter_is_what_libpcap_understands(ports: tuple[int, ...], extra: str) -> None:
    pcapy.compile(ETHERNET, 65535, capture_filter(ports, extra), 1, 0)
    if "vlan" not in extra:
        pcapy.compile(COOKED, 65535, capture_filter(ports, extra, vlan=False), 1, 0)
