"""What was on the lab's loopback, message by message, from a tap of the test's own: who got which BYE, what came back. Knows SIP; knows no order."""

import select
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple

from dialogs.packet import Packet
from dialogs.sip import Message, Request, Response, parse
from dialogs.taps import LiveTap

from .lab import Lab
from .proxy import SIP_PORT, WEB_PORT

QUIET_S = 0.3
"So long nothing new may come before the wire is taken as read."


class Seen(NamedTuple):
    """A message on one hop."""

    packet: Packet
    message: Message

    @property
    def key(self) -> tuple[bytes, bytes]:
        """The leg that a request goes to, or an answer is for: Call-ID and the tag of whom the asker speaks for."""
        return self.message.call_id, self.message.from_tag


class Wire:
    """All SIP on the loopback while it is entered, read by a thread meanwhile. Raises TapError where nothing may be tapped."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._tap = LiveTap("lo", ports=())  # a proxy's own TCP connections have a port that it has chosen
        self._packets: list[Packet] = []
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> "Wire":
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._reader.join()
        self._tap.close()

    def _read(self) -> None:
        while not self._over.is_set():
            if select.select([self._tap], [], [], 0.1)[0]:
                self._packets += self._tap.drain()

    def read(self) -> list[Seen]:
        """Return all that was seen so far, oldest first, once nothing more comes."""
        count = -1
        while len(self._packets) > count:
            count = len(self._packets)
            time.sleep(QUIET_S)
        assert self._tap.dropped == 0, "the test's own tap has lost packets"
        return [Seen(packet, message) for packet in self._packets if (message := parse(packet.data)) is not None]

    def to_proxy(self, seen: Seen) -> bool:
        """Return whether a message goes to the proxy, be it over a connection that the proxy has opened to a phone."""
        source, destination = seen.packet.source, seen.packet.destination
        at_proxy = destination.port in (SIP_PORT, WEB_PORT) and destination.host in (self._lab.proxy.address, "::1")
        return at_proxy or (source.host, source.port) in {phone.address for phone in self._lab.phones}

    def delivered(self) -> Iterator[tuple[Seen, Request]]:
        """Yield the requests that phones got, as they got them."""
        for seen in self.read():
            if isinstance(seen.message, Request) and not self.to_proxy(seen):
                yield seen, seen.message

    def answers(self, method: str) -> Iterator[tuple[Seen, Response]]:
        """Yield the answers that the proxy got to this method's requests."""
        for seen in self.read():
            if isinstance(seen.message, Response) and self.to_proxy(seen) and seen.message.method == method:
                yield seen, seen.message


class Byes(NamedTuple):
    """The BYEs of many calls."""

    legs: int
    "That got at least one."

    answered: int
    "Whose BYE was answered 200 by the phone."

    several: int
    "That got BYEs with different numbers."

    repeated: int
    "Whose BYE had a number not above all that the leg had seen in that direction."


def byes(wire: Wire) -> Byes:
    """Count what the legs got: numbers as RFC 3261, 12.2.1.1 wants them, and answers."""
    numbers: dict[tuple[bytes, bytes], set[int]] = {}
    highest: dict[tuple[bytes, bytes], int] = {}
    repeated = set()
    for seen, asked in wire.delivered():
        if asked.method in ("ACK", "CANCEL"):
            continue
        before = highest.get(seen.key, -1)
        if asked.method == "BYE" and asked.cseq not in numbers.setdefault(seen.key, set()):
            numbers[seen.key].add(asked.cseq)
            if asked.cseq <= before:
                repeated.add(seen.key)
        highest[seen.key] = max(before, asked.cseq)
    answered = {seen.key for seen, answer in wire.answers("BYE") if answer.status == 200}
    return Byes(len(numbers), len(answered & set(numbers)), sum(len(found) > 1 for found in numbers.values()), len(repeated))
