"""What feeds read from the database and write to it: events, how far each receiver is, dead letters. Knows tables; sends nothing. Runs on one thread."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from dashboard.feeds.window import Item
from dashboard.history.events import mask, whole
from dashboard.history.rows import clean
from dashboard.models import DeadLetter, FeedEvent, FeedReceiver

PAGE = 200
"Events read at once."

DEAD_MAX = 10_000
"Dead letters kept of one receiver; the oldest go first, counted."

ERROR_MAX = 300


class State(NamedTuple):
    """How far a receiver is."""

    position: int
    settled: Sequence[int]
    sent: int
    "Events taken since the state before."

    failures: int
    failing_ns: int
    error: str


def load(node: str, name: str) -> tuple[int, list[int]]:
    """Return where a receiver was left: its position and what is settled above it. The ingest has made its row."""
    row = FeedReceiver.objects.filter(node=node, name=name).first()
    if row is None:
        return 0, []
    return row.position, [int(revision) for revision in json.loads(row.settled)]


class Read(NamedTuple):
    """Some events, and how far was looked."""

    items: list[Item]
    upto: int


def read(node: str, name: str, above: int, most: int, *, masked: bool = False) -> Read:
    """Return a receiver's next events above a revision."""
    rows = list(FeedEvent.objects.filter(pk__gt=above).order_by("pk")[: min(most, PAGE)])
    mine = [row for row in rows if row.node == node and f"\n{name}\n" in row.wanted]
    return Read([item_of(row, masked=masked) for row in mine], rows[-1].pk if rows else above)


def item_of(row: FeedEvent, *, masked: bool) -> Item:
    """Return an event as a receiver gets it."""
    return Item(row.pk, row.key, row.event, row.uid, whole(row.pk, mask(row.body) if masked else row.body).encode())


def save(node: str, name: str, state: State, dead: Sequence[Item], now_ns: int) -> None:
    """Write how far a receiver is and what was given up, together: nothing is counted as settled that is not kept. Raises DatabaseError."""
    with transaction.atomic():
        letters = [_letter(node, name, item, now_ns) for item in dead]
        DeadLetter.objects.bulk_create(letters, batch_size=50, ignore_conflicts=True)
        _cap(node, name, len(letters))
        FeedReceiver.objects.filter(node=node, name=name).update(
            position=state.position,
            settled=json.dumps(list(state.settled)),
            sent=F("sent") + state.sent,
            failures=F("failures") + state.failures,
            dead=F("dead") + len(dead),
            failing_ns=state.failing_ns,
            error=clean(state.error, ERROR_MAX),
            at_ns=now_ns,
            **({"sent_ns": now_ns} if state.sent else {}),
        )


def _letter(node: str, name: str, item: Item, now_ns: int) -> DeadLetter:
    return DeadLetter(
        node=node,
        receiver=name,
        revision=item.revision,
        event=item.event,
        uid=item.uid,
        body=item.body.decode(),
        tries=item.tries,
        first_ns=item.first_ns,
        at_ns=now_ns,
        error=clean(item.error, ERROR_MAX),
    )


def _cap(node: str, name: str, new: int) -> None:
    """Drop the oldest dead letters of more than DEAD_MAX, counted as events that went unsent."""
    if not new:
        return
    beyond = DeadLetter.objects.filter(node=node, receiver=name).order_by("-revision").values_list("revision", flat=True)[DEAD_MAX : DEAD_MAX + 1].first()
    if beyond is not None:
        gone = DeadLetter.objects.filter(node=node, receiver=name, revision__lte=beyond).delete()[0]
        FeedReceiver.objects.filter(node=node, name=name).update(evicted=F("evicted") + gone, dead=F("dead") - gone)


def asked_again(node: str, name: str) -> list[Item]:
    """Return the dead letters that somebody wants to be tried again, oldest first."""
    found = DeadLetter.objects.filter(node=node, again=True, receiver=name).order_by("revision")[:PAGE]
    return [Item(row.revision, row.uid, row.event, row.uid, row.body.encode(), tries=row.tries, first_ns=row.first_ns) for row in found]


def again_done(node: str, name: str, revision: int, error: str, now_ns: int) -> None:
    """Note what came of another try: without an error the letter is gone, counted as sent."""
    with transaction.atomic():
        letter = DeadLetter.objects.filter(node=node, receiver=name, revision=revision)
        if error:
            letter.update(again=False, tries=F("tries") + 1, at_ns=now_ns, error=clean(error, ERROR_MAX))
        elif letter.delete()[0]:
            FeedReceiver.objects.filter(node=node, name=name).update(sent=F("sent") + 1, dead=F("dead") - 1, sent_ns=now_ns)
