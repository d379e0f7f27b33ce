"""What each receiver of feeds has taken and what waits for it. Knows how feeds count themselves; knows no receiver.

`node` is the ingest whose calls they are, `receiver` what it is called in the configuration.
"""

from collections.abc import Callable, Iterator

from dashboard.history.fed import Fed
from dashboard.metrics.metric import Kind, Metric

COUNTER, GAUGE = Kind.COUNTER, Kind.GAUGE
SECOND = 1e9
RECEIVER = ("node", "receiver")
type Found = tuple[list[Fed], int]
"Every receiver, and the time of the look."

type Read = Callable[[Found], Iterator[tuple[tuple[str, str], float]]]


def each(count: Callable[[Fed], float]) -> Read:
    """Return what reads a number of every receiver."""
    return lambda found: (((fed.node, fed.name), count(fed)) for fed in found[0])


def failing(found: Found) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield for how long each receiver has taken nothing of what was offered."""
    fed, now_ns = found
    for one in fed:
        yield (one.node, one.name), max(0, now_ns - one.failing_ns) / SECOND if one.failing_ns else 0


FEEDS = (
    Metric("dialtap_feed_sent_total", COUNTER, "Events that a receiver has taken.", RECEIVER, each(lambda fed: fed.sent)),
    Metric("dialtap_feed_failures_total", COUNTER, "Tries that failed.", RECEIVER, each(lambda fed: fed.failures)),
    Metric("dialtap_feed_dropped_total", COUNTER, "Events dropped unsent: too many waited.", RECEIVER, each(lambda fed: fed.evicted)),
    Metric("dialtap_feed_waiting", GAUGE, "Events that wait to be taken.", RECEIVER, each(lambda fed: fed.waiting)),
    Metric("dialtap_feed_dead_letters", GAUGE, "Events that were given up and wait for a person.", RECEIVER, each(lambda fed: fed.dead)),
    Metric("dialtap_feed_failing_seconds", GAUGE, "Since a receiver takes nothing; 0: it does.", RECEIVER, failing),
)
