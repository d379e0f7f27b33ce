"""Sends calls as a HEP agent does, as they would happen: so many new ones a second, each as long as people talk. Knows the bench's calls; knows no Dialtap.

`python -m tests.bench.steady_agent HOST PORT CALLS_PER_SECOND LIVE SECONDS`: sends, and says how it went as JSON. LIVE is how many calls are up once
as many end as begin; they are so many after four times LIVE / CALLS_PER_SECOND seconds.
"""

import json
import random
import socket
import sys
import time
from heapq import heappop, heappush

from .hep_agent import datagram, stamp
from .traffic import call_frames

MEAN_SECONDS = 0.75 * 41 + 4.25
"How long `call_frames` makes a call: three of four are answered."

STEP = 0.004


def send(address: tuple[str, int], rate: float, live: int, seconds: float) -> dict[str, int]:
    """Send for so many seconds; returns how many calls and messages that was."""
    stretch = live / rate / MEAN_SECONDS
    chance, queue, calls, sent = random.Random(1), [], 0, 0  # noqa: S311 -- the same calls each time
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.connect(address)
        begun = time.monotonic()
        while (at := time.monotonic() - begun) < seconds:
            while calls < at * rate:
                for order, (after, frame) in enumerate(call_frames(calls, chance)):
                    heappush(queue, (calls / rate + after * stretch, calls, order, frame))
                calls += 1
            while queue and queue[0][0] <= at:
                one = datagram(heappop(queue)[3])
                stamp(one)
                agent.send(one)
                sent += 1
            time.sleep(STEP)
    return {"calls": calls, "messages": sent}


def main() -> None:
    """Do what the command line says."""
    host, port, rate, live, seconds = sys.argv[1:]
    print(json.dumps(send((host, int(port)), float(rate), int(live), float(seconds))), flush=True)


if __name__ == "__main__":
    main()
