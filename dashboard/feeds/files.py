"""Event files: a line of JSON each, closed by size and at midnight UTC, so many kept. Knows a folder; knows no database.

A file's last line tells which revision it holds: after a crash nothing is written twice and no line is half.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from dashboard.feeds.window import Item

MODE = 0o640
TAIL = 1 << 20
"Bytes at a file's end in which its last line is looked for; an event is shorter."

REVISION = re.compile(rb'\{"Revision":(\d{1,19}),')


class EventFile:
    """The file that is written now, and those that are closed."""

    def __init__(self, path: Path, largest: int, keep: int, clock: Callable[[], int] = time.time_ns) -> None:
        """`largest`: bytes; `keep`: closed files; `clock`: epoch nanoseconds."""
        self.path = path
        self._largest = largest
        self._keep = keep
        self._clock = clock
        self._file: BinaryIO | None = None
        self._day = ""
        self._newest = 0
        self.closed = 0
        "Files closed since the start."

    def write(self, items: Sequence[Item]) -> None:
        """Write events that the file has not yet, onto the disk. Raises OSError; then none of them counts as written."""
        for item in items:
            file = self._ready()
            if item.revision > self._newest:
                file.write(item.body + b"\n")
                self._newest = item.revision
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def failed(self) -> None:
        """Forget what is not known to be written: the file is looked at again."""
        file, self._file, self._newest = self._file, None, 0
        if file is not None:
            try:
                file.close()
            except OSError:
                return  # what was in its buffer comes again

    def _ready(self) -> BinaryIO:
        """Return the file, another one when it is full, of yesterday, or was moved away."""
        today = time.strftime("%Y-%m-%d", time.gmtime(self._clock() // 10**9))
        if self._file is not None and not self._is_there():
            self.close()
        if self._file is None:
            self._file = self._open(today)
        if self._file.tell() >= self._largest or (self._day != today and self._file.tell()):
            self._rotate()
            self._file = self._open(today)
        self._day = today if not self._file.tell() else self._day
        return self._file

    def _is_there(self) -> bool:
        try:
            return self._file is not None and os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False

    def _open(self, today: str) -> BinaryIO:
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE), "r+b")
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - TAIL))
        tail = file.read(TAIL)
        whole = tail.rfind(b"\n") + 1
        modified = os.fstat(file.fileno()).st_mtime
        if whole < len(tail):
            file.truncate(start + whole)  # half a line was never counted as written
        file.seek(start + whole)
        if not whole and (closed := self.kept()):
            tail = tail_of(closed[-1])  # it was closed when this one was begun
        self._newest = max(self._newest, newest_in(tail))
        self._day = time.strftime("%Y-%m-%d", time.gmtime(modified)) if whole else today
        return file

    def _rotate(self) -> None:
        self.close()
        stem, suffix = self.path.stem, self.path.suffix
        number = 1 + max((number_of(path) for path in self.path.parent.glob(f"{stem}.{self._day}.*{suffix}")), default=0)
        self.path.rename(self.path.with_name(f"{stem}.{self._day}.{number:04d}{suffix}"))
        self.closed += 1
        for old in self.kept()[: -self._keep]:
            old.unlink(missing_ok=True)

    def kept(self) -> list[Path]:
        """Return the closed files, oldest first."""
        name = re.compile(rf"{re.escape(self.path.stem)}\.(\d{{4}}-\d\d-\d\d)\.(\d+){re.escape(self.path.suffix)}")
        found = [(match[1], int(match[2]), path) for path in self.path.parent.iterdir() if (match := name.fullmatch(path.name))]
        return [path for _, _, path in sorted(found)]


def tail_of(path: Path) -> bytes:
    """Return the end of a file."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        return file.read(TAIL)


def newest_in(tail: bytes) -> int:
    """Return the revision of the last whole line, 0 for none."""
    whole = tail[: tail.rfind(b"\n") + 1]
    found = REVISION.match(whole[whole.rfind(b"\n", 0, max(0, len(whole) - 1)) + 1 :])
    return int(found[1]) if found else 0


def number_of(path: Path) -> int:
    """Return the number in a closed file's name, 0 for none."""
    text = path.name.removesuffix(path.suffix).rpartition(".")[2]
    return int(text) if text.isdecimal() and text.isascii() else 0


class Line(msgspec.Struct, rename="pascal"):
    """What a line of the log is made of."""

    event: str
    from_: str = msgspec.field(name="From")
    to: str
    call_id: str = msgspec.field(name="CallID")
    duration: float
    bill_sec: float
    code: int
    reason: str
    ended_by: str


def call_end(body: bytes) -> str:
    """Return a call's end as one line: `CALL_END: from=... to=... duration=...`, `CALL_FAILED: ...` for one that was not answered."""
    call = msgspec.json.decode(body, type=Line)
    who = f"from={token(call.from_)} to={token(call.to)}"
    if call.event == "dialog:failed":
        return f"CALL_FAILED: {who} code={call.code} reason={token(call.reason)} ended_by={token(call.ended_by)} call_id={token(call.call_id)}"
    return f"CALL_END: {who} duration={call.bill_sec:.3f} total={call.duration:.3f} ended_by={token(call.ended_by)} call_id={token(call.call_id)}"


LONGEST = 256


def token(text: str) -> str:
    """Return a text as one word of one line: blanks, controls, what moves a terminal's cursor or turns the writing round are escapes; "-" for none."""
    cut = text[:LONGEST] + ("..." if len(text) > LONGEST else "")
    return "".join(char if char.isprintable() and char not in " \\" else escaped(char) for char in cut) or "-"


def escaped(char: str) -> str:
    """Return a character as Python writes it in a text: "\\x20", "\\u202e"."""
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
