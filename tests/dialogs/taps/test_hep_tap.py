import select
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from dialogs.packet import Packet
from dialogs.taps import CaptureFile, HepTap, TapError, hep_tap
from dialogs.taps.link import LINK_TYPES
from dialogs.taps.records import Record, recognise

from .captures import CAPTURES, need_captures
from .frames import INVITE, chunk, hep3, hep_of
from .test_hep import SAMPLE


@pytest.fixture
def tap() -> Iterator[HepTap]:
    tap = HepTap("127.0.0.1", 0)
    yield tap
    tap.close()


def send(tap: HepTap, *datagrams: bytes) -> None:
    family = socket.AF_INET6 if ":" in tap.address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as agent:
        for datagram in datagrams:
            agent.sendto(datagram, tap.address)


def drained(tap: HepTap, frames: int) -> list[Packet]:
    """Drain until that many datagrams have been looked at."""
    packets: list[Packet] = []
    while tap.counters.frames < frames:
        assert select.select([tap], [], [], 5)[0], f"only {tap.counters.frames} of {frames} came"
        packets += tap.drain()
    return packets


def test_datagrams_become_packets(tap: HepTap) -> None:
    send(tap, SAMPLE, hep_of(INVITE, 1_700_000_000_000_001_000))
    assert [(p.at_ns, p.data, p.tap) for p in drained(tap, 2)] == [
        (1_313_440_459_120_000_000, b"INVITE sip:bob", tap.name),
        (1_700_000_000_000_001_000, INVITE, tap.name),
    ]
    assert (tap.name, tap.recorded, tap.packets, tap.dropped) == (f"hep:127.0.0.1:{tap.address[1]}", False, 2, 0)
    assert (tap.undecodable, tap.refused, tap.error, tap.newest_ns) == (0, 0, "", 1_700_000_000_000_001_000)


def test_datagram_without_time_gets_the_present(tap: HepTap) -> None:
    before = time.time_ns()
    send(tap, hep3(chunk(3, bytes(4)), chunk(4, bytes(4)), chunk(15, INVITE)))
    (packet,) = drained(tap, 1)
    assert before <= packet.at_ns <= time.time_ns()


def test_clock_far_ahead_is_not_believed(tap: HepTap) -> None:
    before = time.time_ns()
    send(tap, hep_of(INVITE, before + 30 * 10**9), hep_of(INVITE, before + 3600 * 10**9))
    slightly, far = drained(tap, 2)
    assert slightly.at_ns == (before + 30 * 10**9) // 1000 * 1000
    assert before <= far.at_ns <= time.time_ns()
    assert (tap.ahead, tap.packets) == (1, 2)


def test_garbage_is_counted_and_what_follows_is_read(tap: HepTap) -> None:
    rtcp = hep3(chunk(3, bytes(4)), chunk(4, bytes(4)), chunk(11, b"\x05"), chunk(15, b"{}"))
    send(tap, b"", b"garbage", SAMPLE[:50], rtcp, SAMPLE)
    assert [p.data for p in drained(tap, 5)] == [b"INVITE sip:bob"]
    assert (tap.undecodable, tap.counters.undecodable, tap.counters.skipped) == (3, {"HEP": 3}, {"HEP without SIP": 1})


def test_drain_of_an_idle_tap_returns_at_once(tap: HepTap) -> None:
    assert tap.drain() == []


def test_drain_keeps_to_its_limit(tap: HepTap) -> None:
    send(tap, *[SAMPLE] * 5)
    assert select.select([tap], [], [], 5)[0]
    assert [len(tap.drain(2)) for _ in range(4)] == [2, 2, 1, 0]


def test_sender_outside_the_allowed_networks_is_refused() -> None:
    tap = HepTap("127.0.0.1", 0, ["192.0.2.0/24", "2001:db8::1"])
    send(tap, SAMPLE, SAMPLE)
    assert drained(tap, 2) == []
    assert (tap.refused, tap.packets, tap.undecodable) == (2, 0, 0)
    tap.close()


def test_bind_to_all_addresses_with_allowed_networks_takes_them() -> None:
    tap = HepTap("0.0.0.0", 0, ["127.0.0.1"])
    send(tap, SAMPLE)
    assert len(drained(tap, 1)) == 1
    tap.close()


def test_remembered_senders_are_bounded(tap: HepTap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hep_tap, "MAX_SENDERS", 3)
    assert [tap._may_send(f"127.0.0.{n}") for n in range(9)] == [True] * 9
    assert len(tap._senders) <= 3
    assert [tap._may_send(address) for address in ("192.0.2.1", "::1", "::ffff:127.0.0.1", "fe80::1%eth0")] == [False, True, True, False]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_bind_to_others_without_allowed_networks_is_refused(host: str) -> None:
    with pytest.raises(TapError) as caught:
        HepTap(host, 9060)
    expected = f'HEP listener {host}:9060 can be reached by others: say in dialtap.toml who may send, [tap] hep_allow = ["192.0.2.0/24"]'
    assert str(caught.value) == expected


def test_port_in_use_is_named(tap: HepTap) -> None:
    with pytest.raises(TapError) as caught:
        HepTap("127.0.0.1", tap.address[1])
    assert str(caught.value) == f"HEP listener 127.0.0.1:{tap.address[1]}: Address already in use"


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [("fe80::1%nosuch0", 9060, "no such address"), ("x" * 70, 9060, "no such address"), ("127.0.0.1", 70_000, "a port is 0 to 65535")],
)
def test_impossible_address_is_named(host: str, port: int, reason: str) -> None:
    with pytest.raises(TapError) as caught:
        HepTap(host, port)
    assert str(caught.value) == f"HEP listener {host}:{port}: {reason}"


def test_wrong_network_is_named() -> None:
    with pytest.raises(TapError) as caught:
        HepTap("127.0.0.1", 0, ["office"])
    assert str(caught.value) == "hep_allow: 'office' is no network, write 192.0.2.0/24 or 2001:db8::/32"


def test_ipv6_loopback_is_served() -> None:
    try:
        tap = HepTap("::1", 0)
    except TapError as error:
        pytest.skip(f"no IPv6 here: {error}")
    send(tap, SAMPLE)
    assert len(drained(tap, 1)) == 1
    assert tap.name == f"hep:[::1]:{tap.address[1]}"
    tap.close()


def test_closed_tap_is_quiet(tap: HepTap) -> None:
    send(tap, SAMPLE)
    drained(tap, 1)
    tap.close()
    tap.close()
    assert (tap.drain(), tap.fileno(), tap.dropped, tap.packets) == ([], -1, 0, 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the drop counter is Linux's")
def test_flood_is_received_or_counted_as_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hep_tap, "RECEIVE_BUFFER", 65_536)
    tap = HepTap("127.0.0.1", 0)
    send(tap, *[SAMPLE] * 5000)
    while tap.drain():
        pass
    assert tap.dropped > 0
    assert tap.packets + tap.dropped == 5000
    tap.close()
    assert tap.packets + tap.dropped == 5000


def test_burst_of_20_000_datagrams_is_lost_nowhere(tap: HepTap) -> None:
    if tap._socket is None or tap._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 2 * hep_tap.RECEIVE_BUFFER:
        pytest.skip("the system limits the receive buffer (net.core.rmem_max) and this process may not pass the limit")
    send(tap, *[SAMPLE] * 20_000)
    drained(tap, 20_000)
    assert (tap.packets, tap.dropped) == (20_000, 0)


@need_captures
def test_kamailios_feed_carries_what_its_capture_shows(tap: HepTap) -> None:
    content = (CAPTURES / "hep" / "hep.pcap").read_bytes()
    format_, records = recognise(content[:24]), list[Record]()
    assert format_ is not None
    format_.records(content[format_.start :], records)
    assert {link for _, link, _ in records} == {LINK_TYPES[1]}
    feed = [frame[42:] for _, _, frame in records]  # Ethernet, IPv4, UDP
    send(tap, *feed)
    heard = sorted(p.data for p in drained(tap, len(feed)))
    assert heard == sorted(p.data for p in CaptureFile(CAPTURES / "hep" / "capture.pcap"))
