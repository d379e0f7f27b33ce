"""The command line's one entry: arguments in, exit code out. Knows how failures are said; knows no command."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from dashboard.terminal.arguments import parse
from dashboard.terminal.door import Door
from dashboard.terminal.errors import Failure
from dashboard.terminal.output import note
from dashboard.terminal.where import socket_path

INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code (`dashboard.terminal.errors`)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a locale without these letters shows their numbers
    try:
        asked = parse(argv)
        asked.run(Door(socket_path(asked.socket, asked.config)), asked)
        sys.stdout.flush()
    except Failure as failure:
        note(f"dialtap dlg: {failure}")
        return failure.code
    except BrokenPipeError:  # `dlg list | head`: its reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
