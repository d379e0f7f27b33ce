"""Whether an order may exist, by each kind of user, and that a double click is one."""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import connection, connections

from dashboard.history.recorder import Recorder
from dashboard.models import AuditEvent, DialogRow, Order
from dashboard.orders import safety
from dashboard.orders.request import OrderRefused, digits, may_end, request_end, retry_leg
from dialogs.config import Control
from dialogs.engine.snapshot import CallSnapshot
from tests.dashboard.history.calls import NOW, call, change, leg

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    control = Control(controller="dryrun", protect=("112", "+1 911"))
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=control))


def account(role: str) -> User | AnonymousUser:
    if role == "nobody":
        return AnonymousUser()
    user = User.objects.create_user(role, is_superuser=role == "superuser")
    user.groups.set(Group.objects.filter(name=role))
    return user


@pytest.fixture
def row(tmp_path: Path, db: None) -> DialogRow:
    return recorded(tmp_path, call())


def recorded(tmp_path: Path, snapshot: CallSnapshot) -> DialogRow:
    Recorder("n1", lambda tap: tap.startswith("file:"), tmp_path).write([change(snapshot)], NOW)
    return DialogRow.objects.get()


def events() -> list[tuple[str, str, str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("username", "action", "address", "text"))


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("nobody", "you may not end calls"),
        ("stranger", "you may not end calls"),
        ("viewer", "you may not end calls"),
        ("operator", None),
        ("administrator", None),
        ("superuser", None),
    ],
)
def test_may_end_by_role(row: DialogRow, role: str, words: str | None) -> None:
    refusal = may_end(row, account(role))
    assert (refusal.words if refusal else None) == words


PROTECTED = "protected number: only an administrator may end this call"
CALLS = [
    (call(), None),
    (call(state=1), None),
    (call(tap="file:demo"), "recorded call: nothing is sent"),
    (call(state=5), "already ended"),
    (call(callee="112"), PROTECTED),
    (call(callee="+1911"), PROTECTED),
    (call(callee="911"), None),
    (call(callee="0112"), None),
    (call(callee="112;phone-context=x"), PROTECTED),
    (call(request_uri="sip:112@proxy"), PROTECTED),
    (call(request_uri="urn:service:sos.police"), PROTECTED),
    (call(callee=msgspec.structs.replace(leg("callee", "x"), uri="URN:service:sos")), PROTECTED),
    (call(profiles=(("emergency", ""),)), PROTECTED),
    (call(profiles=(("caller", "emergency"),)), None),
    (call(callee="agent112"), None),
]


@pytest.mark.parametrize(("snapshot", "words"), CALLS)
def test_may_end_by_call(tmp_path: Path, snapshot: CallSnapshot, words: str | None) -> None:
    refusal = may_end(recorded(tmp_path, snapshot), account("operator"))
    assert (refusal.words if refusal else None) == words


def test_administrator_may_end_protected_calls(tmp_path: Path) -> None:
    assert may_end(recorded(tmp_path, call(callee="112")), account("administrator")) is None


def test_nobody_may_end_without_a_controller(row: DialogRow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=Control()))
    refusal = may_end(row, account("superuser"))
    assert refusal == safety.NO_CONTROLLER
    assert refusal.words == "no controller is configured: set [control] controller in dialtap.toml"


@pytest.mark.parametrize(("user", "expected"), [("+1 (555) 010", "1555010"), ("112;x=5", "112"), ("agent112", ""), ("", ""), ("\u0661\u0661\u0662", "")])
def test_digits_of_a_number(user: str, expected: str) -> None:
    assert digits(user) == expected


def test_request_writes_order_and_audit(row: DialogRow) -> None:
    order = request_end(row, account("operator"), "  toll fraud ", "192.0.2.50")
    assert order == Order.objects.get()
    shown = (order.dialog, order.dialog_uid, order.call_text, order.node, order.kind, order.username, order.reason, order.phase, order.outcome)
    assert shown == (row, row.uid, "4417 -> 5000", "n1", "end", "operator", "toll fraud", "requested", "")
    assert events() == [("operator", "end requested", "192.0.2.50", "4417 -> 5000: toll fraud")]
    assert AuditEvent.objects.get().at_ns == order.requested_ns


@pytest.mark.parametrize("reason", ["", "  ab  ", "x" * 201, "two\nlines", "bell\a", "\u202eabc"])
def test_request_needs_a_reason(row: DialogRow, reason: str) -> None:
    with pytest.raises(OrderRefused, match=r"^give a reason of 3 to 200 characters$"):
        request_end(row, account("operator"), reason, "")
    assert (Order.objects.count(), events()) == (0, [("operator", "end refused", "", "4417 -> 5000: give a reason of 3 to 200 characters")])


def test_request_refused_is_audited(row: DialogRow) -> None:
    with pytest.raises(OrderRefused, match=r"^you may not end calls$"):
        request_end(row, account("viewer"), "because", "192.0.2.50")
    assert (Order.objects.count(), events()) == (0, [("viewer", "end refused", "192.0.2.50", "4417 -> 5000: you may not end calls")])


def test_request_looks_again_at_an_old_page(row: DialogRow) -> None:
    DialogRow.objects.update(state=5)
    with pytest.raises(OrderRefused, match=r"^already ended$"):
        request_end(row, account("operator"), "because", "")


def test_request_for_a_forgotten_call_is_refused(row: DialogRow) -> None:
    DialogRow.objects.all().delete()
    with pytest.raises(OrderRefused, match=r"^this call is no longer known$"):
        request_end(row, account("operator"), "because", "")
    assert [event[1] for event in events()] == ["end refused"]


def test_double_click_is_one_order(row: DialogRow) -> None:
    operator = account("operator")
    first = request_end(row, operator, "because", "")
    DialogRow.objects.update(state=5)  # ended between the clicks
    assert request_end(row, operator, "because", "") == first
    assert (Order.objects.count(), len(events())) == (1, 1)


def test_closed_order_makes_room_for_another(row: DialogRow) -> None:
    operator = account("operator")
    first = request_end(row, operator, "because", "")
    Order.objects.update(phase="verified", outcome="not confirmed")
    assert request_end(row, operator, "again", "") != first


def test_order_by_somebody_without_permission_is_not_handed_out(row: DialogRow) -> None:
    request_end(row, account("operator"), "because", "")
    with pytest.raises(OrderRefused, match=r"^you may not end calls$"):
        request_end(row, account("viewer"), "because", "")


@pytest.mark.django_db(transaction=True)
def test_clicks_at_the_same_time_are_one_order(tmp_path: Path) -> None:
    row = recorded(tmp_path, call())
    operator = account("operator")
    looked = threading.Barrier(8, timeout=60)
    got: list[int] = []

    def wait_before_writing(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("BEGIN" if connection.vendor == "sqlite" else 'INSERT INTO "dashboard_order"'):
            looked.wait()  # until everybody has seen that there is no order yet
        return execute(sql, *rest)

    def click() -> None:
        with connection.execute_wrapper(wait_before_writing):
            got.append(request_end(row, operator, "because", "").pk)
        connections.close_all()

    clicks = [threading.Thread(target=click) for _ in range(8)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert (got, Order.objects.count(), len(events())) == ([got[0]] * 8, 1, 1)


@pytest.mark.parametrize(("released_ns", "words"), [(0, None), (5, "already ended")])
def test_leg_that_was_left_is_tried_again_though_its_call_has_ended(tmp_path: Path, released_ns: int, words: str | None) -> None:
    """The tap saw the BYEs, so the call is over; the leg is not, as long as nothing proves it."""
    row = recorded(tmp_path, call(state=5, callee=leg("callee", "5000", released_ns)))
    left = {"phase": "verified", "outcome": "one leg only: callee not confirmed", "reason": "toll fraud", "requested_ns": NOW}
    order = Order.objects.create(dialog=row, dialog_uid=row.pk, node="n1", username="anna", **left)
    if words is not None:
        with pytest.raises(OrderRefused, match=words):
            retry_leg(order, account("operator"), "")
        return
    again = retry_leg(order, account("operator"), "")
    assert (again.side, again.arguments) == ("callee", {"retries": order.pk})
