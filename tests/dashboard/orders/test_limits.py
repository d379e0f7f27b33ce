"""Which calls a limit may end, and that it asks for each once."""

import msgspec
import pytest

from dashboard.models import AuditEvent, Order
from dashboard.orders.limits import LimitUser, end_beyond, end_lasting, is_vouched_for
from dialogs.config import Config, Control, Limit, Tap
from dialogs.insight.limits import Over
from dialogs.taps.hep_gate import KEY_VARIABLE
from tests.dashboard.live.people import call, record

pytestmark = pytest.mark.django_db

NEWEST = Limit("fraud", profile="caller", critical=8, end="newest")
LONG = Limit("long", duration_seconds=3600, send_bye=True)
WHO = "sip:4417@example.net"


@pytest.fixture(autouse=True)
def configured(settings, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    settings.DIALTAP = Config(control=Control(controller="dryrun"))


def beyond(excess, end="newest", value=WHO):
    return [order.dialog_uid for order in end_beyond(Over(msgspec.structs.replace(NEWEST, end=end), value, excess), "n1")]


def uids(*numbers):
    return [call(number).uid for number in numbers]


@pytest.mark.parametrize(("end", "ended"), [("newest", (4, 3)), ("oldest", (1, 2))])
def test_as_many_as_are_beyond_are_ended(end, ended):
    record(*(call(number) for number in (1, 2, 3, 4)))
    assert beyond(2, end) == uids(*ended)
    order = Order.objects.first()
    assert (order.username, order.reason) == ("limit:fraud", "limit fraud: more than 8 calls")
    assert set(AuditEvent.objects.values_list("username", "action")) == {("limit:fraud", "end requested")}


def test_what_was_asked_for_is_on_its_way_whatever_came_of_it():
    record(*(call(number) for number in (1, 2, 3)))
    assert beyond(1) == uids(3)
    Order.objects.update(phase=Order.Phase.VERIFIED, outcome=Order.Outcome.NOT_CONFIRMED)
    assert (beyond(1), beyond(2)) == ([], uids(2))


def test_what_somebody_else_is_ending_counts_too():
    (row,) = record(call(1))
    record(call(2))
    Order.objects.create(dialog=row, dialog_uid=row.uid, call_text="x", node="n1", username="ann", reason="why", requested_ns=1)
    assert (beyond(1), beyond(2)) == ([], uids(2))


@pytest.mark.parametrize(
    "other",
    [{"tap": "hep:127.0.0.1:9060"}, {"request_uri": "sip:112@example.net"}, {"node": "n2"}, {"state": 5}, {"profiles": (("caller", "x"),)}, {"callee": "110"}],
    ids=["unauthenticated", "protected by its target", "another node", "ended", "another value", "protected"],
)
def test_others_are_left_alone(other):
    record(call(1), call(2, **other))
    assert beyond(2) == uids(1)


@pytest.mark.parametrize(
    ("tap", "config", "environment", "vouched"),
    [
        ("interface:any", Tap(), "", True),
        ("hep:127.0.0.1:9060", Tap(), "", False),
        ("hep:127.0.0.1:9060", Tap(hep_allow=("192.0.2.1",)), "", False),
        ("hep:127.0.0.1:9060/tcp", Tap(hep_key_file="key"), "", True),
        ("hep:127.0.0.1:9060", Tap(), "secret", True),
    ],
)
def test_hep_counts_when_its_sender_showed_the_key(monkeypatch, tap, config, environment, vouched):
    if environment:
        monkeypatch.setenv(KEY_VARIABLE, environment)
    assert is_vouched_for(tap, config) is vouched


def test_a_call_that_lasts_too_long_is_ended_once():
    record(call(1))
    order = end_lasting(LONG, call(1).uid)
    assert order is not None
    assert (order.username, order.reason) == ("limit:long", "limit long: longer than 3600 s")
    assert (end_lasting(LONG, call(1).uid), end_lasting(LONG, "0" * 16)) == (None, None)


def test_without_a_controller_nothing_is_asked_and_nothing_is_audited(settings):
    settings.DIALTAP = Config()
    record(call(1))
    assert (beyond(1), end_lasting(LONG, call(1).uid), AuditEvent.objects.count()) == ([], None, 0)


def test_a_limit_may_end_calls_and_nothing_else():
    user = LimitUser(NEWEST)
    rights = [user.has_perm(f"dashboard.{name}") for name in ("end_call", "end_protected_call", "view_dialogrow")]
    assert (user.get_username(), rights, user.is_authenticated) == ("limit:fraud", [True, False, False], False)
