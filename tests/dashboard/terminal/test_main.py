"""Exit codes, and what is said when something is wrong: one line on stderr."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboard.terminal.main import main
from tests.dashboard.terminal.scripted import ACTIVE, DIALOG, Fault, opened

ROOT = Path(__file__).resolve().parents[3]
DLG = [sys.executable, "-m", "dashboard.terminal"]


def bare() -> dict[str, str]:
    """Return an environment in which coverage does not measure: it would read modules and write files of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


@pytest.mark.parametrize(
    ("arguments", "answers", "code", "said"),
    [
        (["count"], {"dlg.stats_active": ACTIVE}, 0, ""),
        (["show", "x"], {"dlg.find": Fault(404, "Dialog not found")}, 1, "404 Dialog not found"),
        (["match", "furi", "eq", "x"], {"dlg.list_match": Fault(404, "Not found")}, 1, "404 Not found"),
        (["end", "x", "--yes"], {"dlg.find": [DIALOG], "dlg.end_dlg": Fault(500, "no controller")}, 1, "500 no controller"),
        (["stats"], {}, 1, "-32601 Method Not Found"),
        (["list", "--state", "ringing"], {"dlg.list": [DIALOG]}, 1, "no such call"),
        (["list", "--limit", "some"], {}, 2, "argument --limit: expected a whole number, got 'some' (see dialtap dlg list --help)"),
        (["watch", "--interval", "0"], {}, 2, "argument --interval: expected seconds, 0.1 at least, got '0' (see dialtap dlg watch --help)"),
        (["watch", "--interval", "x"], {}, 2, "argument --interval: expected seconds, 0.1 at least, got 'x' (see dialtap dlg watch --help)"),
        (["watch"], {}, 2, "watch needs a terminal; in a pipe, ask with list or count"),
        (["size"], {}, 2, "the following arguments are required: PROFILE (see dialtap dlg size --help)"),
        ([], {}, 2, "the following arguments are required: COMMAND (see dialtap dlg --help)"),
        (["end", "x"], {"dlg.find": [DIALOG]}, 2, "nobody can be asked here: add --yes"),
        (["count"], {"dlg.stats_active": b"HTTP/1.1 400 Bad Request\r\n"}, 3, "what answers there is no ingest: its answer is not JSON"),
        (["count"], {"dlg.stats_active": b"[]\n"}, 3, "what answers there is no ingest: its answer is not JSON-RPC"),
        (["count"], {"dlg.stats_active": b'{"result":'}, 3, "the ingest went away before its answer was whole"),
    ],
)
def test_exit_code_and_its_line(ask, arguments, answers, code, said):
    found = ask(answers, *arguments)
    assert (found[0], found[2]) == (code, f"dialtap dlg: {said}\n" if said else "")


def test_unknown_state_names_those_there_are(ask):
    code, _, said = ask({}, "count", "--state", "dead")
    assert (code, said.partition("there are ")[2]) == (2, "setting-up, ringing, no-ack, in-call, ended (see dialtap dlg count --help)\n")


def test_no_ingest_says_what_to_do(place, capsys):
    assert main(["count", "--socket", str(place / "none")]) == 3
    expected = f"dialtap dlg: no ingest at {place}/none (no such file or directory): start one with ./dialtap run, or name its socket with --socket\n"
    assert capsys.readouterr() == ("", expected)


def test_ingest_that_ended_without_taking_its_socket_is_none(place, capsys):
    with opened(place / "door", {}):
        (place / "kept").hardlink_to(place / "door")
    assert main(["count", "--socket", str(place / "kept")]) == 3
    assert "(connection refused)" in capsys.readouterr().err


def test_name_too_long_for_a_socket_is_said(capsys):
    assert main(["count", "--socket", "/tmp/" + "x" * 200]) == 3
    assert "(af_unix path too long)" in capsys.readouterr().err


@contextmanager
def not_root() -> Iterator[None]:
    """Be nobody, who may not open every socket as root may."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_socket_of_another_user_is_said(place, capsys):
    with opened(place / "door", {}) as door:
        door.path.chmod(0)
        place.chmod(0o755)
        with not_root():
            code = main(["count", "--socket", str(door.path)])
    assert (code, capsys.readouterr().err) == (3, f"dialtap dlg: {door.path} is not yours: the ingest's socket is for the user that runs it\n")


def test_silent_ingest_is_given_up(place, capsys, monkeypatch):
    monkeypatch.setattr("dashboard.terminal.door.SILENCE_SECONDS", 0.2)
    with opened(place / "door", {"dlg.stats_active": b""}) as door:
        door.RequestHandlerClass = Silent
        assert main(["count", "--socket", str(door.path)]) == 3
    assert capsys.readouterr().err == f"dialtap dlg: the ingest at {door.path} has not answered for 0 seconds\n"


class Silent:
    """Takes a question and says nothing until its client goes."""

    def __init__(self, request, _address, _server):
        while request.recv(1000):
            pass


def test_reader_that_has_enough_is_no_failure(place):
    reading, writing = os.pipe()
    os.close(reading)
    with opened(place / "door", {"dlg.list": [DIALOG] * 2000}) as door:
        done = subprocess.run([*DLG, "list", "--socket", door.path], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_lists_the_commands_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Exit codes: 0 done; 1 the ingest refused, or there is no such call; 2 what was typed is wrong; 3 no ingest answers." in out
