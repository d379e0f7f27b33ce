"""Messages that came before their INVITE."""

from dialogs.config import Config
from dialogs.engine import Engine, strays
from dialogs.engine.strays import NEVER, Strays
from tests.dialogs.ladder import START_NS, feed, packets, run, states


def test_answer_that_overtook_its_invite_is_taken_up():
    drawn = packets("alice -> bob INVITE\nbob -> alice 180\nbob -> alice 200\nalice -> bob ACK")
    late = [*drawn[1:], drawn[0].changed(at_ns=drawn[-1].at_ns + 1)]
    engine = Engine(Config())
    events = feed(engine, late)
    assert (states(events), engine.outside, engine.messages, engine.packets) == ([1, 2, 3, 4], 0, 4, 4)


def test_refusal_of_long_ago_is_not_taken_up():
    engine, events = run("bob -> alice 486\n+1s\nalice -> bob INVITE")
    assert (states(events), engine.outside) == ([1], 1)


def test_strays_come_back_in_the_order_in_which_their_second_is_over():
    kept = Strays()
    for call_id, after in ((b"late", 30), (b"early", 10), (b"taken", 0), (b"next", 40)):
        kept.keep(call_id, packets("bob -> alice 200", START_NS + after)[0])
    kept.take(b"taken", START_NS)
    seen = [[call_id for call_id, _ in kept.over(START_NS + 10**9 + after)] for after in (0, 1, 31, 40, 41)]
    assert (seen, kept.due_ns, kept.over(NEVER)) == ([[], [], [b"early", b"late"], [], [b"next"]], NEVER, [])


def test_what_is_ignored_is_remembered_while_it_is_heard_of(monkeypatch):
    monkeypatch.setattr(strays, "IGNORED_MAX", 2)
    kept, (packet,) = Strays(), packets("bob -> alice 200")
    kept.refuse(b"1")
    kept.refuse(b"2")
    kept.keep(b"1", packet)
    kept.refuse(b"3")  # now 2 is forgotten
    for call_id in (b"1", b"2", b"3"):
        kept.keep(call_id, packet)
    assert [call_id for call_id, _ in kept.over(NEVER)] == [b"2"]


def test_strays_are_few(monkeypatch):
    monkeypatch.setattr(strays, "STRAYS_MAX", 2)
    kept, (packet,) = Strays(), packets("bob -> alice 200")
    for call_id in (b"1", b"2", b"3", *[b"4"] * 20):
        kept.keep(call_id, packet)
    assert [len(kept.take(call_id, START_NS)) for call_id in (b"1", b"2", b"3", b"4", b"4")] == [0, 0, 1, 16, 0]
