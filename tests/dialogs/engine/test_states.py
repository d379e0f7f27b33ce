"""The table, cell by cell: the matrix in dialogs/README.md is the expectation."""

from pathlib import Path

import pytest

from dialogs.engine import TRANSITIONS, Input, State, next_state
from dialogs.engine.states import classify
from dialogs.sip import parse

README = Path(__file__).resolve().parents[3] / "dialogs" / "README.md"


def matrix():
    """Return {(state, input): state or None} from the README's table."""
    rows = [line.strip("| \n").split("|") for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = {}
    for name, *states in rows:
        if name.strip().strip("`") not in Input.__members__:
            continue
        for state, cell in zip(State, states, strict=True):
            target = cell.strip().strip("*")
            cells[state, Input[name.strip().strip("`")]] = None if target == "!" else State(int(target))
    return cells


def test_readme_matrix_covers_every_cell():
    assert set(matrix()) == {(state, asked) for state in State for asked in Input}


@pytest.mark.parametrize(("cell", "expected"), matrix().items(), ids=str)
def test_transition_is_as_documented(cell, expected):
    assert TRANSITIONS.get(cell) == expected


def test_answer_after_bye_does_not_revive():
    assert next_state(State.DELETED, Input.RPL2XX) is State.CONFIRMED_NA
    assert next_state(State.DELETED, Input.RPL2XX, had_bye=True) is None


INPUTS = {
    "SIP/2.0 100 x|INVITE": None,
    "SIP/2.0 101 x|INVITE": Input.RPL1XX,
    "SIP/2.0 199 x|INVITE": Input.RPL1XX,
    "SIP/2.0 200 x|INVITE": Input.RPL2XX,
    "SIP/2.0 299 x|INVITE": Input.RPL2XX,
    "SIP/2.0 300 x|INVITE": Input.RPL3XX,
    "SIP/2.0 699 x|INVITE": Input.RPL3XX,
    "SIP/2.0 200 x|BYE": None,
    "ACK sip:b SIP/2.0|ACK": Input.REQACK,
    "BYE sip:b SIP/2.0|BYE": Input.REQBYE,
    "PRACK sip:b SIP/2.0|PRACK": Input.REQPRACK,
    "INVITE sip:b SIP/2.0|INVITE": Input.REQ,
    "UPDATE sip:b SIP/2.0|UPDATE": Input.REQ,
    "CANCEL sip:b SIP/2.0|CANCEL": None,
}


@pytest.mark.parametrize(("words", "expected"), INPUTS.items())
def test_classify(words, expected):
    line, _, method = words.partition("|")
    assert classify(parse(f"{line}\r\nTo: <sip:b>;tag=b\r\nCSeq: 1 {method}\r\n\r\n".encode())) == expected


def test_classify_takes_no_request_without_to_tag():
    assert classify(parse(b"INVITE sip:b SIP/2.0\r\nTo: <sip:b>\r\nCSeq: 1 INVITE\r\n\r\n")) is None
