"""Makes capture files of any size: calls through a proxy, both hops, many kinds of ends. Knows the pcap format; needs no network.

The same size gives the same bytes. A call takes 13 messages when it is answered, fewer when it fails.
"""

import random
import struct
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path

PROXY = "192.0.2.1"
START = 1_700_000_000
SDP = "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
CALLS_PER_SECOND = 20


def frame(source: str, destination: str, payload: bytes) -> bytes:
    """Return an Ethernet frame with an IPv4 UDP datagram between two SIP ports."""
    addresses = bytes(map(int, source.split("."))) + bytes(map(int, destination.split(".")))
    udp = struct.pack(">HHHH", 5060, 5060, 8 + len(payload), 0) + payload
    return bytes(12) + b"\x08\x00" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses + udp


def message(call: int, first: str, cseq: str, branch: str, *, tagged: bool, body: str = "", caller_sends: bool = True) -> bytes:
    """Return one SIP message of a call; `branch` names its hop."""
    alice, bob = f"<sip:+1202{call % 997:07}@example.org>;tag=a{call:x}", f"<sip:+4930{call % 9973:07}@example.org>" + (f";tag=b{call:x}" if tagged else "")
    sides = (alice, bob) if caller_sends else (bob, alice)
    lines = (
        first,
        f"Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{branch}-{call:x};rport",
        *((f"Record-Route: <sip:{PROXY};lr;ftag=a{call:x}>",) if tagged or "INVITE" in first else ()),
        f"From: {sides[0]}",
        f"To: {sides[1]}",
        f"Call-ID: {call:08x}-{call * 2654435761 % 2**32:08x}@198.51.100.7",
        f"CSeq: {cseq}",
        f"Contact: <sip:user{call % 997}@198.51.100.{call % 200 + 1}:5060>",
        "Max-Forwards: 70",
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY",
        "Supported: replaces, timer",
        "User-Agent: bench/1.0",
        *(("Content-Type: application/sdp",) if body else ()),
        f"Content-Length: {len(body)}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def call_frames(number: int, chance: random.Random) -> Iterator[tuple[float, bytes]]:
    """Yield (seconds since the call's INVITE, frame) of one call through the proxy."""
    alice, bob = f"198.51.100.{number % 200 + 1}", f"203.0.113.{number % 50 + 1}"
    ring, talk, fate = chance.uniform(0.5, 8), chance.expovariate(1 / 40) + 1, chance.random()
    offer = SDP.format(host=alice)

    def hop(at: float, source: str, destination: str, first: str, cseq: str, branch: str, **more: object) -> tuple[float, bytes]:
        return at, frame(source, destination, message(number, first, cseq, branch, **more))  # type: ignore[arg-type]

    yield hop(0, alice, PROXY, "INVITE sip:b@example.org SIP/2.0", "1 INVITE", "i", tagged=False, body=offer)
    yield hop(0.001, PROXY, alice, "SIP/2.0 100 Trying", "1 INVITE", "i", tagged=False)
    yield hop(0.002, PROXY, bob, "INVITE sip:b@example.org SIP/2.0", "1 INVITE", "pi", tagged=False, body=offer)
    if fate > 0.1:
        yield hop(0.1, bob, PROXY, "SIP/2.0 180 Ringing", "1 INVITE", "pi", tagged=True)
        yield hop(0.101, PROXY, alice, "SIP/2.0 180 Ringing", "1 INVITE", "i", tagged=True)
    final, body = ("200 OK", offer) if fate > 0.25 else ("486 Busy Here", "")
    yield hop(ring, bob, PROXY, f"SIP/2.0 {final}", "1 INVITE", "pi", tagged=True, body=body)
    yield hop(ring + 0.001, PROXY, alice, f"SIP/2.0 {final}", "1 INVITE", "i", tagged=True, body=body)
    branches = ("k", "pk") if body else ("i", "pi")
    yield hop(ring + 0.01, alice, PROXY, "ACK sip:b@example.org SIP/2.0", "1 ACK", branches[0], tagged=True)
    yield hop(ring + 0.011, PROXY, bob, "ACK sip:b@example.org SIP/2.0", "1 ACK", branches[1], tagged=True)
    if body:
        at = ring + talk
        yield hop(at, alice, PROXY, "BYE sip:b@example.org SIP/2.0", "2 BYE", "y", tagged=True)
        yield hop(at + 0.001, PROXY, bob, "BYE sip:b@example.org SIP/2.0", "2 BYE", "py", tagged=True)
        yield hop(at + 0.01, bob, PROXY, "SIP/2.0 200 OK", "2 BYE", "py", tagged=True)
        yield hop(at + 0.011, PROXY, alice, "SIP/2.0 200 OK", "2 BYE", "y", tagged=True)


def write(path: Path, messages: int) -> int:
    """Write a pcap of at least so many SIP messages, in time order; return how many."""
    chance, queue, number, written = random.Random(1), [], 0, 0  # noqa: S311 -- the same file each time
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        while written < messages or queue:
            if written + len(queue) < messages:
                start = number / CALLS_PER_SECOND
                for at, data in call_frames(number, chance):
                    heappush(queue, (start + at, data))
                number += 1
            horizon = number / CALLS_PER_SECOND if written + len(queue) < messages else float("inf")
            while queue and queue[0][0] < horizon:
                at, data = heappop(queue)
                file.write(struct.pack("<IIII", START + int(at), int(at % 1 * 1e6), len(data), len(data)) + data)
                written += 1
    return written
