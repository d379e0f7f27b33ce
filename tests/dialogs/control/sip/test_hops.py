"""Next hops of URIs, and the networks that may be sent to."""

import pytest

from dialogs.control.sip.hops import Allow, Hop, NotAllowed, is_address, next_hop
from dialogs.control.sip.syntax import Unsendable


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@example.org", Hop("udp", "example.org", 5060)),
        ("sip:example.org:5070", Hop("udp", "example.org", 5070)),
        ("sip:a@192.0.2.1;transport=TCP", Hop("tcp", "192.0.2.1", 5060)),
        ("sip:a@192.0.2.1;transport=tls", Hop("tls", "192.0.2.1", 5061)),
        ("sips:a@192.0.2.1", Hop("tls", "192.0.2.1", 5061)),
        ("sips:a@192.0.2.1:5;transport=tcp", Hop("tls", "192.0.2.1", 5)),
        ("sip:a@[2001:db8::1]:5062", Hop("udp", "2001:db8::1", 5062)),
        ("sip:a@example.org:5070;maddr=192.0.2.9;lr", Hop("udp", "192.0.2.9", 5070)),
        ("sip:a@example.org;maddr=[2001:db8::1]", Hop("udp", "2001:db8::1", 5060)),
    ],
)
def test_next_hop_is_what_the_uri_names(uri: str, hop: Hop):
    assert next_hop(uri) == hop


@pytest.mark.parametrize("uri", ["tel:+49301", "sip:", "sip:a@", "x"])
def test_uri_without_host_has_no_hop(uri: str):
    with pytest.raises(Unsendable, match="names no host"):
        next_hop(uri)


@pytest.mark.parametrize("transport", ["ws", "wss", "sctp"])
def test_transport_that_we_do_not_speak_has_no_hop(transport: str):
    with pytest.raises(Unsendable, match=f"is reached by {transport}, which only its proxy speaks"):
        next_hop(f"sips:a@h;transport={transport}")


def test_hop_reads_well():
    assert [str(Hop("udp", "::1", 5)), str(Hop("tls", "192.0.2.1", 6))] == ["udp:[::1]:5", "tls:192.0.2.1:6"]


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        ((), "127.0.0.1", False),
        (("127.0.0.0/8",), "127.0.0.20", True),
        (("127.0.0.1",), "127.0.0.2", False),
        (("192.0.2.5/24",), "192.0.2.200", True),
        (("192.0.2.0/24",), "::ffff:192.0.2.1", True),
        (("::1",), "::1", True),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("2001:db8::/32", "10.0.0.0/8"), "10.1.2.3", True),
        (("0.0.0.0/0",), "::1", False),
        (("0.0.0.0/0",), "localhost", False),
    ],
)
def test_allow_holds_addresses_of_its_networks(networks: tuple[str, ...], address: str, allowed: bool):
    assert (address in Allow(networks)) is allowed


def test_refusal_says_what_and_why():
    with pytest.raises(NotAllowed, match=r"nothing is sent to 127\.0\.0\.1: it is not in \[control\] allow \(empty\)"):
        Allow().check("127.0.0.1")
    with pytest.raises(NotAllowed, match=r"pbx \(192\.0\.2\.1\).*\(10\.0\.0\.0/8\)"):
        Allow(("10.0.0.0/8",)).check("192.0.2.1", "pbx")
    with pytest.raises(ValueError, match="x"):
        Allow(("x",))


def test_addresses_are_told_from_names():
    assert [is_address(host) for host in ("::1", "192.0.2.1", "pbx", "")] == [True, True, False, False]
