"""What a process without the right to sniff is told. Run in a child that has given up root."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
AS_NOBODY = """
import os, sys
sys.path.insert(0, {root!r})
from dashboard.ingest.sources import Request, open_sources
from dialogs.config import Config, Tap
from dialogs.taps import TapError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    print(*open_sources(Request({interfaces!r}), Config(tap=Tap(hep=""))).lines(), sep="\\n")
except TapError as error:
    print("refused:", error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="giving up root needs root")
@pytest.mark.parametrize(
    ("interfaces", "words"), [((), "not sniffing, HEP only: to capture from an interface, run as root"), (("lo",), "refused: no permission to capture on lo")]
)
def test_process_that_may_not_sniff_is_told_how(interfaces, words):
    code = AS_NOBODY.format(root=str(ROOT), interfaces=interfaces)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout.startswith(words), done.stderr
