"""Where a followed folder was left, kept in the database beside the calls that were read from it. Knows places and their table; reads no capture.

What the recorder has committed is what counts: places are collected together with the changes of a tick and written after them, and not while changes
wait for the database. So a crash between the two commits has the last tick's messages read again, and never loses one.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from django.db import transaction

from dashboard.history.rows import clean
from dashboard.models import FollowedFile
from dialogs.taps import FollowTap
from dialogs.taps.follow import MAX_INODE, REMEMBERED
from dialogs.taps.growing import Place

LONGEST = 512
FIELDS = Place._fields[1:]


class Followed:
    """The folders that a node follows."""

    def __init__(self, node: str, taps: Sequence[FollowTap]) -> None:
        self.node = node
        self._taps = {_text(tap.folder): tap for tap in taps}
        self._void: set[str] = set()
        "Folders of which everything that is stored is to go."

        self._unsaved: dict[tuple[str, int], Place] = {}

    @property
    def names(self) -> list[str]:
        """The taps' names: their calls go on after a restart."""
        return [tap.name for tap in self._taps.values()]

    def load(self) -> None:
        """Tell the taps where they were left; forget the oldest of the files that are gone."""
        for folder, tap in self._taps.items():
            rows = FollowedFile.objects.filter(node=self.node, folder=folder)
            places = [Place(*values) for values in rows.order_by("-first_ns").values_list(*Place._fields)]
            tap.resume(places)
            if len(places) > REMEMBERED:
                there = _inodes(tap.folder)
                gone = [place.inode for place in places if place.inode not in there]
                rows.filter(inode__in=gone[REMEMBERED:]).delete()

    def collect(self) -> None:
        """Take note of how far the taps have come; at the moment when the changes of this tick are taken."""
        for folder, tap in self._taps.items():
            forgotten, places = tap.news()
            if forgotten:
                self._void.add(folder)
                self._unsaved = {key: place for key, place in self._unsaved.items() if key[0] != folder}
            self._unsaved |= {(folder, place.inode): place for place in places}

    def write(self) -> None:
        """Store what was collected; a database error leaves it for the next time."""
        if not self._void and not self._unsaved:
            return
        rows = [self._row(folder, place) for (folder, _), place in self._unsaved.items()]
        with transaction.atomic():
            FollowedFile.objects.filter(node=self.node, folder__in=self._void).delete()
            FollowedFile.objects.bulk_create(rows, update_conflicts=True, unique_fields=["node", "folder", "inode"], update_fields=FIELDS, batch_size=100)
        self._void.clear()
        self._unsaved.clear()

    def _row(self, folder: str, place: Place) -> FollowedFile:
        return FollowedFile(node=self.node, folder=folder, **place._replace(error=clean(place.error))._asdict())


def _text(folder: Path) -> str:
    return os.fsencode(folder.resolve()).decode("utf-8", "replace")[-LONGEST:]


def _inodes(folder: Path) -> set[int]:
    with os.scandir(folder) as entries:
        return {entry.inode() & MAX_INODE for entry in entries}
