"""Client transactions against the figures of RFC 3261, 17.1 (5 and 6) and RFC 6026, cell by cell and timer by timer."""

import pytest

from dialogs.control.sip.requests import Identity, Prepared, bye, held_invite
from dialogs.control.sip.transactions import (
    Answered,
    Broken,
    ClientTransaction,
    InviteTransaction,
    NonInviteTransaction,
    Output,
    State,
    TimedOut,
    Timers,
    Transmit,
    transaction,
)
from dialogs.packet import SECOND
from dialogs.sip import parse

from .samples import TO_CALLEE, UDP, answer_to, prepared

MS = SECOND // 1000
TCP = UDP._replace(transport="tcp")
TIMERS = Timers()
INVITE = prepared(held_invite("sip:bob@192.0.2.1", Identity(), b"c", b"t"))
BYE = prepared(bye(TO_CALLEE, Identity()))
OVER_TCP = {"INVITE": prepared(held_invite("sip:bob@192.0.2.1", Identity(), b"c", b"t"), hop=TCP), "BYE": prepared(bye(TO_CALLEE, Identity()), hop=TCP)}


def names(outputs: list[Output], request: Prepared) -> list[str]:
    """Return what is to be done in words: "send", "ACK", "pass 200", "timeout", "broken"."""
    words = []
    for output in outputs:
        match output:
            case Transmit(data):
                words.append("send" if data == request.data else parse(data).method)
            case Answered(response):
                words.append(f"pass {response.status}")
            case TimedOut():
                words.append("timeout")
            case Broken():
                words.append("broken")
    return words


def begun(request: Prepared) -> ClientTransaction:
    started = transaction(request, TIMERS)
    assert names(started.start(0), request) == ["send"]
    return started


def in_state(request: Prepared, state: State) -> ClientTransaction:
    """Return a transaction in a state, by the way that leads there."""
    one = begun(request)
    way = {State.PROCEEDING: "180 Ringing", State.ACCEPTED: "200 OK", State.COMPLETED: "486 Busy Here"}
    if state in way:
        one.receive(answer_to(request, way[state]), 0)
    if state is State.TERMINATED:
        one.broken("gone")
    assert one.state is state
    return one


INVITE_FIGURE = [
    # state, input -> state after, what is done
    (State.CALLING, "180", State.PROCEEDING, ["pass 180"]),
    (State.CALLING, "200", State.ACCEPTED, ["pass 200"]),
    (State.CALLING, "300", State.COMPLETED, ["ACK", "pass 300"]),
    (State.CALLING, "699", State.COMPLETED, ["ACK", "pass 699"]),
    (State.CALLING, "A", State.CALLING, ["send"]),
    (State.CALLING, "B", State.TERMINATED, ["timeout"]),
    (State.CALLING, "error", State.TERMINATED, ["broken"]),
    (State.PROCEEDING, "100", State.PROCEEDING, ["pass 100"]),
    (State.PROCEEDING, "200", State.ACCEPTED, ["pass 200"]),
    (State.PROCEEDING, "486", State.COMPLETED, ["ACK", "pass 486"]),
    (State.PROCEEDING, "A", State.PROCEEDING, []),
    (State.PROCEEDING, "B", State.PROCEEDING, []),
    (State.PROCEEDING, "error", State.TERMINATED, ["broken"]),
    (State.COMPLETED, "180", State.COMPLETED, []),
    (State.COMPLETED, "200", State.COMPLETED, []),
    (State.COMPLETED, "486", State.COMPLETED, ["ACK"]),
    (State.COMPLETED, "B", State.TERMINATED, []),
    (State.COMPLETED, "error", State.TERMINATED, []),
    (State.ACCEPTED, "180", State.ACCEPTED, []),
    (State.ACCEPTED, "200", State.ACCEPTED, ["pass 200"]),
    (State.ACCEPTED, "486", State.ACCEPTED, []),
    (State.ACCEPTED, "B", State.TERMINATED, []),
    (State.ACCEPTED, "error", State.TERMINATED, []),
    (State.TERMINATED, "180", State.TERMINATED, []),
    (State.TERMINATED, "200", State.TERMINATED, []),
    (State.TERMINATED, "486", State.TERMINATED, []),
    (State.TERMINATED, "B", State.TERMINATED, []),
]
OTHER_FIGURE = [
    (State.TRYING, "100", State.PROCEEDING, ["pass 100"]),
    (State.TRYING, "200", State.COMPLETED, ["pass 200"]),
    (State.TRYING, "481", State.COMPLETED, ["pass 481"]),
    (State.TRYING, "A", State.TRYING, ["send"]),
    (State.TRYING, "B", State.TERMINATED, ["timeout"]),
    (State.TRYING, "error", State.TERMINATED, ["broken"]),
    (State.PROCEEDING, "100", State.PROCEEDING, ["pass 100"]),
    (State.PROCEEDING, "200", State.COMPLETED, ["pass 200"]),
    (State.PROCEEDING, "503", State.COMPLETED, ["pass 503"]),
    (State.PROCEEDING, "A", State.PROCEEDING, ["send"]),
    (State.PROCEEDING, "B", State.TERMINATED, ["timeout"]),
    (State.PROCEEDING, "error", State.TERMINATED, ["broken"]),
    (State.COMPLETED, "100", State.COMPLETED, []),
    (State.COMPLETED, "200", State.COMPLETED, []),
    (State.COMPLETED, "B", State.TERMINATED, []),
    (State.COMPLETED, "error", State.TERMINATED, []),
    (State.TERMINATED, "200", State.TERMINATED, []),
]


def put(one: ClientTransaction, request: Prepared, asked: str) -> list[Output]:
    if asked == "A":  # timer A, or E
        return one.expire(500 * MS)
    if asked == "B":  # timer B, F, D, K or M
        return one.expire(32 * SECOND)
    if asked == "error":
        return one.broken("gone")
    return one.receive(answer_to(request, f"{asked} Words"), 0)


@pytest.mark.parametrize(("state", "asked", "after", "done"), INVITE_FIGURE, ids=str)
def test_invite_transaction_follows_the_figure(state: State, asked: str, after: State, done: list[str]):
    one = in_state(INVITE, state)
    assert (names(put(one, INVITE, asked), INVITE), one.state) == (done, after)


@pytest.mark.parametrize(("state", "asked", "after", "done"), OTHER_FIGURE, ids=str)
def test_other_transactions_follow_the_figure(state: State, asked: str, after: State, done: list[str]):
    one = in_state(BYE, state)
    assert (names(put(one, BYE, asked), BYE), one.state) == (done, after)


def sent_at(one: ClientTransaction) -> tuple[list[int], int]:
    """Return at what ms it sends by itself, and when it gives up."""
    times = []
    while (at := one.next_timeout()) is not None:
        outputs = one.expire(at)
        if TimedOut() in outputs:
            return times, at // MS
        times.append(at // MS)
    return times, 0


def test_invite_is_repeated_by_timer_a_until_timer_b():
    assert sent_at(begun(INVITE)) == ([500, 1500, 3500, 7500, 15500, 31500], 32000)


def test_bye_is_repeated_by_timer_e_until_timer_f():
    assert sent_at(begun(BYE)) == ([500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500], 32000)


def test_bye_is_repeated_every_t2_once_something_was_heard():
    one = begun(BYE)
    one.receive(answer_to(BYE, "100 Trying"), 0)
    assert sent_at(one) == ([500, *range(4500, 32000, 4000)], 32000)


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_reliable_transport_repeats_nothing(method: str):
    assert sent_at(begun(OVER_TCP[method])) == ([], 32000)


@pytest.mark.parametrize(
    ("request_", "answer", "linger"),
    [(INVITE, "486 Busy", 32000), (INVITE, "200 OK", 32000), (BYE, "200 OK", 5000), (OVER_TCP["INVITE"], "200 OK", 32000)],
    ids=["D", "M", "K", "M-reliable"],
)
def test_transaction_lingers_for_repeated_answers(request_: Prepared, answer: str, linger: int):
    one = begun(request_)
    one.receive(answer_to(request_, answer), 7 * SECOND)
    assert (one.next_timeout(), one.open) == (7 * SECOND + linger * MS, False)
    assert (one.expire(7 * SECOND + linger * MS), one.state, one.next_timeout()) == ([], State.TERMINATED, None)


@pytest.mark.parametrize(("method", "answer"), [("INVITE", "486 Busy"), ("BYE", "200 OK")], ids=["D", "K"])
def test_reliable_transaction_is_over_with_its_answer(method: str, answer: str):
    one = begun(OVER_TCP[method])
    one.receive(answer_to(OVER_TCP[method], answer), 0)
    assert (one.state, one.next_timeout()) == (State.TERMINATED, None)


def test_late_expiry_does_not_delay_the_next():
    one = begun(BYE)
    assert (names(one.expire(530 * MS), BYE), one.next_timeout()) == (["send"], 1500 * MS)


def test_late_expiry_sends_once():
    one = begun(BYE)
    assert names(one.expire(20 * SECOND), BYE) == ["send"]
    assert one.next_timeout() == 21 * SECOND


def test_nothing_is_due_before_its_time():
    one = begun(BYE)
    assert one.expire(499 * MS) == []


def test_timers_scale():
    one = transaction(BYE, Timers(t1=10 * MS, t2=20 * MS))
    one.start(0)
    assert sent_at(one) == ([10, *range(30, 640, 20)], 640)


def test_key_is_branch_and_method():
    assert begun(BYE).key == (b"z9hG4bK1", "BYE")
    assert isinstance(begun(INVITE), InviteTransaction)
    assert isinstance(begun(BYE), NonInviteTransaction)
