"""`./dialtap ask`: what the screens show and do, at a command line. Knows arguments and terminals; what can be asked is `dashboard.api.table`'s business.

Its commands are the table's entries: a new one is there as soon as the table has it.
"""

import inspect
import json
import os
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dashboard.api.answers import Answer, File, Problem
from dashboard.api.asker import Asker, owner
from dashboard.api.asking import ask
from dashboard.api.following import TICK_SECONDS, Following
from dashboard.api.table import BY_NAME, ENTRIES, Entry
from dashboard.management.oneline import OneLineCommand
from dashboard.terminal.errors import Refused, Usage
from dashboard.terminal.orders import agreed
from dashboard.terminal.output import Column, note, say, show
from dashboard.terminal.words import safe_json

FELT = frozenset({"end", "transfer", "join", "connect", "release", "retry", "bulk-start"})
"What callers feel: a person is asked first, as by `./dialtap dlg end`."

SHOWN = {"calls": ("call", "state", "caller", "callee", "begun", "answered", "ended", "code", "reason")}
"Columns of a list that has more than a line can hold."

LONGEST = 60
USAGE, REFUSED = 2, 1


class Command(OneLineCommand):
    """Prints a list as a table, anything else as JSON; files as they are."""

    help = "Ask what the screens show, and give the orders that they give. `ask COMMAND --help` has the parameters."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="entry", metavar="COMMAND", required=True)
        for entry in ENTRIES:
            command = commands.add_parser(entry.name, help=entry.words, description=entry.words)
            for one in parameters(entry):
                _add(command, one)
            command.add_argument("--json", action="store_true", help="print the answer as one line of JSON, as /api/v1 gives it")
            if entry.name in FELT:
                command.add_argument("-y", "--yes", action="store_true", help="do not ask first")

    def handle(self, *_args: Any, **options: Any) -> None:
        entry, asker = BY_NAME[options["entry"]], owner()
        said = {one.name: options[one.name] for one in parameters(entry)}
        try:
            if entry.name in FELT and not options["yes"]:
                agreed(question(entry, asker, said))
            if entry.name == "file-open":
                said = {"name": Path(said["capture"]).name, "capture": _read(said["capture"])}
            shown(ask(entry, asker, said), as_json=options["json"])
        except Problem as problem:
            caret = f"\n{problem.more['caret']}" if "caret" in problem.more else ""
            raise CommandError(f"{problem}{caret}", returncode=USAGE if problem.status == 400 else REFUSED) from problem
        except (Refused, Usage) as failure:
            raise CommandError(str(failure), returncode=failure.code) from failure
        except BrokenPipeError:  # `ask calls | head`: its reader has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parameters(entry: Entry) -> list[inspect.Parameter]:
    """Return what an entry is told at the command line."""
    if entry.name == "file-open":
        return [inspect.Parameter("capture", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str)]
    file = [inspect.Parameter("file", inspect.Parameter.KEYWORD_ONLY, default="", annotation=str)] if entry.within else []
    return [*entry.parameters, *file]


def _add(command: ArgumentParser, one: inspect.Parameter) -> None:
    """Add one parameter: what must be told has a place, all else a name."""
    if one.default is one.empty:
        command.add_argument(one.name, type=one.annotation, metavar=one.name.upper())
    else:
        command.add_argument(f"--{one.name.replace('_', '-')}", dest=one.name, type=one.annotation, default=one.default, metavar=one.name.upper())


def question(entry: Entry, asker: Asker, said: dict[str, Any]) -> str:
    """Return what a person is asked before an order: which call, and what is to be done."""
    given = ", ".join(f"{name}: {value}" for name, value in said.items() if value not in ("", "both") and name not in ("uid", "confirm", "key"))
    if "uid" not in said:
        return f"{entry.name} ({given})?"
    call = ask(BY_NAME["call"], asker, {"uid": said["uid"]})
    return f"{entry.name} call {call['call']} from {call['from_uri']} to {call['to_uri']} ({call['state_words']}; {given})?"


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Usage(f"{name}: {error.strerror or error}") from error


def shown(answer: Any, *, as_json: bool) -> None:
    """Print an answer."""
    if isinstance(answer, Following):
        follow(answer)
    elif isinstance(answer, File):
        for piece in answer.pieces:
            sys.stdout.buffer.write(piece.encode("utf-8", "backslashreplace") if isinstance(piece, str) else piece)
        sys.stdout.buffer.flush()
    elif as_json:
        line(answer)
    else:
        told(answer)


def line(answer: Answer) -> None:
    """Print a line of JSON; on a terminal with what is unprintable as JSON's own escapes."""
    text = json.dumps(answer, ensure_ascii=False)
    sys.stdout.write((safe_json(text) if sys.stdout.isatty() else text) + "\n")


def told(answer: Answer) -> None:
    """Print the list in an answer as a table, and what else it says below; an answer without one as JSON over several lines."""
    name, rows = next(((name, value) for name, value in answer.items() if isinstance(value, list) and value and isinstance(value[0], dict)), ("", []))
    if name not in LISTS:
        for each in json.dumps(answer, ensure_ascii=False, indent=2).splitlines():
            say(each)
        return
    keys = SHOWN.get(name) or [key for key, value in rows[0].items() if isinstance(value, str | int | float)]
    show([Column(key.replace("_", " ")) for key in keys], [[str(row.get(key, ""))[:LONGEST] for key in keys] for row in rows])
    for key, value in answer.items():
        if isinstance(value, str | int) and value != "":
            note(f"{key}: {value}")


LISTS = frozenset({"calls", "values", "peers", "callers", "alerts", "orders", "events", "taps", "tokens", "views", "files", "proxies"})


def follow(following: Following) -> None:
    """Print a line of JSON for each change, until Ctrl-C."""
    try:
        while True:
            if (frame := following.look(time.time_ns())) is not None:
                line(frame)
                sys.stdout.flush()
            time.sleep(TICK_SECONDS)
    except KeyboardInterrupt:
        return
