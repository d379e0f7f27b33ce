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


def connected(port):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.settimeout(60)
    client.connect(("127.0.0.1", port))
    return client


def asked(port):
    """Ask for the answer; what comes is left where it is."""
    client = connected(port)
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


def opened(port):
    """Open a WebSocket; what comes is left where it is."""
    client = connected(port)
    head = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    client.sendall(f"{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    return client


@pytest.mark.parametrize("served", ["60"], indirect=True)
def test_program_gets_all_frames(served):
    process, port = served
    with opened(port) as client, client.makefile("rb") as answer:
        while answer.readline() != b"\r\n":  # the head of the answer
            pass
        got = 0
        while answer.read(1) == b"\x82":  # a whole binary frame
            size = answer.read(1)[0]
            size = int.from_bytes(answer.read(8 if size == 127 else 2)) if size > 125 else size
            got += len(answer.read(size))
    assert got == PIECE * PIECES
    assert sent(process) == PIECES


@pytest.mark.parametrize("served", ["0.3"], indirect=True)
def test_frames_wait_for_their_reader_and_leave_one_that_does_not_read(served):
    process, port = served
    with opened(port):
        assert 0 < sent(process) < PIECES / 2
