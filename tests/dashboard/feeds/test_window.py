"""What is sent when, and what becomes of what is refused: no clock, no socket."""

import random

import pytest

from dashboard.feeds.window import BYTES, SIZE, TRIES, Item, Window
from dialogs.packet import SECOND

GIVE_UP = 3600 * SECOND


def item(revision: int, key: str = "", body: bytes = b"{}") -> Item:
    return Item(revision, key or f"call-{revision}", "dialog:end", key, body)


def window(*items: Item, in_flight: int = 2, position: int = 0, settled: tuple[int, ...] = ()) -> Window:
    made = Window(position, settled, in_flight, GIVE_UP, random.Random(1))  # noqa: S311 -- jitter
    for each in items:
        made.add(each)
    return made


def revisions(items: list[Item]) -> list[int]:
    return [each.revision for each in items]


def test_events_of_a_call_go_one_after_the_other_and_calls_beside_each_other():
    first, second, other = item(1, "a"), item(2, "a"), item(3, "b")
    sent = window(first, second, other, in_flight=8)
    assert revisions(sent.ready(0)) == [1, 3]
    assert sent.ready(0) == []
    sent.taken(other)
    assert sent.ready(0) == []
    sent.taken(first)
    assert revisions(sent.ready(0)) == [2]


def test_no_more_are_in_flight_than_allowed():
    sent = window(*(item(number) for number in range(1, 6)), in_flight=2)
    found = sent.ready(0)
    assert revisions(found) == [1, 2]
    sent.taken(found[0])
    assert revisions(sent.ready(0)) == [3]


def test_position_is_below_what_is_open_and_remembers_what_is_settled_above():
    first, second, third = item(1), item(2), item(5)
    sent = window(first, second, third, in_flight=3)
    sent.passed(9)
    assert sent.state() == (0, [])
    sent.ready(0)
    sent.taken(second)
    assert sent.state() == (0, [2])
    sent.taken(first)
    assert sent.state() == (4, [])
    sent.taken(third)
    assert sent.state() == (9, [])


def test_what_was_settled_before_a_restart_is_not_sent_again():
    assert window(position=4, settled=(7,)).read == 4  # what lies between was in hand, and is read again
    sent = window(item(1), item(2), item(3), position=0, settled=(2,), in_flight=9)
    assert revisions(sent.ready(0)) == [1, 3]
    assert (sent.read, sent.held) == (3, 2)


@pytest.mark.parametrize(("tries", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (6, 16, 32), (7, 30, 60), (40, 30, 60)])
def test_waits_double_up_to_a_minute_with_jitter(tries, least, most):
    made = window()
    waits = [made._later(tries) / SECOND for _ in range(200)]
    assert least <= min(waits) < (least + most) / 2 < max(waits) <= most


def test_refused_event_comes_later_and_its_call_waits_for_it():
    first, second, other = item(1, "a"), item(2, "a"), item(3, "b")
    sent = window(first, second, other)
    sent.ready(0)
    sent.refused(first, 0, "answered 500")
    assert (sent.error, sent.failures) == ("answered 500", 1)
    sent.taken(other)
    assert sent.ready(first.next_ns - 1) == []
    assert (sent.failing_ns, sent.failing_since(60 * SECOND)) == (0, 0)
    assert revisions(sent.ready(first.next_ns)) == [1]


def test_receiver_that_cannot_be_reached_is_asked_by_one_event_at_a_time():
    sent = window(*(item(number) for number in range(1, 5)), in_flight=2)
    for each in sent.ready(SECOND):
        sent.refused(each, SECOND, "ConnectError", unreachable=True)
    assert sent.ready(SECOND) == []
    now = sent.next_ns()
    probe = sent.ready(now)
    assert len(probe) == 1
    assert sent.ready(now) == []
    sent.refused(probe[0], now, "ConnectError", unreachable=True)
    later = sent.next_ns()
    assert later > now
    assert (sent.failing_ns, sent.failing_since(SECOND)) == (SECOND, SECOND)
    (probe,) = sent.ready(later)
    sent.taken(probe)
    assert (sent.failing_ns, sent.error) == (0, "")
    assert len(sent.ready(later)) == 2  # all at once again, without waiting for their own times


def test_three_different_events_refused_in_a_row_are_a_receiver_that_is_down():
    sent = window(*(item(number) for number in range(1, 7)), in_flight=4)
    for each in sent.ready(0)[:3]:
        sent.refused(each, 0, "answered 500")
    (flying,) = sent._flying
    sent.refused(next(queue[0] for queue in sent._calls.values() if queue[0].revision == flying), 0, "answered 500")
    assert sent.ready(0) == []
    assert len(sent.ready(sent.next_ns())) == 1


def turn(sent: Window, now: int, bad: set[str]) -> int:
    """Let a receiver answer everything that is sent now, refusing these calls; return when there is something to do again."""
    for each in sent.ready(now):
        if each.key in bad:
            sent.refused(each, now, "answered 422")
        else:
            sent.taken(each)
    return max(now + 1, sent.next_ns())


def test_event_that_alone_is_refused_is_given_up_and_its_call_goes_on():
    bad, after = item(1, "a"), item(2, "a")
    sent, now = window(bad, after), SECOND
    for number in range(TRIES):
        assert sent.dead == []
        sent.add(item(10 + number))
        now = turn(sent, now, {"a"})
    assert [(each.revision, each.faults, each.error) for each in sent.dead] == [(1, TRIES, "answered 422")]
    assert (turn(sent, now, set()), sent.idle, sent.failing_ns) == (now + 1, True, 0)


def test_outage_is_no_fault_of_the_events_that_met_it():
    first, now = item(1), SECOND
    sent = window(first, item(2))
    for _ in range(TRIES * 2):
        now = turn(sent, now, {"call-1", "call-2"})
    assert (first.tries >= TRIES, first.faults, sent.dead) == (True, 1, [])


def test_receiver_that_answers_is_not_left_alone_for_long():
    """After a restart nobody knows any more whose fault the refusals were: some that are refused come first, and others wait behind them."""
    sent, now = window(*(item(number) for number in range(1, 40))), SECOND
    bad = {f"call-{number}" for number in range(1, 21)}
    while not sent.sent:
        now = turn(sent, now, bad)
    assert now < 110 * SECOND
    while sent.held > 20:
        now = turn(sent, now, bad)
    assert now < 150 * SECOND


def test_many_that_are_refused_hold_nobody_up_for_long():
    """A receiver that never takes the events of half of the calls: the others are taken, and those become dead letters."""
    sent, now, number = window(in_flight=4), SECOND, 0
    bad = {f"call-{each}" for each in range(0, 300, 2)}
    while len(sent.dead) < 150:
        assert now < 900 * SECOND
        for _ in range(min(sent.room, 5)):
            sent.add(item(number))
            number += 1
        now = max(turn(sent, now, bad), now + SECOND // 10)
    while not sent.idle:
        now = turn(sent, now, bad)
    assert (sent.sent, len(sent.dead)) == (number - 150, 150)


def test_window_full_of_what_is_refused_empties_all_the_same():
    sent, now = window(in_flight=4), SECOND
    for number in range(SIZE):
        sent.add(item(number))
    bad = {f"call-{number}" for number in range(SIZE)}
    for _ in range(2):  # two faults each: others were taken in between
        for _ in range(SIZE * 3):
            now = turn(sent, now, bad)
            sent.sent += 1
    for _ in range(SIZE * 40):
        now = turn(sent, now, bad)
    assert len(sent.dead) > 0


def test_nothing_is_given_up_while_nothing_is_taken_until_the_time_is_over():
    only, now = item(1), SECOND
    sent = window(only)
    while now - SECOND < GIVE_UP:
        assert sent.dead == []
        (found,) = sent.ready(now)
        sent.refused(found, now, "no answer", unreachable=True)
        now = sent.next_ns() or now
    assert only.tries > TRIES * 3
    (found,) = sent.ready(now) or [None]
    if found:
        sent.refused(found, now, "no answer", unreachable=True)
    assert revisions(sent.dead) == [1]
    assert sent.state() == (1, [])


def test_receiver_is_said_to_fail_when_it_takes_nothing_for_a_while():
    sent = window(item(1))
    (found,) = sent.ready(SECOND)
    sent.refused(found, SECOND, "answered 500")
    assert [sent.failing_since(SECOND + seconds * SECOND) for seconds in (0, 4, 5)] == [0, 0, SECOND]


def test_receiver_may_ask_to_be_left_alone():
    sent = window(item(1))
    (found,) = sent.ready(0)
    sent.refused(found, 0, "answered 429", wait_ns=120 * SECOND)
    assert sent.next_ns() == 120 * SECOND


def test_memory_is_bounded_by_number_and_by_bytes():
    sent = window()
    for number in range(1, SIZE + 1):
        sent.add(item(number))
    assert (sent.room, sent.held) == (0, SIZE)
    heavy = window(item(1, body=b"x" * BYTES))
    assert heavy.room == 0
    heavy.taken(heavy.ready(0)[0])
    assert (heavy.room, heavy.bytes, heavy.idle) == (SIZE, 0, True)


def test_what_was_interrupted_is_sent_again():
    sent = window(item(1))
    found = sent.ready(0)
    sent.landed(found)
    assert sent.ready(0) == found
