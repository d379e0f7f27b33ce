"""The product's `ingest` in a process of its own, which may be killed and started again. Knows its command line, its door and its database file."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from dashboard.terminal.door import Door
from dashboard.terminal.errors import NoIngest

from .waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Ingesting:
    """One installation without pages. `folder` must be reachable for everybody: started as root, the process gives root up."""

    def __init__(self, folder: Path, configuration: str) -> None:
        self._log = folder / "ingest.log"
        self._var = folder / "var"
        self._configuration = folder / "dialtap.toml"
        self._configuration.write_text(configuration)
        self._process: subprocess.Popen[bytes] | None = None
        self.door = Door(self._var / "dialtap.sock")

    def start(self, dies_at: str = "") -> None:
        """Start it and wait until it answers. `dies_at`: a point of `dies_at.POINTS` at which it is to end."""
        run = (str(ROOT / "manage.py"),) if not dies_at else ("-m", "tests.lab.dies_at", dies_at)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DIALTAP_", "DJANGO_"))}
        env = kept | {"DIALTAP_VAR": str(self._var), "DIALTAP_CONFIG": str(self._configuration)}
        with self._log.open("ab") as log:
            command = [sys.executable, *run, "ingest", "--interface", "lo"]
            self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, "the ingest's first answer", seconds=60)

    def died(self, seconds: float = 30) -> bool:
        """Wait for its end and return whether it was killed."""
        assert self._process is not None
        return self._process.wait(seconds) == -signal.SIGKILL

    def stop(self) -> None:
        """End it as an administrator does; without effect when it has ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)

    def rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Ask the database directly; nothing while there is none."""
        with closing(sqlite3.connect(f"file:{self._var}/dialtap.sqlite3?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def output(self) -> str:
        """Return what it has printed and logged."""
        return self._log.read_text(errors="replace")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"the ingest ended: {self.output()[-3000:]}")
        try:
            return self.door.ask("core.version").fault is None
        except NoIngest:
            return False
