"""`./dialtap cdr`: call records to standard output or a file, as the download of the history page has them. Knows arguments."""

import sys
import time
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from dashboard.environment import printable
from dashboard.history.cdr import FORMATS, NAMES, PAGES, columns_of, write_file
from dashboard.history.search import question
from dashboard.management.oneline import OneLineCommand
from dashboard.privacy import CLEAR, MASKED
from dialogs.configvalues import is_time_zone


class Command(OneLineCommand):
    """Streams: memory stays flat however many calls there are."""

    help = "Write call records: what the history page finds for the same query."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("query", nargs="?", default="", metavar="QUERY", help="query or plain words, as on the history page (default: all calls)")
        parser.add_argument("--when", default="", metavar="TIME", help='when they began: yesterday, "2026-03-29 14:00..14:10"')
        parser.add_argument("--zone", default="", metavar="ZONE", help="zone of all times, such as Europe/Berlin (default: that of the pages)")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--names", choices=[name for name in NAMES if name], default="", help="kamailio: the columns of its acc module")
        parser.add_argument("--masked", action="store_true", help="mask numbers, as for those who may not see whole ones")
        parser.add_argument("--output", metavar="FILE", default="", help="file that is there as a whole or not at all (default: standard output)")

    def handle(self, *_args: Any, **options: Any) -> None:
        zone = options["zone"] or settings.TIME_ZONE
        if not is_time_zone(zone):
            raise CommandError(f"--zone: there is no time zone {zone!r}", returncode=2)
        asked = question(options["query"], options["when"], zone)
        if (problem := asked.problem) is not None:
            raise CommandError(f"{problem.text}: {problem.problem}", returncode=2)
        where = UTC if zone == "UTC" else ZoneInfo(zone)
        policy = MASKED if options["masked"] else CLEAR
        pieces = PAGES[options["format"]](asked.calls(time.time_ns()), where, policy, columns_of(options["names"]))
        try:
            if options["output"]:
                write_file(Path(options["output"]), pieces)
                return
            on_terminal = sys.stdout.isatty()
            for piece in pieces:
                sys.stdout.write("".join(f"{printable(line)}\n" for line in piece.splitlines()) if on_terminal else piece)
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stderr.close()  # `| head`: its reader has enough
        except (OSError, DatabaseError) as error:
            raise CommandError(f"{options['output'] or 'call records'}: {error}", returncode=1) from error
