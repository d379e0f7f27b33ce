"""`./dialtap dlg`: the running ingest from a command line. Knows only where it is done: `dashboard.terminal`, which the launcher starts without Django."""

import sys

from django.core.management.base import BaseCommand

from dashboard.terminal.main import main


class Command(BaseCommand):
    """Asks the running ingest; here so that `manage.py help` lists it, and for those who start it through Django."""

    help = "Ask the running ingest about its calls, and order (./dialtap dlg --help)."

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(main(argv[2:]))
