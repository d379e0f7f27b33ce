"""What each reading command asks, and what it prints in a pipe."""

import json

import pytest

from dashboard.terminal.main import main
from tests.dashboard.terminal.scripted import ACTIVE, DIALOG, OLD, RINGING, Fault, opened

FILTERS = [
    ([], ("dlg.list", [])),
    (["--limit", "0"], ("dlg.list", [])),
    (["--limit", "5"], ("dlg.list_match", ["callid", "re", ".", 5])),
    (["--caller", "a.b"], ("dlg.list_match", ["furi", "re", "a\\.b", 0])),
    (["--callee", "+49(0)"], ("dlg.list_match", ["turi", "re", "\\+49\\(0\\)", 0])),
    (["--call-id", "1-2367@", "--limit", "2"], ("dlg.list_match", ["callid", "re", "1-2367@", 2])),
    (["--call-id", "x", "--caller", "y", "--limit", "2"], ("dlg.list_match", ["callid", "re", "x", 0])),
    (["--state", "ringing", "--limit", "2"], ("dlg.list", [])),
    (["--profile", "caller=sip:a=b@x"], ("dlg.profile_list", ["caller", "sip:a=b@x"])),
    (["--profile", "total", "--caller", "x"], ("dlg.profile_list", ["total"])),
]


@pytest.mark.parametrize(("arguments", "asked"), FILTERS)
def test_list_has_the_ingest_choose(ask, arguments, asked):
    answers = {method: [DIALOG] for method in ("dlg.list", "dlg.list_match", "dlg.profile_list")}
    ask(answers, "list", *arguments)
    assert ask.door.asked == [asked]


def test_list_in_a_pipe_is_one_whole_line_a_call(ask):
    code, out, said = ask({"dlg.list": [DIALOG, RINGING | {"from_uri": "sip:" + "a" * 100}]}, "list")
    assert (code, said) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["call", "state", "talk", "caller", "callee", "call-id", "profiles"],
        ["1462:6269", "in-call", "1:00:01", DIALOG["from_uri"], DIALOG["to_uri"], DIALOG["call-id"], "total,caller=sip:alice@lab.example"],
        ["1462:7", "ringing", "-", "sip:" + "a" * 100, DIALOG["to_uri"], DIALOG["call-id"], "-"],
    ]
    assert out.isascii()


@pytest.mark.parametrize("result", [[OLD], {"dialog": [OLD]}])
def test_older_flat_lists_are_read_too(ask, result):
    _, out, _ = ask({"dlg.list": result}, "list")
    assert out.splitlines()[1].split(maxsplit=6) == [
        "1462:6269",
        "in-call",
        "1:00:01",
        OLD["from_uri"],
        OLD["to_uri"],
        OLD["callid"],
        "total, caller=sip:alice@lab.example",
    ]


def test_list_of_nothing_is_no_failure(ask):
    assert ask({"dlg.list": []}, "list") == (0, "call  state  talk  caller  callee  call-id  profiles\n", "")
    assert ask({"dlg.list_match": Fault(404, "Not found")}, "list", "--limit", "3")[0] == 0


def test_second_filter_and_limit_are_done_here(ask):
    found = [DIALOG, RINGING, RINGING | {"h_id": 8}, RINGING | {"h_id": 9, "to_uri": "sip:other@lab.example"}]
    code, out, said = ask({"dlg.list_match": found}, "list", "--caller", "alice", "--callee", "SIP:5011", "--state", "2", "--limit", "1")
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["call", "1462:7"])
    assert said == "the first call; --limit 0 shows all\n"


@pytest.mark.parametrize("arguments", [["--state", "ringing"], ["--caller", "x", "--callee", "y"], ["--profile", "total", "--limit", "3"]])
def test_json_goes_only_with_what_the_ingest_chooses(ask, arguments):
    code, out, said = ask({}, "list", "--json", *arguments)
    assert (code, out, said.startswith("dialtap dlg: --json prints the ingest's answer unchanged")) == (2, "", True)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("dlg.list", ["list"]),
        ("dlg.list_match", ["match", "furi", "sw", "sip:"]),
        ("dlg.find", ["show", "x"]),
        ("dlg.find", ["vars", "x"]),
        ("dlg.profiles", ["profiles"]),
        ("dlg.profile_get_values", ["values", "caller"]),
        ("dlg.profile_get_size", ["size", "caller"]),
        ("dlg.stats", ["stats"]),
        ("dlg.stats_active", ["count"]),
    ],
)
def test_json_is_the_answer_unchanged(ask, method, arguments):
    line = b'{ "id":1, "result" :[{"call-id":"\xe2\x80\xae<\x7f"}],"jsonrpc":"2.0"}\n'
    assert ask({method: line}, *arguments, "--json") == (0, line.decode(), "")
    fault = b'{"jsonrpc":"2.0","error":{"code":404,"message":"Not found"},"id":1}\n'
    assert ask({method: fault}, "--json", *arguments) == (1, fault.decode(), "dialtap dlg: 404 Not found\n")


HOSTILE = "sip:a\x1b]0;owned\x07\u202e\x9b31m\ud800\n@x"


@pytest.mark.parametrize("command", [["list"], ["show", "x"], ["vars", "x"], ["values", "x"], ["profiles"]])
def test_wire_text_cannot_reach_the_terminal(ask, command):
    dialog = DIALOG | {"from_uri": HOSTILE, "call-id": HOSTILE, HOSTILE: HOSTILE, "profiles": [HOSTILE, {HOSTILE: HOSTILE}], "variables": [{HOSTILE: HOSTILE}]}
    answers = {"dlg.list": [dialog], "dlg.find": [dialog], "dlg.profile_get_values": [HOSTILE], "dlg.profiles": {HOSTILE: 1}}
    code, out, _ = ask(answers, *command)
    assert (code, out.replace("\n", "").isprintable(), "\\x1b" in out) == (0, True, True)


def test_fault_is_made_safe_too(ask):
    _, _, said = ask({"dlg.stats_active": Fault(500, HOSTILE)}, "count")
    assert said.rstrip("\n").isprintable()


def test_show_has_every_field_and_explains_numbers(ask):
    _, out, _ = ask({"dlg.find": [{"uid": "00112233aabbccdd", **DIALOG}, RINGING]}, "show", "1462:6269")
    first, second = out.split("\n\n")
    rows = [line.split(maxsplit=1) for line in first.splitlines()]
    assert rows[:2] == [["field", "value"], ["uid", "00112233aabbccdd"]]
    found = dict(rows)
    assert (found["state"], found["start_ts"], found["duration"], found["end_ts"]) == (
        "4 (In call)",
        "1795294353 (2026-11-21 20:52:33 UTC)",
        "3601 (1:00:01)",
        "0",
    )
    assert (found["caller.tag"], found["$dlg_var(customer)"]) == ("2367ft1", "7")
    assert [row[1] for row in rows if row[0] == "profiles"] == ["total", "caller=sip:alice@lab.example"]
    assert ["callee.tag", "-"] in [line.split() for line in second.splitlines()]


def test_vars_are_those_of_all_calls_meant(ask):
    _, out, _ = ask({"dlg.find": [DIALOG, RINGING | {"variables": [{"a": "1"}, {"b": ""}]}]}, "vars", "x")
    assert [line.split() for line in out.splitlines()[1:]] == [["1462:6269", "customer", "7"], ["1462:7", "a", "1"], ["1462:7", "b", "-"]]


@pytest.mark.parametrize(
    ("command", "answers", "out"),
    [
        (["count"], {"dlg.stats_active": ACTIVE}, "2\n"),
        (["count", "--state", "ringing"], {"dlg.stats_active": ACTIVE}, "1\n"),
        (["count", "--state", "4", "--state", "no-ack", "--state", "4"], {"dlg.stats_active": ACTIVE}, "1\n"),
        (["count"], {"dlg.stats_active": 7}, "7\n"),
        (["size", "total"], {"dlg.profile_get_size": 3}, "3\n"),
        (["values", "caller"], {"dlg.profile_get_values": ["sip:b@x", "sip:a@x"]}, "sip:b@x\nsip:a@x\n"),
        (["profiles"], {"dlg.profiles": {"total": 3, "caller": 2}}, "profile  calls\ntotal        3\ncaller       2\n"),
        (["profiles", "caller"], {"dlg.profiles": {"sip:a@x": 2}}, "value    calls\nsip:a@x      2\n"),
        (
            ["stats"],
            {"dlg.stats": {"processed": 9, "failed": 1}, "dlg.stats_active": {"all": 2}},
            "counter    number\nprocessed       9\nfailed          1\nall             2\n",
        ),
    ],
)
def test_figures(ask, command, answers, out):
    assert ask(answers, *command) == (0, out, "")


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (["size", "caller", "sip:a@x"], ("dlg.profile_get_size", ["caller", "sip:a@x"])),
        (["profiles", "caller"], ("dlg.profiles", ["caller"])),
        (["match", "start_ts", "gt", "17", "--limit", "3"], ("dlg.list_match", ["start_ts", "gt", "17", 3])),
        (["show", "a b"], ("dlg.find", ["a b"])),
    ],
)
def test_parameters_are_passed_on(ask, command, asked):
    ask({}, *command)
    assert ask.door.asked == [asked]


def test_count_of_the_ended_is_refused(ask):
    assert ask({"dlg.stats_active": ACTIVE}, "count", "--state", "ended")[:2] == (2, "")


def test_recorded_answers_are_understood(captures, place, capsys):
    """What the original answered on real traffic: each of its dialogs is a line, and all live ones are counted."""
    recorded = [json.loads(file.read_text()) for file in sorted(captures.glob("*/truth/jsonrpc-*.json"))]
    with opened(place / "door", {}) as door:
        for answers in recorded:
            door.answers = answers
            assert [main([command, "--socket", str(door.path)]) for command in ("list", "count")] == [0, 0]
            lines = capsys.readouterr().out.splitlines()
            assert [line.split()[0] for line in lines[1:-1]] == [f"{dialog['h_entry']}:{dialog['h_id']}" for dialog in answers["dlg.list"]]
            assert lines[-1] == str(answers["dlg.stats_active"]["all"])
    assert recorded
