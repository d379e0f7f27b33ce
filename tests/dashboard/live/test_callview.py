"""One call's page as it is pushed."""

import re

import msgspec
import pytest
from django.conf import settings

from dashboard.live.callview import CallView, OtherView, names_of
from dashboard.live.changes import Reader
from dashboard.models import Order
from dialogs.config import Peer
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db


def targets(frame) -> list[str]:
    return re.findall(r'<hx-partial hx-target="([^"]+)"', "".join(frame.updates))


def test_snapshot_brings_all_parts():
    record(call(1))
    frame = CallView(call(1).uid).snapshot(Reader().read(NOW), NOW, "connect")
    assert (targets(frame), frame.snapshot) == (["#now", "#facts", "#ladder", "#orders"], "connect")


def test_only_changes_of_the_call_or_its_order_are_pushed():
    row = record(call(1))[0]
    reader, view = Reader(), CallView(call(1).uid)
    seen = []
    record(call(2))
    seen.append(targets(view.catch_up(reader.read(NOW), NOW)))
    record(call(1, state=5, end_ns=NOW))
    seen.append(targets(view.catch_up(reader.read(NOW), NOW)))
    Order.objects.create(dialog=row, dialog_uid=row.uid, call_text="x", node="n1", username="ann", reason="why", requested_ns=NOW)
    seen.append(targets(view.catch_up(reader.read(NOW), NOW)))
    seen.append(targets(view.catch_up(reader.read(NOW), NOW)))
    parts = ["#now", "#facts", "#ladder", "#orders"]
    assert seen == [[], parts, parts, []]


def test_call_that_does_not_exist_has_no_parts():
    frame = CallView("0" * 16).snapshot(Reader().read(NOW), NOW, "connect")
    assert (targets(frame), frame.snapshot) == ([], "connect")


def test_other_pages_show_no_calls():
    record(call(1))
    changes = Reader().read(NOW)
    assert (OtherView().snapshot(changes, NOW, "connect").updates, bool(OtherView().catch_up(changes, NOW))) == ([], False)


def test_hosts_are_named_by_peer_then_by_party(monkeypatch):
    peers = (Peer(name="edge-1", addresses=("192.0.2.1",)),)
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, peer=peers))
    name = names_of(record(call(1))[0])
    assert [name(address) for address in ("192.0.2.1:5060", "192.0.2.7:5060", "198.51.100.1:5060")] == ["edge-1", "4417", ""]
