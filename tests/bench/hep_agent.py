"""Sends calls as a HEP agent does, at a rate: the load of the HEP soak tests. Knows HEPv3 and the bench's calls; knows no Dialtap.

`python -m tests.bench.hep_agent HOST PORT RATE COUNT`: makes the datagrams, says "ready", waits for a line, sends, says how it went as JSON.
"""

import json
import random
import socket
import struct
import sys
import time
from heapq import heappop, heappush

from .traffic import call_frames

CALLS_PER_SECOND = 700
HURRY = 0.05
"Calls go by twenty times as fast as people talk, so that seconds hold whole ones."

STEP = 0.004
SECONDS_AT, MICROSECONDS_AT = 62, 72
"Where the time stands in a datagram."


def chunk(kind: int, value: bytes) -> bytes:
    """Return one chunk of vendor 0."""
    return struct.pack("!HHH", 0, kind, 6 + len(value)) + value


def datagram(frame: bytes) -> bytearray:
    """Return an Ethernet frame's SIP message as HEPv3 with room for the time."""
    values = {1: b"\x02", 2: b"\x11", 3: frame[26:30], 4: frame[30:34], 7: frame[34:36], 8: frame[36:38]}
    values |= {9: bytes(4), 10: bytes(4), 11: b"\x01", 12: struct.pack("!I", 101), 15: frame[42:]}
    body = b"".join(chunk(kind, value) for kind, value in values.items())
    made = bytearray(b"HEP3" + struct.pack("!H", 6 + len(body)) + body)
    assert made[SECONDS_AT - 4 : SECONDS_AT - 2] == b"\0\x09"
    return made


def datagrams(count: int) -> list[bytearray]:
    """Return so many datagrams of overlapping calls, in the order in which a proxy would see them."""
    chance, queue, made, number = random.Random(1), [], [], 0  # noqa: S311 -- the same calls each time
    while len(made) < count:
        start = number / CALLS_PER_SECOND
        for order, (at, frame) in enumerate(call_frames(number, chance)):
            heappush(queue, (start + at * HURRY, number, order, frame))
        number += 1
        while queue and queue[0][0] <= start and len(made) < count:
            made.append(datagram(heappop(queue)[3]))
    return made


def stamp(made: bytearray) -> None:
    """Write the present time into a datagram."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    struct.pack_into("!I", made, SECONDS_AT, seconds)
    struct.pack_into("!I", made, MICROSECONDS_AT, nanoseconds // 1000)


def send(address: tuple[str, int], made: list[bytearray], rate: int) -> float:
    """Send all of them at so many a second; returns the seconds it took."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.connect(address)
        begun, sent = time.monotonic(), 0
        while sent < len(made):
            due = min(len(made), int((time.monotonic() - begun + STEP) * rate))
            for one in made[sent:due]:
                stamp(one)
                agent.send(one)
            sent = due
            time.sleep(STEP)
        return time.monotonic() - begun


def main() -> None:
    """Do what the command line says."""
    host, port, rate, count = sys.argv[1:]
    made = datagrams(int(count))
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = send((host, int(port)), made, int(rate))
    print(json.dumps({"sent": len(made), "bytes": sum(map(len, made)), "seconds": round(seconds, 2)}), flush=True)


if __name__ == "__main__":
    main()
