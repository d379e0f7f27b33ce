"""`replay` over ten times as many messages: each costs the same, and memory follows the calls that are up, not the file."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.bench.traffic import write
from tests.figures import report

pytestmark = pytest.mark.soak

ROOT = Path(__file__).resolve().parents[2]
SIZES = (100_000, 1_000_000)
COST, MEMORY = 1.25, 1.25
"What a message of the greater file may cost, and what the whole may hold, in multiples of the smaller file's."


class Run(NamedTuple):
    """One whole process."""

    messages: int
    cpu_s: float
    peak_mb: float


def replayed(folder: Path, size: int) -> Run:
    capture = folder / f"{size}.pcap"
    messages = write(capture, size)
    process = subprocess.Popen([sys.executable, "manage.py", "replay", "--stats", str(capture)], cwd=ROOT, stdout=subprocess.DEVNULL)
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    capture.unlink()
    assert process.returncode == 0
    return Run(messages, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def test_cost_and_memory_are_flat(tmp_path: Path) -> None:
    small, great = (replayed(tmp_path, size) for size in SIZES)
    costs = [run.cpu_s / run.messages for run in (small, great)]
    figures: dict[str, object] = {
        "what": "./dialtap replay --stats over generated files (tests/bench/traffic.py, 20 calls a second): whole processes, start included",
        "runs": [
            {
                "messages": run.messages,
                "cpu_s": round(run.cpu_s, 2),
                "messages_per_cpu_second": round(run.messages / run.cpu_s),
                "peak_rss_mb": round(run.peak_mb, 1),
            }
            for run in (small, great)
        ],
        "cost_ratio": round(costs[1] / costs[0], 2),
        "memory_ratio": round(great.peak_mb / small.peak_mb, 2),
    }
    report("replay-flat", figures)
    assert costs[1] <= costs[0] * COST
    assert great.peak_mb <= small.peak_mb * MEMORY
