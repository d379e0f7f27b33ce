"""Capture files as a tap: pcap and pcapng, plain, gzip or zstd, from a path or a stream. Knows files; formats are in `records`.

Memory is bounded by the chunk, not by the file. What is damaged or cut ends the reading: what came before is kept, `truncated` says so.
"""

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from dialogs.packet import Packet
from dialogs.taps.counters import Counted
from dialogs.taps.errors import CaptureError, NoCapture
from dialogs.taps.ip import Decoder
from dialogs.taps.records import Pcap, Pcapng, Record, recognise

CHUNK = 256 * 1024
PEEK = 16 * 1024
"Bytes that are read to see a file's first packet."

STDIN = "standard input"
LONGEST_NAME = 100
"Characters of a file's name in the name of a tap, which a column holds."

_LONGEST_HEAD = 24
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class CaptureFile(Counted):
    """One capture, an iterable of Packet. Iterating again reads a file from its beginning; a stream can be read once."""

    recorded = True
    dropped = 0
    "A file has lost what it lost before; it does not say."

    def __init__(self, path: str | Path, stream: BinaryIO | None = None) -> None:
        """Check that the file can be read; raises CaptureError with one clear line. A pipe without a writer is waited for.

        `stream`: read this instead of opening `path`, which then is only the name.
        """
        self.path = Path(path)
        self.name = tap_name("file", self.path)
        self.truncated = False
        self.error = ""
        self.newest_ns = 0
        self.decoder = Decoder(self.name, unpack_hep=True)
        self.counters = self.decoder.counters
        self._chunks: _Chunks | None = None
        if stream is None and is_stream(self.path):
            stream = self._open()  # a pipe can be opened once: what was read to look at it would be lost
        if stream is not None:
            self._chunks = _Chunks(stream, str(path))
        else:
            with self._open() as opened:
                _Chunks(opened, str(path))

    def __iter__(self) -> Iterator[Packet]:
        """Read on to the end; raises CaptureError on a pcapng of which no interface has a link type of ours."""
        decode, counters = self.decoder.decode, self.counters
        packets: list[Packet] = []
        for records in self.chunks():
            for at_ns, link, frame in records:
                if link is None:
                    counters.skip("link type")
                else:
                    decode(at_ns, link, frame, packets)
            counters.frames += len(records)
            counters.packets += len(packets)
            if packets:
                self.newest_ns = max(self.newest_ns, packets[-1].at_ns)
            yield from packets
            packets.clear()
        self.decoder.finish(packets)
        counters.packets += len(packets)
        yield from packets

    def chunks(self) -> Iterator[list[Record]]:
        """Yield the frames as they lie in the file, those of a chunk at a time; counts nothing. Raises CaptureError as iterating does."""
        if self._chunks is not None:
            yield from self._told(self._chunks)
            return
        with self._open() as stream:
            yield from self._told(_Chunks(stream, str(self.path)))

    def first_ns(self) -> int | None:
        """Return the time of a file's first frame, None when it has none (yet); 0 for a stream, of which nothing is taken."""
        if self._chunks is not None:
            return 0
        with self._open() as stream:
            first = next(chain.from_iterable(_Chunks(stream, str(self.path), PEEK)), None)
        return None if first is None else first[0]

    def _told(self, chunks: "_Chunks") -> Iterator[list[Record]]:
        yield from chunks
        self.truncated = chunks.truncated
        self.error = chunks.error

    def _open(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise CaptureError(f"{self.path}: {error.strerror}") from error


class _Chunks:
    """Lists of records, a chunk of the file at a time."""

    def __init__(self, stream: BinaryIO, name: str, size: int = CHUNK) -> None:
        self.truncated = False
        self.error = ""
        self._name = name
        self._size = size
        source = _decompressed(stream)
        # read1 of GzipFile returns what came before a broken end; its read loses it
        self._read: Callable[[int], bytes] = getattr(source, "read1", source.read)
        head = b""
        while len(head) < _LONGEST_HEAD and (more := self._take(_LONGEST_HEAD - len(head))):
            head += more
        self._format = self._recognise(head)
        self._rest = head[self._format.start :]

    def __iter__(self) -> Iterator[list[Record]]:
        while chunk := self._next_chunk():
            data = self._rest + chunk
            records: list[Record] = []
            try:
                self._rest = data[self._format.records(data, records) :]
            except CaptureError as error:
                raise CaptureError(f"{self._name}: {error}") from error
            yield records
            if self._format.damaged:
                self._stop("damaged record")
                return
        if self._rest:
            self._stop("cut in the middle of a record")

    def _recognise(self, head: bytes) -> Pcap | Pcapng:
        if not head and not self.truncated:
            raise NoCapture(f"{self._name} is empty")
        try:
            found = recognise(head)
        except CaptureError as error:
            raise CaptureError(f"{self._name}: {error}") from error
        if found is None:
            raise NoCapture(f"{self._name} is no capture file (pcap or pcapng)")
        return found

    def _next_chunk(self) -> bytes:
        """Read what there is; behind a record longer than a chunk as much again as is waiting, so that joining them stays linear."""
        chunk = self._take(self._size)
        if len(self._rest) < self._size:
            return chunk
        pieces, size = [chunk], len(chunk)
        while size < len(self._rest) and (more := self._take(self._size)):
            pieces.append(more)
            size += len(more)
        return b"".join(pieces)

    def _take(self, size: int) -> bytes:
        """Read up to `size` bytes, none only at the end; a broken compressed stream counts as the end."""
        try:
            return self._read(size)
        except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
            self._stop(f"broken: {error}")
            return b""

    def _stop(self, why: str) -> None:
        self.truncated = True
        self.error = self.error or why


def is_stream(path: Path) -> bool:
    """Tell whether a path is something that can be read once: a pipe, a terminal. What cannot be looked at is left to who opens it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def tap_name(kind: str, path: Path) -> str:
    """Return the name of a tap that reads this path: of any bytes that a file name may have, in a length that a column holds."""
    name = os.fsencode("/".join(path.parts[-2:]) if kind == "folder" else path.name).decode("utf-8", "replace")
    return f"{kind}:{name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + chr(0x2026)}"


class _Peeked:
    """A stream whose first bytes have been looked at and are given again. Reads what is there: a pipe is not waited for to fill a chunk."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._more: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self.head = b""
        while len(self.head) < size and (more := self._more(size - len(self.head))):
            self.head += more

    def read(self, size: int = -1) -> bytes:
        if self.head:
            given, self.head = self.head[:size], self.head[size:]
            return given
        return self._more(size)


def _decompressed(stream: BinaryIO) -> BinaryIO:
    """Put the decompressor that the first bytes ask for before a stream."""
    peeked = _Peeked(stream, 4)
    raw = cast("BinaryIO", peeked)
    if peeked.head[:2] == _GZIP:
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb"))
    if peeked.head == _ZSTD:
        return cast("BinaryIO", zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True))
    return raw
