"""What is asked of the database at a scrape: one cheap question a metric, by an index. Knows tables; knows no ingest."""

from collections.abc import Iterator

from django.db.models import Count, Min

from dashboard.metrics.metric import Kind, Metric
from dashboard.models import Alert, BulkItem, DialogRow, Order

GAUGE = Kind.GAUGE
SECOND = 1e9
UNSEEN_MAX = 10_000
"Alerts that are counted."


def open_alerts(_: int) -> dict[str, int]:
    """Return the limits that are passed now, by how bad."""
    found = Alert.objects.exclude(limit="").filter(cleared_ns=0).values_list("severity").annotate(Count("pk")).order_by()
    return dict.fromkeys(("warn", "critical"), 0) | dict(found)


def open_orders(_: int) -> dict[str, int]:
    """Return the orders that are not closed, by phase."""
    found = Order.objects.filter(phase__in=Order.OPEN).values_list("phase").annotate(Count("pk")).order_by()
    return dict.fromkeys((str(phase) for phase in Order.OPEN), 0) | dict(found)


def oldest(now_ns: int) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield how long ago the oldest live call began; nothing while there is none."""
    began_ns = DialogRow.objects.live().aggregate(Min("init_ns"))["init_ns__min"]
    if began_ns is not None:
        yield (), max(0, now_ns - began_ns) / SECOND


STORED = (
    Metric("dialtap_alerts_open", GAUGE, "Limits that are passed now.", ("severity",), open_alerts),
    Metric("dialtap_alerts_unseen", GAUGE, "Alerts that nobody has seen.", (), lambda _: Alert.objects.filter(seen=False)[:UNSEEN_MAX].count()),
    Metric("dialtap_orders_open", GAUGE, "Orders that are not closed.", ("phase",), open_orders),
    Metric("dialtap_bulk_waiting", GAUGE, "Calls of orders for many that wait for their turn.", (), lambda _: BulkItem.objects.filter(
        bulk__state="running", state=BulkItem.State.WAITING).count()),
    Metric("dialtap_oldest_call_seconds", GAUGE, "Since the oldest live call began.", (), oldest),
)  # fmt: skip
