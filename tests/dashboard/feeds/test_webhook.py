"""A webhook at work: the real database, real HTTP on loopback; receivers that are slow, down, wrong."""

import asyncio
import hashlib
import hmac
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from asgiref.sync import sync_to_async

from dashboard.feeds import store, webhook
from dashboard.feeds.dead import NoLetter, drop, retry
from dashboard.feeds.sign import secret_of, signature
from dashboard.feeds.window import TRIES
from dashboard.history.fed import figures
from dashboard.history.outbox import FeedError, Outbox
from dashboard.models import AuditEvent, DeadLetter, FeedEvent, FeedReceiver
from dialogs.config import Config
from dialogs.configfeeds import Webhook
from tests.dashboard.feeds.feeding import NODE, SECRET, delivering, happen, hook_of, until
from tests.dashboard.feeds.receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
ROOT = Path(__file__).resolve().parents[3]
BOTH = ("dialog:start", "dialog:end")


async def begun(hook: Webhook, *events: tuple[int, str]) -> Config:
    """Return a configuration with this webhook, its row made and these events written."""
    config = Config(webhook=(hook,))
    await sync_to_async(Outbox(config).begin)(NODE)
    await sync_to_async(happen)(config, *events)
    return config


def row() -> FeedReceiver:
    return FeedReceiver.objects.get(name="webhook:noc")


def all_settled() -> bool:
    return row().waiting == 0 and row().at_ns > 0


async def test_event_is_posted_signed_and_settled():
    with Receiver() as receiver:
        await begun(hook := hook_of(receiver.url), (1, "dialog:end"))
        async with delivering(hook):
            await until(all_settled)
        (got,) = receiver.got
    event = await FeedEvent.objects.aget()
    assert (got.event["Revision"], got.event["Event"], got.event["CallID"]) == (event.pk, "dialog:end", "call-1@192.0.2.7")
    seconds, mac = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", got.headers["Dialtap-Signature"]).groups()
    assert abs(int(seconds) - time.time()) < 60
    assert mac == hmac.new(SECRET.encode(), f"{seconds}.".encode() + got.body, hashlib.sha256).hexdigest()
    assert [got.headers[name] for name in ("Content-Type", "Dialtap-Event", "Dialtap-Revision")] == ["application/json", "dialog:end", str(event.pk)]
    settled = await sync_to_async(row)()
    assert (settled.sent, settled.waiting, settled.position, settled.settled, settled.failing_ns) == (1, 0, event.pk, "[]", 0)


async def test_events_of_a_call_come_in_order_while_calls_go_beside_each_other():
    with Receiver() as receiver:
        events = [(number, event) for number in range(1, 41) for event in BOTH]
        await begun(hook := hook_of(receiver.url), *events)
        receiver.together = hook.in_flight
        async with delivering(hook):
            await until(all_settled)
        assert (set(map(tuple, receiver.by_call().values())), len(receiver.got)) == ({BOTH}, 80)
        assert receiver.most == hook.in_flight


async def test_receiver_that_is_down_gets_everything_when_it_is_back_and_state_is_shown():
    """The short version of the outage; tests/soak/test_outage.py has five minutes under load."""
    with Receiver() as receiver:
        config = await begun(hook := hook_of(receiver.url), (1, "dialog:start"))
        async with delivering(hook) as deliverer:
            await until(all_settled)
            receiver.stop()
            await sync_to_async(happen)(config, (1, "dialog:end"), *((number, event) for number in range(2, 300) for event in BOTH))
            down = await until(lambda: next((fed for fed in figures() if fed.failing_ns), None))
            assert (down.name, down.sent, down.waiting, down.dead, "Connect" in down.error) == ("webhook:noc", 1, 597, 0, True)
            assert deliverer.window.held <= 500
            receiver.start()
            await until(all_settled)
        (up,) = await sync_to_async(figures)()
        assert (up.sent, up.waiting, up.dead, up.evicted, up.failing_ns, up.error) == (598, 0, 0, 0, 0, "")
        assert (set(map(tuple, receiver.by_call().values())), len(receiver.by_call())) == ({BOTH}, 299)
        assert receiver.revisions() == sorted(set(receiver.revisions()), key=receiver.revisions().index)


async def test_restart_goes_on_where_it_was_and_sends_nothing_twice():
    with Receiver() as receiver:
        stuck = {"dialog:end"}
        receiver.answer = lambda event: 503 if event["Uid"].endswith("1") and stuck else 204
        await begun(hook := hook_of(receiver.url), (1, "dialog:start"), (2, "dialog:start"), (3, "dialog:start"))
        async with delivering(hook):
            await until(lambda: len(receiver.got) == 2)
        left = await sync_to_async(row)()
        assert (left.sent, left.waiting, len(json.loads(left.settled))) == (2, 1, 2)
        stuck.clear()
        async with delivering(hook):
            await until(all_settled)
        assert sorted(got.event["Uid"][-1] for got in receiver.got) == ["1", "2", "3"]


@pytest.fixture
def quick(monkeypatch):
    """Waits between tries that suit a test."""
    monkeypatch.setattr("dashboard.feeds.window.SECOND", 10_000_000)


async def test_event_that_is_refused_for_good_is_a_dead_letter_and_can_be_sent_again(quick):
    with Receiver() as receiver:
        bad = {"dialog:start"}
        receiver.answer = lambda event: 422 if event["Uid"].endswith("1") and event["Event"] in bad else 204
        config = await begun(hook := hook_of(receiver.url), (1, "dialog:start"), (1, "dialog:end"))
        async with delivering(hook):
            for number in range(2, 200):  # others go on meanwhile
                await sync_to_async(happen)(config, (number, "dialog:end"))
                if await DeadLetter.objects.aexists():
                    break
                await asyncio.sleep(0.02)
            await until(all_settled)
            letter = await DeadLetter.objects.aget()
            assert (letter.receiver, letter.event, letter.uid[-1], letter.tries >= TRIES) == ("webhook:noc", "dialog:start", "1", True)
            assert letter.error.startswith("answered 422 Unprocessable ")
            assert receiver.by_call()["call-1@192.0.2.7"] == ["dialog:end"]  # the call goes on
            await sync_to_async(retry)("webhook:noc", str(letter.pk), by="ann")
            again = await until(lambda: DeadLetter.objects.filter(again=False, tries=letter.tries + 1).first())
            assert again.error.startswith("answered 422")
            bad.clear()
            await sync_to_async(retry)("webhook:noc", "all", by="ann")
            await until(lambda: not DeadLetter.objects.exists())
        assert "dialog:start" in receiver.by_call()["call-1@192.0.2.7"]
        fed = (await sync_to_async(figures)())[0]
        assert (fed.dead, fed.waiting, fed.sent) == (0, 0, len(receiver.by_call()) + 1)
        acts = [(event.username, event.action) async for event in AuditEvent.objects.order_by("pk")]
        assert acts == [("ann", "event sent again")] * 2


async def test_after_long_enough_an_event_is_given_up_although_nothing_else_was_taken(quick):
    with Receiver() as receiver:
        receiver.answer = lambda _event: 500
        await begun(hook := hook_of(receiver.url, give_up_hours=0.0001), (1, "dialog:start"))
        async with delivering(hook):
            letter = await until(DeadLetter.objects.first)
    assert letter.error == "answered 500 Internal Server Error"
    assert (await sync_to_async(row)()).waiting == 0


async def test_dropped_letter_is_gone_and_written_down():
    letter = DeadLetter(node=NODE, receiver="webhook:noc", revision=7, event="alert", body="{}", tries=8, first_ns=1, at_ns=2, error="x")
    await letter.asave()
    with pytest.raises(NoLetter, match="there is no dead letter 99 of webhook:noc"):
        await sync_to_async(drop)("webhook:noc", "99", by="ann")
    with pytest.raises(NoLetter, match="there is no dead letter of webhook:other"):
        await sync_to_async(drop)("webhook:other", "all", by="ann")
    assert await sync_to_async(drop)("webhook:noc", str(letter.pk), by="ann", address="192.0.2.9") == 1
    event = await AuditEvent.objects.aget()
    assert (event.username, event.action, event.address, event.text) == ("ann", "event dropped", "192.0.2.9", "webhook:noc: revisions 7")


async def test_dead_letters_are_capped_and_what_goes_is_counted(monkeypatch):
    monkeypatch.setattr(store, "DEAD_MAX", 3)
    await begun(hook_of("http://127.0.0.1:9/"))
    items = [store.Item(number, "k", "alert", "", b"{}", tries=8) for number in range(1, 6)]
    await sync_to_async(store.save)(NODE, "webhook:noc", store.State(5, (), 0, 0, 0, ""), items, 1)
    left = [letter.revision async for letter in DeadLetter.objects.order_by("revision")]
    counted = await sync_to_async(row)()
    assert (left, counted.dead, counted.evicted) == ([3, 4, 5], 3, 2)


async def test_slow_receiver_is_given_up_on_after_its_time():
    with Receiver() as receiver:
        receiver.seconds = 2.0
        await begun(hook := hook_of(receiver.url, timeout=0.2), (1, "dialog:start"))
        async with delivering(hook):
            fed = await until(lambda: next((fed for fed in figures() if fed.failing_ns), None))
    assert fed.error == "no answer within 0.2 s"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((301, {"Location": "http://127.0.0.1:9/"}), "answered 301 Moved Permanently"),
        ((500, {"Content-Length": "50000"}), "answered 500 Internal Server Error"),
    ],
)
async def test_answer_that_is_no_success_is_not_taken(answer, error):
    with Receiver() as receiver:
        receiver.answer = lambda _event: answer
        await begun(hook := hook_of(receiver.url, timeout=1.0), (1, "dialog:start"))
        async with delivering(hook):
            fed = await until(lambda: next((fed for fed in figures() if fed.failing_ns), None))
    assert fed.error == error or "no answer" in fed.error or "RemoteProtocolError" in fed.error
    assert receiver.got == []


async def test_address_that_is_not_public_is_said():
    with Receiver() as receiver:
        await begun(hook := hook_of(receiver.url, allow=()), (1, "dialog:start"))
        async with delivering(hook):
            fed = await until(lambda: next((fed for fed in figures() if fed.failing_ns), None))
        assert (fed.error, receiver.connections) == ("127.0.0.1 is 127.0.0.1: not a public address; [[webhook]] allow names others that may be sent to", 0)


async def test_masked_webhook_sends_no_number():
    with Receiver() as receiver:
        await begun(hook := hook_of(receiver.url, masked=True), (1, "dialog:end"))
        async with delivering(hook):
            await until(all_settled)
        assert receiver.got[0].event["From"] == "sip:44xx@example.net"


@pytest.mark.parametrize(("status", "text", "expected"), [(429, "7", 7), (503, "99999", 300), (503, "soon", 0), (500, "7", 0), (429, "", 0)])
async def test_retry_after_is_kept_to(status, text, expected):
    assert webhook.wait_of(httpx.Response(status, headers={"Retry-After": text})) == expected * 10**9


async def test_secret_is_read_and_never_told(tmp_path, monkeypatch):
    place = tmp_path / "secret"
    given = Webhook(name="noc", url="", secret_file=str(place))
    with pytest.raises(FeedError, match=r"^\[\[webhook\]\] noc: .*secret: No such file"):
        secret_of(given)
    for text in ("short", "two\nlines of text here", "\xff" * 2000):
        place.write_text(text)
        with pytest.raises(FeedError) as caught:
            secret_of(given)
        assert text not in str(caught.value)
    place.write_bytes(b"\xff\xfe a secret of some length")
    with pytest.raises(FeedError, match="not UTF-8"):
        secret_of(given)
    place.write_text(SECRET + "\n")
    assert secret_of(given) == SECRET.encode()
    monkeypatch.delenv("NOC_WEBHOOK_SECRET")
    with pytest.raises(FeedError, match="NOC_WEBHOOK_SECRET: expected one line"):
        secret_of(hook_of(""))


async def test_certificates_that_cannot_be_read_are_said(tmp_path):
    with pytest.raises(FeedError, match=r"noc: ca_file .*: No such file"):
        webhook.context_of(hook_of("", ca_file=str(tmp_path / "none.pem")))


@pytest.fixture
def documented(tmp_path):
    """The receiver of docs/feeds.md, running: its process and its address."""
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "feeds.md").read_text(), re.DOTALL)[1]
    program = tmp_path / "receiver.py"
    program.write_text(code)
    with subprocess.Popen([sys.executable, str(program), "0"], stdout=subprocess.PIPE, text=True) as process:
        yield process, f"http://127.0.0.1:{int(process.stdout.readline())}/"
        process.kill()


async def test_receiver_of_the_documentation_checks_the_signature(documented):
    """It takes what we send, once, and nothing that is forged or old."""
    process, url = documented
    await begun(hook := hook_of(url), (1, "dialog:end"))
    async with delivering(hook):
        await until(all_settled)
    assert json.loads(await sync_to_async(process.stdout.readline)()) == ["dialog:end", "call-1@192.0.2.7", 60.0]
    body, now = b'{"Revision":9}', int(time.time())
    good = signature(SECRET.encode(), body, now)
    forged = (
        (good.replace("v1=", "v1=0"), body),
        (good, body + b" "),
        (signature(b"another secret", body, now), body),
        (signature(SECRET.encode(), body, now - 1000), body),
        ("", body),
    )
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [(await client.post(url, content=sent, headers={"Dialtap-Signature": header})).status_code for header, sent in forged]
    assert answers == [401] * len(forged)
