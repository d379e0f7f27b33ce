"""A command in a terminal of its own: what it draws, what it leaves behind."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from select import select

from tests.dashboard.terminal.test_main import DLG, ROOT

DEADLINE_SECONDS = 60
OWN_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"Makes its standard input the terminal that Ctrl-C comes from, then becomes the command."


class Terminal:
    """A pseudo terminal with a command in it; `drawn` is everything it wrote."""

    def __init__(self, *arguments: str | Path, columns: int = 80, lines: int = 24, **environment: str) -> None:
        self._ours, self._its = pty.openpty()
        self.resize(columns, lines)
        self.modes = termios.tcgetattr(self._its)
        self.drawn = b""
        held = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *DLG, *arguments],
            cwd=ROOT,
            env={**held, "TERM": "xterm-256color", **environment},
            stdin=self._its,
            stdout=self._its,
            stderr=self._its,
            start_new_session=True,
        )

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, wanted: bytes) -> bytes:
        """Read until something was drawn; returns what was drawn since the last call."""
        return self._read(lambda new: wanted in new)

    def end(self) -> int:
        """Read all until the command ended; returns its exit code."""
        self._read(lambda _: self.process.poll() is not None)
        while select([self._ours], [], [], 0)[0]:
            self.drawn += os.read(self._ours, 1 << 16)
        return self.process.wait(DEADLINE_SECONDS)

    def _read(self, enough: Callable[[bytes], bool]) -> bytes:
        until, before = time.monotonic() + DEADLINE_SECONDS, len(self.drawn)
        while not enough(self.drawn[before:]):
            assert time.monotonic() < until, self.drawn[before:]
            if select([self._ours], [], [], 0.05)[0]:
                self.drawn += os.read(self._ours, 1 << 16)
        return self.drawn[before:]

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    @property
    def is_restored(self) -> bool:
        """Whether the terminal's modes are those from before, and the last word about screen and cursor gave both back."""
        alternate = self.drawn.rfind(b"\x1b[?1049l") > self.drawn.rfind(b"\x1b[?1049h")
        cursor = self.drawn.rfind(b"\x1b[?25h") > self.drawn.rfind(b"\x1b[?25l")
        return alternate and cursor and termios.tcgetattr(self._its) == self.modes

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._its)
