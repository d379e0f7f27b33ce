"""A folder that a capture program writes to, read as it grows: `--follow DIR`. Knows files and positions; formats are in `records`. Has no clock.

The folder is looked through every half second. What is new in its files since then is put in time order and read by one decoder, so that
a call, a stream or a fragmented datagram may go on in the next file. A file's last packet may be half written: it is read on when the file grows.
A file is known by its inode and by how it begins: one that was renamed is read on where it was, one that was begun anew is begun anew.
A compressed file that begins with a packet already read is a rotated file that was packed: only what was not yet read of that is taken from it.
"""

import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import zstandard

from dialogs.packet import Packet
from dialogs.taps.counters import Counted
from dialogs.taps.errors import CaptureError, NoCapture
from dialogs.taps.health import Health, health_of
from dialogs.taps.ip import Decoder
from dialogs.taps.merged import Part, decode, in_time_order
from dialogs.taps.pcap import CaptureFile, tap_name
from dialogs.taps.records import Pcap, Pcapng, Record, recognise

PERIOD_NS = 500_000_000
"How often the folder is looked through."

READ = 256 * 1024
READ_PACKED = 1024
"Bytes read at a time; few of a compressed file, for each of them may become tens of thousands."

FINGERPRINT = 64
"Bytes by which the beginning of a file is known again: a pcap's header and the time of its first packet are among them."

REMEMBERED = 10_000
"First packets of files that are remembered."

PACKED = (".gz", ".zst")
_HEAD = 24

Change = tuple[int, int]
"Size and time of the last change (ns) of a file."


class FollowTap(Counted):
    """Packets of a growing or rotating folder, with their capture times."""

    recorded = True
    "No order may exist for its calls: whoever writes to the folder can write what they like."

    dropped = 0

    def __init__(self, folder: Path) -> None:
        """Look whether the folder can be read; raises CaptureError. It may be empty as yet."""
        self.folder = folder
        self.name = tap_name("folder", folder.absolute())
        self.newest_ns = 0
        self.behind = True
        "Whether more is there than has been handed out: then only its packets move the time."

        self.decoder = Decoder(self.name, unpack_hep=True)
        self.counters = self.decoder.counters
        self._known: dict[tuple[int, int], _Growing] = {}
        self._begun: dict[int, _Progress] = {}
        self._frames: Iterator[Record] | None = None
        self._words = ""
        self._due_ns: int | None = 0
        if not folder.is_dir():
            raise CaptureError(f"{folder}: {'No such directory' if not folder.exists() else 'not a directory'}")
        self._listed()
        if self._words:
            raise CaptureError(self._words)

    @property
    def error(self) -> str:
        """What is wrong with the folder or a file in it now, "" for nothing. A file that is no capture is no mistake."""
        wrong = [file.error for file in self._known.values() if file.error]
        return self._words or (f"{wrong[0]}{f', and {len(wrong) - 1} more' if len(wrong) > 1 else ''}" if wrong else "")

    def next_due_ns(self) -> int | None:
        """Return when to ask again; 0 while more waits, None once closed."""
        return self._due_ns

    def due(self, now_ns: int, limit: int = 256) -> list[Packet]:
        """Return what is new. Looks at `limit` frames at most; the folder is looked through when it is time."""
        packets: list[Packet] = []
        if self._due_ns is None or now_ns < self._due_ns:
            return packets
        if self._frames is None:
            self._frames = in_time_order(self._unread())
        frames = list(islice(self._frames, limit))
        for record in frames:
            decode(record, self.decoder, packets)
        if packets:
            self.counters.packets += len(packets)
            self.newest_ns = max(self.newest_ns, packets[-1].at_ns)
        self.behind = len(frames) == limit
        if self.behind:
            self._due_ns = 0
        else:
            self._frames, self._due_ns = None, now_ns + PERIOD_NS
        return packets

    def health(self) -> Health:
        """Return what was counted, by cause."""
        return health_of(self.counters, tcp_gaps=self.decoder.streams.gaps, tcp_evicted=self.decoder.streams.flows.evicted)

    def close(self) -> None:
        """Stop looking."""
        self._due_ns = None
        self._frames = None
        self.behind = False

    def _unread(self) -> list[Part]:
        """Return the files that changed since they were read, each with a time that its next packet is not older than."""
        listed = self._listed()
        if listed is None:
            return []
        before, self._known = self._known, {}
        parts: list[Part] = []
        for path, key, change in listed:
            file = self._known[key] = before.get(key) or _Growing()
            file.path = path
            if change != file.change and (first_ns := self._next_ns(file, change)) is not None:
                parts.append((first_ns, file.records))
        return parts

    def _listed(self) -> list[tuple[Path, tuple[int, int], Change]] | None:
        """Return each file with what tells it from others and what tells that it changed; None when the folder cannot be read now."""
        found: list[tuple[Path, tuple[int, int], Change]] = []
        self._words = ""
        try:
            paths = sorted(self.folder.iterdir())
        except OSError as error:
            self._words = f"{self.folder}: {error.strerror}"
            return None
        for path in paths:
            with suppress(OSError):  # gone since: rotation
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    found.append((path, (status.st_dev, status.st_ino), (status.st_size, status.st_mtime_ns)))
        return found

    def _next_ns(self, file: "_Growing", change: Change) -> int | None:
        """Return a time that no unread packet of the file is older than, None when there is nothing to read (yet)."""
        try:
            if file.goes_on():
                file.change = change
                return file.latest_ns
            first_ns = CaptureFile(file.path).first_ns()
        except NoCapture:
            first_ns = None
        except CaptureError as error:  # looked at again and again: a file's owner may change without the file
            file.error = str(error)
            return None
        file.change = change
        if first_ns is None:
            return None
        if file.path.suffix in PACKED:
            file.progress = self._begun.get(first_ns, file.progress)
        self._begun[first_ns] = file.progress
        while len(self._begun) > REMEMBERED:
            del self._begun[next(iter(self._begun))]
        return first_ns


class _Progress:
    """How many frames of a capture were handed out, whether it lies in one file or, packed, in another."""

    __slots__ = ("frames",)

    def __init__(self) -> None:
        self.frames = 0


class _Growing:
    """One file of the folder: how far it has been read."""

    def __init__(self) -> None:
        self.path = Path()
        self.change: Change = (-1, 0)
        "As it was when it was last read."

        self._begin()

    def _begin(self) -> None:
        self.error = ""
        self.latest_ns = 0
        self.progress = _Progress()
        self._number = 0
        "Frames found."

        self._position = 0
        self._head = b""
        self._rest = b""
        self._format: Pcap | Pcapng | None = None
        self._unpack: Callable[[bytes], bytes] | None = None
        self._damaged = False

    def goes_on(self) -> bool:
        """Tell whether the file is the one that was read before; otherwise it is to be begun. Raises CaptureError."""
        if self._position:
            try:
                with self.path.open("rb") as file:
                    if self._is_same(file):
                        return True
            except OSError as error:
                raise CaptureError(f"{self.path}: {error.strerror}") from error
        self._begin()
        return False

    def records(self) -> Iterator[Record]:
        """Yield the frames from where the file was left to its present end; what is wrong is said in `error`, never raised."""
        try:
            with self.path.open("rb") as file:
                if not self._is_same(file):
                    self._begin()
                file.seek(0)
                self._head = file.read(FINGERPRINT)
                self._unpack = self._unpack or _unpacker(self._head)
                file.seek(self._position)
                while not self._damaged and (piece := file.read(READ if self._unpack is bytes else READ_PACKED)):
                    self._position += len(piece)
                    yield from filter(self._is_new, self._parsed(piece))
        except OSError as error:
            self.error = f"{self.path}: {error.strerror}"

    def _is_new(self, _: Record) -> bool:
        self._number += 1
        if self._number <= self.progress.frames:
            return False
        self.progress.frames = self._number
        return True

    def _is_same(self, file: BinaryIO) -> bool:
        return file.read(len(self._head)) == self._head and file.seek(0, os.SEEK_END) >= self._position

    def _parsed(self, piece: bytes) -> list[Record]:
        """Return the frames that end in this piece of the file."""
        records: list[Record] = []
        unpack = self._unpack or bytes
        try:
            data = self._rest + unpack(piece)
            if self._format is None and len(data) >= _HEAD:
                self._format = recognise(data[:_HEAD])
                data = data[self._format.start if self._format else 0 :]
            if self._format is not None:
                data = data[self._format.records(data, records) :]
        except (CaptureError, zlib.error, zstandard.ZstdError) as error:
            self._stop(str(error))
            return records
        self._rest = data
        if records:
            self.latest_ns = records[-1][0]
        if self._format is None and len(data) >= _HEAD:
            self._stop("no capture any more")
        elif self._format is not None and self._format.damaged:
            self._stop("damaged record")
        return records

    def _stop(self, why: str) -> None:
        self.error = f"{self.path}: {why}"
        self._damaged = True
        self._rest = b""


def _unpacker(head: bytes) -> Callable[[bytes], bytes]:
    """Return what undoes the compression that the first bytes show, piece by piece."""
    if head.startswith(b"\x1f\x8b"):
        return _Gunzip()
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress
    return bytes


class _Gunzip:
    """Unpacks gzip piece by piece, one file behind the other as they may stand in one."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)

    def __call__(self, data: bytes) -> bytes:
        out = b""
        while data:
            out += self._stream.decompress(data)
            data = self._stream.unused_data.lstrip(b"\0") if self._stream.eof else b""
            if self._stream.eof:
                self._stream = zlib.decompressobj(31)
        return out
