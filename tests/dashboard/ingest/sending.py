"""Sends the frames of many calls at a steady rate: `python -m tests.dashboard.ingest.sending INTERFACE RATE SECONDS FIRST_CALL`.

Says "ready" when the frames are made, begins at a line on stdin, prints how many were sent and how long it took.
"""

import random
import socket
import sys
import time
from heapq import heappop, heappush

from tests.bench.traffic import CALLS_PER_SECOND, call_frames

SLICE = 0.004
"Seconds between two bursts."


def frames(count: int, first_call: int) -> list[bytes]:
    """Return the frames of many calls at once, in time order."""
    chance, queue, made, number = random.Random(first_call), [], [], 0  # noqa: S311 -- the same traffic each time
    while len(made) < count:
        start = number / CALLS_PER_SECOND
        for at, frame in call_frames(first_call + number, chance):
            heappush(queue, (start + at, frame))
        number += 1
        while queue and queue[0][0] < start:
            made.append(heappop(queue)[1])
    return made[:count]


def send(interface: str, rate: int, seconds: float, first_call: int) -> None:
    made = frames(int(rate * seconds), first_call)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((interface, 0))
        print("ready", flush=True)
        sys.stdin.readline()
        begun, sent = time.monotonic(), 0
        while sent < len(made):
            due = min(len(made), int((time.monotonic() - begun) * rate) + 1)
            for frame in made[sent:due]:
                sender.send(frame)
            sent = due
            time.sleep(SLICE)
        print(sent, f"{time.monotonic() - begun:.3f}", flush=True)


if __name__ == "__main__":
    send(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
