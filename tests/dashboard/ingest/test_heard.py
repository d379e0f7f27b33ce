"""When watched peers were last heard of."""

import pytest

from dashboard.ingest import heard
from dashboard.ingest.heard import Heard
from dialogs.config import Peer
from dialogs.packet import Endpoint, Packet

PEERS = (
    Peer("edge-1", ("192.0.2.1",), "proxy"),
    Peer("gw-2", ("192.0.2.2:5060", "2001:db8::2"), "trunk"),
    Peer("pbx", ("192.0.2.3",), "pbx"),
    Peer("desk", ("192.0.2.4",), "phone"),
)


def packet(at_ns, host, port=5060):
    return Packet(at_ns, Endpoint(host, port), Endpoint("192.0.2.99", 5060), "udp", b"")


def test_newest_packet_of_each_watched_peer_is_noted():
    noted = Heard(PEERS)
    noted.note([packet(1, "192.0.2.1", 7), packet(2, "192.0.2.2"), packet(3, "192.0.2.2", 7), packet(4, "192.0.2.4"), packet(5, "192.0.2.1")])
    noted.note([packet(6, "2001:db8::2")])
    assert noted.last == {"edge-1": 5, "gw-2": 6, "pbx": 0}


def test_nobody_is_watched_without_peers():
    noted = Heard([Peer("desk", ("192.0.2.4",))])
    noted.note([packet(1, "192.0.2.4")])
    assert noted.last == {}


def test_strangers_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(heard, "MAX_ENDPOINTS", 3)
    noted = Heard(PEERS)
    noted.note([packet(number, f"198.51.100.{number}") for number in range(9)])
    noted.note([packet(10, "192.0.2.1")])
    assert (noted.last["edge-1"], len(noted._names) <= 3) == (10, True)


@pytest.mark.parametrize("port", [5060, 5080])
def test_peer_is_known_on_any_port_unless_one_is_named(port):
    noted = Heard(PEERS)
    noted.note([packet(1, "192.0.2.2", port)])
    assert noted.last["gw-2"] == (1 if port == 5060 else 0)
