"""Messages that came before their INVITE."""

from dialogs.config import Config
from dialogs.engine import Engine, strays
from dialogs.engine.strays import Strays
from tests.dialogs.ladder import START_NS, feed, packets, run, states


def test_answer_that_overtook_its_invite_is_taken_up():
    drawn = packets("alice -> bob INVITE\nbob -> alice 180\nbob -> alice 200\nalice -> bob ACK")
    late = [*drawn[1:], drawn[0]._replace(at_ns=drawn[-1].at_ns + 1)]
    engine = Engine(Config())
    events = feed(engine, late)
    assert (states(events), engine.outside, engine.messages, engine.packets) == ([1, 2, 3, 4], 0, 4, 4)


def test_answer_of_long_ago_is_not_taken_up():
    engine, events = run("bob -> alice 200\n+1s\nalice -> bob INVITE")
    assert (states(events), engine.outside) == ([1], 1)


def test_strays_are_few(monkeypatch):
    monkeypatch.setattr(strays, "STRAYS_MAX", 2)
    kept, (packet,) = Strays(), packets("bob -> alice 200")
    for call_id in (b"1", b"2", b"3", *[b"4"] * 20):
        kept.keep(call_id, packet)
    assert [len(kept.take(call_id, START_NS)) for call_id in (b"1", b"2", b"3", b"4", b"4")] == [0, 0, 1, 8, 0]
