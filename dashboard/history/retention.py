"""How long calls are remembered. Knows the tables; knows no clock, no message files (dashboard.history.segments prunes those)."""

from django.db import transaction

from dashboard.history.segments import DAY_NS
from dashboard.models import Alert, DialogRow, KpiSample, Order, ProfileEntry, ProfileMinute

ALERTS_MAX = 10_000
"Alerts kept, whatever `[history] records_days` says: rules may speak of every message."

SAMPLES_DAYS = 14
"Samples of key figures are one a node each ten seconds: 120,000 in this time."

MINUTES_NS = 25 * 3600 * 10**9
"How long the minutes of profiles are kept: a day and the hour before it."

FIGURES_BATCH = 500
BATCH = 200
"Calls deleted in one transaction: it stays under 50 ms."


def prune_records(now_ns: int, days: float, batch: int = BATCH) -> int:
    """Delete the calls that ended and began more than `days` ago (0 = never), oldest first, in short transactions; return how many.

    Live calls stay however long they last; orders and audit events stay too, without their call.
    """
    if days <= 0:
        return 0
    deleted = 0
    while uids := _old(now_ns - int(days * DAY_NS), batch):
        _delete(uids)
        deleted += len(uids)
    return deleted


def prune_alerts(now_ns: int, days: float, most: int = ALERTS_MAX, batch: int = BATCH) -> int:
    """Delete the alerts older than `days` (0 = never) and the oldest of more than `most`, in short transactions; return how many."""
    old = Alert.objects.filter(at_ns__lt=now_ns - int(days * DAY_NS)) if days > 0 else Alert.objects.none()
    newest_beyond = Alert.objects.order_by("-pk").values_list("pk", flat=True)[most : most + 1]
    deleted = 0
    for found in (old, *(Alert.objects.filter(pk__lte=pk) for pk in newest_beyond)):
        while pks := list(found.values_list("pk", flat=True)[:batch]):
            deleted += Alert.objects.filter(pk__in=pks).delete()[0]
    return deleted


def prune_samples(now_ns: int, days: float, batch: int = FIGURES_BATCH) -> int:
    """Delete the samples of key figures that are older than SAMPLES_DAYS, or than `days` (0 = never) if that is less; return how many."""
    return _prune_figures(KpiSample, now_ns - int(min(days or SAMPLES_DAYS, SAMPLES_DAYS) * DAY_NS), batch)


def prune_minutes(now_ns: int, batch: int = FIGURES_BATCH) -> int:
    """Delete the minutes of profiles that no page draws any more; return how many."""
    return _prune_figures(ProfileMinute, now_ns - MINUTES_NS, batch)


def _prune_figures(table: type[KpiSample | ProfileMinute], before_ns: int, batch: int) -> int:
    """Delete what is older, in short transactions; return how many."""
    deleted = 0
    while pks := list(table.objects.filter(at_ns__lt=before_ns).values_list("pk", flat=True)[:batch]):
        deleted += table.objects.filter(pk__in=pks).delete()[0]
    return deleted


def _old(before_ns: int, batch: int) -> list[str]:
    old = DialogRow.objects.ended().filter(init_ns__lt=before_ns).order_by("init_ns")
    return list(old.values_list("uid", flat=True)[:batch])


def _delete(uids: list[str]) -> None:
    with transaction.atomic():
        ProfileEntry.objects.filter(dialog_id__in=uids).delete()
        Order.objects.filter(dialog_id__in=uids).update(dialog=None)
        # What depends on the rows is gone: no need to load them first, as delete() would.
        rows = DialogRow.objects.filter(uid__in=uids)
        rows._raw_delete(rows.db)
