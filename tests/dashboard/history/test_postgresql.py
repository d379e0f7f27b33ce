"""The tests of what is written and read back, on a PostgreSQL server of their own; skipped, with the reason, where there is none."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TESTS = (
    "dashboard/feeds/test_nightly.py",
    "dashboard/feeds/test_stream.py",
    "dashboard/history/test_outbox.py",
    "dashboard/history/test_recorder.py",
    "dashboard/history/test_retention.py",
    "dashboard/history/test_search.py",
    "dashboard/ingest/test_modes.py",
)
PERSON = {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}
"The server refuses to run as root."


def program(name: str) -> Path | None:
    """Return where a program of the server is: on the path, or where Debian has it."""
    places = [*(Path(found) for found in [shutil.which(name)] if found), *sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)]
    return next(iter(places), None)


@pytest.fixture
def server() -> Iterator[str]:
    """A server that listens in a folder of its own; its URL."""
    initdb, control = program("initdb"), program("pg_ctl")
    if initdb is None or control is None or importlib.util.find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL server, or no psycopg, here")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if PERSON:
        shutil.chown(folder, "nobody")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    start = [control, "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start"]
    try:
        for command in ([initdb, "-D", folder / "data", "-U", "dialtap", "-A", "trust", "-E", "UTF8", "--no-sync"], start):
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **PERSON)
        yield f"postgres://dialtap@/postgres?host={folder}"
    finally:
        subprocess.run([control, "-D", folder / "data", "-m", "immediate", "stop"], cwd=folder, check=False, stdout=subprocess.DEVNULL, **PERSON)
        shutil.rmtree(folder)


def test_what_is_written_is_read_back_from_postgresql_too(server: str) -> None:
    # --reuse-db: the server goes with its databases, whoever still holds a connection
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--reuse-db", *(str(ROOT / "tests" / path) for path in TESTS)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"DIALTAP_TEST_DATABASE_URL": server}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout.splitlines()[-1]
