"""`./dialtap token add|list|revoke`: keys to `/RPC` from the command line. Knows arguments; what a token is, is `dashboard.rpc.tokens`' business."""

import getpass
import time
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dashboard.environment import printable
from dashboard.ingest.firstrun import prepare
from dashboard.management.oneline import OneLineCommand
from dashboard.models import ApiToken
from dashboard.rpc import tokens

COLUMNS = ("Name", "Begins", "Scope", "Rights", "Created", "By", "Last used", "Expires")


class Command(OneLineCommand):
    """Prints a new token on stdout, once; it can be read nowhere afterwards."""

    help = "Make, list and revoke API tokens, the keys to /RPC and /api."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_subparsers(dest="what", required=True, metavar="add|list|revoke")
        add = what.add_parser("add", help="make a token and print it, this once")
        add.add_argument("name", metavar="NAME", help="whose it is: monitoring, edge-1")
        add.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.READ, help="read (default), or control: may also act on calls")
        more = "may be given several times: numbers (sees whole ones, whatever [privacy] masks), audit (reads the audit log); both for /api only"
        add.add_argument("--right", action="append", choices=tokens.RIGHTS, default=[], help=more)
        add.add_argument("--days", type=int, default=0, metavar="N", help="days until it expires (default: never)")
        what.add_parser("list", help="show the tokens that are good, without themselves")
        what.add_parser("revoke", help="make a token worthless at once").add_argument("name", metavar="NAME")

    def handle(self, *_args: Any, **options: Any) -> None:
        prepare(administrator=False)
        by = f"{getpass.getuser()} (command line)"
        if options["what"] == "add":
            self.stdout.write(added(options, by))
        elif options["what"] == "list":
            self.stdout.write(table(ApiToken.objects.filter(revoked_ns=0).order_by("name"), time.time_ns()))
        elif (row := tokens.named(options["name"])) is None or not tokens.revoke(row, by=by):
            raise CommandError(f"there is no token {options['name']!r}", returncode=1)


def added(options: dict[str, Any], by: str) -> str:
    """Return a new token. Raises CommandError where it may not be made."""
    try:
        return tokens.make(options["name"], options["scope"], by=by, days=options["days"], rights=options["right"])[1]
    except tokens.TokenRefused as refused:
        raise CommandError(str(refused), returncode=2) from refused


def table(rows: Iterable[ApiToken], now_ns: int) -> str:
    """Return one line a token under a heading, columns as wide as they need to be."""
    lines = [COLUMNS, *(cells(row, now_ns) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def cells(row: ApiToken, now_ns: int) -> tuple[str, ...]:
    """Return what is shown of one token."""
    expires = day(row.expires_ns) if row.holds(now_ns) else "expired"
    return (printable(row.name), row.prefix, row.scope, row.rights or "-", day(row.created_ns), printable(row.created_by), day(row.used_ns), expires)


def day(at_ns: int) -> str:
    """Return a moment as a date (UTC), or that it never was."""
    return time.strftime("%Y-%m-%d", time.gmtime(at_ns // 10**9)) if at_ns else "never"
