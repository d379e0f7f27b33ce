"""`./dialtap run`: ingest, engine and pages in one process. Knows arguments, what is printed and the order in which things are opened."""

import socket
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dashboard.ingest.firstrun import ADMINISTRATOR, prepare
from dashboard.ingest.options import add_source_arguments, node_name, request_of
from dashboard.ingest.privileges import leave_root
from dashboard.ingest.sources import Sources, open_sources
from dashboard.management.oneline import OneLineCommand
from dialogs.control import Controller, build
from dialogs.engine import RuleError
from dialogs.taps import CaptureError, TapError


class Command(OneLineCommand):
    """Serves the pages and watches the wire."""

    help = "Watch SIP and serve the pages: taps, engine and web in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        add_source_arguments(parser)
        parser.add_argument("--bind", metavar="HOST:PORT", default=settings.DIALTAP.web.bind, help="address of the pages (default: %(default)s)")

    def handle(self, *_args: Any, **options: Any) -> None:
        # Imported here: it installs Twisted's reactor, which no other command should do.
        from dashboard.ingest.serve import BindError, listening  # noqa: PLC0415 -- slow import

        try:
            sources = open_sources(request_of(options), settings.DIALTAP)
            web = listening(options["bind"])
            controller = build(settings.DIALTAP.control)
        except (TapError, CaptureError, RuleError, BindError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        password = prepare()
        address = shown(web)
        settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, address.rpartition(":")[0]]
        lines = [f"Dialtap serves http://{address}/", *sources.lines(), *leave_root(settings.BASE_DIR, settings.VAR)]
        if password:
            lines.append(f"first administrator: {ADMINISTRATOR}, password {password} (shown once)")
        for line in lines:
            self.stdout.write(line)
        self.stdout.flush()
        self._serve(web, sources, controller)

    def _serve(self, web: socket.socket, sources: Sources, controller: Controller | None) -> None:
        from dashboard.asgi import application  # noqa: PLC0415 -- slow import
        from dashboard.ingest.loop import Ingest  # noqa: PLC0415 -- slow import
        from dashboard.ingest.serve import serve  # noqa: PLC0415 -- slow import

        ingest = Ingest(settings.DIALTAP, node_name(), sources, controller, settings.VAR / "messages")
        serve(application, web, ingest.run, ingest.stop)


def shown(web: socket.socket) -> str:
    """Return the address that the pages are served on, as it stands in a URL."""
    host, port = web.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
