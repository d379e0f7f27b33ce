"""Forgetting calls."""

from pathlib import Path
from time import perf_counter

import pytest
from pytest_django import DjangoAssertNumQueries

from dashboard.history.recorder import Recorder
from dashboard.history.retention import prune_alerts, prune_records
from dashboard.history.segments import DAY_NS
from dashboard.models import Alert, AuditEvent, DialogRow, Order, ProfileEntry
from dialogs.engine.snapshot import CallSnapshot
from tests.dashboard.history.calls import NOW, call, change, never

pytestmark = pytest.mark.django_db

OLD = NOW - 91 * DAY_NS


def record(tmp_path: Path, *snapshots: CallSnapshot) -> None:
    Recorder("n1", never, tmp_path).write([change(snapshot) for snapshot in snapshots], NOW)


def test_prune_deletes_old_ended_calls_only(tmp_path: Path) -> None:
    record(tmp_path, call(1, state=5, init_ns=OLD), call(2, state=4, init_ns=OLD), call(3, state=5))
    Order.objects.create(dialog_id=call(1).uid, dialog_uid=call(1).uid, call_text="4417 -> 5000", node="n1", username="anna", reason="x", requested_ns=1)
    AuditEvent.objects.create(at_ns=1, username="anna", action="end", dialog_uid=call(1).uid)
    assert prune_records(NOW, 90) == 1
    assert sorted(DialogRow.objects.values_list("uid", flat=True)) == [call(2).uid, call(3).uid]
    assert sorted(ProfileEntry.objects.values_list("dialog_id", flat=True)) == [call(2).uid, call(3).uid]
    assert list(Order.objects.values_list("dialog_id", "dialog_uid")) == [(None, call(1).uid)]
    assert AuditEvent.objects.count() == 1


def test_prune_without_a_limit_keeps_everything(tmp_path: Path) -> None:
    record(tmp_path, call(1, state=5, init_ns=OLD))
    assert (prune_records(NOW, 0), DialogRow.objects.count()) == (0, 1)


def test_prune_goes_on_in_batches(tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    record(tmp_path, *(call(number, state=5, init_ns=OLD) for number in range(5)))
    with django_assert_num_queries(3 * 6 + 1):  # three batches (find, four statements between BEGIN and its end), and one that finds nothing
        assert prune_records(NOW, 90, batch=2) == 5
    assert DialogRow.objects.count() == 0


def test_prune_of_one_batch_is_short(tmp_path: Path) -> None:
    record(tmp_path, *(call(number, state=5, init_ns=OLD) for number in range(200)))
    begun = perf_counter()
    assert prune_records(NOW, 90) == 200
    assert perf_counter() - begun < 0.5  # 5 ms on a laptop; the limit is for a crowded machine


def alerts(*at_ns: int) -> None:
    Alert.objects.bulk_create(Alert(at_ns=at, kind="alert", text="x", dialog_uid=call(1).uid, node="n1") for at in at_ns)


@pytest.mark.parametrize(
    ("days", "most", "left"),
    [(90, 10, [NOW, NOW + 1, NOW + 2]), (0, 10, [OLD, OLD + 1, NOW, NOW + 1, NOW + 2]), (90, 2, [NOW + 1, NOW + 2]), (0, 1, [NOW + 2])],
)
def test_prune_alerts_deletes_old_ones_and_too_many(days: float, most: int, left: list[int]) -> None:
    alerts(OLD, OLD + 1, NOW, NOW + 1, NOW + 2)
    assert prune_alerts(NOW, days, most, batch=1) == 5 - len(left)
    assert list(Alert.objects.order_by("pk").values_list("at_ns", flat=True)) == left
