"""A base for our commands: bad usage is one clear line. Knows argparse; knows no command."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class OneLineCommand(BaseCommand):
    """A command that answers a wrong argument with what is wrong and exit code 2; `--help` shows the usage."""

    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser under the name that people type."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.prog = f"dialtap {subcommand.replace('_', '-')}"
        setattr(parser, "print_usage", lambda file=None: None)  # noqa: B010, ARG005 -- argparse prints it before every error
        return parser
