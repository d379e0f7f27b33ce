"""What may be typed after `./dialtap dlg`: one parser, a few lines a command. Knows argparse; asks nobody."""

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, HelpFormatter, Namespace
from collections.abc import Callable, Sequence
from typing import Any, Never

from dashboard.terminal import orders, reads
from dashboard.terminal.door import Door
from dashboard.terminal.errors import Usage
from dashboard.terminal.words import STATE_WORDS

Run = Callable[[Door, Namespace], None]
Add = Callable[[str, Run, str], ArgumentParser]

EPILOG = "Exit codes: 0 done; 1 the ingest refused, or there is no such call; 2 what was typed is wrong; 3 no ingest answers."
CALL = "Call-ID, uid (in the address of the call's page), or H_ENTRY:H_ID"
SHORTEST_SECONDS = 0.1
HELP_WIDTH = 79


class Parser(ArgumentParser):
    """Says what is wrong in one line, as an exception."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, formatter_class=_formatter)

    def error(self, message: str) -> Never:
        """Raise Usage."""
        raise Usage(f"{message} (see {self.prog} --help)")


def parse(argv: Sequence[str]) -> Namespace:
    """Return what was asked, its function as `run`. Raises Usage; SystemExit after --help."""
    parser = Parser(prog="dialtap dlg", description="Asks the running ingest about its calls, and orders.", epilog=EPILOG)
    _common(parser, {"json": False, "socket": "", "config": ""})
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, run: Run, said: str) -> ArgumentParser:
        command = commands.add_parser(name, help=said, description=said, epilog=EPILOG)
        command.set_defaults(run=run)
        _common(command, {})
        return command

    for group in (_lists, _calls, _numbers, _orders):
        group(add)
    return parser.parse_args(argv)


def _formatter(prog: str) -> HelpFormatter:
    """Return what writes the help: as wide as is read well. Left alone it asks for the terminal's width at every argument, and reads `shutil` for that."""
    return HelpFormatter(prog, width=HELP_WIDTH, max_help_position=24)


def _common(parser: ArgumentParser, defaults: dict[str, Any]) -> None:
    """Add what every command takes, before its name or after it."""
    parser.add_argument("--json", action="store_true", default=defaults.get("json", SUPPRESS), help="print the ingest's answer unchanged, a line of JSON-RPC")
    parser.add_argument("--socket", metavar="PATH", default=defaults.get("socket", SUPPRESS), help="the ingest's socket, instead of the configuration's")
    parser.add_argument("--config", metavar="FILE", default=defaults.get("config", SUPPRESS), help="dialtap.toml")


def _lists(add: Add) -> None:
    command = add("list", reads.listing, "the calls that the ingest knows, one a line")
    for name, said in (("--caller", "From URIs"), ("--callee", "To URIs"), ("--call-id", "Call-IDs")):
        command.add_argument(name, metavar="TEXT", default="", help=f"only {said} that hold this text")
    command.add_argument("--profile", metavar="NAME[=VALUE]", default="", help="only members of this profile")
    _state(command)
    command.add_argument("--limit", type=_whole, metavar="N", help=f"at most so many; 0: all, as in a pipe; on a terminal {reads.TERMINAL_ROWS}")
    command = add("match", reads.match, "calls by one of Kamailio's keys (dlg.list_match)")
    command.add_argument("key", metavar="KEY", help="callid, furi, turi, ruri or start_ts")
    command.add_argument("op", metavar="OP", help="eq, re (regular expression), sw (begins with); gt and lt for start_ts")
    command.add_argument("value", metavar="VALUE")
    command.add_argument("--limit", type=_whole, default=0, metavar="N", help="at most so many")
    command = add("watch", _watch, "redraws totals and the newest calls until q or Ctrl-C")
    command.add_argument("--interval", type=_seconds, default=1.0, metavar="SECONDS", help="time between two questions (1)")


def _watch(door: Door, asked: Namespace) -> None:
    from dashboard.terminal.watch import watch  # noqa: PLC0415 -- slow import

    watch(door, asked)


def _calls(add: Add) -> None:
    for name, run, said in (("show", reads.one, "every field of a call"), ("vars", reads.variables, "the variables of a call")):
        add(name, run, said).add_argument("call", metavar="CALL", help=CALL)


def _numbers(add: Add) -> None:
    command = add("profiles", reads.profiles, "the profiles with their numbers of calls, or the values of one with theirs")
    command.add_argument("profile", metavar="PROFILE", nargs="?")
    command = add("size", reads.size, "the number of calls in a profile, bare")
    command.add_argument("profile", metavar="PROFILE")
    command.add_argument("value", metavar="VALUE", nargs="?")
    add("values", reads.values, "the values of a profile, one a line").add_argument("profile", metavar="PROFILE")
    add("stats", reads.stats, "the counters of Kamailio's dialog group, and the calls by state")
    _state(add("count", reads.count, "the number of calls that have not ended, bare"))


def _orders(add: Add) -> None:
    command = _order(add, "end", orders.end, "ends a call: BYE to both sides (dlg.end_dlg)")
    command.add_argument("call", metavar="CALL", help=CALL)
    command.add_argument("--header", action="append", metavar="NAME: VALUE", help="a header of the BYEs; may be given several times")
    _order(add, "terminate", orders.terminate, "the same by Call-ID and tags (dlg.terminate_dlg)").add_argument("call", metavar="CALL", help=CALL)
    command = _order(add, "bridge", orders.bridge, "calls FROM and connects it to TO (dlg.bridge_dlg)")
    command.add_argument("caller", metavar="FROM")
    command.add_argument("callee", metavar="TO")
    command.add_argument("--op", metavar="URI", help="outbound proxy")
    command.add_argument("--body", metavar="SDP", help="session description of the first INVITE; _ for none")
    command = _order(add, "refer", orders.refer, "sends one side of a call to another address")
    command.add_argument("call", metavar="CALL", help=CALL)
    command.add_argument("side", choices=("caller", "callee"))
    command.add_argument("to", metavar="TO")
    command = add("set-var", orders.set_var, "writes a variable of a call")
    for name, said in (("call", CALL), ("name", ""), ("value", "")):
        command.add_argument(name, metavar=name.upper(), help=said)


def _order(add: Add, name: str, run: Run, said: str) -> ArgumentParser:
    command = add(name, run, said)
    command.add_argument("-y", "--yes", action="store_true", help="do not ask first")
    return command


def _state(command: ArgumentParser) -> None:
    words = ", ".join(STATE_WORDS.values())
    command.add_argument("--state", action="append", type=_state_number, metavar="STATE", help=f"only {words} (or 1 to 5); may be given several times")


def _state_number(text: str) -> int:
    for number, word in STATE_WORDS.items():
        if text.lower() in (word, str(number)):
            return number
    raise ArgumentTypeError(f"no such state: {text!r}; there are {', '.join(STATE_WORDS.values())}")


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not SHORTEST_SECONDS <= seconds < float("inf"):
        raise ArgumentTypeError(f"expected seconds, {SHORTEST_SECONDS} at least, got {text!r}")
    return seconds
