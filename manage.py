#!/usr/bin/env python3
"""Runs a management command. Chooses the configuration file before Django reads its settings; knows no command itself."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from dialogs.configfile import ConfigError
from dialogs.taps.demo import DEMO_CONFIG


def configuration_argument(argv: list[str]) -> str | None:
    """Return the configuration file that this command line names: `--config FILE`, `--config=FILE`, `check_config FILE`."""
    arguments = argv[1:]
    if "--demo" in arguments and not any(text.startswith("--config") for text in arguments):
        return str(DEMO_CONFIG)
    if arguments[:1] == ["check_config"]:
        return next((text for text in arguments[1:] if not text.startswith("-")), None)
    for index, text in enumerate(arguments):
        if text == "--":
            break
        if text == "--config" and index + 1 < len(arguments):
            return arguments[index + 1]
        if text.startswith("--config="):
            return text.partition("=")[2]
    return None


def main(argv: list[str]) -> None:
    """Run the command; a mistake in the configuration is one line and exit code 2 (1 from check_config)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    chosen = configuration_argument(argv)
    if chosen is not None:
        os.environ["DIALTAP_CONFIG"] = chosen
    try:
        execute_from_command_line(argv)
    except (ConfigError, ImproperlyConfigured) as error:
        print(error, file=sys.stderr)
        sys.exit(1 if argv[1:2] == ["check_config"] else 2)


if __name__ == "__main__":
    main(sys.argv)
