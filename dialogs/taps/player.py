"""A capture played as if it were live: what `--pcap FILE --speed N --loop` and the demo use. Knows times as numbers; has no clock.

Capture times become present ones, because durations on the page tick against the present: the first packet gets the start time given,
the others follow with the capture's own spacing divided by the speed. The one exception is speed "max" without a loop: everything is due
at once and keeps its original times, which imports a recording into the history as it happened. Looped at "max" (a load generator) a
packet gets the time at which it is asked for.

In a loop every round gets Call-IDs of its own (`-rN` is appended; N is the epoch second at which the round starts, so that a restarted
demo does not continue calls of the one before) in the headers that name calls: Call-ID and its like, Replaces, Join, Target-Dialog,
In-Reply-To, and Replaces inside a URI. Body and Content-Length stay as they are. A paced round starts a second after the last ended, or,
when a period is given, that long after the last started: then the end of one and the beginning of the next are played beside each other.
"""

import heapq
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

from dialogs.packet import Packet
from dialogs.taps.errors import CaptureError
from dialogs.taps.health import Health, health_of
from dialogs.taps.ip import Decoder

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


class Round:
    """One pass over the recording: its next packet and when that is due."""

    __slots__ = ("due_ns", "first_ns", "packet", "packets", "start_ns", "suffix")

    def __init__(self, packets: Iterator[Packet], packet: Packet, start_ns: int) -> None:
        """`packets`: those after `packet`, which is the first and due at `start_ns`."""
        self.packets = packets
        self.packet = packet
        self.first_ns = packet.at_ns
        self.start_ns = self.due_ns = start_ns
        self.suffix = b"-r%d" % (start_ns // SECOND_NS)

    def __lt__(self, other: "Round") -> bool:
        return self.due_ns < other.due_ns


class Player:
    """A tap that hands out the packets of a recording when they are due."""

    recorded = True
    dropped = 0

    def __init__(self, source: Recording, *, start_ns: int, speed: float | Fraction | None = 1, loop: bool = False, period_ns: int | None = None) -> None:
        """`start_ns`: present time of the first packet. `speed`: 1 as captured, 10 ten times as fast, None as fast as asked for.

        `period_ns`: of a loop, capture time from the start of one round to the start of the next; one that is shorter than the recording needs a
        recording of datagrams, for the streams of two rounds could not be told apart. Raises ValueError for a speed that is none.
        """
        self.name = source.name
        self.packets = 0
        self.error = ""
        self.newest_ns = 0
        self.rounds = 0
        "Rounds begun."

        self._source = source
        self._speed = None if speed is None else exact(speed)
        self._loop = loop
        self._period_ns = None if period_ns is None or self._speed is None else max(SECOND_NS, self._present(period_ns))
        self._start_ns = start_ns
        self._playing: list[Round] = []
        self._begin_round(start_ns)

    @property
    def undecodable(self) -> int:
        """Frames of the recording that could not be read, over all rounds."""
        return int(getattr(self._source, "undecodable", 0))

    @property
    def decoder(self) -> Decoder | None:
        """What reads the recording's frames, if it has any: it knows the causes of what could not be read."""
        return getattr(self._source, "decoder", None)

    def health(self) -> Health:
        """Return what the recording's reader counted, by cause, over all rounds."""
        return (
            Health()
            if self.decoder is None
            else health_of(self.decoder.counters, tcp_gaps=self.decoder.streams.gaps, tcp_evicted=self.decoder.streams.flows.evicted)
        )

    def next_due_ns(self) -> int | None:
        """Return when the next packet is due; None when there is none left. At speed "max" it is always in the past."""
        if not self._playing:
            return None
        return self._start_ns if self._speed is None else self._playing[0].due_ns

    def due(self, now_ns: int, limit: int = 256) -> list[Packet]:
        """Return the packets whose time has come, at most `limit`; more may be waiting when there are as many."""
        ready: list[Packet] = []
        while self._playing and len(ready) < limit and (self._speed is None or self._playing[0].due_ns <= now_ns):
            played = self._playing[0]
            ready.append(self._dressed(played, now_ns))
            self._advance(played)
        if ready:
            self.packets += len(ready)
            self.newest_ns = max(self.newest_ns, ready[-1].at_ns)
        return ready

    def close(self) -> None:
        """Stop playing."""
        self._playing.clear()
        self._loop = False

    def _dressed(self, played: Round, now_ns: int) -> Packet:
        """Return the packet with the time and the Call-ID of its round, and this tap's name."""
        packet = played.packet.changed(tap=self.name)
        if self._loop:
            packet = packet.changed(data=renamed(packet.data, played.suffix))
        if self._speed is not None:
            return packet.changed(at_ns=played.due_ns)
        return packet.changed(at_ns=now_ns) if self._loop else packet

    def _advance(self, played: Round) -> None:
        """Look at the packet after this one; where a round ends or the next one's time has come, begin that."""
        following = self._read(played.packets)
        if following is not None:
            played.packet = following
            played.due_ns = played.start_ns + self._present(following.at_ns - played.first_ns)
            heapq.heapreplace(self._playing, played)
        else:
            heapq.heappop(self._playing)
        if not self._loop or self.error:
            return
        if self._period_ns is None:
            if not self._playing:
                self._begin_round(played.due_ns + SECOND_NS)
        elif not self._playing or self._playing[0].due_ns >= self._start_ns + self._period_ns:
            self._begin_round(self._start_ns + self._period_ns)

    def _begin_round(self, start_ns: int) -> None:
        self._start_ns = start_ns
        packets = iter(self._source)
        first = self._read(packets)
        if first is None:
            self.error = self.error or "no packets in it"
            return
        self.rounds += 1
        heapq.heappush(self._playing, Round(packets, first, start_ns))

    def _read(self, packets: Iterator[Packet]) -> Packet | None:
        try:
            following = next(packets, None)
        except CaptureError as error:  # the file was there at first: it changed under us
            self.error = str(error)
            return None
        if following is None and not self._loop:
            self.error = str(getattr(self._source, "error", ""))  # a capture that was cut says so once it has been played
        return following

    def _present(self, elapsed_ns: int) -> int:
        """Return how long this much of the recording takes now; integer arithmetic, so that spacing is exact."""
        if self._speed is None:
            return elapsed_ns
        return elapsed_ns * self._speed.denominator // self._speed.numerator


def exact(speed: float | Fraction | str) -> Fraction:
    """Return a speed as the number that was written, 0.1 as a tenth; raises ValueError when it is not above 0."""
    try:
        number = Fraction(str(speed))
    except (ValueError, ZeroDivisionError):
        number = Fraction(0)
    if number <= 0:
        raise ValueError(f"speed must be above 0, not {speed}")
    return number


def renamed(data: bytes, suffix: bytes) -> bytes:
    """Append `suffix` to the Call-IDs in the header part of a SIP message; the body is left alone."""
    end = _END_OF_HEADERS.search(data)
    headers = data[: end.start()] if end else data
    return _NAMES_A_CALL.sub(lambda found: found[0] + suffix, headers) + data[len(headers) :]
