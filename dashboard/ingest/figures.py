"""Writes the rows that charts are drawn of. Knows their tables; what is counted, and when a row is due, is `kpis`' and `trend`'s business."""

from typing import Any

from dashboard.models import KpiSample, ProfileMinute

Figures = KpiSample | ProfileMinute
TABLES = (KpiSample, ProfileMinute)
BATCH = 100
"Rows of one statement."


def write_figures(rows: list[Figures]) -> None:
    """Store them. Raises DatabaseError; what was not written is gone, a gap in a chart."""
    for table in TABLES:
        found: list[Any] = [row for row in rows if isinstance(row, table)]
        if found:
            table.objects.bulk_create(found, batch_size=BATCH, ignore_conflicts=True)
