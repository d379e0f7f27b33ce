"""The product as a user starts it: `manage.py live` in a process and a folder of its own. Knows its command line, pages' login and database file."""

import http.client
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.lab.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
HOST, PORT = "127.0.0.1", 8000
URL = f"http://{HOST}:{PORT}"
ADMINISTRATOR, PASSWORD = "admin", "correct-horse-battery"


def enterable(folder: Path) -> Path:
    """Let everybody into a test's folder, and into the two above it that pytest made."""
    for each in (folder, *list(folder.parents)[:2]):
        each.chmod(0o755)
    return folder


class Dialtap:
    """One installation: configuration, database, process."""

    def __init__(self, folder: Path, configuration: str, *arguments: str, port: int = PORT) -> None:
        """`folder` must be reachable for everybody: started as root, the process gives root up."""
        self.port = port
        self._log = folder / "dialtap.log"
        self._var = folder / "var"
        self._configuration = folder / "dialtap.toml"
        self._configuration.write_text(configuration)
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start it and wait until it serves."""
        self._process = self._spawn("live", "--bind", f"{HOST}:{self.port}", *self._arguments)
        wait_until(self._serves, "Dialtap's first page", seconds=120)

    @contextmanager
    def beside(self, name: str, *arguments: str) -> Iterator[None]:
        """Run another of its processes."""
        process = self._spawn(name, *arguments)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an administrator does."""
        self._end(signal.SIGTERM)

    def add_user(self, name: str, role: str) -> None:
        """Make a user with a role of the product's own."""
        lines = (
            "from django.contrib.auth.models import Group, User",
            f"user = User.objects.create_user({name!r}, password={PASSWORD!r})",
            f"user.groups.add(Group.objects.get(name={role!r}))",
        )
        subprocess.run([*self._command("shell"), "--no-imports", "-c", "\n".join(lines)], cwd=ROOT, env=self._environment(), check=True)

    def token(self, name: str, scope: str) -> str:
        """Make a token for programs that call `/RPC`."""
        made = subprocess.run(
            [*self._command("token"), "add", name, "--scope", scope], cwd=ROOT, env=self._environment(), check=True, capture_output=True, text=True
        )
        return made.stdout.strip()

    def rows(self, query: str, *values: str) -> list[tuple[object, ...]]:
        """Ask the database directly."""
        with closing(sqlite3.connect(f"file:{self._var}/dialtap.sqlite3?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def output(self) -> str:
        """Return what it has printed and logged."""
        return self._log.read_text(errors="replace")

    def _command(self, name: str) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), name]

    def _spawn(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [*self._command(name), "--config", str(self._configuration), *arguments]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DIALTAP_", "DJANGO_"))}
        return kept | {"DIALTAP_VAR": str(self._var), "DIALTAP_CONFIG": str(self._configuration), "DIALTAP_ADMIN_PASSWORD": PASSWORD}

    def _serves(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"Dialtap ended: {self.output()[-3000:]}")
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(60)
        self._process = None
