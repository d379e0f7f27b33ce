"""Turns: as many as the rate gives, each call once, also across restarts and two ingests of one name."""

import threading

import msgspec
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections

from dashboard.models import AuditEvent, Bulk, Order
from dashboard.orders.bulk import Wish, progress, request_bulk, stop_bulk
from dashboard.orders.pacing import STALE_NS, Pacer
from dialogs.config import Control
from tests.dashboard.live.people import NOW, call, person, record

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = 10**9


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    control = Control(controller="dryrun", bulk_max=1000)
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=control))


@pytest.fixture
def operator() -> User:
    return person("operator")


def bulk_of(user: User, calls: int, key: str = "k", first: int = 1) -> Bulk:
    rows = record(*(call(number) for number in range(first, first + calls)))
    return request_bulk(rows, user, Wish(key, "toll fraud", str(calls), "192.0.2.50"))


def states(bulk: Bulk) -> list[tuple[str, str]]:
    return list(bulk.items.order_by("pk").values_list("state", "words"))


def test_nothing_to_do_is_nothing() -> None:
    assert Pacer("n1", 10.0).step(NOW) == 0


def test_turns_come_at_the_rate_and_a_halt_is_not_made_up_for(operator: User) -> None:
    bulk_of(operator, 60)
    pacer = Pacer("n1", 10.0)
    given = [pacer.step(NOW + at * SECOND // 4) for at in range(9)]
    assert (given[0], sum(given)) == (1, 21)  # one at once, then ten a second
    assert pacer.step(NOW + 3600 * SECOND) == 10
    assert pacer.step(NOW) == 0  # the clock went back


def test_each_call_gets_one_order_with_its_own_audit_entry(operator: User) -> None:
    bulk_of(operator, 60)
    pacer = Pacer("n1", 10.0)
    steps = 0
    while pacer.step(NOW + steps * SECOND // 4) or steps < 30:
        steps += 1
    orders = list(Order.objects.values_list("dialog_uid", "username", "reason", "phase"))
    assert sorted(orders) == [(call(number).uid, "operator", "toll fraud", "requested") for number in range(1, 61)]
    asked = AuditEvent.objects.filter(action="end requested", address="192.0.2.50", reason="toll fraud", request="end both", before="CONFIRMED")
    assert sorted(asked.values_list("dialog_uid", flat=True)) == [call(number).uid for number in range(1, 61)]
    assert steps / 4 < 10


def test_restart_goes_on_and_orders_nothing_twice(operator: User) -> None:
    bulk = bulk_of(operator, 4)
    assert Pacer("n1", 10.0).step(NOW) == 1
    assert [Pacer("n1", 10.0).step(NOW + SECOND) for _ in range(5)] == [1, 1, 1, 0, 0]
    assert (Order.objects.count(), progress(bulk).words) == (4, "4 requested / 0 both legs released / 4 under way")


def test_two_ingests_of_one_name_order_each_call_once(operator: User) -> None:
    bulk_of(operator, 20)
    together = threading.Barrier(3)

    def work() -> None:
        pacer = Pacer("n1", 100.0)
        together.wait()
        for at in range(5):
            pacer.step(NOW + at * SECOND)
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Order.objects.values_list("dialog_uid", flat=True)) == [call(number).uid for number in range(1, 21)]


def test_calls_of_another_node_wait_for_it(operator: User) -> None:
    bulk_of(operator, 1)
    assert [Pacer(node, 10.0).step(NOW) for node in ("n2", "n1")] == [0, 1]


def test_open_order_of_somebody_else_is_taken_for_ours(operator: User) -> None:
    bulk = bulk_of(operator, 1)
    theirs = Order.objects.create(dialog_uid=call(1).uid, call_text="x", node="n1", username="ann", reason="why", requested_ns=NOW)
    Order.objects.filter(pk=theirs.pk).update(**({"once": f"end:{call(1).uid}"} if hasattr(Order, "once") else {"kind": "end"}))
    Pacer("n1", 10.0).step(NOW)
    assert (bulk.items.get().order, Order.objects.count()) == (theirs, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: User.objects.update(is_active=False), "you may not end calls"),
        (lambda: User.objects.get().groups.set([]), "you may not end calls"),
        (lambda: record(call(1, state=5, end_ns=NOW)), "already ended"),
        (lambda: record(call(1, callee="112")), "protected number: it is acted on singly only"),
        (lambda: call_of().delete(), "this call is no longer known"),
    ],
)
def test_what_may_not_be_ended_any_more_is_left_out(operator: User, change, words: str) -> None:
    bulk = bulk_of(operator, 1)
    change()
    pacer = Pacer("n1", 10.0)
    assert (pacer.step(NOW), states(bulk), Order.objects.count()) == (0, [("left out", words)], 0)


def call_of():
    from dashboard.models import DialogRow  # noqa: PLC0415 -- only here

    return DialogRow.objects.get()


def test_stopped_bulk_gives_no_more_turns(operator: User) -> None:
    bulk = bulk_of(operator, 3)
    pacer = Pacer("n1", 10.0)
    pacer.step(NOW)
    stop_bulk(bulk, "ben", "")
    assert [pacer.step(NOW + at * SECOND) for at in (1, 2)] == [0, 0]
    assert (Order.objects.count(), [state for state, _ in states(bulk)]) == (1, ["ordered", "left out", "left out"])


def test_call_that_waits_too_long_is_not_ended_an_hour_later(operator: User) -> None:
    bulk = bulk_of(operator, 2)
    pacer = Pacer("n2", 10.0)
    assert pacer.step(bulk.moved_ns + STALE_NS) == 0
    assert states(bulk) == [("waiting", "")] * 2
    pacer.step(bulk.moved_ns + STALE_NS + 1)
    assert states(bulk) == [("left out", "it waited for 120 s without its turn: ask again")] * 2


def test_bulk_is_over_with_its_last_order_and_says_so_once(operator: User) -> None:
    bulk = bulk_of(operator, 1)
    pacer = Pacer("n1", 10.0)
    pacer.step(NOW)
    pacer.step(NOW + SECOND)
    bulk.refresh_from_db()
    assert bulk.state == "running"
    Order.objects.update(phase="verified", outcome=Order.Outcome.BOTH_LEGS)
    for _ in range(2):
        pacer.step(NOW + 2 * SECOND)
    bulk.refresh_from_db()
    closed = AuditEvent.objects.filter(action="bulk closed").values_list("username", "outcome")
    assert (bulk.state, bulk.closed_ns, list(closed)) == ("done", NOW + 2 * SECOND, [("operator", "1 requested / 1 both legs released")])
