"""Commands for people at a terminal: what they name a call by, the profiles there are, one side sent elsewhere."""

import pytest

from dialogs.rpc import PAUSE, Fault, call
from dialogs.rpc.registry import find, steps
from tests.dialogs.rpc.hosts import OURS, Recording

NOT_FOUND = "404 - Dialog not found"
CALL_ID = "1-2367@127.0.0.10"


@pytest.fixture(params=[True, False], ids=["exact", "flat"])
def recording(tmp_path, request):
    """One answered call; in whichever shape lists are, these answers are the same."""
    found = Recording(OURS / "basic", tmp_path, kamailio_exact=request.param)
    found.play_until(4)
    return found


def answer(recording, name, *params):
    """Return the values of a command, or its fault as kamcmd prints it."""
    try:
        return list(call(recording.host, name, params))
    except Fault as fault:
        return f"{fault.code} - {fault.text}"


def uid(recording):
    (found,) = recording.engine._by_uid
    return found


def test_call_is_found_by_each_of_its_names(recording):
    found = [answer(recording, "dlg.find", name) for name in (CALL_ID, "1462:6269", uid(recording))]
    assert found[0] == found[1] == found[2]
    ((dialog,),) = found[:1]
    assert list(dialog)[:5] == ["uid", "h_entry", "h_id", "ref", "call-id"]
    assert (dialog["uid"], dialog["h_entry"], dialog["h_id"], dialog["call-id"]) == (uid(recording), 1462, 6269, CALL_ID)


@pytest.mark.parametrize("name", ["", "x", "1462:1", "1:6269", "1462:99999999999", "0123456789abcdef"])
def test_nothing_is_found_by_another_name(recording, name):
    assert answer(recording, "dlg.find", name) == NOT_FOUND


def test_call_that_is_not_kept_has_no_uid(recording):
    (family,) = recording.engine._families.values()
    family.calls.clear()
    assert [dialog["uid"] for dialog in answer(recording, "dlg.find", CALL_ID)] == [None]


def test_call_id_is_found_as_it_is_shown(recording):
    (family,) = recording.engine._families.values()
    family.records[0].call_id = b"caf\xe9\x1b"
    recording.engine._families = {b"caf\xe9\x1b": family}
    assert [dialog["call-id"] for dialog in answer(recording, "dlg.find", "caf\u00e9\\x1b")] == ["caf\u00e9\\x1b"]


def test_number_is_looked_for_with_pauses(recording, monkeypatch):
    monkeypatch.setattr("dialogs.rpc.walk.PORTION", 1)
    values = list(steps(recording.host, find(recording.host, "dlg.find"), ["1462:6269"]))
    assert [value for value in values if value is not PAUSE] == answer(recording, "dlg.find", CALL_ID)
    with pytest.raises(Fault, match=NOT_FOUND.replace(" - ", " ")):
        list(steps(recording.host, find(recording.host, "dlg.find"), ["1462:1"]))


def test_profiles_with_their_sizes(recording):
    assert answer(recording, "dlg.profiles") == [{"total": 1, "local": 1, "domestic": 0, "international": 0, "caller": 1}]
    assert answer(recording, "dlg.profiles", "caller") == [{"sip:alice@lab.example": 1}]
    assert answer(recording, "dlg.profiles", "total") == [{}]
    assert answer(recording, "dlg.profiles", "nothing") == "404 - Profile not found: nothing"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ((1462, 6269, "callee", "sip:c@lab.example"), "500 - no controller"),
        ((1462, 6269, "both", "sip:c@lab.example"), "500 - Invalid parameters"),
        ((1462, 6269, "callee"), "500 - Invalid parameters"),
        ((1462, 1, "callee", "sip:c@lab.example"), NOT_FOUND),
    ],
)
def test_refer_is_the_controllers(recording, params, said):
    assert answer(recording, "dlg.refer", *params) == said


def test_controller_is_handed_what_to_refer(recording, monkeypatch):
    monkeypatch.setattr("dialogs.rpc.walk.PORTION", 1)
    taken = []
    recording.host.controller = lambda _host, command, arguments, _name: taken.append((command, arguments))
    assert answer(recording, "dlg.refer", 1462, 6269, "caller", "sip:c@lab.example") == []
    assert taken == [("refer", (1462, 6269, "caller", "sip:c@lab.example"))]
