import os
import resource
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.packet import Packet
from dialogs.taps import HepStreamTap, TapError, hep_stream
from dialogs.taps.hep_stream import BROKEN, CROWDED, ENDED, GARBAGE, IDLE, PATIENCE, SILENT, TOO_SLOW

from .frames import INVITE, chunk, hep3, hep_of

ADDRESSES, BODY = chunk(3, bytes(4)) + chunk(4, bytes(4)), chunk(15, INVITE)
MESSAGE = hep3(ADDRESSES, BODY)
KEYED = hep3(ADDRESSES, chunk(14, b"secret"), BODY)


class Clock:
    """Seconds that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tap(clock: Clock) -> Iterator[HepStreamTap]:
    tap = HepStreamTap("127.0.0.1", 0, seconds=clock)
    yield tap
    tap.close()


@pytest.fixture
def agents() -> Iterator[list[socket.socket]]:
    connected: list[socket.socket] = []
    yield connected
    for agent in connected:
        agent.close()


def connect(tap: HepStreamTap, agents: list[socket.socket]) -> socket.socket:
    """Return an agent's connection that the tap has accepted."""
    before = tap.connections
    agent = socket.create_connection(tap.address, 5)
    agents.append(agent)
    drained(tap, lambda: tap.connections > before)
    return agent


def drained(tap: HepStreamTap, done: Callable[[], bool], packets: list[Packet] | None = None) -> list[Packet]:
    """Drain whenever the tap is readable, until it is done."""
    packets = [] if packets is None else packets
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end, "what was waited for did not come"
        if select.select([tap], [], [], 0.1)[0]:
            packets += tap.drain()
    return packets


def test_messages_of_several_agents_become_packets(tap: HepStreamTap, agents: list[socket.socket]) -> None:
    now = time.time_ns() // 1000 * 1000
    first, second = connect(tap, agents), connect(tap, agents)
    first.sendall(hep_of(INVITE, now) * 2)
    second.sendall(hep_of(b"BYE", now))
    packets = drained(tap, lambda: tap.packets == 3)
    assert sorted((p.at_ns, p.data, p.tap) for p in packets) == [(now, b"BYE", tap.name), *[(now, INVITE, tap.name)] * 2]
    assert (tap.name, tap.recorded, tap.connections, tap.newest_ns) == (f"hep:127.0.0.1:{tap.address[1]}/tcp", False, 2, now)
    assert (tap.dropped, tap.undecodable, tap.refused, tap.error) == (0, 0, 0, "")
    assert [(agent.host, agent.packets) for agent in tap.agents()] == [("127.0.0.1", 3)]


def test_peer_that_sends_one_byte_at_a_time_is_understood(tap: HepStreamTap, agents: list[socket.socket]) -> None:
    agent = connect(tap, agents)
    agent.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    packets: list[Packet] = []
    for byte in MESSAGE:
        agent.send(bytes([byte]))
        packets += tap.drain()
    drained(tap, lambda: tap.packets == 1, packets)
    assert [p.data for p in packets] == [INVITE]


def test_connection_that_says_nothing_is_closed(tap: HepStreamTap, agents: list[socket.socket], clock: Clock) -> None:
    agent = connect(tap, agents)
    clock.now += PATIENCE
    tap.drain()
    assert tap.connections == 1
    clock.now += 1
    tap.drain()
    assert (tap.connections, tap.closed, agent.recv(1)) == (0, {TOO_SLOW: 1}, b"")
    assert tap.health().refused == {f"connections closed, the last of 127.0.0.1: {TOO_SLOW}": 1}


def test_message_that_does_not_end_is_not_waited_for(tap: HepStreamTap, agents: list[socket.socket], clock: Clock) -> None:
    agent = connect(tap, agents)
    agent.sendall(MESSAGE)
    drained(tap, lambda: tap.packets == 1)
    clock.now += IDLE
    agent.sendall(b"HEP3\xff\xff")
    waiting = select.select([tap], [], [], 60)[0]
    tap.drain()
    assert (waiting, tap.connections) == ([tap], 1)
    clock.now += PATIENCE + 1
    tap.drain()
    assert (tap.connections, tap.closed) == (0, {TOO_SLOW: 1})


def test_agent_may_be_silent_for_long(tap: HepStreamTap, agents: list[socket.socket], clock: Clock) -> None:
    connect(tap, agents).sendall(MESSAGE)
    drained(tap, lambda: tap.packets == 1)
    clock.now += IDLE
    tap.drain()
    assert tap.connections == 1
    clock.now += 1
    tap.drain()
    assert (tap.connections, tap.closed) == (0, {SILENT: 1})


def test_wrong_keys_buy_no_time(agents: list[socket.socket], clock: Clock) -> None:
    tap = HepStreamTap("127.0.0.1", 0, key=b"secret", seconds=clock)
    stranger, agent = connect(tap, agents), connect(tap, agents)
    stranger.sendall(MESSAGE * 2)
    agent.sendall(KEYED)
    packets = drained(tap, lambda: tap.packets == 1 and tap.refused == 2)
    assert [p.data for p in packets] == [INVITE]
    assert tap.health().refused == {"127.0.0.1: no key": 2}
    clock.now += PATIENCE + 1
    stranger.sendall(MESSAGE)
    tap.drain()
    assert (tap.connections, tap.closed) == (1, {TOO_SLOW: 1})
    tap.close()


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"HEP3\0\x05", MESSAGE[1:], b"\x01\x10\x02\x11" + bytes(20)])
def test_garbage_closes_its_connection_alone(tap: HepStreamTap, agents: list[socket.socket], garbage: bytes) -> None:
    bad, good = connect(tap, agents), connect(tap, agents)
    bad.sendall(MESSAGE + garbage + MESSAGE)
    drained(tap, lambda: tap.connections == 1)
    good.sendall(MESSAGE)
    drained(tap, lambda: tap.packets == 2)
    assert (tap.closed, tap.counters.undecodable, tap.counters.frames) == ({GARBAGE: 1}, {"HEP": 1}, 2)
    assert tap.health().refused == {f"connections closed, the last of 127.0.0.1: {GARBAGE}": 1}


def test_64_kb_without_end_keep_to_their_buffer(tap: HepStreamTap, agents: list[socket.socket]) -> None:
    agent = connect(tap, agents)
    agent.settimeout(60)
    lie = b"HEP3\xff\xff" + bytes(65_529)  # a chunk of length 0 within: damaged, but well framed
    agent.sendall(lie * 3 + lie[:-1])
    drained(tap, lambda: tap.undecodable == 3)
    drained(tap, lambda: not select.select([tap], [], [], 0.05)[0])
    (connection,) = tap._connections.values()
    assert (len(connection.buffer), tap.connections, tap.packets) == (65_534, 1, 0)
    agent.sendall(lie[-1:] + MESSAGE)
    drained(tap, lambda: tap.packets == 1)
    assert tap.undecodable == 4


def test_damaged_message_costs_itself_alone(tap: HepStreamTap, agents: list[socket.socket]) -> None:
    rtcp = hep3(ADDRESSES, chunk(11, b"\x05"), chunk(15, b"{}"))
    connect(tap, agents).sendall(MESSAGE + hep3(ADDRESSES) + rtcp + MESSAGE)
    drained(tap, lambda: tap.packets == 2)
    assert (tap.connections, tap.counters.undecodable, tap.counters.skipped) == (1, {"HEP": 1}, {"HEP without SIP": 1})


@pytest.mark.parametrize(("rest", "undecodable"), [(b"", {}), (MESSAGE[:-1], {"HEP cut short": 1})])
def test_agent_that_hangs_up_is_let_go(tap: HepStreamTap, agents: list[socket.socket], rest: bytes, undecodable: dict[str, int]) -> None:
    agent = connect(tap, agents)
    agent.sendall(MESSAGE + rest)
    agent.close()
    drained(tap, lambda: tap.connections == 0)
    assert (tap.packets, tap.closed, tap.counters.undecodable, tap.health().refused) == (1, {ENDED: 1}, undecodable, {})


def test_agent_that_breaks_off_is_let_go(tap: HepStreamTap, agents: list[socket.socket]) -> None:
    agent = connect(tap, agents)
    agent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    agent.close()
    drained(tap, lambda: tap.connections == 0)
    assert tap.closed == {BROKEN: 1}


def test_newcomer_pushes_out_who_has_said_nothing(tap: HepStreamTap, agents: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hep_stream, "MAX_CONNECTIONS", 2)
    silent, talker = connect(tap, agents), connect(tap, agents)
    talker.sendall(MESSAGE)
    drained(tap, lambda: tap.packets == 1)
    newcomer = socket.create_connection(tap.address, 5)
    agents.append(newcomer)
    drained(tap, lambda: tap.closed == {CROWDED: 1})
    assert silent.recv(1) == b""
    newcomer.sendall(MESSAGE)
    drained(tap, lambda: tap.packets == 2)
    late = socket.create_connection(tap.address, 5)
    agents.append(late)
    drained(tap, lambda: tap.closed == {CROWDED: 2})
    assert (late.recv(1), tap.connections) == (b"", 2)


def test_stranger_is_hung_up_on_and_said() -> None:
    tap = HepStreamTap("127.0.0.1", 0, ["192.0.2.0/24"])
    with socket.create_connection(tap.address, 5) as stranger:
        drained(tap, lambda: tap.refused == 1)
        assert (stranger.recv(1), tap.connections) == (b"", 0)
    assert tap.health().refused == {"127.0.0.1: not in hep_allow": 1}
    tap.close()


def test_without_descriptors_newcomers_are_refused_and_the_tap_lives_on(tap: HepStreamTap, agents: list[socket.socket]) -> None:
    agent = connect(tap, agents)
    newcomer = socket.create_connection(tap.address, 5)
    agents.append(newcomer)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open(os.devnull) as lowest:  # noqa: PTH123 -- its number is the first free one
        number = lowest.fileno()
    assert select.select([tap], [], [], 60)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        tap.drain()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (tap.error, tap.closed, newcomer.recv(1)) == ("Too many open files", {CROWDED: 1}, b"")
    agent.sendall(MESSAGE)
    drained(tap, lambda: tap.packets == 1)
    assert tap.error == ""


def test_flood_of_one_leaves_room_for_others(tap: HepStreamTap, agents: list[socket.socket]) -> None:
    flooder, other = connect(tap, agents), connect(tap, agents)
    flooder.setblocking(False)
    flood = MESSAGE * 2000
    sent = flooder.send(flood)
    other.sendall(hep3(ADDRESSES, chunk(15, b"OTHER")))
    packets: list[Packet] = []
    for _ in range(3):
        assert select.select([tap], [], [], 60)[0]
        packets += tap.drain(1)
    assert b"OTHER" in [p.data for p in packets]
    assert sent > hep_stream.READ


def test_closed_tap_is_quiet(tap: HepStreamTap, agents: list[socket.socket]) -> None:
    agent = connect(tap, agents)
    tap.close()
    tap.close()
    assert (tap.drain(), tap.fileno(), tap.connections, agent.recv(1)) == ([], -1, 0, b"")
    HepStreamTap(*tap.address).close()


def test_drain_of_an_idle_tap_returns_at_once(tap: HepStreamTap) -> None:
    assert tap.drain() == []


def test_port_in_use_is_named(tap: HepStreamTap) -> None:
    with pytest.raises(TapError) as caught:
        HepStreamTap("127.0.0.1", tap.address[1])
    assert str(caught.value) == f"HEP listener 127.0.0.1:{tap.address[1]}: Address already in use"


def test_bind_to_others_needs_networks_or_a_key() -> None:
    with pytest.raises(TapError, match=r"hep_allow.*hep_key_file.*DIALTAP_HEP_KEY"):
        HepStreamTap("0.0.0.0", 0)
    HepStreamTap("0.0.0.0", 0, key=b"secret").close()


def test_ipv6_loopback_is_served(agents: list[socket.socket]) -> None:
    try:
        tap = HepStreamTap("::1", 0)
    except TapError as error:
        pytest.skip(f"no IPv6 here: {error}")
    connect(tap, agents).sendall(MESSAGE)
    drained(tap, lambda: tap.packets == 1)
    assert tap.name == f"hep:[::1]:{tap.address[1]}/tcp"
    tap.close()


@settings(max_examples=60)
@given(st.lists(st.one_of(st.just(MESSAGE), st.binary(max_size=40), st.integers(0, 65535).map(lambda n: b"HEP3" + struct.pack("!H", n))), max_size=8))
def test_whatever_comes_is_survived(pieces: list[bytes]) -> None:
    tap = HepStreamTap("127.0.0.1", 0)
    try:
        with socket.create_connection(tap.address, 5) as agent:
            agent.sendall(b"".join(pieces))
        drained(tap, lambda: sum(tap.closed.values()) == 1)
        whole = next((number for number, piece in enumerate(pieces) if piece != MESSAGE), len(pieces))
        assert tap.packets >= whole
    finally:
        tap.close()
