"""`/RPC` as an operator has it: served by real processes, ingest and pages in one and apart."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.dashboard.management.test_live import BASIC, PASSWORD, Process, get, moved

LIST = '{"jsonrpc":"2.0","method":"dlg.list","id":1}'
END = '{"jsonrpc":"2.0","method":"dlg.end_dlg","params":[1,2],"id":1}'
PLAYED = ("--speed", "1", "--pcap")
WAYS = {
    "one process": (("live", "--bind", "127.0.0.1:0", *PLAYED),),
    "two processes": (("live", "--bind", "127.0.0.1:0", "--web-only"), ("ingest", *PLAYED)),
}


def ask(url: str, question: str, **headers: str) -> tuple[int, dict]:
    """Post as `curl -d` does, which says that it sends a form; return status and answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}RPC", question.encode(), headers), timeout=30) as answer:  # noqa: S310 -- our own server
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def dialogs_in(url: str, state: int | str, seconds: float = 60.0) -> list[dict]:
    """Return dlg.list as soon as it has a dialog in this state."""
    end = time.monotonic() + seconds
    while True:
        status, answer = ask(url, LIST)
        found = answer["result"] if status == 200 else []
        if any(dialog["state"] == state for dialog in found):
            return found
        assert time.monotonic() < end, answer
        time.sleep(0.05)


@pytest.fixture
def lasting(tmp_path):
    """The recorded call, but nobody hangs up for ten minutes: it is there however late one asks."""
    capture = tmp_path / "lasting.pcap"
    capture.write_bytes(moved(Path(BASIC).read_bytes(), lambda packet: 600 if b"CSeq: 2 BYE" in packet else 0))
    return str(capture)


@pytest.fixture
def served(tmp_path, lasting, request):
    """The processes of a way, and the address that the first one serves."""
    started = [
        Process(tmp_path / "var", *arguments, *([lasting] if "--pcap" in arguments else []), DIALTAP_ADMIN_PASSWORD=PASSWORD)
        for arguments in WAYS[request.param]
    ]
    url = started[0].line(r"Dialtap serves (http://127\.0\.0\.1:\d+/)")[1]
    get(f"{url}healthz")
    yield url, started
    for process in started:
        process.process.kill()
        process.process.communicate()


SHAPES = {True: ("call-id", 4), False: ("callid", "4")}


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("exact", SHAPES)
def test_usual_curl_works_as_written_in_either_shape(tmp_path, lasting, exact):
    """The line of everybody's notes, but for the port."""
    (tmp_path / "dialtap.toml").write_text(f"[dialog]\nsockets = ['udp:127.0.0.1:5060']\nkamailio_exact = {str(exact).lower()}\n")
    process = Process(
        tmp_path / "var", "live", "--bind", "127.0.0.1:0", *PLAYED, lasting, DIALTAP_ADMIN_PASSWORD=PASSWORD, DIALTAP_CONFIG=f"{tmp_path}/dialtap.toml"
    )
    try:
        url = process.line(r"Dialtap serves (http://127\.0\.0\.1:\d+/)")[1]
        get(f"{url}healthz")
        name, state = SHAPES[exact]
        dialogs_in(url, state)
        line = f"curl -X POST {url}RPC -d '{LIST}'"
        answer = json.loads(subprocess.run(["sh", "-c", line], capture_output=True, timeout=60, check=True).stdout)
        (dialog,) = answer.pop("result")
        assert (answer, dialog[name], dialog["from_uri"]) == ({"jsonrpc": "2.0", "id": 1}, "1-2367@127.0.0.10", "sip:alice@lab.example")
    finally:
        process.process.kill()
        process.process.communicate()


@pytest.mark.parametrize("served", WAYS, indirect=True)
def test_live_calls_are_listed_and_control_needs_its_token(served, tmp_path):
    url, started = served
    (dialog,) = dialogs_in(url, 4)
    assert (dialog["from_uri"], dialog["to_uri"], dialog["caller"]["tag"]) == ("sip:alice@lab.example", "sip:5011@lab.example", "2367ft1")
    assert ask(url, END)[0] == 403
    token, _ = Process(tmp_path / "var", "token", "add", "edge-1", "--scope", "control").process.communicate()
    assert ask(url, END, Authorization=f"Bearer {token.strip()}")[0] == 404  # the command ran: there is no such dialog
    assert ask(url, LIST, Authorization="Bearer dialtap_nonsense")[0] == 401
    assert [process.end()[0] for process in started[1:]] == [0] * len(started[1:])
    if started[1:]:
        status, answer = ask(url, LIST)
        assert (status, "start ./dialtap ingest" in answer["error"]["message"]) == (503, True)
    assert started[0].end()[0] == 0
