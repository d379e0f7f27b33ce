"""`./dialtap ask`: tables, JSON, files, questions before an order, exit codes."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from dashboard.api import asker
from dashboard.management.commands import ask as command
from dashboard.models import AuditEvent, Order
from dialogs.config import Control
from tests.dashboard.api.conftest import fresh, rows  # noqa: F401 -- fixtures
from tests.dashboard.live.people import call

pytestmark = pytest.mark.django_db
UID = call(1).uid


@pytest.fixture(autouse=True)
def controlled(monkeypatch):
    """We could order, if the socket were ours."""
    changed = msgspec.structs.replace(settings.DIALTAP, control=Control(controller="sip", allow=("192.0.2.0/24",)))
    monkeypatch.setattr(settings, "DIALTAP", changed)


@pytest.fixture
def socket(monkeypatch, tmp_path):
    """The ingest's socket, which is ours."""
    path = Path(settings.VAR) / settings.DIALTAP.rpc.socket
    path.touch(0o600)
    return path


def printed(capfd, *arguments):
    capfd.readouterr()
    call_command("ask", *arguments)
    return capfd.readouterr()


def refused(*arguments):
    with pytest.raises(CommandError) as found:
        call_command("ask", *arguments)
    return found.value.returncode, str(found.value)


def test_list_is_a_table_for_programs_that_split_lines(rows, capfd):  # noqa: F811
    found = printed(capfd, "calls", "--q", "state = ended", "--size", "1")
    lines = [line.split() for line in found.out.splitlines()]
    assert lines == [
        ["call", "state", "caller", "callee", "begun", "answered", "ended", "code", "reason"],
        [call(5).uid, "DELETED", "4417", "5000", *(lines[1][4:7]), "-", "-"],
    ]
    assert [line.partition(":")[0] for line in found.err.splitlines()] == ["next", "total", "count"]


def test_wire_texts_cannot_reach_the_terminal(rows, capfd):  # noqa: F811
    found = printed(capfd, "call", call(4).uid).out
    assert ("\x1b" in found, "=1+1@\\u001b[2J" in found or "=1+1@\\x1b[2J" in found) == (False, True)


def test_answer_without_a_list_is_json_over_several_lines(rows, capfd):  # noqa: F811
    assert json.loads(printed(capfd, "call", UID).out)["call"] == UID


def test_order_asks_first_and_needs_the_socket(rows, socket, capfd, monkeypatch):  # noqa: F811
    assert refused("end", UID, "test") == (2, "nobody can be asked here: add --yes")
    printed(capfd, "end", UID, "test", "--yes")
    order = Order.objects.get()
    assert (order.username.endswith(" (command line)"), order.reason) == (True, "test")
    monkeypatch.setattr(asker, "may_order", lambda: False)
    assert refused("end", UID, "test", "--yes")[0] == 1
    assert AuditEvent.objects.latest("pk").action == "refused"


def test_question_names_the_call(rows, socket):  # noqa: F811
    entry = command.BY_NAME["end"]
    said = {"uid": UID, "reason": "test", "side": "both", "confirm": ""}
    words = command.question(entry, asker.owner(), said)
    assert words == f"end call {UID} from sip:4417@example.net to sip:5000@example.net (In call; reason: test)?"
    assert (
        command.question(command.BY_NAME["connect"], asker.owner(), {"first": "a", "second": "b", "reason": "c"}) == "connect (first: a, second: b, reason: c)?"
    )


REFUSED = {
    ("calls", "--q", "state ="): (
        2,
        'the query cannot be understood: column 8: expected a "text", a number or a word, got the end; see docs/query.md\nstate =\n       ^',
    ),
    ("call", "0000000000000000"): (1, "there is no call of this name (any more): names are the field call of a list"),
    ("calls", "--size", "0"): (2, "size is 1 to 500"),
    ("end", UID, ".", "--yes"): (1, "give a reason of 3 to 200 characters"),
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_exit_code_says_whose_fault_it_was(rows, socket, arguments):  # noqa: F811
    assert refused(*arguments) == REFUSED[arguments]


def test_stream_is_followed_until_interrupted(tmp_path):
    """A real process with a real terminal: a line for the snapshot, then Ctrl-C."""
    root = Path(__file__).resolve().parents[3]
    environment = os.environ | {"DIALTAP_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    run = [sys.executable, str(root / "manage.py")]
    subprocess.run([*run, "migrate", "-v", "0"], env=environment, check=True)
    ours, its = pty.openpty()
    with subprocess.Popen([*run, "ask", "live-stream"], env=environment, stdin=its, stdout=subprocess.PIPE, start_new_session=True) as process:
        frame = json.loads(process.stdout.readline())
        process.send_signal(2)
        assert (frame["snapshot"], frame["calls"], process.wait(60)) == (True, [], 0)
    os.close(ours)
    os.close(its)
