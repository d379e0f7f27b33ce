"""A capture played as if it were live: what `--pcap FILE --speed N --loop` and the demo use. Knows times as numbers; has no clock.

Capture times become present ones, because durations on the page tick against the present: the first packet gets the start time given,
the others follow with the capture's own spacing divided by the speed. The one exception is speed "max" without a loop: everything is due
at once and keeps its original times, which imports a recording into the history as it happened. Looped at "max" (a load generator) a
packet gets the time at which it is asked for.

In a loop every round gets Call-IDs of its own (`-rN` is appended; N is the epoch second at which the round starts, so that a restarted
demo does not continue calls of the one before) in the headers that name calls: Call-ID and its like, Replaces, Join, Target-Dialog,
In-Reply-To, and Replaces inside a URI. Body and Content-Length stay as they are. A paced round starts a second after the last ended.
"""

import re
from collections.abc import Iterator
from typing import Protocol

from dialogs.packet import Packet
from dialogs.taps.errors import CaptureError

SECOND_NS = 1_000_000_000

_NAMES_A_CALL = re.compile(
    rb"^((?:[\w-]*call-?id|i|replaces|join|target-dialog|in-reply-to)[ \t]*:[ \t]*(?:\r?\n[ \t]+)?)([^\s;,<>]+)"
    rb"|([?&]replaces=)((?:(?!%3b)[^\s;&<>\"])+)",
    re.IGNORECASE | re.MULTILINE,
)
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


class Recording(Protocol):
    """What can be played: packets from the beginning each time it is iterated."""

    name: str

    def __iter__(self) -> Iterator[Packet]: ...


class Player:
    """A tap that hands out the packets of a recording when they are due."""

    recorded = True
    dropped = 0

    def __init__(self, source: Recording, *, start_ns: int, speed: float | None = 1.0, loop: bool = False) -> None:
        """`start_ns`: present time of the first packet. `speed`: 1 as captured, 10 ten times as fast, None as fast as asked for."""
        if speed is not None and not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.name = source.name
        self.packets = 0
        self.error = ""
        self.newest_ns = 0
        self.rounds = 0
        "Rounds begun."

        self._source = source
        self._speed = speed
        self._loop = loop
        self._suffix = b""
        self._start_ns = start_ns
        self._first_ns = 0
        self._iterator = iter(source)
        self._next: Packet | None = None
        self._due_ns = start_ns
        self._begin_round(start_ns)

    @property
    def undecodable(self) -> int:
        """Frames of the recording that could not be read, over all rounds."""
        return int(getattr(self._source, "undecodable", 0))

    def next_due_ns(self) -> int | None:
        """Return when the next packet is due; None when there is none left. At speed "max" it is always in the past."""
        if self._next is None:
            return None
        return self._start_ns if self._speed is None else self._due_ns

    def due(self, now_ns: int, limit: int = 256) -> list[Packet]:
        """Return the packets whose time has come, at most `limit`; more may be waiting when there are as many."""
        ready: list[Packet] = []
        while self._next is not None and len(ready) < limit and (self._speed is None or self._due_ns <= now_ns):
            ready.append(self._dressed(self._next, now_ns))
            self._advance()
        if ready:
            self.packets += len(ready)
            self.newest_ns = max(self.newest_ns, ready[-1].at_ns)
        return ready

    def close(self) -> None:
        """Stop playing."""
        self._next = None
        self._iterator = iter(())

    def _dressed(self, packet: Packet, now_ns: int) -> Packet:
        """Return the packet with the time and the Call-ID of this round."""
        if self._loop:
            packet = packet._replace(data=renamed(packet.data, self._suffix))
        if self._speed is not None:
            return packet._replace(at_ns=self._due_ns)
        return packet._replace(at_ns=now_ns) if self._loop else packet

    def _advance(self) -> None:
        """Look at the packet after this one; at the end begin the next round."""
        self._next = self._read()
        if self._next is not None:
            self._due_ns = self._present(self._next)
        elif self._loop and not self.error:
            self._iterator = iter(self._source)
            self._begin_round(self._due_ns + SECOND_NS)

    def _begin_round(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._next = self._read()
        if self._next is None:
            self.error = self.error or "no packets in it"
            return
        self.rounds += 1
        self._first_ns = self._next.at_ns
        self._due_ns = start_ns
        self._suffix = b"-r%d" % (start_ns // SECOND_NS)

    def _read(self) -> Packet | None:
        try:
            return next(self._iterator, None)
        except CaptureError as error:  # the file was there at first: it changed under us
            self.error = str(error)
            return None

    def _present(self, packet: Packet) -> int:
        """Return when a packet of this round happens now; integer arithmetic where the speed allows it, so that spacing is exact."""
        elapsed = packet.at_ns - self._first_ns
        if self._speed is None:
            return self._start_ns + elapsed
        whole = int(self._speed)
        return self._start_ns + (elapsed // whole if whole == self._speed else round(elapsed / self._speed))


def renamed(data: bytes, suffix: bytes) -> bytes:
    """Append `suffix` to the Call-IDs in the header part of a SIP message; the body is left alone."""
    end = _END_OF_HEADERS.search(data)
    headers = data[: end.start()] if end else data
    return _NAMES_A_CALL.sub(lambda found: found[0] + suffix, headers) + data[len(headers) :]
