"""Tables of a terminal, and the words in them."""

import re
from io import StringIO

import pytest
from rich.console import Console

from dashboard.management.commands.replay import STATE_WORDS as REPLAY_WORDS
from dashboard.terminal.calls import calls
from dashboard.terminal.output import table
from dashboard.terminal.reads import COLUMNS, row
from dashboard.terminal.words import STATES, length, moment, safe, safe_json
from tests.dashboard.terminal.screens import Terminal
from tests.dashboard.terminal.scripted import DIALOG, RINGING, Fault, opened

LONG = DIALOG | {"from_uri": "sip:" + "a" * 80 + "@x", "to_uri": "sip:" + "\u5317" * 60 + "@x"}


def drawn(width: int, *dialogs: dict) -> list[str]:
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None, highlight=False)
    console.print(table(COLUMNS, [row(call) for call in calls(list(dialogs))], width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (60, ["Call", "State", "Talk", "Caller", "Callee"]),
        (80, ["Call", "State", "Talk", "Caller", "Callee"]),
        (120, ["Call", "State", "Talk", "Caller", "Callee", "Call-ID"]),
        (200, ["Call", "State", "Talk", "Caller", "Callee", "Call-ID", "Profiles"]),
    ],
)
def test_table_keeps_to_the_terminals_width(width, titles):
    lines = drawn(width, DIALOG, LONG, RINGING)
    assert (lines[0].split(), len(lines)) == (titles, 4)
    assert max(Console(width=500).measure(line).maximum for line in lines) <= width
    assert "\u2026" in lines[2]


def test_table_at_80_columns():
    assert drawn(80, DIALOG, RINGING) == [
        "     Call  State       Talk  Caller                    Callee",
        "1462:6269  In call  1:00:01  alice@lab.example         5011@lab.example",
        "   1462:7  Ringing           alice@lab.example         5011@lab.example",
    ]


def test_markup_in_a_name_is_a_name():
    assert "[red]a[/red]@x" in drawn(200, DIALOG | {"from_uri": "sip:[red]a[/red]@x"})[1]


def test_state_words_are_those_of_replay():
    assert {int(number): words for number, words in REPLAY_WORDS.items()} == STATES


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("sip:a@x", "sip:a@x"),
        ("M\u00fcller", "M\u00fcller"),
        ("a\x1b[31m\x07\x7f", "a\\x1b[31m\\x07\\x7f"),
        ("a\u202eb\u2066\x9b", "a\\u202eb\\u2066\\x9b"),
        ("\r\n\t", "\\r\\n\\t"),
        (7, "7"),
    ],
)
def test_safe(value, shown):
    assert safe(value) == shown


def test_lone_surrogates_are_safe():
    assert safe("a\ud800b").isprintable()


def test_safe_json_says_the_same():
    assert safe_json('{"a":"\u202e\U000e0001\x7f\u00fc"}') == '{"a":"\\u202e\\udb40\\udc01\\u007f\u00fc"}'


def test_times():
    assert [length(seconds) for seconds in (0, 59, 3601, 360000)] == ["0:00:00", "0:00:59", "1:00:01", "100:00:00"]
    assert [moment(seconds) for seconds in (0, 1795294353, 1 << 60)] == ["", "2026-11-21 20:52:33 UTC", ""]


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_list_on_a_terminal(place, environment, coloured):
    answers = {"dlg.list_match": [DIALOG, RINGING]}
    with opened(place / "door", answers) as door, Terminal("list", "--socket", door.path, **environment) as terminal:
        assert terminal.end() == 0
        assert door.asked == [("dlg.list_match", ["callid", "re", ".", 200])]
    assert (re.search(rb"\x1b\[[0-9;]*3[0-9]m", terminal.drawn) is not None) == coloured
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", terminal.drawn).decode()
    assert [line.split() for line in plain.splitlines()] == [
        ["Call", "State", "Talk", "Caller", "Callee"],
        ["1462:6269", "In", "call", "1:00:01", "alice@lab.example", "5011@lab.example"],
        ["1462:7", "Ringing", "alice@lab.example", "5011@lab.example"],
    ]
    assert all(len(line.rstrip()) <= 80 for line in plain.splitlines())


def test_long_list_on_a_terminal_is_cut_and_says_so(place):
    answers = {"dlg.list_match": [DIALOG] * 200}
    with opened(place / "door", answers) as door, Terminal("list", "--socket", door.path) as terminal:
        assert terminal.end() == 0
    assert terminal.drawn.splitlines()[-1] == b"the first 200 calls; --limit 0 shows all"


def test_empty_list_on_a_terminal_is_no_failure(place):
    with opened(place / "door", {"dlg.list_match": Fault(404, "Not found")}) as door, Terminal("list", "--socket", door.path) as terminal:
        assert terminal.end() == 0


def test_json_on_a_terminal_is_the_same_json_made_safe(place):
    line = '{"jsonrpc":"2.0","result":[{"call-id":"\u202e\x7f\u00fc"}],"id":1}\n'
    with opened(place / "door", {"dlg.list": line.encode()}) as door, Terminal("list", "--json", "--socket", door.path) as terminal:
        assert terminal.end() == 0
    assert terminal.drawn.decode().rstrip() == '{"jsonrpc":"2.0","result":[{"call-id":"\\u202e\\u007f\u00fc"}],"id":1}'


def test_letters_that_the_locale_lacks_are_numbers(place):
    answers = {"dlg.profile_get_values": ["M\u00fcller"]}
    with opened(place / "door", answers) as door, Terminal("values", "x", "--socket", door.path, PYTHONIOENCODING="ascii") as terminal:
        assert terminal.end() == 0
    assert terminal.drawn.strip() == b"M\\xfcller"
