"""Opened capture files: a folder each, with what is known of it, its calls and messages. Knows folders; knows no engine and no request.

`about.json` is written once, by who opens the file; `progress.json` by the process that reads it. A folder that is gone is an order to stop reading.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from dashboard.workspace.routing import folder, forget

IDENT = re.compile("[0-9a-f]{16}")
KEPT_NS = 24 * 3600 * 10**9
MOST = 5
"Capture files that one person may have open."

MEGABYTE = 1 << 20
CAPTURE = "capture"


class Progress(NamedTuple):
    """How far the reading is."""

    state: str = "waiting"
    '"waiting", "reading", "done", "failed".'

    packets: int = 0
    calls: int = 0
    at_ns: int = 0
    "Capture time of the newest packet."

    words: str = ""
    "What went wrong, or what the reader should know."

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "failed")


class Opened(NamedTuple):
    """One opened capture file."""

    ident: str
    name: str
    owner: str
    at_ns: int
    size: int
    progress: Progress


class Refused(ValueError):
    """A file is not opened; the text says why and what to do."""


def create(name: str, owner: str, pieces: Iterable[bytes], size: int, now_ns: int) -> Opened:
    """Store an uploaded file. Raises Refused for one that is too large, or one too many."""
    most = settings.DIALTAP.history.open_mb
    if not most:
        raise Refused("Opening capture files is switched off: [history] open_mb is 0.")
    if size > most * MEGABYTE:
        raise Refused(f"This file has {size / MEGABYTE:,.0f} MB; {most:,} MB may be opened. Cut it, for example with editcap -i, or with a capture filter.")
    if len(of(owner)) >= MOST:
        raise Refused(f"You have {MOST} files open: close one first.")
    ident = secrets.token_hex(8)
    place = folder(ident)
    place.mkdir(mode=0o750, parents=True)
    with (place / CAPTURE).open("xb") as file:
        for piece in pieces:
            file.write(piece)
    _write(place / "about.json", {"name": Path(name).name[:200], "owner": owner, "at_ns": now_ns, "size": size})
    report(ident, Progress())
    return _opened(place)


def report(ident: str, progress: Progress) -> bool:
    """Say how far the reading is; False when the file was closed meanwhile."""
    try:
        _write(folder(ident) / "progress.json", progress._asdict())
    except FileNotFoundError:
        return False
    return True


def find(ident: str) -> Opened | None:
    """Return an opened file, None when there is none of that name."""
    if not IDENT.fullmatch(ident):
        return None
    try:
        return _opened(folder(ident))
    except (OSError, ValueError, KeyError):
        return None  # closed meanwhile


def of(owner: str = "") -> list[Opened]:
    """Return the opened files of one person, or of everybody, newest first."""
    place = folder("")
    names = sorted(entry.name for entry in os.scandir(place)) if place.is_dir() else []
    found = [opened for name in names if (opened := find(name)) is not None and owner in ("", opened.owner)]
    return sorted(found, key=lambda opened: -opened.at_ns)


def close(ident: str) -> None:
    """Delete everything of a file; who reads it stops."""
    if IDENT.fullmatch(ident):
        forget(ident)
        shutil.rmtree(folder(ident), ignore_errors=True)


def sweep(now_ns: int) -> int:
    """Delete what was opened more than a day ago; return how many."""
    old = [opened.ident for opened in of() if opened.at_ns < now_ns - KEPT_NS]
    for ident in old:
        close(ident)
    return len(old)


def read_out(ident: str) -> None:
    """Delete the capture itself: its calls and messages are stored."""
    with contextlib.suppress(FileNotFoundError):
        (folder(ident) / CAPTURE).unlink()


def _opened(place: Path) -> Opened:
    about = json.loads((place / "about.json").read_text())
    progress = Progress(**json.loads((place / "progress.json").read_text()))
    return Opened(place.name, about["name"], about["owner"], about["at_ns"], about["size"], progress)


def _write(path: Path, value: dict[str, object]) -> None:
    """Write in one step: a reader sees the old or the new one."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(value))
    draft.replace(path)
