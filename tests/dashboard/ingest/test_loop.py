"""The ingest on real taps, a real database file and a real message store."""

import asyncio
import json
import socket
import time
from functools import partial
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db.models import Q

from dashboard.history import segments
from dashboard.ingest.loop import Ingest
from dashboard.ingest.sources import Request, open_sources
from dashboard.models import AuditEvent, DialogRow, Order, ProfileEntry, TapStatus
from dashboard.orders.request import request_end
from dialogs.config import Config, Control, Tap
from dialogs.control import Answer, Target
from dialogs.sip import text
from tests.dialogs.ladder import message

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
CONFIG = Config(tap=Tap(hep=""), control=Control(controller="dryrun", verify_seconds=0.6))

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


class Bye:
    """A controller that does what a proxy would: it has BYEs pass the tap, and their answers."""

    name = "bye"

    def __init__(self, say):
        self.say = say
        self.targets = []

    async def end(self, target: Target, reason: str) -> Answer:
        self.targets.append((target.call_id, reason))
        self.say()
        return Answer(accepted=True, detail="taken")


class Running:
    """An ingest that listens for HEP on a port of its own, started and stopped by the test."""

    def __init__(self, folder, controller=None, asked=None, config=CONFIG):
        asked = asked or Request(captures=[], hep="127.0.0.1:0")
        self.agent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if asked.hep:
            asked = asked._replace(hep=f"127.0.0.1:{self.port}")
        self.sources = open_sources(asked, config)
        for tap in [tap for tap in self.sources.live if tap.name.startswith("interface")]:
            tap.close()
            self.sources.live.remove(tap)
        self.ingest = Ingest(config, "node", self.sources, controller, folder / "messages")

    async def __aenter__(self):
        self.task = asyncio.create_task(self.ingest.run())
        return self

    async def __aexit__(self, *_):
        self.ingest.stop()
        await self.task
        self.agent.close()

    def send(self, source, destination, words, **given):
        """Report one message by HEP, as an agent on the wire's path would."""
        self.agent.sendto(hep(source, destination, message(words, **given)), ("127.0.0.1", self.port))

    def answered(self, callid):
        """Place a call through a proxy and answer it."""
        for source, destination, words in (
            (1, 2, "INVITE"),
            (2, 3, "INVITE branch=p1"),
            (3, 2, "200 branch=p1"),
            (2, 1, "200"),
            (1, 2, "ACK branch=k1"),
            (2, 3, "ACK branch=k2"),
        ):
            self.send(source, destination, words, callid=callid)


def hep(source, destination, payload):
    """Return a HEPv3 datagram of a message between two hosts 192.0.2.N."""
    now_ns = time.time_ns()
    numbers = {1: bytes([2]), 2: bytes([17]), 7: (5060).to_bytes(2), 8: (5060).to_bytes(2), 11: bytes([1])}
    numbers |= {9: (now_ns // 10**9).to_bytes(4), 10: (now_ns % 10**9 // 1000).to_bytes(4)}
    numbers |= {3: bytes([192, 0, 2, source]), 4: bytes([192, 0, 2, destination]), 15: payload}
    chunks = b"".join(bytes(2) + kind.to_bytes(2) + (6 + len(value)).to_bytes(2) + value for kind, value in numbers.items())
    return b"HEP3" + (6 + len(chunks)).to_bytes(2) + chunks


async def until(condition, seconds=60.0):
    """Wait until an answer of the database is truthy, and return it."""
    end = time.monotonic() + seconds
    while not (found := await sync_to_async(condition)()):
        assert time.monotonic() < end, "what was waited for did not come"
        await asyncio.sleep(0.02)
    return found


def row_in_state(state, **wanted):
    return lambda: DialogRow.objects.filter(state=state, **wanted).first()


async def test_call_seen_by_hep_is_recorded_and_ends(tmp_path):
    async with Running(tmp_path) as running:
        running.answered("c1")
        row = await until(row_in_state(4))
        assert (row.call_id, row.recorded, row.from_user, row.to_user, row.messages) == ("c1", False, "alice", "bob", 6)
        running.send(1, 2, "BYE cseq=2", callid="c1")
        running.send(2, 3, "BYE cseq=2 branch=b2", callid="c1")
        row = await until(row_in_state(5))
        assert (row.ended_by, row.engine) == ("caller", None)
    row = await DialogRow.objects.aget()
    found = segments.read(tmp_path / "messages", bytes(row.frames))
    assert ([stored.repeat for stored in found.messages], found.gone) == ([False] * 8, ())
    assert await ProfileEntry.objects.filter(name="caller", value="sip:alice@example.org").acount() == 1


async def test_live_call_survives_a_restart_with_its_times(tmp_path):
    async with Running(tmp_path) as running:
        running.answered("c1")
        before = await until(row_in_state(4))
    async with Running(tmp_path) as running:
        running.send(1, 2, "BYE cseq=2", callid="c1")
        after = await until(row_in_state(5))
        assert (after.uid, after.init_ns, after.start_ns, after.ended_by) == (before.uid, before.init_ns, before.start_ns, "caller")


def all_written_since(revision):
    rows = DialogRow.objects.all()
    return rows.exists() and not rows.filter(Q(state__lt=5) | Q(revision__lte=revision)).exists()


async def test_file_that_is_imported_again_is_stored_once(tmp_path):
    asked = Request(captures=[RECORDINGS / "busy" / "capture.pcap"], speed="max")
    readings = []
    for _reading in range(2):
        before = max([revision async for revision in DialogRow.objects.values_list("revision", flat=True)], default=0)
        async with Running(tmp_path, asked=asked):
            await until(partial(all_written_since, before))
        rows = [row async for row in DialogRow.objects.order_by("uid")]
        readings.append([(row.uid, row.messages, segments.read(tmp_path / "messages", bytes(row.frames)).messages) for row in rows])
    assert readings[0] == readings[1]
    assert [len(stored) for _uid, _messages, stored in readings[1]] == [messages for _uid, messages, _stored in readings[1]]


async def test_recording_is_played_and_not_restored(tmp_path):
    asked = Request(captures=[RECORDINGS / "basic" / "capture.pcap"], speed="1")
    async with Running(tmp_path, asked=asked):
        row = await until(row_in_state(4))
        assert (row.recorded, row.tap) == (True, "file:capture.pcap")
    async with Running(tmp_path):
        lost = await until(row_in_state(5))
        assert lost.end_reason == "not seen since restart"


async def test_import_keeps_its_original_times(tmp_path):
    asked = Request(captures=[RECORDINGS / "basic" / "capture.pcap"], speed="max")
    async with Running(tmp_path, asked=asked):
        row = await until(row_in_state(5))
        assert (row.ended_by, row.init_ns // 10**9) == ("caller", 1795294351)


async def test_status_of_each_tap_and_of_the_engine_is_written(tmp_path):
    async with Running(tmp_path) as running:
        running.answered("c1")
        running.agent.sendto(b"garbage", ("127.0.0.1", running.port))
        await until(lambda: TapStatus.objects.filter(name__startswith="hep:", messages=6, undecodable=1, error="").exists())
        engine = await TapStatus.objects.aget(name="engine:node")
        assert (engine.node, engine.dropped, engine.error) == ("node", 0, "")


async def ordered(running, callid):
    """Have an operator end the call; returns the closed order."""
    row = await until(row_in_state(4, call_id=callid))
    user = await sync_to_async(operator)()
    await sync_to_async(request_end)(row, user, "fraud", "192.0.2.99")
    return await until(lambda: Order.objects.filter(dialog_uid=row.uid).exclude(phase__in=Order.OPEN).first())


def operator():
    from django.contrib.auth import get_user_model  # noqa: PLC0415 -- app ready

    return get_user_model().objects.create_superuser("ann", password="x")


async def test_order_is_proven_by_both_legs(tmp_path, settings):
    settings.DIALTAP = CONFIG

    def byes():
        running.send(2, 1, "BYE cseq=1 reverse branch=o1", callid="c1")
        running.send(2, 3, "BYE cseq=2 branch=o2", callid="c1")
        running.send(1, 2, "200 of=BYE cseq=1 reverse branch=o1", callid="c1")
        running.send(3, 2, "200 of=BYE cseq=2 branch=o2", callid="c1")

    controller = Bye(byes)
    running = Running(tmp_path, controller)
    async with running:
        running.answered("c1")
        order = await ordered(running, "c1")
        assert (order.outcome, controller.targets) == ("both legs released", [("c1", "fraud")])
        row = await until(row_in_state(5, ended_by="operator:ann"))
        assert row.call_id == "c1"
    assert await AuditEvent.objects.filter(dialog_uid=row.uid).acount() == 2


async def test_order_that_nothing_follows_is_not_confirmed(tmp_path, settings):
    settings.DIALTAP = CONFIG
    async with Running(tmp_path, Bye(lambda: None)) as running:
        running.answered("c1")
        order = await ordered(running, "c1")
        assert (order.outcome, order.detail) == ("not confirmed", "not confirmed after 0.6 s")
        assert (await DialogRow.objects.aget()).state == 4


async def test_open_order_is_verified_after_a_restart_and_not_sent_again(tmp_path, settings):
    settings.DIALTAP = CONFIG
    async with Running(tmp_path, Bye(lambda: None), config=CONFIG) as running:
        running.answered("c1")
        row = await until(row_in_state(4))
        user = await sync_to_async(operator)()
        await sync_to_async(request_end)(row, user, "fraud", "")
        await until(lambda: Order.objects.filter(phase=Order.Phase.ACCEPTED).first())
    again = Bye(lambda: None)
    async with Running(tmp_path, again) as running:
        order = await until(lambda: Order.objects.exclude(phase__in=Order.OPEN).first())
        assert (order.outcome, again.targets) == ("not confirmed", [])


async def test_ingest_answers_at_its_door_and_writes_what_was_set_there(tmp_path):
    async with Running(tmp_path) as running:
        running.answered("c1")
        row = await until(row_in_state(4))
        said = await asked_at(tmp_path / "dialtap.sock", "dlg.stats_active", "dlg.list")
        assert said[0]["ongoing"] == 1
        assert [dialog["call-id"] for dialog in said[1]] == ["c1"]
        (record,) = running.ingest.engine.all_records()
        names = [text(name) for name in (record.call_id, record.caller_tag, record.callee_tag)]
        assert await asked_at(tmp_path / "dialtap.sock", ["dlg.set_var", *names, "customer", "7"]) == ["Done"]
        await until(lambda: b"customer" in bytes(DialogRow.objects.get(pk=row.pk).engine))
    assert not (tmp_path / "dialtap.sock").exists()


async def asked_at(path, *commands):
    """Send commands over the unix socket and return their results."""
    reader, writer = await asyncio.open_unix_connection(path)
    results = []
    for words in commands:
        method, *params = [words] if isinstance(words, str) else words
        writer.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode() + b"\n")
        results.append(json.loads(await reader.readline())["result"])
    writer.close()
    return results
