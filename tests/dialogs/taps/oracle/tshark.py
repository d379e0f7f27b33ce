"""tshark as a judge: how many SIP messages stand in each of many captures. Knows the command lines of Wireshark's programs; knows no Dialtap."""

import shutil
import subprocess
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

PROCESSES = 2
"tshark starts slowly, so it reads few big files; two at a time."

OPTIONS = ("-o", "tcp.reassemble_out_of_order:TRUE")


class Capture(NamedTuple):
    """One file to be judged."""

    path: Path
    frames: int
    "That can be read from it."

    is_cut: bool
    "Its last frame is not whole."


def missing() -> str:
    """Return why it cannot judge here, or nothing."""
    absent = [program for program in ("tshark", "mergecap", "editcap") if shutil.which(program) is None]
    return f"{', '.join(absent)} not installed" if absent else ""


def counts(captures: list[Capture], folder: Path) -> list[int]:
    """Return the number of SIP messages of each capture.

    The captures must not share addresses: they are judged joined.
    """
    share = -(-len(captures) // PROCESSES)
    parts = [captures[at : at + share] for at in range(0, len(captures), share)]
    with ThreadPoolExecutor(PROCESSES) as pool:
        judged = pool.map(_counts, parts, (folder / f"joined-{number}.pcapng" for number in range(len(parts))))
        return [count for part in judged for count in part]


def _counts(captures: list[Capture], joined: Path) -> list[int]:
    readable = [_without_cut(capture.path) if capture.is_cut else capture.path for capture in captures]
    subprocess.run(["mergecap", "-a", "-w", joined, *readable], check=True, capture_output=True)
    ends = list(accumulate(capture.frames for capture in captures))
    found = [0] * len(captures)
    for line in _fields(joined):
        number, *messages = line.split("\t")
        found[bisect_left(ends, int(number))] += sum(len(field.split(",")) for field in messages if field)
    return found


def _fields(path: Path) -> list[str]:
    """Return a line for each frame with SIP: its number, its methods, its status codes."""
    fields = ("-T", "fields", "-e", "frame.number", "-e", "sip.Method", "-e", "sip.Status-Code")
    command = ["tshark", "-n", *OPTIONS, "-Y", "sip", *fields, "-r", str(path)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()


def _without_cut(path: Path) -> Path:
    """Let Wireshark's own reader keep what it can read of a file; mergecap refuses files that end in the middle of a record."""
    readable = path.with_suffix(".whole")
    subprocess.run(["editcap", path, readable], check=False, capture_output=True)
    return readable
