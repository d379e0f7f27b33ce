"""`./dialtap run`: ingest, engine and pages in one process. Knows arguments, what is printed and the order in which things are opened."""

import asyncio
import socket
from typing import Any, Protocol

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dashboard.feeds.process import Together
from dashboard.feeds.runner import beside_of
from dashboard.ingest.firstrun import ADMINISTRATOR, prepare
from dashboard.ingest.handlers import Handlers
from dashboard.ingest.options import add_source_arguments, node_name, request_of
from dashboard.ingest.privileges import leave_root
from dashboard.ingest.sources import Sources, open_sources
from dashboard.management.oneline import OneLineCommand
from dialogs.collector import slow_down
from dialogs.control import build
from dialogs.engine import RuleError
from dialogs.taps import CaptureError, TapError


class Command(OneLineCommand):
    """Serves the pages and watches the wire."""

    help = "Watch SIP and serve the pages: taps, engine and web in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        add_source_arguments(parser)
        parser.add_argument("--bind", metavar="HOST:PORT", default=settings.DIALTAP.web.bind, help="address of the pages (default: %(default)s)")
        parser.add_argument("--web-only", action="store_true", help="serve the pages without capturing: `./dialtap ingest` does that on the same database")

    def handle(self, *_args: Any, **options: Any) -> None:
        # Imported here: it installs Twisted's reactor, which no other command should do.
        from dashboard.ingest.serve import BindError, listening  # noqa: PLC0415 -- slow import

        try:
            sources = opened(options)
            web = listening(options["bind"])
            dialog = settings.DIALTAP.dialog
            feeds = None if options["web_only"] else beside_of(node_name(), settings.DIALTAP)
            controller, handlers = build(settings.DIALTAP.control, dialog.dlg_extra_hdrs, settings.DIALTAP.proxy), Handlers(dialog.handlers)
        except (TapError, CaptureError, RuleError, BindError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        password = prepare()
        address = shown(web)
        settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, address.rpartition(":")[0]]
        lines = [f"Dialtap serves http://{address}/", *sources.lines(), *leave_root(settings.BASE_DIR, settings.VAR, captures=sources.captures)]
        if password:
            lines.append(f"first administrator: {ADMINISTRATOR}, password {password} (shown once)")
        for line in lines:
            self.stdout.write(line)
        self.stdout.flush()
        if options["web_only"]:
            self._serve(web, Nothing())
        else:
            from dashboard.ingest.loop import Ingest  # noqa: PLC0415 -- slow import

            ingest = Ingest(settings.DIALTAP, node_name(), sources, controller, settings.VAR / "messages", handlers)
            self._serve(web, Together(ingest, feeds) if feeds else ingest)

    def _serve(self, web: socket.socket, beside: "Beside") -> None:
        from dashboard.asgi import application  # noqa: PLC0415 -- slow import
        from dashboard.ingest.serve import serve  # noqa: PLC0415 -- slow import

        slow_down()
        serve(application, web, beside.run, beside.stop)


def opened(options: dict[str, Any]) -> Sources:
    """Open what the options ask for; nothing for the pages alone."""
    if not options["web_only"]:
        return open_sources(request_of(options), settings.DIALTAP)
    if any(options[name] for name in ("interface", "pcap", "follow", "hep", "hep_tcp", "demo")):
        raise CommandError("--web-only captures nothing: say to ./dialtap ingest what is to be captured", returncode=2)
    return Sources([], [], [], [])


class Beside(Protocol):
    """What lives beside the pages."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


class Nothing:
    """No ingest: the pages alone, until they are asked to end."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Wait for `stop`."""
        await self._stopping.wait()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()


def shown(web: socket.socket) -> str:
    """Return the address that the pages are served on, as it stands in a URL."""
    host, port = web.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
