"""`./dialtap ingest`: taps and engine without pages, for a capture host of its own. Knows arguments and signals."""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dashboard.feeds.process import Beside, Together
from dashboard.feeds.runner import beside_of
from dashboard.ingest.firstrun import prepare
from dashboard.ingest.handlers import Handlers
from dashboard.ingest.loop import Ingest
from dashboard.ingest.options import add_source_arguments, node_name, request_of
from dashboard.ingest.privileges import leave_root
from dashboard.ingest.sources import open_sources
from dashboard.management.oneline import OneLineCommand
from dialogs.collector import slow_down
from dialogs.control import build
from dialogs.engine import RuleError
from dialogs.taps import CaptureError, TapError


class Command(OneLineCommand):
    """Watches the wire and writes what it sees; pages are served by another process on the same database."""

    help = "Watch SIP without serving pages."

    def add_arguments(self, parser: CommandParser) -> None:
        add_source_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            sources = open_sources(request_of(options), settings.DIALTAP)
            dialog = settings.DIALTAP.dialog
            feeds = beside_of(node_name(), settings.DIALTAP)
            controller, handlers = build(settings.DIALTAP.control, dialog.dlg_extra_hdrs, settings.DIALTAP.proxy), Handlers(dialog.handlers)
        except (TapError, CaptureError, RuleError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        prepare(administrator=False)
        for line in (*sources.lines(), *leave_root(settings.BASE_DIR, settings.VAR, captures=sources.captures)):
            self.stdout.write(line)
        self.stdout.flush()
        ingest = Ingest(settings.DIALTAP, node_name(), sources, controller, settings.VAR / "messages", handlers)
        slow_down()
        asyncio.run(until_stopped(Together(ingest, feeds) if feeds else ingest))


async def until_stopped(ingest: Beside) -> None:
    """Run until SIGINT or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ingest.stop)
    await ingest.run()
