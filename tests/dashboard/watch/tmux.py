"""`./dialtap watch` in a real terminal: tmux holds its screen, keys are typed, what stands there is read. Knows tmux; knows no call."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60


class Screen:
    """A terminal of 80x24 with the command in it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *arguments: str) -> None:
        """`folder`: for tmux's socket; its path must be short."""
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", os.devnull]
        command = [sys.executable, "-P", "-m", "dashboard.watch", *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DIALTAP_", "DJANGO_", "COV_"))}
        held = kept | {"PYTHONPATH": str(ROOT)} | dict(environment)
        self._do("new-session", "-d", "-s", "t", "-x", "80", "-y", "24", "env", "PS1=ready$ ", "sh", environment=held, folder=folder)
        self.until("ready$")
        self._do("send-keys", "-t", "t", "-l", " ".join([*(f"'{word}'" for word in command), "; echo ended $?"]))
        self.type("Enter")

    def type(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        for key in keys:
            self._do("send-keys", "-t", "t", key)

    def write(self, text: str) -> None:
        """Type a text."""
        self._do("send-keys", "-t", "t", "-l", text)

    def lines(self) -> list[str]:
        """Return what stands there."""
        return [line.rstrip() for line in self._do("capture-pane", "-p", "-t", "t").splitlines()]

    def until(self, *wanted: str, without: str = "") -> list[str]:
        """Wait until all these texts stand there, and another does not; returns the lines."""
        end = time.monotonic() + SECONDS
        while True:
            found = self.lines()
            text = "\n".join(found)
            if all(word in text for word in wanted) and not (without and without in text):
                return found
            assert time.monotonic() < end, f"{wanted} {without!r}:\n{text}"
            time.sleep(0.05)

    def resize(self, columns: int, lines: int) -> None:
        """Have the terminal another size."""
        self._do("resize-window", "-t", "t", "-x", str(columns), "-y", str(lines))

    def close(self) -> None:
        """End tmux with all that is in it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def _do(self, *arguments: str, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
        done = subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True, env=environment, cwd=folder)
        return done.stdout
