"""Which endpoints are the proxy's own."""

import pytest

from dialogs.config import Config, Dialog, Peer
from dialogs.engine.sockets import Sockets, socket_text, split_address
from dialogs.packet import Endpoint

SOCKETS = Sockets(
    Config(
        dialog=Dialog(sockets=("udp:192.0.2.1:5060", "udp:[2001:db8::1]:5060")),
        peer=(Peer("edge", ("192.0.2.2",), "proxy"), Peer("phone", ("192.0.2.3",))),
    ),
)
OWN = {
    (("192.0.2.1", 5060), "udp"): (True, True),
    (("192.0.2.1", 40000), "udp"): (False, False),
    (("192.0.2.1", 40000), "tcp"): (True, False),
    (("2001:db8::1", 5060), "udp"): (True, True),
    (("192.0.2.2", 9), "udp"): (True, True),
    (("192.0.2.3", 5060), "udp"): (False, False),
}


@pytest.mark.parametrize(("end", "expected"), OWN.items(), ids=str)
def test_endpoint_is_own_or_not(end, expected):
    (host, port), transport = end
    endpoint = Endpoint(host, port)
    assert (SOCKETS.holds(endpoint, transport), SOCKETS.receives(endpoint)) == expected


ENTRANCES = {
    "listener": ("192.0.2.9:7", "192.0.2.4:5060", "udp", "192.0.2.4:5060"),
    "own stream": ("192.0.2.9:5060", "192.0.2.4:40000", "tcp", "192.0.2.4:5070"),
    "own stream, the first listener": ("192.0.2.9:5060", "192.0.2.4:40000", "tls", "192.0.2.4:5061"),
    "own stream without a listener": ("192.0.2.9:5060", "192.0.2.4:40000", "wss", "192.0.2.4:40000"),
    "another port by udp": ("192.0.2.9:5060", "192.0.2.4:40000", "udp", None),
    "between addresses of one host": ("192.0.2.4:40000", "192.0.2.4:5080", "tcp", None),
    "elsewhere": ("192.0.2.4:40000", "192.0.2.9:5060", "tcp", None),
}


@pytest.mark.parametrize(("source", "destination", "transport", "expected"), ENTRANCES.values(), ids=ENTRANCES)
def test_packet_enters_by_a_listener(source, destination, transport, expected):
    proxy = Sockets(Config(dialog=Dialog(sockets=("udp:192.0.2.4:5060", "tcp:192.0.2.4:5070", "tls:192.0.2.4:5061", "tls:192.0.2.4:5062"))))
    entrance = proxy.entrance(Endpoint(*split_address(source)), Endpoint(*split_address(destination)), transport)
    assert (None if entrance is None else str(entrance)) == expected


def test_no_socket_is_falsy():
    assert not Sockets(Config())


ADDRESSES = {
    "192.0.2.1": ("192.0.2.1", 0),
    "192.0.2.1:5060": ("192.0.2.1", 5060),
    "[2001:DB8::1]:5060": ("2001:db8::1", 5060),
    "2001:db8:0::1": ("2001:db8::1", 0),
    "Edge.example:x": ("edge.example", 0),
}


@pytest.mark.parametrize(("address", "expected"), ADDRESSES.items())
def test_address_is_split(address, expected):
    assert split_address(address) == expected


def test_socket_is_printed_as_kamailio_does():
    assert socket_text(Endpoint("2001:db8::1", 5060), "udp") == "udp:[2001:db8::1]:5060"
    assert socket_text(Endpoint("192.0.2.1", 8080), "ws") == "tcp:192.0.2.1:8080"
