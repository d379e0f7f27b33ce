"""`./dialtap watch`: the live calls on a terminal. Knows only where it is done: `dashboard.watch`, which the launcher starts without Django."""

import sys

from django.core.management.base import BaseCommand

from dashboard.watch.main import main


class Command(BaseCommand):
    """Shows the calls; here so that `manage.py help` lists it, and for those who start it through Django."""

    help = "Show the live calls on the whole terminal (./dialtap watch --help)."

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(main(argv[2:]))
