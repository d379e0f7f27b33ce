"""`manage.py open_capture`: reads a capture file that was opened in the browser. Knows limits of processes; reading is `ingest.opening`'s."""

import os
import resource
from typing import Any

from django.core.management.base import CommandParser

from dashboard.ingest.opening import read_file
from dashboard.management.oneline import OneLineCommand
from dashboard.workspace import store
from dashboard.workspace.store import Progress
from dialogs.collector import slow_down

MEMORY = 3 << 30
SECONDS = 1800
"Of the processor."


class Command(OneLineCommand):
    """Reads one opened file, with little of the machine."""

    help = "Read a capture file that was opened in the browser (the pages start this)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ident", help="its name under var/files/")

    def handle(self, *_args: Any, **options: Any) -> None:
        os.nice(10)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        slow_down()
        if store.find(options["ident"]) is None:
            return  # closed meanwhile
        try:
            read_file(options["ident"])
        except Exception as error:
            store.report(options["ident"], Progress("failed", words=f"The file could not be read: {type(error).__name__}"))
            raise
