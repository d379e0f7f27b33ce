"""`/RPC` of a big node while messages come in: the whole list over HTTP without a stall, and the figures that scripts poll."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from statistics import median

import pytest

from tests import figures
from tests.soak.test_rpc import DIALOGS, LIST_SECONDS, POLL_SECONDS, POLLS, RATE, STALL_SECONDS, STEP


def asked(connection, method, *params):
    """Return (seconds, bytes) of one answer."""
    began = time.perf_counter()
    connection.request("POST", "/RPC", json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}))
    answer = connection.getresponse()
    size = len(answer.read())
    assert answer.status == 200
    return time.perf_counter() - began, size


@pytest.mark.soak
def test_hundred_thousand_dialogs_are_listed_over_http_without_a_stall():
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    process = subprocess.Popen([sys.executable, "-m", "tests.soak.rpc_served"], env=env, stdout=subprocess.PIPE, text=True)
    port, _ready = int(process.stdout.readline()), process.stdout.readline()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    polls = {method: [] for method in ("dlg.stats_active", "dlg.profile_get_size")}
    for _ in range(POLLS):
        time.sleep(STEP)  # a script's own pace
        polls["dlg.stats_active"].append(asked(connection, "dlg.stats_active")[0])
        polls["dlg.profile_get_size"].append(asked(connection, "dlg.profile_get_size", "caller", "sip:a7@example.org")[0])
    seconds, size = asked(connection, "dlg.list")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    connection.close()
    ended = json.loads(said)
    middle = {method: round(median(took) * 1000, 2) for method, took in polls.items()}
    figures.report(
        "rpc-http",
        {
            "what": f"{DIALOGS:,} live dialogs; {RATE:,} messages a second come in; ingest and pages in one process",
            "dlg.list": {"seconds": round(seconds, 2), "MB": round(size / 1e6), "longest stall of the loop, ms": round(ended["stall"] * 1000, 1)},
            "median of 200, ms": middle,
            "slowest of 200, ms": {method: round(max(took) * 1000, 2) for method, took in polls.items()},
            "messages taken meanwhile": ended["sent"],
        },
    )
    assert seconds < LIST_SECONDS
    assert ended["stall"] < STALL_SECONDS
    assert max(middle.values()) < POLL_SECONDS * 1000
