"""A million call records exported: memory stays flat, and there are as many as the screen says. Figures."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from django.db import connection

from dashboard.history.cdr import PAGES
from dashboard.history.rows import upsert_sql
from dashboard.models import DialogRow
from tests.dashboard.history.many import ROWS, million
from tests.figures import report

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.soak, pytest.mark.figures]
GROWTH_MB = 25
"What a million records may cost more than a thousand."


class Run(NamedTuple):
    """One `./dialtap cdr`."""

    lines: int
    megabytes: float
    seconds: float
    peak_mb: float


def exported(folder: Path, file: Path, *arguments: str) -> Run:
    """Run the command in a process of its own and measure it."""
    environment = {"DIALTAP_VAR": str(folder), "DIALTAP_CONFIG": os.devnull, "PATH": os.environ["PATH"]}
    begun = time.perf_counter()
    process, peak = subprocess.Popen([sys.executable, "manage.py", "cdr", "--output", str(file), *arguments], cwd=ROOT, env=environment), 0.0
    while process.poll() is None:  # what wait4 tells begins with what this very process holds: a child is its copy until it runs its program
        peak = max(peak, held(process.pid))
        time.sleep(0.01)
    assert process.returncode == 0
    with file.open("rb") as lines:
        count = sum(1 for _ in lines)
    return Run(count, file.stat().st_size / 1e6, time.perf_counter() - begun, peak)


def held(pid: int) -> float:
    """Return the most that a process has held so far, in MB; 0 when it has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="copies SQLite's file")
def test_a_million_records_are_exported_with_flat_memory(tmp_path: Path) -> None:
    with connection.cursor() as cursor:
        for batch in million():
            cursor.executemany(upsert_sql(connection.vendor), batch)
        cursor.execute("VACUUM INTO %s", [str(tmp_path / "dialtap.sqlite3")])
    assert DialogRow.objects.count() == ROWS
    figures: dict[str, object] = {"what": "./dialtap cdr over generated calls: whole processes, start included", "rows": ROWS}
    small = exported(tmp_path, tmp_path / "small.csv", "--when", "2026-11-21 20:00..2026-11-21 20:30")
    assert 0 < small.lines < 2000
    for kind in PAGES:
        run = exported(tmp_path, tmp_path / f"all.{kind}", "--format", kind)
        assert run.lines == ROWS + {"csv": 1, "json": 2, "ndjson": 0}[kind]
        figures[kind] = {name: round(value, 1) for name, value in run._asdict().items()}
        assert run.peak_mb - small.peak_mb < GROWTH_MB
        (tmp_path / f"all.{kind}").unlink()
    failed = exported(tmp_path, tmp_path / "failed.csv", "state = failed", "--names", "kamailio")
    assert failed.lines - 1 == DialogRow.objects.filter(state=5, end_code__gt=0).count()
    figures |= {"peak_mb_of_a_few": round(small.peak_mb, 1), "failed": failed.lines - 1}
    report("cdr-million", figures)
