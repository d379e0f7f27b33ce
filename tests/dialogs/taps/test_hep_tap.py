import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from dialogs.config import Config, Dialog
from dialogs.engine import Engine
from dialogs.packet import Packet
from dialogs.replay import WireReport, snapshots
from dialogs.taps import CaptureFile, HepTap, TapError, hep_tap
from dialogs.taps.health import Agent
from dialogs.taps.hep_agents import HepAgent
from dialogs.taps.records import Record, recognise

from .captures import CAPTURES, need_captures
from .frames import INVITE, chunk, hep3, hep_of
from .test_hep import SAMPLE

NOW = 1_800_000_000_000_000_000


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
        assert select.select([tap], [], [], 60)[0], f"only {tap.counters.frames} of {frames} came"
        packets += tap.drain()
    return packets


def test_datagrams_become_packets(tap: HepTap) -> None:
    now = time.time_ns() // 1000 * 1000
    send(tap, hep_of(b"INVITE sip:bob", now - 3000), hep_of(INVITE, now))
    assert [(p.at_ns, p.data, p.tap) for p in drained(tap, 2)] == [(now - 3000, b"INVITE sip:bob", tap.name), (now, INVITE, tap.name)]
    assert (tap.name, tap.recorded, tap.packets, tap.dropped) == (f"hep:127.0.0.1:{tap.address[1]}", False, 2, 0)
    assert (tap.undecodable, tap.refused, tap.error, tap.newest_ns) == (0, 0, "", now)


def test_datagram_without_time_gets_the_present(tap: HepTap) -> None:
    before = time.time_ns()
    send(tap, hep3(chunk(3, bytes(4)), chunk(4, bytes(4)), chunk(15, INVITE)))
    (packet,) = drained(tap, 1)
    assert before <= packet.at_ns <= time.time_ns()


@pytest.mark.parametrize("sign", [1, -1])
def test_clock_far_off_is_not_believed(sign: int) -> None:
    tap = HepTap("127.0.0.1", 0, clock=lambda: NOW)
    send(tap, hep_of(INVITE, NOW + sign * 59 * 10**9), hep_of(INVITE, NOW + sign * 3600 * 10**9))
    assert [p.at_ns for p in drained(tap, 2)] == [NOW + sign * 59 * 10**9, NOW]
    assert (tap.misdated, tap.packets) == (1, 2)
    assert [(agent.packets, agent.misdated) for agent in tap.health().agents] == [(2, 1)]
    tap.close()


def test_agents_are_told_apart_and_their_clocks_are_judged() -> None:
    tap = HepTap("127.0.0.1", 0, clock=lambda: NOW)
    body, addresses = chunk(15, INVITE), chunk(3, bytes(4)) + chunk(4, bytes(4))
    late = chunk(9, struct.pack("!I", NOW // 10**9 - 3)) + chunk(12, b"\0\0\0\x07") + chunk(19, b"edge-1")
    send(tap, hep3(addresses, late, body), hep_of(INVITE, NOW), hep_of(INVITE, NOW))
    drained(tap, 3)
    assert tap.agents() == [
        HepAgent("127.0.0.1", 0, "", 2, NOW, 0),
        HepAgent("127.0.0.1", 7, "edge-1", 1, NOW - 3 * 10**9, -3 * 10**9),
    ]
    assert tap.health().agents == (Agent("agent at 127.0.0.1", 2, 0), Agent("edge-1 (7) at 127.0.0.1", 1, -3 * 10**9))
    tap.close()


def test_wrong_key_is_counted_dropped_and_said() -> None:
    tap = HepTap("127.0.0.1", 0, key=b"secret")
    addresses, body = chunk(3, bytes(4)) + chunk(4, bytes(4)), chunk(15, INVITE)
    send(tap, *[hep3(addresses, chunk(14, b"guess"), body)] * 2, hep3(addresses, body), hep3(addresses, chunk(14, b"secret"), body))
    assert [p.data for p in drained(tap, 4)] == [INVITE]
    assert (tap.refused, tap.packets, tap.undecodable, tap.error) == (3, 1, 0, "")
    assert tap.health().refused == {"127.0.0.1: wrong key": 2, "127.0.0.1: no key": 1}
    tap.close()


def test_one_directional_peers_inside_hep_are_told(tap: HepTap) -> None:
    ends = [(chunk(3, bytes([192, 0, 2, number])), chunk(4, bytes([192, 0, 2, 9]))) for number in (1, 2)]
    answers = [chunk(3, bytes([192, 0, 2, 9])) + chunk(4, bytes([192, 0, 2, 2]))]
    report = hep3(chunk(3, bytes([192, 0, 2, 8])), chunk(4, bytes([192, 0, 2, 9])), chunk(11, b"\x05"), chunk(15, b"{}"))
    asked = [hep3(*pair, chunk(15, INVITE)) for pair in ends]
    send(tap, *(asked + [hep3(answer, chunk(15, INVITE)) for answer in answers] + [report]) * 20)
    drained(tap, 80)
    health = tap.health()
    assert (health.one_way, [agent.one_way for agent in health.agents]) == ({"192.0.2.1": 20}, [False])


def test_agent_that_reports_what_comes_in_alone_is_told(tap: HepTap) -> None:
    send(tap, *[hep3(chunk(3, bytes([192, 0, 2, 1])), chunk(4, bytes([192, 0, 2, 9])), chunk(15, INVITE))] * 20)
    drained(tap, 20)
    health = tap.health()
    assert (health.one_way, [agent.one_way for agent in health.agents]) == ({"192.0.2.1": 20, "192.0.2.9": 20}, [True])


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_bind_to_others_with_a_key_takes_all_who_have_it(host: str) -> None:
    try:
        tap = HepTap(host, 0, key=b"secret")
    except TapError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with socket.socket(socket.AF_INET if host == "0.0.0.0" else socket.AF_INET6, socket.SOCK_DGRAM) as agent:
        agent.sendto(hep3(chunk(14, b"secret"), SAMPLE[6:]), ("127.0.0.1" if host == "0.0.0.0" else "::1", tap.address[1]))
    assert len(drained(tap, 1)) == 1
    tap.close()


def test_garbage_is_counted_and_what_follows_is_read(tap: HepTap) -> None:
    rtcp = hep3(chunk(3, bytes(4)), chunk(4, bytes(4)), chunk(11, b"\x05"), chunk(15, b"{}"))
    send(tap, b"", b"garbage", SAMPLE[:50], rtcp, SAMPLE)
    assert [p.data for p in drained(tap, 5)] == [b"INVITE sip:bob"]
    assert (tap.undecodable, tap.counters.undecodable, tap.counters.skipped) == (3, {"HEP": 3}, {"HEP without SIP": 1})


def test_drain_of_an_idle_tap_returns_at_once(tap: HepTap) -> None:
    assert tap.drain() == []


def test_drain_keeps_to_its_limit(tap: HepTap) -> None:
    send(tap, *[SAMPLE] * 5)
    assert select.select([tap], [], [], 60)[0]
    assert [len(tap.drain(2)) for _ in range(4)] == [2, 2, 1, 0]


def test_sender_outside_the_allowed_networks_is_refused() -> None:
    tap = HepTap("127.0.0.1", 0, ["192.0.2.0/24", "2001:db8::1"])
    send(tap, SAMPLE, SAMPLE)
    assert drained(tap, 2) == []
    assert (tap.refused, tap.packets, tap.undecodable) == (2, 0, 0)
    assert tap.health().refused == {"127.0.0.1: not in hep_allow": 2}
    tap.close()


def test_bind_to_all_addresses_with_allowed_networks_takes_them() -> None:
    tap = HepTap("0.0.0.0", 0, ["127.0.0.1"])
    send(tap, SAMPLE)
    assert len(drained(tap, 1)) == 1
    tap.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_bind_to_others_without_allowed_networks_is_refused(host: str) -> None:
    with pytest.raises(TapError) as caught:
        HepTap(host, 9060)
    expected = f'HEP listener {host}:9060 can be reached by others: say in dialtap.toml who may send, [tap] hep_allow = ["192.0.2.0/24"], '
    assert str(caught.value) == expected + 'or what they must know, hep_key_file = "hep.key" (or DIALTAP_HEP_KEY in the environment)'


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


def test_burst_of_5_000_datagrams_is_lost_nowhere(tap: HepTap) -> None:
    with socket.socket(fileno=os.dup(tap.fileno())) as same:
        if same.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 5000 * 2304:
            pytest.skip("the system limits the receive buffer (net.core.rmem_max) and this process may not pass the limit")
    send(tap, *[hep_of(INVITE)] * 5000)
    drained(tap, 5000)
    assert (tap.packets, tap.dropped) == (5000, 0)


def feed_of(name: str) -> list[tuple[int, bytes]]:
    """Datagrams of a recorded feed over Ethernet and IPv4, with the time of each."""
    content = (CAPTURES / "hep" / name).read_bytes()
    format_, records = recognise(content[:24]), list[Record]()
    assert format_ is not None
    format_.records(content[format_.start :], records)
    return [(at_ns, frame[42:]) for at_ns, _, frame in records]


def through_a_tap(feed: list[tuple[int, bytes]]) -> list[Packet]:
    """Return what a tap makes of a feed, received when it was recorded."""
    now = [0]
    tap, packets = HepTap("127.0.0.1", 0, clock=lambda: now[0]), list[Packet]()
    for number, (at_ns, datagram) in enumerate(feed, 1):
        now[0] = at_ns
        send(tap, datagram)
        packets += drained(tap, number)
    assert (tap.dropped, tap.undecodable, tap.misdated) == (0, 0, 0)
    tap.close()
    return packets


def watched(packets: Iterable[Packet], moments: list[int]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the wire view at the end, and Kamailio's answers at these moments; without generated numbers."""
    packets = sorted(packets, key=lambda packet: packet.at_ns)
    report = WireReport(Config())
    report.feed(packets)
    views = list(snapshots(Engine(Config(dialog=Dialog(sockets=("udp:127.0.0.1:5060",)))), packets, moments))
    return report.answer(), views


@need_captures
def test_kamailios_feed_carries_what_its_capture_shows() -> None:
    heard = through_a_tap(feed_of("hep.pcap"))
    seen = list(CaptureFile(CAPTURES / "hep" / "capture.pcap"))
    assert sorted(p.data for p in heard) == sorted(p.data for p in seen)
    assert max(abs(h.at_ns - s.at_ns) for h, s in zip(sorted(heard, key=in_order), sorted(seen, key=in_order), strict=True)) < 5_000_000


def in_order(packet: Packet) -> tuple[bytes, str]:
    return packet.data, str(packet.source)


@need_captures
def test_kamailios_feed_gives_the_dialogs_of_its_capture() -> None:
    truth = [json.loads(line) for line in (CAPTURES / "hep" / "truth" / "snapshots.jsonl").read_text().splitlines()]
    quiet = [moment for moment in truth if moment["quiet"]]
    moments = [round(moment["t0"] * 1e9) for moment in quiet]
    (by_hep, hep_views), (by_wire, wire_views) = (
        watched(p, moments) for p in (through_a_tap(feed_of("hep.pcap")), CaptureFile(CAPTURES / "hep" / "capture.pcap"))
    )
    assert [by_hep[key] for key in ("messages", "calls", "stats", "anomalies")] == [by_wire[key] for key in ("messages", "calls", "stats", "anomalies")]
    assert [states(view) for view in hep_views] == [states(view) for view in wire_views] == [states(moment) for moment in quiet]
    assert {state for view in hep_views for *_, state in states(view)} == {1, 2, 3, 4} & {d["state"] for m in quiet for d in m["dlg.list"]}


def states(answer: dict[str, Any]) -> list[tuple[object, ...]]:
    """The living dialogs: an ended one is kept for a time that only the proxy knows."""
    return sorted((d["call-id"], d["h_entry"], d["caller"]["tag"], str(d["callee"]["tag"]), d["state"]) for d in answer["dlg.list"] if d["state"] < 5)
