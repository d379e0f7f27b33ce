"""An order whose ingest was killed between two phases: the identical bytes go out again, and never a second BYE with another number."""

import pytest
from asgiref.sync import sync_to_async

from dashboard.models import DialogRow, Order, OrderRequest
from dashboard.orders import stored
from dialogs.control.sip import Dialog, Hop, Identity, Prepared
from dialogs.control.sip.requests import bye
from tests.dashboard.ingest.test_loop import Running
from tests.dashboard.ingest.test_own_sip import anna, closed, config, parties, reported, silent
from tests.dialogs.control.sip.peers import Peer, ok

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
__all__ = ["config"]
BRANCH = b"killed"


def killed(row: DialogRow, peers: dict[str, Peer], *, via: str = "sip", kind: str = "end") -> tuple[Order, dict[str, bytes]]:
    """Store an order as a process that was killed leaves it: sent, with the requests toward these legs committed."""
    order = Order.objects.create(dialog=row, dialog_uid=row.pk, call_text="x", node="node", username=anna().username, reason="r", requested_ns=1)
    order.phase, order.sent_ns, order.via, order.kind = "sent", 1, via, kind
    order.save()
    written: dict[str, bytes] = {}
    for leg, peer in peers.items():
        hop = Hop("udp", *address(peer))
        request: Prepared = bye(Dialog.toward(row.snapshot, leg), Identity()).prepare(hop, ("127.0.0.1", 9), BRANCH + leg.encode())
        stored.commit(order, leg, request, 2)
        written[leg] = request.data
    return order, written


def address(peer: Peer) -> tuple[str, int]:
    host, port = peer.address.rsplit(":", 1)
    return host, int(port)


@pytest.mark.parametrize("legs", [(), ("caller",), ("callee",), ("caller", "callee")])
async def test_killed_order_goes_on_with_the_identical_bytes(tmp_path, config, legs):
    async with parties() as (one, two):
        async with Running(tmp_path, config=config) as running:
            row = await reported(running, one, two)
        peers = {leg: peer for leg, peer in (("caller", one), ("callee", two)) if leg in legs}
        order, written = await sync_to_async(killed)(row, peers)
        async with Running(tmp_path, config=config):
            order = await closed(order)
        assert order.outcome == "both legs released"
        assert {leg: peer.heard[0].data for leg, peer in peers.items()} == written
        assert [(peer.methods(), {asked.cseq for asked in peer.heard}) for peer in (one, two)] == [(["BYE"], {1}), (["BYE"], {8})]


async def test_stopped_ingest_goes_on_where_a_leg_had_not_answered(tmp_path, config):
    deaf = True
    async with parties(ok, lambda asked: silent(asked) if deaf else ok(asked)) as (one, two):
        async with Running(tmp_path, config=config) as running:
            row = await reported(running, one, two)
            order, _ = await sync_to_async(killed)(row, {})
        async with Running(tmp_path, config=config):
            await closed_or_sent(two)
        deaf = False
        async with Running(tmp_path, config=config):
            order = await closed(order)
        assert {asked.data for asked in two.heard} == {two.heard[0].data}
        assert await OrderRequest.objects.filter(leg="callee").acount() == 1
        assert order.outcome in ("both legs released", "one leg only: callee not confirmed")


async def closed_or_sent(peer: Peer) -> None:
    await peer.came.wait()


@pytest.mark.parametrize(("via", "kind", "outcome"), [("kamailio", "end", "not confirmed"), ("sip", "transfer", "not confirmed")])
async def test_what_may_have_been_done_is_never_asked_again(tmp_path, config, via, kind, outcome):
    async with parties() as (one, two):
        async with Running(tmp_path, config=config) as running:
            row = await reported(running, one, two)
        order, _ = await sync_to_async(killed)(row, {}, via=via, kind=kind)
        async with Running(tmp_path, config=config):
            order = await closed(order)
        assert (order.outcome, one.heard, two.heard) == (outcome, [], [])
