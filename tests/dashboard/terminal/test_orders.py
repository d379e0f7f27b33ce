"""Commands that change something: what is asked of the ingest, and of the person before that."""

import os
import pty
import subprocess

import pytest

from tests.dashboard.terminal.scripted import DIALOG, RINGING, opened
from tests.dashboard.terminal.test_main import DLG, ROOT

ENDED = DIALOG | {"h_id": 1, "state": 5}
TAKEN = {"dlg.find": [DIALOG]} | {f"dlg.{name}": {} for name in ("end_dlg", "terminate_dlg", "bridge_dlg", "refer")} | {"dlg.set_var": "Done"}


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["end", "x", "--yes"], ("dlg.end_dlg", [1462, 6269])),
        (["end", "x", "-y", "--header", "X-Why: fraud", "--header", "X-Who: noc"], ("dlg.end_dlg", [1462, 6269, "X-Why: fraud\r\nX-Who: noc\r\n"])),
        (["terminate", "x", "--yes"], ("dlg.terminate_dlg", ["1-2367@127.0.0.10", "2367ft1", "2353tt1"])),
        (["bridge", "sip:a@x", "sip:b@x", "--yes"], ("dlg.bridge_dlg", ["sip:a@x", "sip:b@x"])),
        (["bridge", "sip:a@x", "sip:b@x", "--yes", "--op", "sip:p"], ("dlg.bridge_dlg", ["sip:a@x", "sip:b@x", "sip:p"])),
        (["bridge", "sip:a@x", "sip:b@x", "--yes", "--body", "_"], ("dlg.bridge_dlg", ["sip:a@x", "sip:b@x", ".", "_"])),
        (["refer", "x", "caller", "sip:c@x", "--yes"], ("dlg.refer", [1462, 6269, "caller", "sip:c@x"])),
    ],
)
def test_order_is_sent_and_its_answer_shown(ask, arguments, asked):
    assert ask(TAKEN, *arguments) == (0, "", f"{asked[0]}: taken\n")
    assert ask.door.asked[-1] == asked


def test_variable_is_set_without_a_question(ask):
    assert ask(TAKEN, "set-var", "x", "customer", "8") == (0, "Done\n", "")
    assert ask.door.asked == [("dlg.find", ["x"]), ("dlg.set_var", ["1-2367@127.0.0.10", "2367ft1", "2353tt1", "customer", "8"])]


def test_order_without_a_controller_is_refused(ask):
    fault = b'{"jsonrpc":"2.0","error":{"code":500,"message":"no controller"},"id":1}\n'
    assert ask(TAKEN | {"dlg.end_dlg": fault}, "end", "x", "--yes") == (1, "", "dialtap dlg: 500 no controller\n")
    assert ask(TAKEN | {"dlg.end_dlg": fault}, "end", "x", "--yes", "--json") == (1, fault.decode(), "dialtap dlg: 500 no controller\n")


@pytest.mark.parametrize(
    ("found", "asked"),
    [([ENDED, DIALOG], [1462, 6269]), ([ENDED], [1462, 1])],
)
def test_the_live_call_is_meant(ask, found, asked):
    ask(TAKEN | {"dlg.find": found}, "end", "x", "--yes")
    assert ask.door.asked[-1] == ("dlg.end_dlg", asked)


def test_nothing_is_done_to_one_of_several_calls(ask):
    code, _, said = ask(TAKEN | {"dlg.find": [DIALOG, RINGING, ENDED]}, "end", "x", "--yes")
    assert (code, said) == (1, "dialtap dlg: 2 calls are meant by that: name one by its number (1462:6269, 1462:7)\n")
    assert [method for method, _ in ask.door.asked] == ["dlg.find"]


@pytest.mark.parametrize(
    ("typed", "code", "sent"),
    [("y\n", 0, True), ("YES\n", 0, True), ("n\n", 1, False), ("\n", 1, False), ("\x04", 1, False)],
)
def test_person_is_asked_first(place, typed, code, sent):
    keyboard, terminal = pty.openpty()
    with opened(place / "door", TAKEN) as door:
        os.write(keyboard, typed.encode())
        done = subprocess.run([*DLG, "end", "x", "--socket", door.path], cwd=ROOT, stdin=terminal, check=False, capture_output=True, text=True, timeout=60)
        question = "End call 1462:6269 from sip:alice@lab.example to sip:5011@lab.example (in-call, 1:00:01)? [y/N] "
        said = "dlg.end_dlg: taken\n" if sent else "dialtap dlg: nothing was done\n"
        assert (done.returncode, done.stdout, done.stderr) == (code, "", question + said)
        assert ("dlg.end_dlg" in [method for method, _ in door.asked]) == sent
    os.close(keyboard)
    os.close(terminal)


def test_question_is_made_safe(place):
    keyboard, terminal = pty.openpty()
    with opened(place / "door", TAKEN | {"dlg.find": [DIALOG | {"from_uri": "sip:\x1b[2J\u202e@x"}]}) as door:
        os.write(keyboard, b"n\n")
        done = subprocess.run([*DLG, "end", "x", "--socket", door.path], cwd=ROOT, stdin=terminal, check=False, capture_output=True, text=True, timeout=60)
    assert done.stderr.startswith("End call 1462:6269 from sip:\\x1b[2J\\u202e@x to ")
    os.close(keyboard)
    os.close(terminal)
