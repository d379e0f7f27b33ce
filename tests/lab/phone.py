"""One telephone: a sipp process that plays one scenario. Knows sipp's command line; knows no proxy."""

import itertools
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .waiting import wait_until

_media_ports = itertools.cycle(range(20_000, 60_000, 4))


@dataclass(frozen=True)
class Way:
    """How a phone speaks to the proxy."""

    name: str
    mode: str = "u1"
    "sipp's -t: u1 is UDP, t1 TCP."

    host: str = ""
    "Address of phone and proxy where it is not the usual one."


UDP, TCP = Way("udp"), Way("tcp", "t1")
UDP6, TCP6 = Way("udp6", "u1", "::1"), Way("tcp6", "t1", "::1")


class Phone:
    """sipp at one address, in the calling thread's network namespace."""

    def __init__(self, folder: Path, name: str, script: str, address: tuple[str, int], way: Way = UDP) -> None:
        self.name = name
        self.address = address
        self.way = way
        if way.mode == "t1":
            script = script.replace("[local_port]>", "[local_port];transport=tcp>")
        self._files = folder / name
        self._script = self._files.with_suffix(".xml")
        self._script.write_text(script)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host_port(self) -> str:
        """ "127.0.0.20:5101"."""
        return host_port(*self.address)

    @property
    def target(self) -> str:
        """Where the proxy finds it: host, port and what else a SIP URI needs."""
        return self.host_port + (";transport=tcp" if self.way.mode == "t1" else "")

    def call(self, proxy: tuple[str, int], call_id: str) -> None:
        """Place one call."""
        self._start("-m", "1", "-cid_str", call_id.replace("%", "%%"), host_port(*proxy))

    def call_often(self, proxy: tuple[str, int], calls: int, rate: int) -> None:
        """Place so many calls, so many a second."""
        self._start("-m", str(calls), "-r", str(rate), "-l", str(calls), host_port(*proxy))

    def wait_for_calls(self, calls: int = 0) -> None:
        """Be reachable; end after so many calls, or never."""
        self._start(*(("-m", str(calls)) if calls else ()))
        wait_until(self._is_bound, f"{self.name} at {self.host_port}")

    def is_running(self) -> bool:
        """Return whether the scenario still plays."""
        return self._process is not None and self._process.poll() is None

    def exit_code(self, seconds: float = 60) -> int:
        """Wait for the end of the scenario and return sipp's verdict: 0 when every message came as the script expects."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.wait(seconds)

    def messages(self) -> str:
        """Return sipp's log of what it sent and received."""
        path = self._files.with_suffix(".messages")
        return path.read_text(errors="replace") if path.exists() else ""

    def complaint(self) -> str:
        """Return sipp's own words about what went wrong."""
        path = self._files.with_suffix(".errors")
        return path.read_text(errors="replace") if path.exists() else ""

    def freeze(self, frozen: bool) -> None:
        """Stop the process where it is, or let it go on."""
        if self.is_running():
            assert self._process is not None
            self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def stop(self) -> None:
        """End it at once; without effect when it has ended."""
        if self.is_running():
            assert self._process is not None
            self._process.kill()
            self._process.wait(10)

    def _start(self, *arguments: str) -> None:
        host, port = self.address
        command = [
            *("sipp", "-sf", str(self._script), "-i", host, "-p", str(port), "-t", self.way.mode, "-nostdin", "-skip_rlimit"),
            *("-mi", host, "-mp", str(next(_media_ports))),
            *("-trace_err", "-error_file", str(self._files.with_suffix(".errors"))),
            *("-trace_msg", "-message_file", str(self._files.with_suffix(".messages"))),
            *arguments,
        ]
        self._run(command, self._files.parent)

    def _run(self, command: list[str], folder: Path) -> None:
        with self._files.with_suffix(".screen").open("wb") as screen:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, cwd=folder)

    def _is_bound(self) -> bool:
        if not self.is_running():
            raise RuntimeError(f"{self.name} ended at once: {self.complaint() or self._files.with_suffix('.screen').read_text(errors='replace')[-2000:]}")
        table = ("udp" if self.way.mode == "u1" else "tcp") + ("6" if ":" in self.address[0] else "")
        return self._address_in_kernel in Path(f"/proc/thread-self/net/{table}").read_text()  # to try and bind it here would be in sipp's way

    @property
    def _address_in_kernel(self) -> str:
        host, port = self.address
        raw = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
        words = (raw[at : at + 4] for at in range(0, len(raw), 4))
        return f" {''.join(f'{int.from_bytes(word, sys.byteorder):08X}' for word in words)}:{port:04X} "


def host_port(host: str, port: int) -> str:
    """Write an address as in a SIP URI."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
