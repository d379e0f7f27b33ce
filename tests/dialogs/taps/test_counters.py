import pytest

from dialogs.packet import Endpoint
from dialogs.taps import addresses, counters
from dialogs.taps.addresses import AddressBook
from dialogs.taps.counters import Counters
from dialogs.taps.hep import decode
from dialogs.taps.ip import Decoder
from dialogs.taps.link import LINK_TYPES

from .frames import INVITE, V4, V6, hep_of, ipv4, ipv6, udp


def key(source: int, destination: int, port: int = 5060) -> bytes:
    return bytes([10, 0, 0, source, 10, 0, 0, destination]) + port.to_bytes(2) + b"\x13\xc4"


def test_peers_are_counted_by_direction() -> None:
    decoder = Decoder("file:x")
    frames = [ipv4(udp()), ipv6(udp()), ipv4(udp()), ipv4(udp(b"\x80\0 media"))]
    for frame in frames:
        decoder.decode(1, LINK_TYPES[101], frame, [])
    expected = {V4[0]: (0, 2), V4[1]: (2, 0), V6[0]: (0, 1), V6[1]: (1, 0)}
    assert (decoder.counters.peers(), decoder.counters.peers()) == (expected, expected)
    decoder.decode(1, LINK_TYPES[101], ipv4(udp()), [])
    assert decoder.counters.peers()[V4[0]] == (0, 3)


def test_peers_of_hep_are_counted_too() -> None:
    book = AddressBook()
    for _ in range(2):
        decode(hep_of(INVITE), 1, "hep:x", book)
    assert Counters(book).peers() == {V4[0]: (0, 2), V4[1]: (2, 0)}


def test_ports_of_one_host_are_one_peer() -> None:
    book = AddressBook()
    for port in (5060, 5061, 5062):
        assert book.pair(key(1, 2, port)) == (Endpoint("10.0.0.1", port), Endpoint("10.0.0.2", 5060))
    book.pair(key(2, 1))
    assert book.traffic() == {"10.0.0.1": (1, 3), "10.0.0.2": (3, 1)}


def test_peers_are_kept_when_the_book_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MAX_PAIRS", 4)
    book = AddressBook()
    for number in range(50):
        book.pair(key(1, 2, number))
    assert book.traffic() == {"10.0.0.1": (0, 50), "10.0.0.2": (50, 0)}


def test_peers_beyond_the_cap_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MAX_HOSTS", 2)
    book = AddressBook()
    for source in range(1, 6):
        book.pair(key(source, 100))
        book.traffic()
    assert book.traffic() == {"10.0.0.1": (0, 1), "10.0.0.100": (5, 0), "others": (0, 4)}


def test_hosts_beyond_the_cap_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "MAX_HOSTS", 2)
    counts = Counters()
    for number in (1, 2, 3, 4, 1):
        counts.encrypt(f"192.0.2.{number}")
        counts.refuse(f"192.0.2.{number}")
    assert counts.encrypted == counts.unreachable == {"192.0.2.1": 2, "192.0.2.2": 1, "others": 2}
