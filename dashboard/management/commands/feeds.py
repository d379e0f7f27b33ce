"""`./dialtap feeds`: how receivers stand, what nobody took, another try. `run` is what `./dialtap run` starts beside itself. Knows arguments."""

import asyncio
import getpass
import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dashboard.environment import printable
from dashboard.feeds.dead import NoLetter, drop, letters, retry
from dashboard.feeds.runner import Feeds, alone
from dashboard.history.export import iso
from dashboard.history.fed import Fed, figures
from dashboard.history.outbox import FeedError
from dashboard.ingest.firstrun import prepare
from dashboard.ingest.options import node_name
from dashboard.management.oneline import OneLineCommand
from dialogs.collector import slow_down


class Command(OneLineCommand):
    """Prints a line a receiver, or a line a dead letter."""

    help = "Webhooks and event files: how they stand (list), what nobody took (dead), have it sent again (retry), drop it (drop)."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_subparsers(dest="what", required=True, metavar="list|dead|retry|drop|run")
        what.add_parser("list", help="every receiver: sent, waiting, dead, failing since when")
        what.add_parser("dead", help="the events that a receiver did not take").add_argument("receiver", metavar="RECEIVER", nargs="?", default="")
        for name, said in (("retry", "have dead letters sent again"), ("drop", "delete dead letters")):
            command = what.add_parser(name, help=said)
            command.add_argument("receiver", metavar="RECEIVER", help="webhook:NAME")
            command.add_argument("number", metavar="NUMBER|all", help="of `feeds dead`, or all")
        run = what.add_parser("run", help="send what there is; ./dialtap run and ./dialtap ingest start it by themselves")
        run.add_argument("--node", default=node_name(), help="whose events (default: %(default)s)")
        run.add_argument("--until-stdin-closes", action="store_true", help="end when whoever started it ends")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["what"] == "run":
                self._run(options)
                return
            prepare(administrator=False)
            if options["what"] == "list":
                self.stdout.write("\n".join(["\t".join(Fed._fields), *(shown(fed) for fed in figures())]))
            elif options["what"] == "dead":
                for letter in letters(options["receiver"]):
                    parts = (letter.pk, letter.receiver, letter.revision, letter.event, letter.uid, letter.tries, iso(letter.at_ns), letter.error)
                    self.stdout.write("\t".join(printable(str(part)) or "-" for part in parts))
            else:
                act = retry if options["what"] == "retry" else drop
                count = act(options["receiver"], options["number"], by=f"{getpass.getuser()} (command line)")
                self.stdout.write(f"{count} {'to be sent again' if act is retry else 'dropped'}")
        except FeedError as error:
            raise CommandError(str(error), returncode=2) from error
        except NoLetter as error:
            raise CommandError(str(error), returncode=1) from error

    def _run(self, options: dict[str, Any]) -> None:
        os.nice(5)  # the taps go first
        with alone(options["node"]):
            feeds = Feeds(options["node"], settings.DIALTAP)
            slow_down()
            asyncio.run(until_stopped(feeds, with_stdin=options["until_stdin_closes"]))


async def until_stopped(feeds: Feeds, *, with_stdin: bool) -> None:
    """Run until SIGINT, SIGTERM, or the end of standard input."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, feeds.stop)
    if with_stdin:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us: there is still something to come
        loop.add_reader(sys.stdin.fileno(), _closed, feeds)
    await feeds.run()


def _closed(feeds: Feeds) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        feeds.stop()


def shown(fed: Fed) -> str:
    """Return a receiver as a line; times as ISO 8601."""
    times = {name: iso(getattr(fed, name)) for name in ("failing_ns", "sent_ns", "at_ns")}
    return "\t".join(printable(str(value)) or "-" for value in (fed._asdict() | times).values())
