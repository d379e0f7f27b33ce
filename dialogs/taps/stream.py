"""A capture that arrives through a pipe, read as it comes: `tcpdump -w - | ./dialtap run --pcap -`. Knows descriptors; has no clock.

A thread waits for the pipe and cuts what comes into frames, so that the event loop never waits; what is in the frames is read where they are
asked for. The queue between them is short: when nobody asks, the pipe fills and its writer waits, nothing is lost here.
"""

import io
import os
import queue
import select
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from dialogs.packet import Packet
from dialogs.taps.counters import Counted
from dialogs.taps.errors import CaptureError
from dialogs.taps.health import Health, health_of
from dialogs.taps.ip import Decoder
from dialogs.taps.merged import TERMINAL, decode
from dialogs.taps.pcap import STDIN, CaptureFile, is_stream, tap_name
from dialogs.taps.records import Record

QUEUE = 4
"Chunks that wait, at most."

START_MS = 1000
"How long the start waits for a stream's first bytes, so that a wrong one is refused at once."

IDLE_NS = 20_000_000
"How often it is looked whether something came."

OLD_NS = 30_000_000_000
SETTLED_NS = 2_000_000_000
"A stream whose packets are older than the first is an import until nothing has come for the second: until then only its packets move the time."

_HEAD = 24
_PACKED = (b"\x1f\x8b", b"\x28\xb5")


class StreamTap(Counted):
    """Packets of a pipe or of standard input, with their capture times."""

    recorded = True
    "No order may exist for its calls: whoever writes to the pipe can write what they like."

    dropped = 0

    def __init__(self, path: Path) -> None:
        """Open a named pipe, or standard input ("-"), without waiting for a writer; raises CaptureError for what is no capture."""
        self.path = Path(STDIN) if str(path) == "-" else path
        self.name = tap_name("file", self.path)
        self.error = ""
        self.newest_ns = 0
        self.behind = False
        "Whether it brings packets of long ago, and more of them are to be expected."

        self.decoder = Decoder(self.name, unpack_hep=True)
        self.counters = self.decoder.counters
        self._pipe = _Pipe(_opened(path))
        self._queue: queue.Queue[list[Record] | None] = queue.Queue(QUEUE)
        self._frames: Iterator[Record] = iter(())
        self._words = ""
        self._ended = False
        self._asked_ns = self._came_ns = self._frame_ns = 0
        self._thread = threading.Thread(target=self._fill, name="stream", daemon=True)
        try:
            self._refuse()
        except CaptureError:
            self._pipe.close()
            raise

    def next_due_ns(self) -> int | None:
        """Return when to ask again; 0 while packets wait, None after the end."""
        if self._ended:
            return None
        return 0 if self._queue.qsize() or not self._asked_ns else self._asked_ns + IDLE_NS

    def due(self, now_ns: int, limit: int = 256) -> list[Packet]:
        """Return what has come, never wait. Looks at `limit` frames at most."""
        packets: list[Packet] = []
        if self._ended:
            return packets
        if not self._thread.ident:
            self._thread.start()  # not before: a process that still forks has one thread
        self._asked_ns = now_ns
        frames = list(islice(self._frames, limit)) or self._following(limit)
        for record in frames:
            decode(record, self.decoder, packets)
        over = self.next_due_ns() is None
        if over:
            self.decoder.finish(packets)
        if packets:
            self.counters.packets += len(packets)
            self.newest_ns = max(self.newest_ns, packets[-1].at_ns)
        if frames:
            self._asked_ns, self._came_ns, self._frame_ns = 0, now_ns, frames[-1][0]
        self.behind = not over and now_ns - self._came_ns < SETTLED_NS and self._came_ns - self._frame_ns > OLD_NS
        return packets

    def health(self) -> Health:
        """Return what was counted, by cause."""
        return health_of(self.counters, tcp_gaps=self.decoder.streams.gaps, tcp_evicted=self.decoder.streams.flows.evicted)

    def close(self) -> None:
        """Stop reading; the writer's next bytes find a closed pipe."""
        if self._ended:
            return
        self._ended = True
        self.behind = False
        self._frames = iter(())
        self._pipe.stop()
        while self._thread.is_alive():
            with_room(self._queue)
            self._thread.join(0.01)
        self._pipe.close()

    def _following(self, limit: int) -> list[Record]:
        """Begin the next chunk, if there is one."""
        if not self._queue.qsize():
            return []
        chunk = self._queue.get_nowait()
        if chunk is None:
            self.error = self._words or "the stream has ended"
            self.close()
            return []
        self._frames = iter(chunk)
        return list(islice(self._frames, limit))

    def _fill(self) -> None:
        """Read to the end; runs on the thread."""
        try:
            file = CaptureFile(self.path, cast("BinaryIO", self._pipe))
            for records in file.chunks():
                if records:
                    self._queue.put(records)
            self._words = f"the stream has ended: {file.error}" if file.error else ""
        except CaptureError as error:
            self._words = str(error)
        self._queue.put(None)

    def _refuse(self) -> None:
        """Raise CaptureError when the first bytes are already there and are no capture's."""
        head = self._pipe.peek(START_MS)
        if head is not None and (len(head) >= _HEAD or not head) and not head.startswith(_PACKED):
            CaptureFile(self.path, io.BytesIO(head))


class _Pipe:
    """A descriptor that is waited for until there is something to read, it ends, or `stop` is called from another thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head = b""
        self._stopped, self._stop = os.pipe()
        self._poll = select.poll()
        for watched in (descriptor, self._stopped):
            self._poll.register(watched, select.POLLIN)

    def read(self, size: int = -1) -> bytes:
        """Return what is there, up to `size` bytes; b"" at the end."""
        if self._head:
            given, self._head = self._head[:size], self._head[size:]
            return given
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll()}
            if self._stopped in ready:
                return b""
            try:
                return os.read(self._descriptor, size)
            except BlockingIOError:  # a pipe whose writer has just gone and come
                continue

    read1 = read

    def peek(self, milliseconds: int) -> bytes | None:
        """Return the first bytes without taking them, None when none come in time."""
        if not self._poll.poll(milliseconds):
            return None
        self._head = self.read(_HEAD)
        return self._head

    def stop(self) -> None:
        """End whatever is being waited for."""
        os.write(self._stop, b".")

    def close(self) -> None:
        """Give the descriptors back; standard input stays open."""
        for descriptor in (self._stopped, self._stop, *([self._descriptor] if self._descriptor else [])):
            os.close(descriptor)


def is_arriving(path: Path) -> bool:
    """Tell whether a `--pcap` is read as it comes instead of being played."""
    return str(path) == "-" or is_stream(path)


def with_room(waiting: "queue.Queue[list[Record] | None]") -> None:
    """Empty a queue, so that whoever wants to put something into it can."""
    while waiting.qsize():
        waiting.get_nowait()


def _opened(path: Path) -> int:
    if str(path) == "-" and os.isatty(0):
        raise CaptureError(TERMINAL)
    try:
        if str(path) == "-":
            os.fstat(0)
            return 0
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # without it opening waits for a writer
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from error
