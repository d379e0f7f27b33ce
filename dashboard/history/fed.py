"""What feeds have done and what waits, in one plain object a receiver: for the page, the command line and metrics, whatever process asks."""

from typing import NamedTuple

from django.db.models import Count

from dashboard.models import DeadLetter, FeedReceiver


class Fed(NamedTuple):
    """One receiver. Counts are those since it was configured; times are epoch nanoseconds, 0 = has not happened."""

    node: str
    name: str
    '"webhook:NAME", "file", "call_end", "cdr".'

    sent: int
    waiting: int
    dead: int
    "Dead letters that are there now."

    evicted: int
    "Events that were dropped unsent because too many waited."

    failures: int
    "Tries that failed."

    failing_ns: int
    "Since when nothing is taken; 0 while all is well."

    error: str
    sent_ns: int
    at_ns: int
    "When this was written."


def figures() -> list[Fed]:
    """Return how each receiver stands."""
    letters = DeadLetter.objects.values_list("node", "receiver").annotate(count=Count("pk"))
    dead = {(node, receiver): count for node, receiver, count in letters}
    return [
        Fed(
            node=row.node,
            name=row.name,
            sent=row.sent,
            waiting=row.waiting if row.name != FeedReceiver.NIGHTLY else 0,
            dead=dead.get((row.node, row.name), 0),
            evicted=row.evicted,
            failures=row.failures,
            failing_ns=row.failing_ns,
            error=row.error,
            sent_ns=row.sent_ns,
            at_ns=row.at_ns,
        )
        for row in FeedReceiver.objects.order_by("node", "name")
    ]
