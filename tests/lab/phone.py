"""One telephone: a sipp process that plays one scenario. Knows sipp's command line; knows no proxy."""

import itertools
import signal
import socket
import subprocess
import sys
from pathlib import Path

from .waiting import wait_until

_media_ports = itertools.cycle(range(20_000, 60_000, 4))


class Phone:
    """sipp at one address, in the calling thread's network namespace."""

    def __init__(self, folder: Path, name: str, script: str, address: tuple[str, int]) -> None:
        self.name = name
        self.address = address
        self._files = folder / name
        self._script = self._files.with_suffix(".xml")
        self._script.write_text(script)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host_port(self) -> str:
        """ "127.0.0.20:5101"."""
        return f"{self.address[0]}:{self.address[1]}"

    def call(self, proxy: tuple[str, int], call_id: str) -> None:
        """Place one call."""
        self._start("-m", "1", "-cid_str", call_id.replace("%", "%%"), f"{proxy[0]}:{proxy[1]}")

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
            *("sipp", "-sf", str(self._script), "-i", host, "-p", str(port), "-t", "u1", "-nostdin", "-skip_rlimit"),
            *("-mi", host, "-mp", str(next(_media_ports))),
            *("-trace_err", "-error_file", str(self._files.with_suffix(".errors"))),
            *("-trace_msg", "-message_file", str(self._files.with_suffix(".messages"))),
            *arguments,
        ]
        with self._files.with_suffix(".screen").open("wb") as screen:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, cwd=self._files.parent)

    def _is_bound(self) -> bool:
        if not self.is_running():
            raise RuntimeError(f"{self.name} ended at once: {self.complaint() or self._files.with_suffix('.screen').read_text(errors='replace')[-2000:]}")
        return self._address_in_kernel in Path("/proc/thread-self/net/udp").read_text()  # to try and bind it here would be in sipp's way

    @property
    def _address_in_kernel(self) -> str:
        host, port = self.address
        return f" {int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X} "
