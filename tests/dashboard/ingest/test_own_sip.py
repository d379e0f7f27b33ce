"""Orders carried out by our own SIP user agent, from the request to the answer on the wire; parties and tap on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User

from dashboard.models import DialogRow, Order, OrderRequest
from dashboard.orders.request import OrderRefused, request_bridge, request_end, request_join, request_transfer, retry_leg, to_retry
from dialogs.config import Config, Control, Credential, Tap
from dialogs.sip import Request
from tests.dashboard.ingest.owncalls import answered
from tests.dashboard.ingest.test_loop import Running, row_in_state, until
from tests.dialogs.control.sip.peers import Peer, Says, answer, ok, udp_peer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
CHALLENGE = 'WWW-Authenticate: Digest realm="lab", nonce="n1", qop="auth"'


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    control = Control(controller="sip", allow=("127.0.0.0/8",), hosts=("127.0.0.1",), verify_seconds=3.0)
    return given(monkeypatch, Config(tap=Tap(hep=""), control=control))


def given(monkeypatch: pytest.MonkeyPatch, config: Config) -> Config:
    monkeypatch.setattr(settings, "DIALTAP", config)
    return config


def silent(_: Request) -> list[bytes]:
    return []


def gone(asked: Request) -> list[bytes]:
    return [answer(asked, "481 Call/Transaction Does Not Exist")]


def challenges(asked: Request) -> list[bytes]:
    return ok(asked) if asked.header("authorization") else [answer(asked, "401 Unauthorized", CHALLENGE)]


@asynccontextmanager
async def parties(caller: Says = ok, callee: Says = ok) -> AsyncIterator[tuple[Peer, Peer]]:
    async with udp_peer(caller) as one, udp_peer(callee) as two:
        yield one, two


def anna() -> User:
    return User.objects.get_or_create(username="anna", is_superuser=True)[0]


async def reported(running: Running, one: Peer, two: Peer, call_id: str = "c1", **given: Any) -> DialogRow:
    """Report a call by HEP and return its row."""
    for datagram in answered(call_id, one, two, **given):
        running.agent.sendto(datagram, ("127.0.0.1", running.port))
    return await until(row_in_state(4 if given.get("answer", True) else 2, call_id=call_id))


async def closed(order: Order) -> Order:
    return await until(Order.objects.filter(pk=order.pk).exclude(phase__in=Order.OPEN).first)


async def end(row: DialogRow, **given: Any) -> Order:
    return await closed(await sync_to_async(lambda: request_end(row, anna(), "stuck call", "", **given))())


@pytest.mark.parametrize(
    ("caller", "callee", "outcome"),
    [
        (ok, ok, "both legs released"),
        (ok, gone, "both legs released"),
        (ok, silent, "one leg only: callee not confirmed"),
        (silent, ok, "one leg only: caller not confirmed"),
        (silent, silent, "not confirmed"),
    ],
)
async def test_end_by_what_the_legs_answer(tmp_path, config, caller, callee, outcome):
    async with parties(caller, callee) as (one, two), Running(tmp_path, config=config) as running:
        order = await end(await reported(running, one, two))
    assert (order.via, order.outcome) == ("sip", outcome)
    sent = await sync_to_async(lambda: list(OrderRequest.objects.order_by("leg").values_list("leg", "method", "cseq")))()
    assert [(leg, method) for leg, method, _ in sent] == [("callee", "BYE"), ("caller", "BYE")]
    assert {asked.method for asked in (*one.heard, *two.heard)} == {"BYE"}
    assert {asked.cseq for asked in two.heard} == {8}


async def test_end_of_one_side_leaves_the_other(tmp_path, config):
    async with parties() as (one, two), Running(tmp_path, config=config) as running:
        order = await end(await reported(running, one, two), side="callee")
        assert (order.outcome, one.methods(), two.methods()) == ("callee released", [], ["BYE"])


async def test_challenged_bye_is_authenticated_and_its_credentials_forgotten(tmp_path, monkeypatch, config):
    secret = tmp_path / "password"
    secret.write_text("quite secret\n")
    config = given(monkeypatch, msgspec.structs.replace(config, credential=(Credential("alice", str(secret), realm="lab"),)))
    async with parties(ok, challenges) as (one, two), Running(tmp_path, config=config) as running:
        order = await end(await reported(running, one, two))
        assert (order.outcome, two.methods(), [asked.cseq for asked in two.heard]) == ("both legs released", ["BYE", "BYE"], [8, 9])
    stored = await sync_to_async(lambda: [bytes(row.data) for row in OrderRequest.objects.filter(leg="callee").order_by("pk")])()
    assert [b"(not stored)" in data for data in stored] == [False, True]
    assert not any(b"response=" in data for data in stored)


async def test_leg_that_was_left_is_tried_again_with_a_higher_number(tmp_path, config):
    deaf = True
    async with parties(ok, lambda asked: silent(asked) if deaf else ok(asked)) as (one, two), Running(tmp_path, config=config) as running:
        order = await end(await reported(running, one, two))
        assert to_retry(order) == "callee"
        deaf = False
        again = await closed(await sync_to_async(lambda: retry_leg(Order.objects.get(pk=order.pk), anna(), ""))())
    assert (again.side, again.arguments, again.outcome) == ("callee", {"retries": order.pk}, "callee released")
    assert [row.cseq for row in await sync_to_async(lambda: list(OrderRequest.objects.filter(leg="callee").order_by("pk")))()] == [8, 9]


async def test_ringing_call_is_cancelled_where_its_invite_went(tmp_path, config, monkeypatch):
    monkeypatch.setattr(settings, "VAR", tmp_path)
    async with parties() as (one, two), Running(tmp_path, config=config) as running:
        row = await reported(running, one, two, answer=False)
        order = await sync_to_async(lambda: request_end(row, anna(), "stuck call", ""))()
        await asyncio.wait_for(two.came.wait(), 60)
        assert (one.methods(), two.methods()[0], two.heard[0].branch) == ([], "CANCEL", b"z9hG4bKic1")
        assert (await closed(order)).outcome == "not confirmed"  # the parties of this test send no 487 past the tap


NOTHING_SENT = [
    ({"allow": ("192.0.2.0/24",)}, {}, "nothing is sent to 127.0.0.1: it is not in [control] allow"),
    ({}, {"called": "112"}, 'protected number: type "112" to confirm'),
    ({"stop_file": "stop"}, {}, "all orders are stopped: the stop file is there"),
    ({"rate": 1}, {}, "too many orders in this minute: try again soon"),
]


@pytest.mark.parametrize(("changes", "placed", "words"), NOTHING_SENT)
async def test_refused_order_sends_no_packet(tmp_path, monkeypatch, config, changes, placed, words):
    monkeypatch.setattr(settings, "VAR", tmp_path)
    (tmp_path / "stop").touch()
    config = given(monkeypatch, msgspec.structs.replace(config, control=msgspec.structs.replace(config.control, **changes)))
    async with parties() as (one, two), Running(tmp_path, config=config) as running:
        row = await reported(running, one, two, **placed)
        await Order.objects.acreate(call_text="x", node="elsewhere", username="ben", reason="r", requested_ns=row.init_ns)
        with pytest.raises(OrderRefused) as refused:
            await sync_to_async(lambda: request_end(row, anna(), "stuck call", ""))()
        assert (str(refused.value), one.heard, two.heard) == (words, [], [])


async def test_order_of_before_the_stop_file_is_not_sent(tmp_path, monkeypatch, config):
    monkeypatch.setattr(settings, "VAR", tmp_path)
    async with parties() as (one, two):
        async with Running(tmp_path, config=config) as running:
            row = await reported(running, one, two)
        order = await sync_to_async(lambda: request_end(row, anna(), "stuck call", ""))()
        (tmp_path / "orders.stop").touch()
        async with Running(tmp_path, config=config):
            assert ((await closed(order)).outcome, one.heard, two.heard) == ("refused", [], [])


def transferred(asked: Request) -> list[bytes]:
    """Accept what comes, and tell after a REFER that the other party was reached."""
    if asked.method != "REFER":
        return ok(asked)
    lines = [
        f"NOTIFY {asked.header('contact')[1:-1]} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKn1",
        f"From: {asked.header('to')}",
        f"To: {asked.header('from')}",
        f"Call-ID: {asked.call_id.decode()}",
        "CSeq: 1 NOTIFY",
        "Event: refer",
        "Subscription-State: terminated;reason=noresource",
        "Content-Type: message/sipfrag",
        "Content-Length: 16",
        "",
        "SIP/2.0 200 OK\r\n",
    ]
    return [answer(asked, "202 Accepted"), "\r\n".join(lines).encode()]


def declines(asked: Request) -> list[bytes]:
    return [answer(asked, "603 Decline")] if asked.method == "REFER" else ok(asked)


@pytest.mark.parametrize(("says", "outcome"), [(transferred, "connected"), (declines, "refused by the phone")])
async def test_transfer_follows_the_phone(tmp_path, config, says, outcome):
    async with parties(ok, says) as (one, two), Running(tmp_path, config=config) as running:
        row = await reported(running, one, two)
        order = await closed(await sync_to_async(lambda: request_transfer(row, anna(), "callee", "sip:carol@127.0.0.1:9", "wrong desk", ""))())
        assert (order.outcome, order.arguments) == (outcome, {"to": "sip:carol@127.0.0.1:9"})
        refer = two.heard[0]
        assert (refer.method, refer.header("refer-to")) == ("REFER", "<sip:carol@127.0.0.1:9>")
        assert ("BYE" in one.methods()) == (outcome == "connected")
        assert order.steps[0][1:3] == ["refer", "begun"]


async def test_join_names_the_other_dialog(tmp_path, config):
    async with parties(ok, transferred) as (one, two), parties() as (three, four), Running(tmp_path, config=config) as running:
        row, other = await reported(running, one, two, "c1"), await reported(running, three, four, "c2")
        order = await closed(await sync_to_async(lambda: request_join(row, other, anna(), "callee", "caller", "meet", ""))())
        assert order.outcome == "connected"
        wanted = f"<sip:party@{three.address}?Replaces=c2%3Bto-tag%3Dat%3Bfrom-tag%3Dbt&Require=replaces>"
        assert two.heard[0].header("refer-to") == wanted


def called(asked: Request) -> list[bytes]:
    if asked.method == "INVITE":
        return [answer(asked, "200 OK", f"Contact: {asked.header('to').partition(';')[0]}")]
    return transferred(asked)


async def test_bridge_calls_refers_and_hangs_up(tmp_path, config):
    async with udp_peer(called) as one, Running(tmp_path, config=config):
        order = await sync_to_async(lambda: request_bridge(anna(), f"sip:a@{one.address}", "sip:b@127.0.0.1:9", "connect them", "", node="node"))()
        order = await closed(order)
        assert (order.outcome, one.methods()) == ("connected", ["INVITE", "ACK", "REFER", "BYE"])
        done = [step[1] for step in order.steps if step[2] == "done"]
        assert done == ["invite", "ack", "refer", "notify", "bye"]


@pytest.mark.parametrize("status", ["486 Busy Here", "603 Decline"])
async def test_bridge_that_is_refused_says_so(tmp_path, config, status):
    async with udp_peer(lambda asked: [] if asked.method == "ACK" else [answer(asked, status)]) as one, Running(tmp_path, config=config):
        order = await sync_to_async(lambda: request_bridge(anna(), f"sip:a@{one.address}", "sip:b@127.0.0.1:9", "connect them", "", node="node"))()
        order = await closed(order)
        assert (order.outcome, order.detail) == ("refused by the phone", f"invite: {status}")
