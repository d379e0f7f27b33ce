"""The states of a call one after the other."""

from dashboard.live.timeline import phases
from dialogs.engine.snapshot import Transition
from tests.dashboard.history.calls import SECOND, call

T = 1_795_294_717 * SECOND


def shown(*steps: tuple[int, int, str], **fields) -> list[tuple]:
    transitions = tuple(Transition(T + at * SECOND, state, cause) for at, state, cause in steps)
    return [tuple(phase)[:3] + tuple(phase)[4:] for phase in phases(call(1, transitions=transitions, **fields), T + 100 * SECOND)]


def test_ended_call_fills_the_bar():
    steps = ((0, 1, "INVITE"), (2, 2, "180 Ringing"), (10, 4, "ACK"), (20, 5, "BYE"))
    assert shown(*steps, end_ns=T + 20 * SECOND) == [
        ("Setting up", "s1", "INVITE", "2.0 s", "0.00%", "12.10%"),
        ("Ringing", "s2", "180 Ringing", "8.0 s", "12.10%", "39.40%"),
        ("In call", "s4", "ACK", "10 s", "51.50%", "48.50%"),
        ("Ended", "s5", "BYE", "", "100.00%", ""),
    ]


def test_last_state_of_a_live_call_lasts():
    assert shown((0, 1, "INVITE"), (50, 2, "183")) == [
        ("Setting up", "s1", "INVITE", "50 s", "0.00%", "50.00%"),
        ("Ringing", "s2", "183", "", "50.00%", "50.00%"),
    ]


def test_call_without_transitions_has_no_bar():
    assert shown() == []


def test_clock_that_goes_back_breaks_nothing():
    assert [line[-1] for line in shown((10, 1, "INVITE"), (0, 2, "180"), end_ns=T)] == ["3.00%", "3.00%"]
