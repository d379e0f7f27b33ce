"""One call's page as it is pushed: what is replaced, and how its ladder grows."""

import re
import shutil
from pathlib import Path

import msgspec
import pytest
from django.conf import settings

from dashboard.live.callview import CallView, OtherView, call_context, limits_at
from dashboard.live.changes import Reader
from dashboard.live.ladderview import LadderView, Look
from dashboard.models import Alert, Order
from dialogs.config import Peer
from dialogs.packet import Endpoint
from tests.dashboard.live.people import NOW, call, record
from tests.dashboard.live.recordings import Wire, packets_of, recorded

pytestmark = pytest.mark.django_db
PARTS = ["#now", "#facts", "#orders"]


@pytest.fixture(autouse=True)
def store():
    yield
    shutil.rmtree(Path(settings.VAR) / "messages", ignore_errors=True)


def targets(frame) -> list[str]:
    return re.findall(r'<hx-partial hx-target="([^"]+)"', "".join(frame.updates))


def test_snapshot_brings_all_parts():
    record(call(1))
    frame = CallView(call(1).uid).snapshot(Reader().read(NOW), NOW, "connect")
    assert (targets(frame), frame.snapshot) == ([*PARTS, "#ladder"], "connect")


def test_only_changes_of_the_call_or_its_order_are_pushed():
    row = record(call(1))[0]
    reader, view = Reader(), CallView(call(1).uid, wanted={"have": str(row.revision)})
    seen = [targets(view.snapshot(reader.read(NOW), NOW, "connect"))]
    record(call(2))
    seen.append(targets(view.catch_up(reader.read(NOW), NOW)))
    record(call(1, state=5, end_ns=NOW))
    seen.append(targets(view.catch_up(reader.read(NOW), NOW)))
    Order.objects.create(dialog=row, dialog_uid=row.uid, call_text="x", node="n1", username="ann", reason="why", requested_ns=NOW)
    seen.append(targets(view.catch_up(reader.read(NOW), NOW)))
    seen.append(targets(view.catch_up(reader.read(NOW), NOW)))
    assert seen == [PARTS, [], [*PARTS, "#hints"], PARTS, []]


def test_ladder_grows_by_its_new_steps_only():
    packets = packets_of("basic")
    wire = Wire()
    row = wire.send(packets[:6]).write()
    reader, view = Reader(), CallView(row.uid, wanted={"have": str(row.revision)})
    seen = [targets(view.snapshot(reader.read(NOW), NOW, "connect"))]
    for until in (8, 13):
        wire.send(packets[6 if until == 8 else 8 : until]).write()
        frame = view.catch_up(reader.read(NOW), NOW)
        seen += [targets(frame), re.findall(r'<li id="(m\d+)"', "".join(frame.updates))]
    assert seen == [PARTS, [*PARTS, "#steps"], ["m7", "m8"], [*PARTS, "#steps"], ["m9", "m10", "m11", "m12", "m13"]]


def test_repeat_replaces_the_step_that_stands_for_it():
    packets = packets_of("basic")[:6]
    again = [msgspec.structs.replace(packets[-1], at_ns=packets[-1].at_ns + n * 500_000_000) for n in (1, 2, 3)]
    wire = Wire()
    row = wire.send(packets).send(again[:2]).write()
    reader, view = Reader(), CallView(row.uid, wanted={"have": str(row.revision)})
    view.snapshot(reader.read(NOW), NOW, "connect")
    wire.send(again[2:]).write()
    frame = view.catch_up(reader.read(NOW), NOW)
    assert targets(frame) == [*PARTS, "#m7"]
    assert re.findall(r'data-n="7 ([^"]+)".*?<span class="md">([^<]+)', "".join(frame.updates)) == [("8 9", "+3 repeats · SDP PCMU, PCMA")]


@pytest.mark.parametrize("new", ["another host", "an older message"])
def test_what_changes_the_drawing_replaces_it(new):
    packets = packets_of("basic")[:8]
    wire = Wire()
    row = wire.send(packets[:7]).write()
    reader, view = Reader(), CallView(row.uid, wanted={"have": str(row.revision)})
    view.snapshot(reader.read(NOW), NOW, "connect")
    other = {"source": Endpoint("192.0.2.99", 5060)} if new == "another host" else {"at_ns": packets[0].at_ns + 1000}
    wire.send([msgspec.structs.replace(packets[7], **other)]).write()
    assert targets(view.catch_up(reader.read(NOW), NOW)) == [*PARTS, "#ladder"]


@pytest.mark.parametrize(("have", "reason", "whole"), [("this", "connect", False), ("older", "connect", True), ("this", "gap", True)])
def test_page_that_has_the_ladder_does_not_get_it_again(have, reason, whole):
    row = recorded("basic")
    view = CallView(row.uid, wanted={"have": str(row.revision - (have == "older"))})
    assert ("#ladder" in targets(view.snapshot(Reader().read(NOW), NOW, reason))) == whole


def test_view_keeps_the_look_of_its_page():
    row = recorded("basic")
    frame = CallView(row.uid, wanted={"hosts": "address", "method": "BYE"}).snapshot(Reader().read(NOW), NOW, "connect")
    text = "".join(frame.updates)
    assert (re.findall(r'<li id="(m\d+)"', text), re.findall(r'<span class="way">([^<]+)', text)[0]) == (
        ["m10", "m11", "m12", "m13"],
        "127.0.0.10 to 127.0.0.1",
    )


def test_call_that_does_not_exist_has_no_parts():
    frame = CallView("0" * 16).snapshot(Reader().read(NOW), NOW, "connect")
    assert (targets(frame), frame.snapshot) == ([], "connect")


def test_other_pages_show_no_calls():
    record(call(1))
    changes = Reader().read(NOW)
    assert (OtherView().snapshot(changes, NOW, "connect").updates, bool(OtherView().catch_up(changes, NOW))) == ([], False)


def test_hosts_are_named_by_peer_then_by_party(monkeypatch):
    peers = (Peer(name="edge-1", addresses=("127.0.0.1",)),)
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, peer=peers))
    context = call_context(recorded("basic"), NOW, LadderView(Look()))
    assert [host.name for host in context["ladder"].columns] == ["alice", "edge-1", "5011"]


ALERTS = {
    "open": ({"cleared_ns": 0}, 1),
    "cleared after the call came": ({"cleared_ns": NOW + 3 * 10**9}, 1),
    "cleared long before": ({"at_ns": NOW - 900 * 10**9, "cleared_ns": NOW - 600 * 10**9}, 0),
    "of later": ({"at_ns": NOW + 600 * 10**9}, 0),
    "of another": ({"subject": "caller=sip:x@example.net"}, 0),
    "a rule's": ({"limit": ""}, 0),
}


@pytest.mark.parametrize(("fields", "count"), ALERTS.values(), ids=ALERTS)
def test_limit_that_was_passed_when_the_call_came_is_known(fields, count):
    row = record(call(1, state=5, end_ns=NOW + 2 * 10**9, end_code=486))[0]
    plain = {"at_ns": NOW, "kind": "limit", "text": "x", "node": "n1", "limit": "callers", "subject": "caller=sip:4417@example.net"}
    Alert.objects.create(**(plain | fields))
    assert limits_at(row) == ("caller=sip:4417@example.net was over the limit “callers”",) * count
