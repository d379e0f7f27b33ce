"""Long answers and slow readers, on a real server."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dashboard.ingest.paced import PIECE, PIECES

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def served(request):
    """A server's process and its port; the parameter: seconds that it waits for a reader."""
    process = subprocess.Popen([sys.executable, "-m", "tests.dashboard.ingest.paced", request.param], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    yield process, int(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=60)


def sent(process):
    """Return how many pieces of an answer went out."""
    return next(int(line) for line in process.stdout if line.strip().isdigit())  # log lines in between


def asked(port):
    """Ask for the answer; what comes is left where it is."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.settimeout(60)
    client.connect(("127.0.0.1", port))
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    return client


@pytest.mark.parametrize("served", ["60"], indirect=True)
def test_reader_gets_all_of_a_long_answer(served):
    process, port = served
    with asked(port) as client, client.makefile("rb") as answer:
        head, _, body = answer.read().partition(b"\r\n\r\n")
    assert (head[:15], len(body)) == (b"HTTP/1.0 200 OK", PIECE * PIECES)
    assert sent(process) == PIECES


@pytest.mark.parametrize("served", ["0.3"], indirect=True)
def test_answer_waits_for_its_reader_and_leaves_one_that_does_not_read(served):
    process, port = served
    with asked(port):
        assert 0 < sent(process) < PIECES / 2
