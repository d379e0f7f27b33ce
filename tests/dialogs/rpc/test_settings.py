"""Commands that change calls of which there is no live record."""

import pytest

from dashboard.ingest.rpchost import EngineHost
from dialogs.packet import SECOND
from dialogs.rpc import Fault, call
from dialogs.rpc.registry import PAUSE, find, steps
from tests.dialogs.ladder import run

LATE = "alice -> bob INVITE to=b cseq=7\nbob -> alice 200 cseq=7\nalice -> bob ACK cseq=7\n+1.1s\nalice -> bob OPTIONS callid=later"
AGAIN = "alice -> bob INVITE cseq=1\nbob -> alice 407\nalice -> bob ACK\nalice -> bob INVITE cseq=2 branch=n\nbob -> alice 180 cseq=2"


class Held:
    """An engine fed with a ladder, as commands see it."""

    def __init__(self, ladder, folder):
        self.engine, _events = run(ladder)
        self.touched = []
        self.calls = list(self.engine.all_calls())
        self.host = EngineHost(self.engine, lambda: self.calls[0].last_ns, folder, self.touched.append)

    def ask(self, name, *params):
        try:
            return list(call(self.host, name, params))
        except Fault as fault:
            return fault.code


@pytest.fixture
def late(tmp_path):
    return Held(LATE, tmp_path)


def names(held):
    one = held.calls[0]
    return one.call_id.decode(), one.caller.tag.decode(), one.callee.tag.decode()


def test_call_that_was_joined_late_can_be_changed(late):
    (wire,) = late.calls
    assert (late.engine.all_records(), late.ask("dlg.is_alive", *names(late))) == ([], 404)
    assert [late.ask("dlg.set_var", *names(late), "k", "v"), late.ask("dlg.get_var", *names(late), "k")] == [["Done"], ["v"]]
    assert [late.ask("dlg.setflag", *names(late), 4), late.ask("dlg.isflagset", *names(late), 4)] == [["Done"], [1]]
    assert (wire.variables, wire.sflags, late.touched) == ({"k": "v"}, 16, [wire.uid] * 2)
    assert [late.ask("dlg.set_var", names(late)[0], "x", "y", "k"), late.ask("dlg.get_var", "nobody", "x", "y", "k")] == [404, 404]


def test_lifetime_of_a_call_that_was_joined_late_ends_it(late):
    (wire,) = late.calls
    assert [late.ask("dlg.set_timeout", 5, wire.h_entry, wire.h_id), late.ask("dlg.get_timeout", wire.h_entry, wire.h_id)] == [["Done"], [5]]
    late.engine.expire(wire.last_ns + 5 * SECOND)
    assert (wire.ended_by, late.ask("dlg.get_timeout", wire.h_entry, wire.h_id)) == ("timeout", 404)


def test_number_that_several_calls_have_names_none(tmp_path):
    held = Held(LATE + "\n" + LATE.replace("to=b", "to=b callid=x").replace("cseq=7", "cseq=7 callid=x"), tmp_path)
    for one in held.engine._families.values():
        one.entry = 9
    assert (len(held.calls), held.ask("dlg.get_timeout", 9, 0), held.ask("dlg.get_timeout", 8, 0)) == (2, 404, 404)


def test_attempt_that_was_refused_hides_the_next_one_from_nobody(tmp_path):
    held = Held(AGAIN, tmp_path)
    assert [record.state for record in held.engine.all_records()] == [5, 2]
    assert held.ask("dlg.set_var", *names(held), "k", "v") == ["Done"]
    assert [record.variables for record in held.engine.all_records()] == [{}, {"k": "v"}]


def test_long_search_stops_for_breath(late, monkeypatch):
    monkeypatch.setattr("dialogs.rpc.walk.PORTION", 1)
    (wire,) = late.calls
    assert PAUSE in list(steps(late.host, find(late.host, "dlg.get_timeout"), (wire.h_entry, wire.h_id)))
