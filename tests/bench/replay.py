"""Messages a second of `replay --stats`, beside sngrep's over the same file in the same run, and memory a live dialog.

`./dialtap bench replay [MESSAGES] [--write]`: default 100,000; `--write` puts the figures into docs/figures/replay.json.
"""

import json
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from dialogs.config import Config
from dialogs.engine import Engine
from dialogs.taps import CaptureFile
from tests.bench.traffic import write

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3


def seconds(command: list[str]) -> float:
    """Return the best user+system time of a whole process, in seconds."""
    times = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def bytes_per_dialog(capture: Path) -> int:
    """Return what the engine allocates for each answered call that stays up: the file's calls without their BYEs."""
    engine = Engine(Config())
    packets = [packet for packet in CaptureFile(capture) if b"CSeq: 2 BYE" not in packet.data]
    tracemalloc.start()
    for packet in packets:
        engine.expire(packet.at_ns)  # failed calls leave
        engine.receive(packet)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(held / engine.calls.by_state[4])


def main(arguments: list[str]) -> None:
    """Measure and print; write the figures when asked."""
    wanted = int(next((text for text in arguments if text.isdigit()), 100_000))
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "bench.pcap"
        messages = write(capture, wanted)
        ours = seconds([sys.executable, "manage.py", "replay", "--stats", str(capture)])
        start = seconds([sys.executable, "manage.py", "replay", "--stats", "tests/recordings/busy/capture.pcap"])
        figures: dict[str, object] = {
            "when": time.strftime("%Y-%m-%d"),
            "python": platform.python_version(),
            "messages": messages,
            "dialtap_cpu_seconds": round(ours, 2),
            "dialtap_start_seconds": round(start, 2),
            "dialtap_messages_per_second": round(messages / ours),
            "bytes_per_live_dialog": bytes_per_dialog(capture),
        }
        if shutil.which("sngrep"):
            theirs = seconds(["sngrep", "-r", "-N", "-q", "-l", "200000", "-I", str(capture)])
            figures |= {"sngrep_cpu_seconds": round(theirs, 2), "sngrep_messages_per_second": round(messages / theirs), "ratio": round(theirs / ours, 2)}
    text = json.dumps(figures, indent=2)
    print(text)
    if "--write" in arguments:
        (ROOT / "docs" / "figures" / "replay.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
