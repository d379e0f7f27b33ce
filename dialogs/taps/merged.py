"""Several capture files as one recording, in time order: what was cut into files while it was captured, or captured in several places.

Frames are put in order before anything is read from them, and one decoder reads them all: a stream or a fragmented datagram may go on in the
next file. A file is opened when its turn comes, so that memory is bounded by the files that overlap in time, a chunk each. Knows no clock.
"""

import heapq
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

from dialogs.packet import Packet
from dialogs.taps.counters import Counted
from dialogs.taps.errors import CaptureError, NoCapture
from dialogs.taps.ip import Decoder
from dialogs.taps.pcap import STDIN, CaptureFile, tap_name
from dialogs.taps.records import Record

TERMINAL = "standard input is a terminal: pipe a capture into it, such as tcpdump -U -w - port 5060 | ./dialtap ..."

type Part[R] = tuple[int, Callable[[], Iterator[R]]]
"A source of frames: no frame of it is older than this time (ns), and what opens it."


class Captures(Counted):
    """Capture files merged, an iterable of Packet. Iterating again begins anew; a stream among them can be read once."""

    recorded = True
    dropped = 0
    "A file has lost what it lost before; it does not say."

    def __init__(self, files: Sequence[CaptureFile], name: str) -> None:
        """Look for the first frame of each file; those without any are left out. Raises CaptureError for one that cannot be read."""
        self.name = name
        self.files = tuple(files)
        self.newest_ns = 0
        self.decoder = Decoder(name, unpack_hep=True)
        self.counters = self.decoder.counters
        self._parts = [(first_ns, _frames(file)) for file in files if (first_ns := file.first_ns()) is not None]

    @property
    def error(self) -> str:
        """What was wrong with the files that have been read, "" for nothing."""
        return "; ".join(f"{file.path.name}: {file.error}" for file in self.files if file.error)

    def __iter__(self) -> Iterator[Packet]:
        """Read all; raises CaptureError on a file that became unreadable, or of which no frame can be read."""
        counters, packets = self.counters, list[Packet]()
        for record in in_time_order(self._parts):
            decode(record, self.decoder, packets)
            if packets:
                counters.packets += len(packets)
                self.newest_ns = max(self.newest_ns, packets[-1].at_ns)
                yield from packets
                packets.clear()
        self.decoder.finish(packets)
        counters.packets += len(packets)
        yield from packets


def _frames(file: CaptureFile) -> Callable[[], Iterator[Record]]:
    return lambda: chain.from_iterable(file.chunks())


def decode(record: Record, decoder: Decoder, out: list[Packet]) -> None:
    """Append what a frame carries to `out`; counts the frame, not the packets."""
    at_ns, link, frame = record
    decoder.counters.frames += 1
    if link is None:
        decoder.counters.skip("link type")
    else:
        decoder.decode(at_ns, link, frame, out)


def in_time_order[R: tuple[Any, ...]](parts: Iterable[Part[R]]) -> Iterator[R]:
    """Yield the frames of all parts in time order, each part taken to be in order; a part is opened when its time comes. A frame begins with its time."""
    ahead = deque(sorted(parts, key=itemgetter(0)))
    heads: list[tuple[int, int, R, Iterator[R]]] = []
    number = 0
    while heads or ahead:
        while ahead and (not heads or ahead[0][0] <= heads[0][0]):
            frames = ahead.popleft()[1]()
            number += 1
            if (first := next(frames, None)) is not None:
                heapq.heappush(heads, (first[0], number, first, frames))
        if not heads:
            return
        _, order, record, frames = heads[0]
        yield record
        if (following := next(frames, None)) is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (following[0], order, following, frames))


def open_recording(names: Sequence[str | Path]) -> tuple[CaptureFile | Captures, list[str]]:
    """Return files and folders ("-" is standard input) as one recording, and what should be known of it, a sentence each.

    Raises CaptureError for what cannot be read and for a folder without a capture.
    """
    files: list[CaptureFile] = []
    notes: list[str] = []
    for name in names:
        if Path(name).is_dir():
            found, left_out = folder_files(Path(name))
            files += found
            notes += left_out
        else:
            files.append(standard_input(files) if str(name) == "-" else CaptureFile(name))
    if len(files) == 1:
        return files[0], notes
    if len(names) == 1:
        return Captures(files, tap_name("folder", Path(names[0]).absolute())), notes
    return Captures(files, f"{files[0].name} and {len(files) - 1} more"), notes


def folder_files(folder: Path) -> tuple[list[CaptureFile], list[str]]:
    """Return the captures in a folder, by name, and a sentence about the files that were left out. Raises CaptureError when there is none."""
    found: list[CaptureFile] = []
    other: list[str] = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file() and path.stat().st_size)
    except OSError as error:
        raise CaptureError(f"{folder}: {error.strerror}") from error
    for path in paths:
        try:
            found.append(CaptureFile(path))
            found[-1].first_ns()
        except NoCapture as error:
            other.append(str(error))
        except CaptureError as error:
            other.insert(0, str(error))
            found = [file for file in found if file.path != path]
    if not found:
        raise CaptureError(f"{folder}: no capture in it{f' ({other[0]})' if other else ''}")
    more = f", and {len(other) - 1} more" if len(other) > 1 else ""
    return found, [f"left out: {other[0]}{more}"] if other else []


def standard_input(before: Sequence[CaptureFile] = ()) -> CaptureFile:
    """Return what is piped into this process as a capture; raises CaptureError when it is a terminal, or is among those `before`."""
    if any(str(file.path) == STDIN for file in before):
        raise CaptureError("standard input can be read once: give - once")
    if os.isatty(0):
        raise CaptureError(TERMINAL)
    try:
        return CaptureFile(STDIN, os.fdopen(0, "rb", closefd=False))
    except OSError as error:
        raise CaptureError(f"{STDIN}: {error.strerror}") from error
