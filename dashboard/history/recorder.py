"""Writes calls to the database and their messages to the store; reads back what lives after a restart. Knows no engine, no loop, and no time of day.

Every transaction has a revision of its own, above all before it: a reader that has seen revision N has seen everything up to N, because no
two commits share one. What the database does not take now (locked, away) waits in memory, merged per call, and goes first the next time.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import msgspec
from django.db import DEFAULT_DB_ALIAS, DataError, IntegrityError, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Q
from django.db.utils import Error

from dashboard.history.budget import Budget
from dashboard.history.events import CREATED, END, FAILED, START, Happening, alert_event, call_event
from dashboard.history.messages import Frame, pack, unpack
from dashboard.history.outbox import REVISION_LOCK, Outbox
from dashboard.history.rows import COLUMNS, AlertRow, Change, Values, alert_sql, alerts_of, profile_sql, profiles_of, upsert_sql, values_of
from dashboard.history.segments import SegmentWriter
from dashboard.models import Alert, DialogRow
from dialogs.engine.snapshot import decode, encode
from dialogs.engine.states import State

FIRST_BATCH = 100
MAX_BATCH = 500
MAX_BATCH_BYTES = 1 << 20
"Rows and bytes of one transaction, at most."

SLOW, QUICK = 0.030, 0.010
"Seconds of a transaction above which the next takes half the rows, and below which it takes twice as many: it stays under 50 ms on any database."

MAX_WAITING = 50_000
"Calls that wait for a database which does not answer; the oldest is dropped first, counted."

LOST_REASON = "not seen since restart"


class Waiting(NamedTuple):
    """One call's row on its way to the database."""

    values: Values
    size: int
    "Bytes of what is big in it, and tells of the rest: the snapshot and the engine's state."

    frames: bytes
    profiles: list[tuple[str, str, str]]
    alerts: list[AlertRow]
    happened: list[Happening]
    begun: bool


class Restorable(NamedTuple):
    """A call that lived when this node stopped."""

    uid: str
    engine: bytes


class Recorder:
    """The one writer of calls of this node. Used from one thread, which is the ingest's own."""

    def __init__(self, node: str, recorded: Callable[[str], bool], directory: Path, using: str = DEFAULT_DB_ALIAS, outbox: Outbox | None = None) -> None:
        """Take the node's name, who tells whether a tap's name is a recording, the folder of the message store, and where events go (None: nowhere)."""
        self.node = node
        self.outbox = outbox if outbox and outbox.on else None
        self.recorded = recorded
        self.segments = SegmentWriter(directory)
        self.budget = Budget()
        self.using = using
        self.waiting: dict[str, Waiting] = {}
        self.revision = 0
        self.batch = FIRST_BATCH
        "Rows of the next transaction."

        self.error = ""
        'What went wrong last, "" while all is well.'

        self.dropped = 0
        "Calls that waited too long for the database."

        self.rejected = 0
        "Calls that the database would not take at all."

        self.messages_lost = 0
        "Messages that the disk did not take."

    def write(self, changes: Sequence[Change], now_ns: int) -> int:
        """Record a tick's changes; return how many calls were written (those that had to wait included)."""
        self.error = ""
        frames = self._store(changes, now_ns)
        for change in changes:
            self._wait(change, frames.get(change.snapshot.uid, b""))
        written = 0
        try:
            while batch := self._batch():
                written += self._commit(batch)
                for uid in batch:
                    del self.waiting[uid]
        except Error as error:
            self.error = f"database: {error}"
            connections[self.using].close_if_unusable_or_obsolete()
        return written

    def close(self) -> None:
        """Close the message store."""
        self.segments.close()

    def _store(self, changes: Sequence[Change], now_ns: int) -> dict[str, bytes]:
        """Store the messages; return what to append to each call's `frames`."""
        batches = {change.snapshot.uid: self.budget.take(change.snapshot.uid, change.messages) for change in changes if change.messages}
        batches = {uid: batch for uid, batch in batches.items() if batch}
        frames: dict[str, list[Frame]] = {}
        try:
            if batches:
                frames = {uid: [frame] for uid, frame in zip(batches, self.segments.append(now_ns, list(batches.values())), strict=True)}
        except OSError as error:
            self.error = f"message store: {error}"
            for uid, batch in batches.items():
                self.budget.drop(uid, len(batch))
                self.messages_lost += len(batch)
        for change in changes:
            if note := self.budget.note(change.snapshot.uid, last=change.snapshot.state == State.DELETED):
                frames.setdefault(change.snapshot.uid, []).append(note)
        return {uid: pack(places) for uid, places in frames.items()}

    def _wait(self, change: Change, frames: bytes) -> None:
        call = change.snapshot
        before = self.waiting.pop(call.uid, None)
        alerts, begun = alerts_of(change), change.begun
        happened = self._happened(change) if self.outbox else []
        if before is not None:
            frames, alerts, begun = before.frames + frames, before.alerts + alerts, before.begun or begun
            happened = before.happened + happened
        detail, engine = encode(call), change.engine
        values = values_of(change, recorded=self.recorded(call.tap), frames=frames, detail=detail)
        self.waiting[call.uid] = Waiting(values, len(detail) + len(engine or b""), frames, profiles_of(call), alerts, happened, begun)
        while len(self.waiting) > MAX_WAITING:
            del self.waiting[next(iter(self.waiting))]
            self.dropped += 1

    def _happened(self, change: Change) -> list[Happening]:
        """Return what a change has events of, as the call is now: who waits for the database is told what was so, not what became of it."""
        call, recorded = change.snapshot, self.recorded(change.snapshot.tap)
        if self.outbox is None or (recorded and not self.outbox.recorded):
            return []
        moments = {CREATED: call.init_ns, START: call.start_ns, END: call.end_ns, FAILED: call.end_ns}
        told = [
            call_event(moment, call, moments[moment], ended_by=change.ended_by, recorded=recorded) for moment in change.moments if moment in self.outbox.wanted
        ]
        said = [Alert(at_ns=notice.at_ns, kind=notice.kind, text=notice.text, dialog_uid=call.uid, node=call.node) for notice in change.notices]
        return [*told, *(alert_event(alert, "said", call, alert.at_ns, recorded=recorded) for alert in said)]

    def _batch(self) -> dict[str, Waiting]:
        """Return the calls of the next transaction, oldest first."""
        batch: dict[str, Waiting] = {}
        size = 0
        for uid, row in islice(self.waiting.items(), min(self.batch, MAX_BATCH)):
            size += row.size
            if batch and size > MAX_BATCH_BYTES:
                break
            batch[uid] = row
        return batch

    def _commit(self, batch: dict[str, Waiting]) -> int:
        """Write a batch in one transaction; when the database refuses a value in it, each call alone, so that only that call is lost."""
        try:
            self._transact(list(batch.values()))
        except (DataError, IntegrityError, ValueError, OverflowError) as error:
            if len(batch) == 1:
                self.rejected += 1
                self.error = f"database refused a call: {error}"
                return 0
            return sum(self._commit({uid: row}) for uid, row in batch.items())
        return len(batch)

    def _transact(self, rows: list[Waiting]) -> None:
        started = perf_counter()
        with transaction.atomic(self.using), connections[self.using].cursor() as cursor:
            revision = self.next_revision(cursor)
            for begun in (True, False):
                values = [tuple(revision if column == "revision" else row.values[column] for column in COLUMNS) for row in rows if row.begun is begun]
                if values:
                    cursor.executemany(upsert_sql(connections[self.using].vendor, begun=begun), values)
            profiles = [profile for row in rows for profile in row.profiles]
            if profiles:
                cursor.executemany(profile_sql(), profiles)
            alerts = [alert for row in rows for alert in row.alerts]
            if alerts:
                cursor.executemany(alert_sql(), alerts)
            if self.outbox and (happened := [each for row in rows for each in row.happened]):
                self.outbox.write(cursor, self.node, happened, self.using)
        self.revision = revision
        self.batch = paced(self.batch, perf_counter() - started)

    def next_revision(self, cursor: CursorWrapper) -> int:
        """Draw the revision of this transaction: above the table's newest, and above ours, should retention have taken that row."""
        if connections[self.using].vendor == "postgresql":
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [REVISION_LOCK])
        cursor.execute(f"SELECT MAX(revision) FROM {DialogRow._meta.db_table}")  # noqa: S608 -- our name
        return max(cursor.fetchone()[0] or 0, self.revision) + 1

    def keep(self, states: Sequence[tuple[str, bytes]]) -> bool:
        """Store engine states beside their calls' rows, which are no newer for it; False when the database does not take them now."""
        if self.waiting:
            return False  # rows go first
        table = DialogRow._meta.db_table
        try:
            for start in range(0, len(states), MAX_BATCH):
                with transaction.atomic(self.using), connections[self.using].cursor() as cursor:
                    batch = [(engine, uid, int(State.DELETED)) for uid, engine in states[start : start + MAX_BATCH]]
                    cursor.executemany(f"UPDATE {table} SET engine = %s WHERE uid = %s AND state < %s", batch)  # noqa: S608 -- our name
        except Error as error:
            self.error = f"database: {error}"
            connections[self.using].close_if_unusable_or_obsolete()
            return False
        return True

    def forget_states(self) -> None:
        """Empty what a restart of this node would restore."""
        DialogRow.objects.using(self.using).live().filter(node=self.node).update(engine=None)

    def restore(self, followed: Collection[str] = ()) -> Iterator[Restorable]:
        """Return the engine states of this node's live calls. Recorded ones are left out: what a file would still have said will not come.

        `followed`: taps whose recordings are read on where they were left; their calls go on too.
        """
        heard = Q(recorded=False) | Q(tap__in=followed)
        rows = DialogRow.objects.using(self.using).live().filter(heard, node=self.node, engine__isnull=False)
        for uid, engine, frames in rows.values_list("uid", "engine", "frames").iterator(chunk_size=MAX_BATCH):
            self.budget.resume(uid, unpack(bytes(frames)))
            yield Restorable(uid, bytes(engine or b""))

    def close_lost(self, restored: Collection[str], reason: str = LOST_REASON) -> int:
        """Close this node's live calls that are not among the restored ones, at the time they were last heard of; return how many."""
        live = DialogRow.objects.using(self.using).live().filter(node=self.node).values_list("uid", flat=True)
        lost = [uid for uid in live if uid not in restored]
        for start in range(0, len(lost), MAX_BATCH):
            self._close(lost[start : start + MAX_BATCH], reason)
        return len(lost)

    def _close(self, uids: list[str], reason: str) -> None:
        with transaction.atomic(self.using), connections[self.using].cursor() as cursor:
            revision = self.next_revision(cursor)
            rows = list(DialogRow.objects.using(self.using).filter(uid__in=uids).only("uid", "last_ns", "detail", "recorded"))
            for row in rows:
                row.revision, row.state, row.end_ns, row.end_reason, row.engine = revision, State.DELETED, row.last_ns, reason, None
                row.detail = _ended(bytes(row.detail), reason)
            columns = ["revision", "state", "end_ns", "end_reason", "engine", "detail"]
            DialogRow.objects.using(self.using).bulk_update(rows, columns, batch_size=50)
            if self.outbox:
                self.outbox.write(cursor, self.node, [event for row in rows if (event := _lost(row)) is not None], self.using)
        self.revision = revision


def paced(batch: int, seconds: float) -> int:
    """Return how many rows the next transaction may have, after one of `batch` rows took so long."""
    if seconds > SLOW:
        return max(1, batch // 2)
    return min(MAX_BATCH, batch * 2) if seconds < QUICK else batch


def _ended(detail: bytes, reason: str) -> bytes:
    """Return the snapshot as ended; as it is when this version cannot read it."""
    try:
        call = decode(detail)
    except msgspec.DecodeError:
        return detail
    return encode(msgspec.structs.replace(call, state=int(State.DELETED), end_ns=call.last_ns, end_reason=reason))


def _lost(row: DialogRow) -> Happening | None:
    """Return the event of a call that was closed because it is not followed any more; None for one that another version wrote."""
    try:
        call = decode(bytes(row.detail))
    except msgspec.DecodeError:
        return None
    return call_event(END if call.start_ns else FAILED, call, call.end_ns, recorded=row.recorded)
