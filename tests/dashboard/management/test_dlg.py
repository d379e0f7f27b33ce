"""`dlg` and `ingest` as two processes that agree where the socket is."""

import os
import subprocess
import time

import pytest

from tests.dashboard.management.test_live import BASIC, ROOT, Process
from tests.dashboard.terminal.test_main import DLG

DEADLINE_SECONDS = 120


def asked(var, config, *arguments):
    """Return (exit code, stdout) of the command line."""
    env = os.environ | {"DIALTAP_VAR": str(var), "DIALTAP_CONFIG": str(config)}
    done = subprocess.run([*DLG, *arguments], cwd=ROOT, env=env, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout


def until(expected, *question):
    """Ask until the answer comes."""
    end = time.monotonic() + DEADLINE_SECONDS
    while (found := asked(*question)) != expected:
        assert time.monotonic() < end, found


@pytest.mark.parametrize("text", ["", "[rpc]\nsocket = 'other'\n"])
def test_running_ingest_is_asked_without_saying_where(place, text):
    config, var = place / "dialtap.toml", place / "var"
    config.write_text(text)
    place.chmod(0o755)  # the ingest gives up root
    ingest = Process(var, "ingest", "--pcap", BASIC, "--loop", DIALTAP_CONFIG=str(config))
    try:
        until((0, "1\n"), var, config, "count")
        assert (var / ("other" if text else "dialtap.sock")).is_socket()
        ingest.end()
        assert asked(var, config, "count") == (3, "")
    finally:
        ingest.process.kill()
        ingest.process.communicate()
