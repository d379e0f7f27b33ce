"""One file of a followed folder, read as it grows, and how far it has been read. Knows formats, packing and positions; knows no folder and no clock.

A file is known by its inode and by how it begins: one that was renamed is read on where it was, one that was begun anew is begun anew.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import zstandard

from dialogs.taps.errors import CaptureError
from dialogs.taps.link import LinkReader
from dialogs.taps.records import Pcap, Pcapng, Record, recognise

READ = 256 * 1024
READ_PACKED = 1024
"Bytes read at a time; few of a compressed file, for each of them may become tens of thousands."

FINGERPRINT = 64
"Bytes by which the beginning of a file is known again: a pcap's header and the time of its first packet are among them."

_HEAD = 24

Change = tuple[int, int]
"Size and time of the last change (ns) of a file."

NEVER: Change = (-1, 0)


class Place(NamedTuple):
    """How far a file has been read: what a restart goes on from. Every value fits 63 bits."""

    inode: int
    first_ns: int
    "Capture time of its first frame; with the inode it tells the file from others."

    frames: int
    "Frames handed out."

    size: int
    changed_ns: int
    "As the file was when it was read to its end; -1 and 0 when it has not been."

    error: str = ""


class Progress:
    """How many frames of a capture were handed out, whether it lies in one file or, packed, in another."""

    __slots__ = ("again", "found", "frames")

    def __init__(self, again: int = 0) -> None:
        """`again`: frames that were handed out before a restart."""
        self.again = again
        self.found = 0
        "Frames found by now, those of before a restart included."

        self.frames = again
        "Frames handed out."


class Growing:
    """One file of the folder: how far it has been read."""

    def __init__(self, inode: int) -> None:
        self.inode = inode
        self.path = Path()
        self.change = NEVER
        "As it was when it was last looked into."

        self.done = NEVER
        "As it was when it was last read to its end."

        self.begin()

    def begin(self) -> None:
        """Forget what was read of it."""
        self.error = ""
        self.first_ns = self.latest_ns = 0
        self.progress = Progress()
        self._number = 0
        "Frames found."

        self._position = 0
        self._head = b""
        self._rest = b""
        self._format: Pcap | Pcapng | None = None
        self._unpack: Callable[[bytes], bytes] | None = None
        self._damaged = False

    def place(self) -> Place:
        """Return how far it has been read."""
        return Place(self.inode, self.first_ns, self.progress.frames, *self.done, self.error)

    def rest_at(self, place: Place) -> None:
        """Take it for read up to a place, because it is as it was then."""
        self.change = self.done = place.size, place.changed_ns
        self.error, self.first_ns = place.error, place.first_ns
        self.progress = Progress(place.frames)

    def goes_on(self) -> bool:
        """Tell whether the file is the one that was read before; otherwise it is to be begun. Raises CaptureError."""
        if self._position:
            try:
                with self.path.open("rb") as file:
                    if self._is_same(file):
                        return True
            except OSError as error:
                raise CaptureError(f"{self.path}: {error.strerror}") from error
        self.begin()
        return False

    def frames(self) -> "Iterator[Frame]":
        """Yield the frames from where the file was left to its present end; what is wrong is said in `error`, never raised."""
        change = self.change
        try:
            with self.path.open("rb") as file:
                if not self._is_same(file):
                    self.begin()
                file.seek(0)
                self._head = file.read(FINGERPRINT)
                self._unpack = self._unpack or _unpacker(self._head)
                file.seek(self._position)
                while not self._damaged and (piece := file.read(READ if self._unpack is bytes else READ_PACKED)):
                    self._position += len(piece)
                    for at_ns, link, frame in self._parsed(piece):
                        self._number += 1
                        if self._number == 1:
                            self.first_ns = at_ns
                        if self._number > self.progress.found:
                            self.progress.found = self._number
                            yield at_ns, link, frame, self, self._number
            self.done = change
        except OSError as error:
            self.error = f"{self.path}: {error.strerror}"

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


Frame = tuple[int, LinkReader | None, bytes, Growing, int]
"A record, the file that it is of, and which one it is there, from 1."


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
