"""What the proxies' own tables were when an ingest last compared them. Knows stored comparisons; asks no proxy."""

import time

from django.conf import settings
from django.db.models import QuerySet

from dashboard.models import DialogRow, ProxyTable
from dialogs.control.reconcile import STUCK, Finding

FRESH_NS = 60_000_000_000
"A comparison is believed for so long at least."


def fresh(now_ns: int) -> QuerySet[ProxyTable]:
    """Return what was compared lately, by node and proxy."""
    long_ns = max(FRESH_NS, 3 * int(settings.DIALTAP.control.reconcile_seconds * 1e9))
    return ProxyTable.objects.filter(at_ns__gt=now_ns - long_ns).order_by("node", "name")


def stuck(row: DialogRow, proxy: str) -> tuple[ProxyTable, Finding] | None:
    """Return what says that a proxy still has a call that has ended on the wire, None when nothing does."""
    for table in fresh(time.time_ns()).filter(name=proxy):
        for finding in table.stored.findings:
            if (finding.kind, finding.uid) == (STUCK, row.pk):
                return table, finding
    return None
