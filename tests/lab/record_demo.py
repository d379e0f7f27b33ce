"""Makes the recording that `--demo` plays: runs the plan in the lab beside tcpdump and compresses what was captured.

    sudo .venv/bin/python -m tests.lab.record_demo dialogs/taps/demo.pcap.zst

takes about two and a half minutes and writes nothing but that file. Needs kamailio, sipp, tcpdump and ip.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import zstandard

from .demo_network import DESTINATIONS, NETWORKS, NUMBERS, PROXY, RING_LIMIT_MS, TRUNK_CHALLENGED
from .demo_plan import PlannedCall, plan
from .lab import Lab, missing
from .phone import Phone
from .waiting import wait_until

LIMIT_BYTES = 1_000_000
STILL_S = 6
"Without a packet so long, the proxy has nothing left to repeat."


def main() -> int:
    """Record, check, compress. Exit 1 when a phone or the size is not as it should be."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("output", type=Path)
    arguments.add_argument("--seed", type=int, default=5)
    chosen = arguments.parse_args()
    if reason := missing("tcpdump", "ip"):
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "capture.pcap"
        with Lab(Path(folder) / "lab", networks=NETWORKS, address=PROXY, ring_limit_ms=RING_LIMIT_MS) as lab:
            prepare(lab)
            with captured(capture):
                failed = play(lab, plan(chosen.seed))
        packed = zstandard.ZstdCompressor(level=19).compress(capture.read_bytes())
    for complaint in failed:
        print(complaint, file=sys.stderr)
    print(f"{len(packed)} bytes compressed", file=sys.stderr)
    if failed or len(packed) > LIMIT_BYTES:
        return 1
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_bytes(packed)
    return 0


def prepare(lab: Lab) -> None:
    """Put up the far ends and tell the proxy their numbers."""
    phones = {name: lab.callee(one.script, address=one.address, calls=0) for name, one in DESTINATIONS.items()}
    for name, numbers in NUMBERS.items():
        for number in numbers:
            if name in phones:
                targets = [phones[name].host_port] + ([phones["desk B"].host_port] if name == "desk A" else [])
                lab.proxy.lead(number, *targets, trunk=number in TRUNK_CHALLENGED)


def play(lab: Lab, calls: list[PlannedCall]) -> list[str]:
    """Place every call at its time; return what went wrong."""
    placed: list[Phone] = []
    begun = time.monotonic()
    for call in calls:
        wait_until(partial(_is_due, begun + call.start_s), "the next call", seconds=60, every=0.01)
        address = (call.device.address, _free_port(call.device.address, placed))
        placed.append(lab.caller(call.script, call.call_id, address=address))
    return [f"{phone.name}: {phone.complaint()}" for phone in placed if phone.exit_code(90)]


def _is_due(moment: float) -> bool:
    return time.monotonic() >= moment


def _is_still(path: Path) -> bool:
    return path.exists() and time.time() - path.stat().st_mtime > STILL_S


def _free_port(host: str, phones: list[Phone]) -> int:
    taken = {phone.address[1] for phone in phones if phone.address[0] == host and phone.is_running()}
    return next(port for port in range(5060, 5200, 2) if port not in taken)


@contextmanager
def captured(path: Path) -> Iterator[None]:
    """Capture all SIP meanwhile."""
    command = ["tcpdump", "-i", "lo", "--immediate-mode", "-U", "-s", "0", "-B", "16384", "-Z", "root", "-w", str(path), "udp and portrange 5060-5199"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tcpdump:
        assert tcpdump.stderr is not None
        assert "listening on" in tcpdump.stderr.readline()
        try:
            yield
        finally:
            wait_until(partial(_is_still, path), "the last packet", seconds=30, every=1.0)
            tcpdump.send_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())
