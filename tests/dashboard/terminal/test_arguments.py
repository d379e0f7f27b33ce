"""What may be typed: documented, and read without what it does not need."""

import re
import subprocess
import sys

import pytest

from dashboard.terminal.arguments import parse
from tests.dashboard.terminal.scripted import ACTIVE, DIALOG, opened
from tests.dashboard.terminal.test_main import ROOT, bare

COMMANDS = ["list", "match", "watch", "show", "vars", "profiles", "size", "values", "stats", "count", "end", "terminate", "bridge", "refer", "set-var"]
PAGE = (ROOT / "docs" / "commands.md").read_text()
LOADED = """
import sys
from dashboard.terminal.main import main
code = main(sys.argv[1:])
print(code, *sorted({"asyncio", "dialogs", "django", "logging", "msgspec", "rich", "shutil", "tomllib"} & set(sys.modules)))
"""


def test_every_command_is_documented(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert re.findall(r"^    ([a-z-]+) ", capsys.readouterr().out, re.MULTILINE) == COMMANDS
    assert sorted(re.findall(r"^\| `dlg ([a-z-]+)", PAGE, re.MULTILINE)) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(capsys, command):
    with pytest.raises(SystemExit):
        parse([command, "--help"])
    options = set(re.findall(r"(?<=[ \[])(--[a-z-]+)", capsys.readouterr().out)) - {"--help"}
    assert {option for option in options if option not in PAGE} == set()


@pytest.mark.parametrize("arguments", ["--json --socket a count", "count --json --socket a", "--socket b count --json --socket a"])
def test_common_options_stand_before_the_command_or_after_it(arguments):
    asked = parse(arguments.split())
    assert (asked.json, asked.socket, asked.config, asked.command) == (True, "a", "", "count")


@pytest.mark.parametrize("command", ["count", "list"])
def test_a_cron_job_waits_for_nothing_that_it_does_not_need(place, command):
    with opened(place / "door", {"dlg.stats_active": ACTIVE, "dlg.list": [DIALOG]}) as door:
        asked = [sys.executable, "-c", LOADED, command, "--socket", door.path]
        done = subprocess.run(asked, cwd=ROOT, env=bare(), check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0"


def test_django_knows_the_command_too(place):
    with opened(place / "door", {"dlg.stats_active": ACTIVE}) as door:
        done = subprocess.run([sys.executable, "manage.py", "dlg", "count", "--socket", door.path], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == "2\n"
