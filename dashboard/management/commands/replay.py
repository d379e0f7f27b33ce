"""`./dialtap replay`: the engine over capture files. Knows arguments, the terminal and exit codes; the answers are made in `dialogs.replay`.

Stdout is the answer alone; progress and warnings go to stderr. Exit 0, also for a capture cut in its middle; 2 with one line for what the user can mend.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dashboard.management.oneline import OneLineCommand
from dialogs.collector import slow_down
from dialogs.engine import Engine, RuleError
from dialogs.engine.states import State
from dialogs.replay import ReplayError, WireReport, parse_times, snapshots
from dialogs.taps import CaptureError, CaptureFile, Captures, open_recording

STATE_WORDS = {State.UNCONFIRMED: "Setting up", State.EARLY: "Ringing", State.CONFIRMED_NA: "No ACK", State.CONFIRMED: "In call", State.DELETED: "Ended"}


class Command(OneLineCommand):
    """Runs captures through the dialog engine."""

    help = "Run capture files through the dialog engine and print what it makes of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="pcap or pcapng, also .gz and .zst, or a folder of them; - is standard input")
        parser.add_argument("--config", metavar="F", help="dialtap.toml")
        parser.add_argument("--at", metavar="F", type=Path, help="file of moments (epoch seconds, ascending): one JSON line each, as Kamailio would answer")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
        parser.add_argument("--stats", action="store_true", help="counts only; memory stays bounded by the live dialogs")

    def handle(self, *_args: Any, **options: Any) -> None:
        slow_down()
        try:
            source, notes = open_recording(options["files"])
            for line in notes:
                self.stderr.write(line)
            if options["at"] is not None:
                self._at(source, options["at"])
            else:
                self._whole(source, options)
        except (CaptureError, ReplayError, RuleError, OSError) as error:
            raise CommandError(str(error), returncode=2) from error
        for file in source.files if isinstance(source, Captures) else [source]:
            if file.truncated:
                self.stderr.write(f"{file.path}: the capture is cut or damaged; what came before it was read")

    def _at(self, source: CaptureFile | Captures, moments: Path) -> None:
        times = parse_times(moments.read_text(encoding="utf-8", errors="replace"))
        for answer in snapshots(Engine(settings.DIALTAP), source, times):
            self.stdout.write(msgspec.json.encode(answer).decode())

    def _whole(self, source: CaptureFile | Captures, options: dict[str, Any]) -> None:
        report = WireReport(settings.DIALTAP, counts_only=options["stats"])
        report.feed(source, progress if sys.stderr.isatty() else None)
        if sys.stderr.isatty():
            self.stderr.write("\r\033[K", ending="")
        answer = report.answer()
        if options["json"]:
            self.stdout.write(msgspec.json.encode(answer).decode())
        elif options["stats"]:
            self.stdout.write(counts_text(answer))
        else:
            self.stdout.write(table(answer))


def progress(packets: int) -> None:
    """Show how far the reading is, on a terminal."""
    with suppress(BrokenPipeError):
        sys.stderr.write(f"\r{packets:,} packets")
        sys.stderr.flush()


def counts_text(answer: dict[str, Any]) -> str:
    """Return the counts, one a line."""
    stats = answer["stats"]
    lines = [(name, answer[name]) for name in ("packets", "messages", "calls", "late_joins", "anomalies", "seconds")]
    lines += [(name, stats[name]) for name in ("processed", "failed", "expired")]
    lines += [(name.lower(), number) for name, number in stats["states"].items()]
    return "\n".join(f"{name:<14}{number:>14,}" for name, number in lines)


def clip(value: str, width: int) -> str:
    """Return a text in exactly this width, cut with an ellipsis."""
    return value.ljust(width) if len(value) <= width else value[: width - 1] + "\N{HORIZONTAL ELLIPSIS}"


def row(dialog: dict[str, Any]) -> str:
    """Return one line of the table for people."""
    word = STATE_WORDS[State(dialog["state"])]
    if dialog["end_code"]:
        word = f"Failed {dialog['end_code']}"
    seconds = dialog["duration"]
    length = f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}" if dialog["start_ts"] else ""
    columns = (clip(word, 11), length.rjust(8), clip(dialog["from_uri"], 34), clip(dialog["to_uri"], 34), clip(dialog["ended_by"], 8))
    return "  ".join((*columns, dialog["call-id"][:60]))


def table(answer: dict[str, Any]) -> str:
    """Return the dialogs as a table and the counts beneath it."""
    head = "  ".join((clip("State", 11), "Talk".rjust(8), clip("Caller", 34), clip("Callee", 34), clip("Ended by", 8), "Call-ID"))
    foot = f"{answer['messages']:,} messages, {answer['calls']:,} calls, {len(answer['dialogs']):,} dialogs, {answer['anomalies']:,} anomalies"
    return "\n".join([head, *(row(dialog) for dialog in answer["dialogs"]), "", foot])
