"""The outbox: what happened is written beside it, in the same transaction, with the names of those who are to be told. Knows tables and queries; sends nothing.

Revisions are the rows' numbers. They only grow, and commit in their order: writers take the recorder's lock (PostgreSQL), SQLite has one writer anyway.
What waits is capped by number; what goes unsent is counted for whoever should have had it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F, Max, Min

from dashboard.history.events import END, FAILED, Happening
from dashboard.models import DialogRow, FeedEvent, FeedReceiver
from dashboard.query.asked import Asked, asked
from dialogs.config import Config

REVISION_LOCK = 0x6469616C
"PostgreSQL's advisory lock under which a revision is drawn and committed (SQLite has one writer anyway)."

WEBHOOK, FILE, CALL_END = "webhook:", "file", "call_end"
CHUNK = 500
"Rows of one statement."

LOOK = 1000
"Events after which it is looked whether too many are kept."

LOOK_SECONDS = 10.0
logger = structlog.get_logger(__name__)


class Receiver(NamedTuple):
    """Who is to be told of what."""

    name: str
    events: frozenset[str]
    asked: Asked | None = None
    "Which calls; None: all, and what is about no call."


class FeedError(ValueError):
    """A feed cannot be run as it is configured; the text says which and why."""


def receivers_of(config: Config) -> list[Receiver]:
    """Return who is told. Raises FeedError for a query that cannot be understood."""
    found = [Receiver(f"{WEBHOOK}{hook.name}", frozenset(hook.events), query_of(f"[[webhook]] {hook.name}", hook.query, config)) for hook in config.webhook]
    if config.events.file:
        found.append(Receiver(FILE, frozenset(ALL)))
    if config.events.call_end:
        found.append(Receiver(CALL_END, frozenset((END, FAILED))))
    return found


ALL = ("dialog:created", "dialog:start", END, FAILED, "alert", "order")


def query_of(place: str, text: str, config: Config) -> Asked | None:
    """Return a configured query, None for none. Raises FeedError."""
    found = asked(text, config.web.time_zone) if text.strip() else None
    if found is not None and found.problem is not None:
        raise FeedError(f"{place}: query: {found.problem}")
    return found


class Outbox:
    """Takes what happens on the nodes of this configuration."""

    def __init__(self, config: Config) -> None:
        """Raises FeedError."""
        self.receivers = receivers_of(config)
        self.stream = config.events.stream
        self.recorded = config.events.recorded
        self.most = config.events.waiting_max
        self.stream_keep = config.events.stream_keep
        self.wanted = frozenset(ALL) if self.stream else frozenset(event for receiver in self.receivers for event in receiver.events)
        "Kinds of events that somebody wants."

        self._since = 0
        self._looked = 0.0

    @property
    def on(self) -> bool:
        """Whether anybody is told of anything."""
        return bool(self.wanted)

    def wants(self, event: str, *, recorded: bool) -> bool:
        """Return whether this kind of event is to be written at all."""
        return event in self.wanted and (self.recorded or not recorded)

    # Writing

    def write(self, cursor: CursorWrapper, node: str, happened: Sequence[Happening], using: str = DEFAULT_DB_ALIAS) -> None:
        """Write events in the transaction that is open, in this order, once the calls they are about are written."""
        happened = [each for each in happened if self.wants(each.event, recorded=each.recorded)]
        if not happened:
            return
        if connections[using].vendor == "postgresql":
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [REVISION_LOCK])
        told = self._told(happened, using)
        rows = [(node, each.event, each.uid, each.key, each.at_ns, _lines(names), each.body) for each, names in zip(happened, told, strict=True)]
        rows = rows if self.stream else [row for row in rows if row[5]]
        cursor.executemany(insert_sql(), rows)
        for name, count in Counter(name for names in told for name in names).items():
            cursor.execute(count_sql(), [count, node, name])
        self._since += len(rows)

    def tell(self, node: str, happened: Callable[[], Happening | None], event: str) -> None:
        """Write one event in the transaction that is open; it is made only when somebody wants its kind."""
        if event in self.wanted and (found := happened()) is not None:
            with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
                self.write(cursor, node, [found])

    def _told(self, happened: Sequence[Happening], using: str) -> list[list[str]]:
        """Return the receivers of each event. Queries are asked of the rows as they are in this very transaction."""
        told: list[list[str]] = [[] for _ in happened]
        for receiver in self.receivers:
            mine = [number for number, each in enumerate(happened) if each.event in receiver.events]
            if mine and receiver.asked is not None:
                found = _matching(receiver.asked, {happened[number].uid for number in mine} - {""}, using)
                mine = [number for number in mine if happened[number].uid in found]
            for number in mine:
                told[number].append(receiver.name)
        return told

    # Keeping

    def begin(self, node: str) -> None:
        """Make a row for each receiver that is new, and forget those that are configured no more."""
        newest = FeedEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
        names = [receiver.name for receiver in self.receivers]
        FeedReceiver.objects.filter(node=node).exclude(name__in=[*names, "cdr"]).delete()
        rows = [FeedReceiver(node=node, name=name, position=newest) for name in names]
        FeedReceiver.objects.bulk_create(rows, ignore_conflicts=True)

    def prune(self, node: str) -> int:
        """Delete what everybody has been told of, and the oldest of what is too much: CHUNK at most; return how many. Costs nothing most of the time."""
        if self._since < LOOK and time.monotonic() - self._looked < LOOK_SECONDS:
            return 0
        ends = FeedEvent.objects.aggregate(oldest=Min("pk"), newest=Max("pk"))
        oldest, newest = ends["oldest"] or 0, ends["newest"] or 0
        settled = FeedReceiver.objects.exclude(name="cdr").aggregate(least=Min("position"))["least"]
        cut = max(min(newest - self.stream_keep, newest if settled is None else settled), newest - self.most)
        if not oldest or oldest > cut:
            self._since, self._looked = 0, time.monotonic()
            return 0
        return self._delete(min(cut, oldest + CHUNK - 1))

    def _delete(self, cut: int) -> int:
        with transaction.atomic():
            lost: Counter[int] = Counter()
            old = FeedEvent.objects.filter(pk__lte=cut)
            if behind := list(FeedReceiver.objects.filter(position__lt=cut).exclude(name="cdr")):
                for pk, of, wanted in old.exclude(wanted="").values_list("pk", "node", "wanted"):
                    lost.update(row.pk for row in behind if row.node == of and pk > row.position and f"\n{row.name}\n" in wanted)
            for pk, count in lost.items():
                FeedReceiver.objects.filter(pk=pk).update(evicted=F("evicted") + count)
            if lost:
                logger.warning("feeds: events were dropped unsent, too many wait", events=sum(lost.values()))
            return old.delete()[0]


def _matching(query: Asked, uids: Iterable[str], using: str) -> set[str]:
    """Return the calls among these that a query finds."""
    wanted = sorted(uids)
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        calls = DialogRow.objects.using(using).filter(query.at(time.time_ns()), pk__in=wanted[start : start + CHUNK])
        found.update(calls.values_list("pk", flat=True))
    return found


def _lines(names: Sequence[str]) -> str:
    return f"\n{'\n'.join(names)}\n" if names else ""


@cache
def insert_sql() -> str:
    """Return the statement for one event."""
    return f"INSERT INTO {FeedEvent._meta.db_table} (node, event, uid, key, at_ns, wanted, body) VALUES (%s, %s, %s, %s, %s, %s, %s)"  # noqa: S608 -- our name


@cache
def count_sql() -> str:
    """Return the statement that counts what a receiver is to be told."""
    return f"UPDATE {FeedReceiver._meta.db_table} SET queued = queued + %s WHERE node = %s AND name = %s"  # noqa: S608 -- our name


_made: list[tuple[Config, Outbox]] = []


def outbox() -> Outbox:
    """Return the outbox of the configuration that holds. Raises FeedError."""
    if not _made or _made[0][0] is not settings.DIALTAP:
        _made[:] = [(settings.DIALTAP, Outbox(settings.DIALTAP))]
    return _made[0][1]
