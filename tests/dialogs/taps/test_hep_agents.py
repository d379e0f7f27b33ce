import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.packet import Endpoint, Packet
from dialogs.taps import hep_agents
from dialogs.taps.health import ONE_WAY
from dialogs.taps.hep_agents import WINDOW_NS, Agents, HepAgent

SECOND = 10**9
NOW = 1_800_000_000 * SECOND


def told(at_ns: int, source: str = "192.0.2.5", destination: str = "192.0.2.6") -> Packet:
    """Return what an agent reports between two hosts."""
    return Packet(at_ns, Endpoint(source, 5060), Endpoint(destination, 5060), "udp", b"")


def skew_of(*lags: tuple[int, int]) -> int:
    """Note messages as (received, how much later than captured) and return the skew."""
    agents = Agents()
    for received, late in lags:
        agents.note("192.0.2.1", 1, b"", told(NOW + received - late), NOW + received)
    (agent,) = agents.seen()
    return agent.skew_ns


def test_waiting_in_a_buffer_is_not_the_clocks_fault() -> None:
    assert skew_of((0, 5 * SECOND), (SECOND, 1000), (2 * SECOND, 7 * SECOND)) == -1000


def test_clock_ahead_is_positive() -> None:
    assert skew_of((0, -3 * SECOND), (SECOND, -4 * SECOND)) == 4 * SECOND


def test_clock_that_was_set_right_is_believed_two_windows_later() -> None:
    wrong, right = (0, -3 * SECOND), 1000
    assert skew_of(wrong, (WINDOW_NS + 1, right)) == 3 * SECOND
    assert skew_of(wrong, (WINDOW_NS + 1, right), (2 * WINDOW_NS + 2, right)) == -1000


def test_own_clock_set_back_begins_a_new_window() -> None:
    assert skew_of((100 * WINDOW_NS, -3 * SECOND), (0, 1000), (1, 1000), (2 * WINDOW_NS, 1000)) == -1000


def test_agents_are_told_apart_by_address_number_and_name() -> None:
    agents = Agents()
    for host, number, name in [("192.0.2.1", 1, b"a"), ("192.0.2.2", 1, b"a"), ("192.0.2.1", 2, b"a"), ("192.0.2.1", 1, b"b"), ("192.0.2.1", 1, b"b")]:
        agents.note(host, number, name, told(NOW), NOW)
    assert [(agent.host, agent.number, agent.name, agent.packets) for agent in agents.seen()] == [
        ("192.0.2.1", 1, "b", 2),
        ("192.0.2.1", 1, "a", 1),
        ("192.0.2.2", 1, "a", 1),
        ("192.0.2.1", 2, "a", 1),
    ]


@pytest.mark.parametrize(
    ("number", "name", "label"), [(101, "edge-1", "edge-1 (101) at ::1"), (0, "edge-1", "edge-1 at ::1"), (101, "", "101 at ::1"), (0, "", "agent at ::1")]
)
def test_label_is_what_is_known(number: int, name: str, label: str) -> None:
    assert HepAgent("::1", number, name, 1, NOW, 0).label == label


def test_agents_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hep_agents, "MAX_AGENTS", 3)
    agents = Agents()
    for number in range(5):
        agents.note("192.0.2.1", number, b"x" * 500, told(NOW), NOW)
    assert ([(agent.number, len(agent.name)) for agent in agents.seen()], agents.forgotten) == ([(2, 64), (3, 64), (4, 64)], 2)


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=80), st.integers(0, 1 << 63), st.integers(0, 1 << 63))))
def test_note_takes_whatever_comes(sent: list[tuple[int, bytes, int, int]]) -> None:
    agents = Agents()
    for number, name, captured, received in sent:
        agents.note("192.0.2.1", number, name, told(captured), received)
    assert sum(agent.packets for agent in agents.seen()) == len(sent)
    assert all(agent.label.isprintable() for agent in agents.seen())


WAYS = {
    "in and out": ([("192.0.2.5", "192.0.2.1"), ("192.0.2.1", "192.0.2.6")], False),
    "in only": ([("192.0.2.5", "192.0.2.1"), ("192.0.2.6", "192.0.2.1")], True),
    "out only": ([("192.0.2.1", "192.0.2.5"), ("192.0.2.1", "192.0.2.6")], True),
    "an answer": ([("192.0.2.5", "192.0.2.1"), ("192.0.2.1", "192.0.2.5")], False),
    "to itself": ([("192.0.2.1", "192.0.2.1")], False),
    "many hosts": ([(f"198.51.100.{number}", "192.0.2.1") for number in range(200)], True),
}


@pytest.mark.parametrize(("ways", "one_way"), WAYS.values(), ids=WAYS)
def test_agent_that_reports_one_direction_is_told(ways: list[tuple[str, str]], one_way: bool) -> None:
    agents = Agents()
    for number in range(ONE_WAY * 20):
        source, destination = ways[number % len(ways)]
        agents.note("192.0.2.1", 1, b"edge", told(NOW, source, destination), NOW)
        if number < ONE_WAY - 1:
            assert not agents.seen()[0].one_way
    assert agents.seen()[0].one_way == one_way
    (tally,) = agents._tallies.values()
    assert max(len(tally.sources), len(tally.destinations)) <= hep_agents.MAX_ENDS
