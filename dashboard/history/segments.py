"""The message store: hourly files of zstd frames, appended by one ingest, read by pages. Knows no tables; retention is unlink.

A frame is referenced only by a row that was committed after the frame was written, and files are only ever appended to: what a crash leaves
half written at a file's end is never looked at. A segment is a plain concatenation of zstd frames: `zstd -d` opens it.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

import msgspec

from dashboard.history.messages import MAX_FRAME, Frame, Squeezer, StoredMessage, unpack, unsqueeze

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
SUFFIX = ".zst"
NAME = "%Y-%m-%dT%H"


class Found(msgspec.Struct, frozen=True):
    """What is there of a call's messages, in the order they were stored, and what is not."""

    messages: tuple[StoredMessage, ...]
    gone: tuple[str, ...]
    'In words: "messages of 2026-11-21 14:00 UTC are no longer kept".'

    more: int
    "Messages that were not stored, because the call had too many."


def name_of(segment: int) -> str:
    """Return the file name of a segment."""
    return datetime.fromtimestamp(segment * 3600, UTC).strftime(NAME) + SUFFIX


def segment_of(name: str) -> int | None:
    """Return the segment that a file name means, None for other files."""
    try:
        at = datetime.strptime(name.removesuffix(SUFFIX), NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp()) // 3600 if name.endswith(SUFFIX) else None


class SegmentWriter:
    """Appends frames to the segment of the hour. One writer a directory, used from one thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.squeezer = Squeezer()
        self.segment = -1
        self.file: FileIO | None = None

    def append(self, now_ns: int, batches: Sequence[Sequence[StoredMessage]]) -> list[Frame]:
        """Write one frame a batch, all with one write; return where they lie. OSError when the disk does not take them: then nothing counts."""
        squeezed = [self.squeezer.squeeze(batch) for batch in batches]
        try:
            file = self._open(now_ns // HOUR_NS)
            start = file.seek(0, os.SEEK_END)
            self._write(file, b"".join(squeezed))
        except OSError:
            self.close()
            raise
        frames = []
        for frame in squeezed:
            frames.append(Frame(self.segment, start, len(frame)))
            start += len(frame)
        return frames

    def _open(self, segment: int) -> FileIO:
        # A file that was unlinked under us would take frames into nowhere.
        if self.file is None or segment != self.segment or os.fstat(self.file.fileno()).st_nlink == 0:
            self.close()
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            self.file = FileIO(self.directory / name_of(segment), "ab", opener=_private)
            self.segment = segment
        return self.file

    @staticmethod
    def _write(file: FileIO, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]

    def close(self) -> None:
        """Close the file; the next append opens one."""
        if self.file is not None:
            self.file.close()
            self.file = None


def _private(path: str, flags: int) -> int:
    """Open for the owner and its group only: calls are nobody else's business."""
    return os.open(path, flags, 0o640)


def read(directory: Path, column: bytes) -> Found:
    """Return the messages of a row's `frames` column; what is missing or damaged is said, never raised."""
    messages: list[StoredMessage] = []
    gone: dict[str, None] = {}
    more = 0
    files: dict[int, FileIO | None] = {}
    try:
        for frame in unpack(column):
            if not frame.length:
                more = max(more, frame.offset)
                continue
            got = _read(directory, frame, files)
            messages += got or ()
            if got is None:
                gone[_loss(frame, files)] = None
    finally:
        for file in files.values():
            if file is not None:
                file.close()
    return Found(tuple(messages), tuple(gone), more)


def _read(directory: Path, frame: Frame, files: dict[int, FileIO | None]) -> list[StoredMessage] | None:
    try:
        if frame.segment not in files:
            files[frame.segment] = None
            files[frame.segment] = FileIO(directory / name_of(frame.segment))
        file = files[frame.segment]
        if file is None or frame.length > MAX_FRAME:
            return None
        return unsqueeze(os.pread(file.fileno(), frame.length, frame.offset))
    except (OSError, OverflowError, ValueError):  # unlinked, unreadable, or a record of nonsense numbers
        return None


def _loss(frame: Frame, files: dict[int, FileIO | None]) -> str:
    if files.get(frame.segment) is not None:
        return "some messages are damaged on the disk"
    try:
        hour = datetime.fromtimestamp(frame.segment * 3600, UTC)
    except (OverflowError, ValueError, OSError):
        return "some messages are damaged on the disk"
    return f"messages of {hour:%Y-%m-%d %H:00} UTC are no longer kept"


class Pruned(msgspec.Struct, frozen=True):
    """What retention took away."""

    segments: int = 0
    bytes: int = 0


def prune(directory: Path, now_ns: int, days: float, gb: float) -> Pruned:
    """Unlink the oldest segments: those that ended more than `days` ago, then as many as stand above `gb` (10**9 bytes). 0 = no limit.

    The segment of the present hour stays, however large: it is being written.
    """
    present = now_ns // HOUR_NS
    found = _segments(directory)
    kept = sum(size for _, size, _ in found)
    segments = taken = 0
    for segment, size, path in found:
        old = days > 0 and (segment + 1) * HOUR_NS < now_ns - days * DAY_NS
        if segment >= present or not (old or (gb > 0 and kept - taken > gb * 1e9)):
            continue
        path.unlink(missing_ok=True)
        segments, taken = segments + 1, taken + size
    return Pruned(segments, taken)


def usage(directory: Path) -> tuple[int, int]:
    """Return (segments, bytes) of the store: the first page says how much is kept."""
    found = _segments(directory)
    return len(found), sum(size for _, size, _ in found)


def _segments(directory: Path) -> list[tuple[int, int, Path]]:
    """Return (segment, bytes, path), oldest first."""
    if not directory.is_dir():
        return []
    named = ((segment_of(entry.name), entry) for entry in os.scandir(directory) if entry.is_file(follow_symlinks=False))
    return sorted((segment, entry.stat().st_size, Path(entry.path)) for segment, entry in named if segment is not None)
