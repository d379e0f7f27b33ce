"""Commands of the RPC that act on calls become orders, carried out like anybody's."""

import json

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from dashboard.models import AuditEvent, Order
from tests.dashboard.ingest.test_loop import Running
from tests.dashboard.ingest.test_own_sip import closed, config, parties, reported, transferred, until
from tests.dialogs.control.sip.peers import ok

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
__all__ = ["config"]


async def told(running: Running, method: str, *params: object, name: str = "token ops") -> object:
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode()
    reply = json.loads(b"".join([piece async for piece in running.ingest.door.answer(body, control=True, name=name)]))
    return reply.get("result", reply.get("error"))


@pytest.mark.parametrize("method", ["dlg.end_dlg", "dlg.terminate_dlg"])
async def test_command_ends_the_call_in_the_callers_name(tmp_path, config, method):
    async with parties() as (one, two), Running(tmp_path, config=config) as running:
        row = await reported(running, one, two)
        (listed,) = await told(running, "dlg.list")
        target = (listed["h_entry"], listed["h_id"]) if method == "dlg.end_dlg" else ("c1", "at", "bt")
        assert await told(running, method, *target) in ({}, [])
        order = await closed(await Order.objects.aget())
        assert (order.username, order.reason, order.outcome) == ("token ops", f"asked by RPC: {method}", "both legs released")
        assert (one.methods(), two.methods(), order.dialog_uid) == (["BYE"], ["BYE"], row.uid)


async def test_refer_sends_the_side_that_was_named(tmp_path, config):
    async with parties(ok, transferred) as (one, two), Running(tmp_path, config=config) as running:
        await reported(running, one, two)
        (listed,) = await told(running, "dlg.list")
        await told(running, "dlg.refer", listed["h_entry"], listed["h_id"], "callee", "sip:carol@127.0.0.1:9")
        assert (await closed(await Order.objects.aget())).outcome == "connected"
        assert two.methods()[0] == "REFER"


async def test_protected_call_is_a_fault_and_sends_no_packet(tmp_path, config):
    async with parties() as (one, two), Running(tmp_path, config=config) as running:
        await reported(running, one, two, called="112")
        fault = await told(running, "dlg.terminate_dlg", "c1", "at", "bt")
        assert fault == {"code": 403, "message": "protected number: only an administrator may end this call"}
        assert (one.heard, two.heard, await Order.objects.acount()) == ([], [], 0)
        assert (await AuditEvent.objects.aget()).username == "token ops"


@pytest.mark.parametrize(
    ("method", "params", "fault"),
    [
        ("dlg.terminate_dlg", ("x", "y", "z"), (500, "Couldnt find callid in dialog")),
        ("dlg.end_dlg", (1, 2), (404, "Dialog not found")),
        ("dlg.bridge_dlg", ("sip:a@127.0.0.1:9", "tel:1"), (403, 'an address such as "sip:bob@example.net" is needed, not "tel:1"')),
        ("dlg.bridge_dlg", ("sip:a@192.0.2.1", "sip:b@192.0.2.1"), (403, "nothing is sent to 192.0.2.1: it is not in [control] allow")),
        ("dlg.bridge_dlg", ("sip:a@127.0.0.1:9", "sip:b@192.0.2.1", "sip:c@192.0.2.1"), (501, "Not supported: op and body")),
    ],
)
async def test_command_that_cannot_be_is_a_fault(tmp_path, config, method, params, fault):
    async with Running(tmp_path, config=config) as running:
        assert await told(running, method, *params) == {"code": fault[0], "message": fault[1]}


async def test_all_active_are_ended_and_protected_ones_left(tmp_path, monkeypatch, config):
    config = msgspec.structs.replace(config, dialog=msgspec.structs.replace(config.dialog, flavour="ims_dialog"))
    monkeypatch.setattr(settings, "DIALTAP", config)
    async with parties() as (one, two), parties() as (three, four), Running(tmp_path, config=config) as running:
        await reported(running, one, two, "c1")
        await reported(running, three, four, "c2", called="112")
        await told(running, "dlg2.end_all_active_dlg")
        order = await closed(await until(Order.objects.first))
        assert (order.outcome, three.heard, four.heard) == ("both legs released", [], [])
        refused = await sync_to_async(lambda: list(AuditEvent.objects.filter(action="end refused").values_list("text", flat=True)))()
        assert [text.partition(": ")[2] for text in refused] in ([], ["protected number: it is acted on singly only"])
