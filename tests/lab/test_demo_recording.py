"""The recording that `--demo` plays holds what it promises, second by second."""

from collections import Counter
from dataclasses import dataclass

import pytest

from dialogs import configfile
from dialogs.engine import Engine
from dialogs.engine.call import Call
from dialogs.engine.states import State
from dialogs.taps import CaptureFile
from dialogs.taps.demo import DEMO, DEMO_CONFIG

from .demo_network import DIALER

SECOND_NS = 1_000_000_000
STEADY = slice(10, -8)
"The seconds between filling up and running out."


@dataclass(frozen=True)
class Second:
    """What a newcomer sees at one second."""

    states: Counter[State]
    of_the_dialer: int

    @property
    def at_once(self) -> int:
        """Calls that have not ended."""
        return sum(count for state, count in self.states.items() if state is not State.DELETED)


@dataclass(frozen=True)
class Showing:
    """The whole recording, once through the engine."""

    seconds: list[Second]
    engine: Engine
    codes: set[int]
    forks: int


@pytest.fixture(scope="module")
def showing() -> Showing:
    engine = Engine(configfile.load(DEMO_CONFIG))
    seconds: list[Second] = []
    next_ns = 0
    calls: dict[str, Call] = {}
    for packet in CaptureFile(DEMO):
        next_ns = next_ns or packet.at_ns + SECOND_NS
        while packet.at_ns >= next_ns:
            engine.expire(next_ns)
            seconds.append(_second(engine))
            next_ns += SECOND_NS
        engine.receive(packet)
        calls.update((call.uid, call) for call in engine.all_calls())
    codes = {call.end_code for call in calls.values()}
    return Showing(seconds, engine, codes, sum(len(call.forks) > 1 for call in calls.values()))


def _second(engine: Engine) -> Second:
    calls = list(engine.all_calls())
    user = DIALER.users[0][0]
    dialer = sum(1 for call in calls if call.state is not State.DELETED and call.caller.uri == f"sip:{user}@{DIALER.domain}")
    return Second(Counter(call.state for call in calls), dialer)


def test_demo_is_small() -> None:
    assert DEMO.stat().st_size <= 1_000_000


def test_demo_lasts_about_two_minutes(showing: Showing) -> None:
    assert 90 <= len(showing.seconds) <= 150


def test_demo_has_thirty_calls_at_once_at_every_second(showing: Showing) -> None:
    assert [second.at_once for second in showing.seconds[STEADY] if second.at_once < 30] == []


def test_demo_shows_every_state_nearly_always(showing: Showing) -> None:
    steady = showing.seconds[STEADY]
    shown = Counter(state for second in steady for state in second.states)
    assert {state.name: shown[state] / len(steady) for state in State if shown[state] < 0.9 * len(steady)} == {}
    assert sum(len(second.states) == len(State) for second in steady) >= 0.85 * len(steady)


def test_demo_has_one_caller_with_too_many_calls(showing: Showing) -> None:
    assert max(second.of_the_dialer for second in showing.seconds) == 12


def test_demo_has_forks_and_every_failure(showing: Showing) -> None:
    assert showing.forks > 0
    assert showing.codes >= {404, 408, 486, 487, 503, 603}


def test_demo_leaves_no_call_behind(showing: Showing) -> None:
    """In a loop, whatever has not ended would stay for ever."""
    assert [call.call_id for call in showing.engine.all_calls() if call.state is not State.DELETED] == []
