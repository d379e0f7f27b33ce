"""One hub, many browsers: numbers, heartbeats, and what happens to a browser that is slow."""

import json

import pytest

from dashboard.live.changes import Changes
from dashboard.live.frames import Frame
from dashboard.live.hub import GIVE_UP_NS, HEARTBEAT_NS, WINDOW, Client

NOW = 1_795_294_717 * 10**9


class Counting:
    """A view that says why it was asked for a snapshot."""

    def snapshot(self, changes: Changes, now_ns: int, reason: str) -> Frame:
        return Frame(updates=["all"], snapshot=reason)

    def catch_up(self, changes: Changes, now_ns: int) -> Frame:
        return Frame(updates=["change"])


def queued(client: Client) -> list[dict]:
    return [json.loads(client.queue.get_nowait()) for _ in range(client.queue.qsize())]


def test_frames_are_numbered_and_carry_the_time():
    client = Client(Counting())
    for tick in range(3):
        client.offer(Frame(updates=["x"]), NOW + tick * 250_000_000)
    assert [(frame["n"], frame["at"] - NOW // 1_000_000) for frame in queued(client)] == [(1, 0), (2, 250), (3, 500)]


def test_idle_browser_hears_a_heartbeat_a_second():
    client = Client(Counting())
    for tick in range(9):
        client.offer(Frame(), NOW + tick * HEARTBEAT_NS // 4)
    assert queued(client) == [{"n": number, "at": NOW // 1_000_000 + (number - 1) * 1000} for number in (1, 2, 3)]


def test_browser_that_confirms_nothing_gets_a_window_and_no_more():
    client = Client(Counting())
    while client.room:
        client.offer(Frame(updates=["x"]), NOW)
    client.queue.get_nowait()  # one frame was sent, the rest waits
    client.fall_behind(NOW)
    assert (client.queue.qsize(), client.number, client.take_wish(), client.take_wish(), client.room) == (0, 1, "overflow", "", True)


def test_frames_on_their_way_count_until_they_are_confirmed():
    client = Client(Counting())
    while client.room:
        client.offer(Frame(updates=["x"]), NOW)
        client.queue.get_nowait()
    client.fall_behind(NOW)
    before = (client.number, client.room)
    client.confirm(8)
    assert (before, client.room) == ((WINDOW, False), True)


@pytest.mark.parametrize("number", [10**9, -5])
def test_confirmation_of_what_was_never_sent_changes_little(number):
    client = Client(Counting())
    client.offer(Frame(updates=["x"]), NOW)
    client.confirm(number)
    assert 0 <= client.acked <= client.number


def test_browser_that_stays_behind_is_given_up():
    client = Client(Counting())
    client.fall_behind(NOW)
    early = client.given_up.is_set()
    client.fall_behind(NOW + GIVE_UP_NS + 1)
    assert (early, client.given_up.is_set()) == (False, True)
