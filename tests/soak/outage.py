"""A whole Dialtap with a webhook, calls coming by HEP, and a receiver that goes away: the scenario of the outage, short or long. Knows processes and HEP."""

import json
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.browser.server import ROOT, Dialtap, enterable
from tests.dashboard.feeds.feeding import SECRET
from tests.dashboard.feeds.receiver import Receiver
from tests.dialogs.ladder import message
from tests.lab.waiting import wait_until

CALL = (("INVITE", 1), ("100", 2), ("180", 2), ("200", 2), ("ACK", 1), ("BYE cseq=2", 1), ("200 of=BYE cseq=2", 2))
CONFIGURATION = """
[tap]
hep = "127.0.0.1:{hep}"

[events]
file = "events.ndjson"

[[webhook]]
name = "noc"
url = "http://127.0.0.1:{port}/calls"
secret_file = "{secret}"
allow = ["127.0.0.1"]
timeout = {timeout}
"""
TOLD = ["dialog:start", "dialog:end"]


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hep(source: int, payload: bytes) -> bytes:
    """Return a HEPv3 datagram of a message between 192.0.2.1 and 192.0.2.2, of now."""
    now_ns = time.time_ns()
    values = {1: b"\2", 2: b"\x11", 3: bytes([192, 0, 2, source]), 4: bytes([192, 0, 2, 3 - source]), 7: b"\x13\xc4", 8: b"\x13\xc4"}
    values |= {9: struct.pack("!I", now_ns // 10**9), 10: struct.pack("!I", now_ns % 10**9 // 1000), 11: b"\1", 15: payload}
    body = b"".join(struct.pack("!HHH", 0, kind, 6 + len(value)) + value for kind, value in values.items())
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


class Calls:
    """Sends short calls at a rate, from a thread, until it is stopped."""

    def __init__(self, port: int, rate: float) -> None:
        self.sent = 0
        self._port = port
        self._rate = rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Calls":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        begun, before = time.monotonic(), self.sent
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
            while not self._stop.wait(0.005):
                while self.sent - before < (time.monotonic() - begun) * self._rate:
                    for words, source in CALL:
                        agent.sendto(hep(source, message(words, callid=f"outage-{self.sent}")), ("127.0.0.1", self._port))
                    self.sent += 1


class Outage:
    """One installation, its receiver and its calls."""

    def __init__(self, folder: Path, *, timeout: float = 5.0) -> None:
        enterable(folder)  # started as root, Dialtap gives root up
        secret = folder / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o644)
        self.receiver = Receiver(port=free_port(socket.SOCK_STREAM))
        self.hep = free_port(socket.SOCK_DGRAM)
        self.var = folder / "var"
        configuration = CONFIGURATION.format(hep=self.hep, port=self.receiver.port, secret=secret, timeout=timeout)
        self.dialtap = Dialtap(folder, configuration, "--hep", f"127.0.0.1:{self.hep}", port=free_port(socket.SOCK_STREAM))
        self.peaks: dict[str, float] = {}

    def figures(self) -> dict[str, int | str]:
        """Return how the webhook stands, as its table has it."""
        rows = self.dialtap.rows("SELECT queued, sent, dead, evicted, failing_ns, error FROM dashboard_feedreceiver WHERE name = ?", "webhook:noc")
        (row,) = rows or [(0, 0, 0, 0, 0, "")]
        return dict(zip(("queued", "sent", "dead", "evicted", "failing_ns", "error"), row, strict=True))  # type: ignore[arg-type]

    def waiting(self) -> int:
        """Return how many events wait for the receiver."""
        now = self.figures()
        return int(now["queued"]) - int(now["sent"]) - int(now["dead"]) - int(now["evicted"])

    def ended(self) -> int:
        """Return how many calls the database has from their INVITE to their BYE."""
        return int(self.dialtap.rows("SELECT COUNT(*) FROM dashboard_dialogrow WHERE state = 5 AND call_id LIKE 'outage-%'")[0][0])  # type: ignore[call-overload]

    def dropped(self) -> int:
        """Return what the taps and the engine lost."""
        return int(self.dialtap.rows("SELECT SUM(dropped) FROM dashboard_tapstatus")[0][0] or 0)  # type: ignore[call-overload]

    def pids(self) -> dict[str, int]:
        """Return the processes of this installation: "ingest" and "feeds"."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and str(self.var) in _environment(entry):
                command = (entry / "cmdline").read_text().split("\0")
                if "manage.py" in " ".join(command):
                    found["feeds" if "feeds" in command else "ingest"] = int(entry.name)
        return found

    def measure(self) -> None:
        """Note what each process holds now, in MB."""
        for name, pid in self.pids().items():
            status = Path(f"/proc/{pid}/status").read_text()
            held = re.search(r"VmRSS:\s+(\d+) kB", status)
            if held:
                self.peaks[name] = max(self.peaks.get(name, 0.0), int(held[1]) / 1024)

    def command(self, *arguments: str) -> str:
        """Return what `./dialtap feeds ...` prints over this installation."""
        environment = self.dialtap._environment()
        return subprocess.run([sys.executable, "manage.py", "feeds", *arguments], cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    def file_lines(self) -> list[dict[str, object]]:
        """Return the events of the event file."""
        return [json.loads(line) for line in (self.var / "events.ndjson").read_text().splitlines()]

    def settled(self, seconds: float) -> None:
        """Wait until all calls that were sent are stored, and everybody has been told of them."""
        wait_until(lambda: self.waiting() == 0 and int(self.figures()["queued"]) > 0, "the last event", seconds=seconds, every=0.2)


def _environment(entry: Path) -> str:
    try:
        return (entry / "environ").read_text(errors="replace")
    except OSError:
        return ""
