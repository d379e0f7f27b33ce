"""The file of call records each night: the calls that were over on the day before, in the configured zone. Knows days and files; missed nights are made up.

What is in a day's file is what history finds for `ended = "2026-11-28"` (and the query that is configured), so counts agree with the screen's.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from dashboard.feeds import store
from dashboard.history.cdr import PAGES, columns_of, write_file
from dashboard.history.outbox import query_of
from dashboard.models import DialogQuerySet, DialogRow, FeedReceiver
from dashboard.pause import pause
from dashboard.privacy import CLEAR
from dashboard.query.asked import asked
from dialogs.config import Config
from dialogs.packet import SECOND

NAME = FeedReceiver.NIGHTLY
LOOK_SECONDS = 20.0
AGAIN_SECONDS = 60.0
DAYS_MAX = 366
"Nights that are made up at most."

logger = structlog.get_logger(__name__)


def due(now: datetime, last: int, at: str) -> list[date]:
    """Return the days whose file is to be written: those after `last` (an ordinal, 0: none was ever written) whose next night has come.

    `now` is in the configured zone, `at` is "HH:MM" there.
    """
    hour, minute = at.split(":")
    newest = now.date() - timedelta(days=1 if now.time() >= time_of_day(int(hour), int(minute)) else 2)
    oldest = max(last + 1, newest.toordinal() - DAYS_MAX + 1) if last else newest.toordinal()
    return [date.fromordinal(day) for day in range(oldest, newest.toordinal() + 1)]


class Nightly:
    """Writes the files of one configuration."""

    def __init__(self, node: str, config: Config, clock: Callable[[], int] = time.time_ns) -> None:
        """Raises FeedError for a query that cannot be understood."""
        self.node = node
        self.config = config.cdr
        self.zone = ZoneInfo(config.cdr.zone or config.web.time_zone)
        self.query = query_of("[cdr]", config.cdr.query, config)
        self.folder = Path(settings.VAR) / Path(config.cdr.folder).expanduser()
        self._clock = clock

    async def run(self, stopping: asyncio.Event) -> None:
        """Write what is due until `stopping`."""
        while not stopping.is_set():
            done = await asyncio.to_thread(self._night)
            await pause(stopping, LOOK_SECONDS if done else AGAIN_SECONDS)

    def step(self) -> bool:
        """Write what is due now; False when something went wrong, which is shown and tried again."""
        row = FeedReceiver.objects.get_or_create(node=self.node, name=NAME)[0]
        now = datetime.fromtimestamp(self._clock() / SECOND, self.zone)
        try:
            for day in due(now, row.position, self.config.time):
                self.write(day)
                store.save(self.node, NAME, store.State(day.toordinal(), (), 1, 0, 0, ""), (), self._clock())
        except (OSError, DatabaseError) as error:
            logger.warning("feeds: call records not written", error=str(error))
            row.refresh_from_db()
            state = store.State(row.position, (), 0, 1, row.failing_ns or self._clock(), str(error))
            store.save(self.node, NAME, state, (), self._clock())
            return False
        return True

    def _night(self) -> bool:
        try:
            return self.step()
        finally:
            connection.close()  # of this thread

    def calls(self, day: date) -> DialogQuerySet:
        """Return the calls of a day."""
        now_ns = self._clock()
        found = DialogRow.objects.ended().filter(asked(f'ended = "{day.isoformat()}"', self.zone.key).at(now_ns))
        found = found.filter(self.query.at(now_ns)) if self.query else found
        return found if self.config.recorded else found.filter(recorded=False)

    def write(self, day: date) -> Path:
        """Write a day's file, in one step, and delete those beyond `keep`. Raises OSError, DatabaseError."""
        path = self.folder / f"calls-{day.isoformat()}.{self.config.format}"
        zone = UTC if self.zone.key == "UTC" else self.zone
        write_file(path, PAGES[self.config.format](self.calls(day), zone, CLEAR, columns_of(self.config.names)))
        logger.info("feeds: call records written", file=path.name)
        if self.config.keep:
            for old in sorted(self.folder.glob(f"calls-????-??-??.{self.config.format}"))[: -self.config.keep]:
                old.unlink(missing_ok=True)
        return path
