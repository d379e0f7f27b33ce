"""Where the screen's answers come from: a real server over HTTP, which goes away and comes back, and the database itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.watch.sources import Http, Refused, Taken, Unreachable
from tests.dashboard.management.test_live import BASIC, PASSWORD, Process, get

ROOT = Path(__file__).resolve().parents[3]
LOCAL = """
import sys
from dashboard.watch.sources import Local, Refused, Unreachable
assert "django" not in sys.modules
source = Local()
frame = next(source.follow({}))
uid = {uid!r}
print(frame["snapshot"], source.ask("call", uid=uid)["call"] == uid, source.ask("pcap", uid=uid).name)
for query, name, said in ((dict(q="state ="), "", {{}}), ({{}}, "call", {{"uid": "0" * 16}})):
    try:
        source.ask(name, **said) if name else next(source.follow(query))
    except Refused as refused:
        print(str(refused)[:32])
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with a recorded call, and its address."""
    var = tmp_path_factory.mktemp("served")
    running = Process(var, "live", "--bind", "127.0.0.1:0", "--speed", "max", "--pcap", BASIC, DIALTAP_ADMIN_PASSWORD=PASSWORD)
    url = running.line(r"Dialtap serves (http://127\.0\.0\.1:\d+/)")[1]
    get(f"{url}healthz")
    yield var, url
    running.process.kill()
    running.process.communicate()


def uid_of(url):
    """Return the recorded call, once it is there."""
    import time  # noqa: PLC0415

    from httpx import get as fetch  # noqa: PLC0415

    end = time.monotonic() + 60
    while not (calls := fetch(f"{url}api/v1/calls").json()["calls"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    return calls[0]["call"]


def test_answers_over_http(served):
    _, url = served
    uid = uid_of(url)
    source = Http(url, "")
    frame = next(source.follow({}))
    assert (frame["snapshot"], frame["calls"], frame["total"]) == (True, [], 0)
    assert source.ask("call", uid=uid)["call"] == uid
    assert len(source.ask("messages", uid=uid)["messages"]) == len(source.ask("ladder", uid=uid, kind="json")["steps"])
    taken = source.ask("pcap", uid=uid)
    assert (isinstance(taken, Taken), taken[:4], taken.name.endswith(".pcapng")) == (True, b"\x0a\x0d\x0d\x0a", True)


def test_refusals_over_http(served):
    _, url = served
    source = Http(url, "")
    with pytest.raises(Refused, match="column 8"):
        next(source.follow({"q": "state ="}))
    with pytest.raises(Refused, match="scope control"):
        source.ask("end", uid=uid_of(url), reason="test")
    with pytest.raises(Refused, match="no call of this name"):
        source.ask("call", uid="../../taps")
    with pytest.raises(Refused, match="not known, expired or revoked"):
        Http(url, "x").ask("call", uid="0")
    with pytest.raises(Refused, match="no API of Dialtap"):
        Http(f"{url}healthz", "").ask("call", uid="0")


def test_nobody_at_the_address_is_worth_another_try():
    source = Http("http://127.0.0.1:9", "")
    for ask in (lambda: next(source.follow({})), lambda: source.ask("call", uid="0")):
        with pytest.raises(Unreachable, match="does not answer"):
            ask()


def test_answers_from_the_database_in_a_process_without_django(served):
    var, url = served
    environment = os.environ | {"DIALTAP_VAR": str(var), "PYTHONPATH": str(ROOT)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    uid = uid_of(url)
    done = subprocess.run([sys.executable, "-c", LOCAL.format(uid=uid)], env=environment, capture_output=True, text=True, check=True, timeout=120)
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["True", "True"]
    assert lines[1:] == ["the query cannot be understood: ", "there is no call of this name (a"]
