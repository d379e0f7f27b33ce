"""`check-config [FILE]`: reads a configuration and says what is wrong with it. Changes nothing."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.history.outbox import FeedError, Outbox
from dialogs import configfile


class Command(BaseCommand):
    """Exit code 0 and "FILE: no mistakes", or 1 and the first mistake."""

    help = "Checks a configuration file: the given one, else DIALTAP_CONFIG, else dialtap.toml beside manage.py."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="", metavar="FILE")

    def handle(self, *_args: object, **options: Any) -> None:
        path = configfile.find(settings.BASE_DIR, options["file"] or os.environ.get("DIALTAP_CONFIG", ""))
        try:
            Outbox(configfile.load(path))  # its queries too
        except (configfile.ConfigError, FeedError) as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(f"{path}: no mistakes" if path else f"no {configfile.FILE_NAME}: every key has its default")
