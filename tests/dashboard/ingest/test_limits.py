"""Limits at work: engine, alerts and orders, tick by tick."""

import pytest
from django.db import OperationalError

from dashboard.history.recorder import Recorder
from dashboard.ingest import limits as module
from dashboard.ingest.limits import LimitWatch
from dashboard.ingest.pending import Pending
from dashboard.models import Alert, Order
from dialogs.config import Config, Control, Dialog, Limit
from dialogs.engine import Engine
from dialogs.insight import PeerNames
from dialogs.insight.limits import EXPIRY_HOLD_NS, HOLD_NS
from tests.dialogs.ladder import START_NS, feed, packets

pytestmark = pytest.mark.django_db
SECOND = 10**9
UP = "alice -> bob INVITE\nbob -> alice 200\nalice -> bob ACK"
ALICE = "caller=sip:alice@example.org"


class Node:
    """An engine with its limits and its database, without taps and loop."""

    def __init__(self, folder, *limits, **dialog):
        self.config = Config(limit=limits, dialog=Dialog(**dialog), control=Control(controller="dryrun"))
        self.engine = Engine(self.config, "node")
        self.pending = Pending(self.engine, PeerNames(()), lambda _call: "")
        self.recorder = Recorder("node", lambda _tap: False, folder)
        self.watch = LimitWatch(self.config, self.engine)
        self.watch.begin()

    def tick(self, seconds):
        """Let the engine's time come to so many seconds after the start, and write."""
        now_ns = START_NS + int(seconds * SECOND)
        self.pending.take(self.engine.expire(now_ns))
        changes = self.pending.changes()
        self.recorder.write(changes, now_ns)
        self.recorder.close()
        self.watch.write(self.watch.take(changes, now_ns))
        return now_ns

    def calls(self, count, first=0, fromuri="sip:alice@example.org"):
        for number in range(first, first + count):
            self.pending.take(feed(self.engine, packets(UP, START_NS, callid=f"c{number}", fromuri=fromuri)))

    def hang_up(self, number, seconds=1):
        self.pending.take(feed(self.engine, packets("alice -> bob BYE cseq=2", START_NS + seconds * SECOND, callid=f"c{number}")))


def alerts():
    return list(Alert.objects.order_by("pk").values_list("severity", "text", "subject", "cleared_ns"))


def test_a_breach_is_one_alert_that_opens_gets_worse_and_clears(tmp_path):
    node = Node(tmp_path, Limit("calls", profile="caller", warn=2, critical=3))
    node.calls(3)
    node.tick(0.5)
    assert alerts() == [("warn", f"calls: {ALICE} has 3 calls, more than 2", ALICE, 0)]
    Alert.objects.update(seen=True)
    node.calls(2, first=3)
    node.tick(0.75)
    assert alerts() == [("critical", f"calls: {ALICE} has 5 calls, more than 3", ALICE, 0)]
    assert Alert.objects.get().seen is False
    for number in range(4):
        node.hang_up(number)
    node.tick(2)
    cleared_ns = node.tick(2 + HOLD_NS // SECOND)
    assert alerts() == [("critical", f"calls: {ALICE} has 5 calls, more than 3", ALICE, cleared_ns)]


def test_profiles_without_values_have_limits_too(tmp_path):
    node = Node(tmp_path, Limit("all", profile="total", warn=1), profiles_no_value=("total",))
    for _ in range(2):
        node.engine.calls.profiles.add([], "total", None)
    node.tick(1)
    assert alerts() == [("warn", "all: total has 2 calls, more than 1", "total", 0)]


def test_a_call_that_lasts_too_long_alerts_and_is_ended(tmp_path, settings):
    node = Node(tmp_path, Limit("long", duration_seconds=60, send_bye=True, when='$tU == "bob"'), Limit("not him", duration_seconds=60, when='$tU == "x"'))
    settings.DIALTAP = node.config
    node.calls(1)
    node.tick(1)
    assert alerts() == []
    node.tick(61)
    node.tick(62)
    order = Order.objects.get()
    assert (alerts(), order.username) == ([("critical", "long: a call lasts longer than 60 s", order.dialog_uid, 0)], "limit:long")
    assert Alert.objects.get().dialog_uid == order.dialog_uid
    node.hang_up(0, 63)
    now_ns = node.tick(64)
    assert Alert.objects.get().cleared_ns == now_ns


def test_calls_beyond_a_limit_are_ended(tmp_path, settings):
    node = Node(tmp_path, Limit("calls", profile="caller", critical=2, end="newest"))
    settings.DIALTAP = node.config
    node.calls(4)
    for seconds in (0.5, 0.75, 1.5, 2.5):
        node.tick(seconds)
    assert list(Order.objects.values_list("username", flat=True)) == ["limit:calls"] * 2


def test_expired_calls_are_one_alert_with_their_number(tmp_path):
    node = Node(tmp_path, Limit("gone", expiry=True), default_timeout=30)
    node.calls(3)
    node.tick(1)
    node.tick(40)
    assert alerts() == [("warn", "gone: 1 call expired: nothing was seen for too long", "", 0)]
    now_ns = node.tick(40 + EXPIRY_HOLD_NS // SECOND)
    assert alerts() == [("warn", "gone: 3 calls expired: nothing was seen for too long", "", now_ns)]


def test_a_breach_outlives_a_restart_as_the_same_alert(tmp_path):
    limits = Limit("calls", profile="caller", warn=1), Limit("long", duration_seconds=60)
    node = Node(tmp_path, *limits)
    node.calls(2)
    node.tick(61)
    gone = Alert.objects.create(at_ns=1, kind="limit", text="x", dialog_uid="", node="node", severity="warn", limit="calls", subject="caller=nobody")
    other = Alert.objects.create(at_ns=1, kind="limit", text="x", dialog_uid="", node="elsewhere", severity="warn", limit="calls", subject=ALICE)
    before = set(Alert.objects.filter(cleared_ns=0).values_list("pk", flat=True))
    again = Node(tmp_path, *limits)
    for call in node.engine.all_calls():
        again.engine.restore(node.engine.dump(call.uid))
    again.watch.begin()
    now_ns = again.tick(62)
    gone.refresh_from_db()
    assert (Alert.objects.count(), gone.cleared_ns) == (len(before), now_ns)
    assert set(Alert.objects.filter(cleared_ns=0).values_list("pk", flat=True)) == before - {gone.pk}
    assert other.cleared_ns == 0


def test_what_the_database_does_not_take_comes_again(tmp_path, monkeypatch):
    node = Node(tmp_path, Limit("calls", profile="caller", warn=1))
    node.calls(2)

    def refuse(*_args, **_kwargs):
        raise OperationalError("locked")

    with monkeypatch.context() as broken:
        broken.setattr(Alert.objects, "create", refuse)
        with pytest.raises(OperationalError):
            node.tick(1)
    node.tick(2)
    assert [severity for severity, *_ in alerts()] == ["warn"]


def test_waiting_events_are_capped_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 1)
    node = Node(tmp_path, Limit("calls", profile="caller", warn=1), Limit("same", profile="caller", warn=1))
    node.calls(2)
    node.tick(1)
    assert ([text.partition(":")[0] for _, text, *_ in alerts()], node.watch.lost) == (["same"], 1)


def test_without_limits_nothing_is_watched(tmp_path):
    node = Node(tmp_path)
    node.calls(1)
    node.tick(1)
    assert (alerts(), list(node.engine.calls.profiles.moved())) == ([], [])
