"""A folder that a capture program writes to, read as it grows: `--follow DIR`. Knows files and positions; formats are in `records`. Has no clock.

The folder is looked through every half second. What is new in its files since then is put in time order and read by one decoder, so that
a call, a stream or a fragmented datagram may go on in the next file. A file's last packet may be half written: it is read on when the file grows.
A compressed file that begins with a packet already read is a rotated file that was packed: only what was not yet read of that is taken from it.

`news` says how far each file has been read, `resume` takes that back after a restart. A file that has not changed since is not opened then. One that has
is decoded from its beginning, so that streams and fragmented datagrams go on, but of the frames that were read before nothing is handed out again.
"""

import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from dialogs.packet import Packet
from dialogs.taps.counters import Counted
from dialogs.taps.errors import CaptureError, NoCapture
from dialogs.taps.growing import Change, Frame, Growing, Place, Progress
from dialogs.taps.health import Health, health_of
from dialogs.taps.ip import Decoder
from dialogs.taps.merged import Part, decode, in_time_order
from dialogs.taps.pcap import CaptureFile, tap_name

PERIOD_NS = 500_000_000
"How often the folder is looked through."

REMEMBERED = 10_000
"First packets of files that are remembered."

MAX_INODE = (1 << 63) - 1

PACKED = (".gz", ".zst")


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
        self._known: dict[tuple[int, int], Growing] = {}
        self._begun: dict[int, Progress] = {}
        self._places: dict[int, Place] = {}
        "Of the run before, by inode: files that have not been met yet."

        self._touched: dict[Growing, Place | None] = {}
        "Files that are being read -> what was last told of them."

        self._forgotten = False
        self._here = self._there = (0, 0)
        "Device and inode of the folder: now, and when its files were listed."

        self._frames: Iterator[Frame] | None = None
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
        packets, again = list[Packet](), list[Packet]()
        if self._due_ns is None or now_ns < self._due_ns:
            return packets
        if self._frames is None:
            self._frames = in_time_order(self._unread())
        frames = list(islice(self._frames, limit))
        for at_ns, link, frame, file, number in frames:
            progress = file.progress
            decode((at_ns, link, frame), self.decoder, packets if number > progress.again else again)
            progress.frames = max(progress.frames, number)
        if packets:
            self.counters.packets += len(packets)
            self.newest_ns = max(self.newest_ns, packets[-1].at_ns)
        self.behind = len(frames) == limit
        if self.behind:
            self._due_ns = 0
        else:
            self._frames, self._due_ns = None, now_ns + PERIOD_NS
        return packets

    def resume(self, places: Iterable[Place]) -> None:
        """Go on where a run before this one stopped; before the first `due`."""
        for place in places:
            self._places[place.inode] = place
            self._begun[place.first_ns] = Progress(place.frames)

    def news(self) -> tuple[bool, list[Place]]:
        """Return whether everything told before is void, because the folder was emptied, and how far files have been read, where that is new."""
        forgotten, self._forgotten = self._forgotten, False
        told = self._touched
        new = [place for file, before in told.items() if (place := file.place()).frames and place != before]
        self._touched = {} if self._frames is None else {file: file.place() for file in told}
        return forgotten, new

    def health(self) -> Health:
        """Return what was counted, by cause."""
        return health_of(self.counters, tcp_gaps=self.decoder.streams.gaps, tcp_evicted=self.decoder.streams.flows.evicted)

    def close(self) -> None:
        """Stop looking."""
        self._due_ns = None
        self._frames = None
        self.behind = False

    def _unread(self) -> list[Part[Frame]]:
        """Return the files that changed since they were read, each with a time that its next packet is not older than."""
        listed = self._listed()
        if listed is None:
            return []
        if not listed and self._known:
            if self._here != self._there:  # an empty folder in its place, such as one that a disk was mounted on
                return []
            self._forget()
        self._there = self._here
        before, self._known = self._known, {}
        parts: list[Part[Frame]] = []
        for path, key, change in listed:
            file = self._known[key] = before.get(key) or self._met(key[1] & MAX_INODE, change)
            file.path = path
            if change != file.change and (first_ns := self._next_ns(file, change)) is not None:
                parts.append((first_ns, file.frames))
                self._touched.setdefault(file, None)
        return parts

    def _forget(self) -> None:
        """Begin anew: the folder was emptied, so what comes into it is new."""
        self._forgotten = True
        self._begun.clear()
        self._places.clear()
        self._touched.clear()

    def _met(self, inode: int, change: Change) -> Growing:
        """Return a file that is seen for the first time in this run: read already, when it is as the run before left it."""
        file, place = Growing(inode), self._places.get(inode)
        if place is not None and change == (place.size, place.changed_ns):
            file.rest_at(place)
        return file

    def _listed(self) -> list[tuple[Path, tuple[int, int], Change]] | None:
        """Return each file with what tells it from others and what tells that it changed; None when the folder cannot be read now."""
        found: list[tuple[Path, tuple[int, int], Change]] = []
        self._words = ""
        try:
            here = self.folder.stat()
            paths = sorted(self.folder.iterdir())
        except OSError as error:
            self._words = f"{self.folder}: {error.strerror}"
            return None
        self._here = here.st_dev, here.st_ino
        for path in paths:
            with suppress(OSError):  # gone since: rotation
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    found.append((path, (status.st_dev, status.st_ino), (status.st_size, status.st_mtime_ns)))
        return found

    def _next_ns(self, file: Growing, change: Change) -> int | None:
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
        place = self._places.pop(file.inode, None)
        if place is not None and place.first_ns == first_ns:
            file.progress = Progress(place.frames)
        elif file.path.suffix in PACKED:
            file.progress = self._begun.get(first_ns, file.progress)
        self._begun[first_ns] = file.progress
        while len(self._begun) > REMEMBERED:
            del self._begun[next(iter(self._begun))]
        return first_ns
