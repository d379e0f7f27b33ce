"""Files, the log and syslog as receivers: the real database, a real datagram socket."""

import asyncio
import json
import logging
import socket
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.test import override_settings

from dashboard.feeds import writer as module
from dashboard.feeds.writer import Writer, sinks
from dashboard.history.outbox import Outbox
from dashboard.models import FeedReceiver
from dialogs.config import Config
from dialogs.configfeeds import Events
from tests.dashboard.feeds.feeding import NODE, happen, running, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def begun(config: Config, *events: tuple[int, str]) -> None:
    await sync_to_async(Outbox(config).begin)(NODE)
    await sync_to_async(happen)(config, *events)


def writing(config: Config, name: str):
    return running(lambda in_thread: Writer(NODE, name, sinks(config)[name], in_thread))


def settled(name: str) -> bool:
    row = FeedReceiver.objects.get(name=name)
    return row.waiting == 0 and row.at_ns > 0


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)


async def test_events_are_written_once_also_over_a_restart(tmp_path):
    config = Config(events=Events(file=str(tmp_path / "events.ndjson")))
    await begun(config, *((number, "dialog:end") for number in range(1, 251)))
    async with writing(config, "file"):
        await until(lambda: settled("file"))
    await FeedReceiver.objects.aupdate(position=0, sent=0)  # as if what was written had not been noted before a crash
    await sync_to_async(happen)(config, (251, "dialog:end"))
    async with writing(config, "file"):
        await until(lambda: FeedReceiver.objects.get(name="file").sent == 251)
    told = [json.loads(line) for line in (tmp_path / "events.ndjson").read_text().splitlines()]
    assert [each["CallID"] for each in told] == [f"call-{number}@192.0.2.7" for number in range(1, 252)]
    assert [each["Revision"] for each in told] == sorted({each["Revision"] for each in told})


async def test_disk_that_does_not_take_it_is_shown_and_tried_again(tmp_path, quick):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    config = Config(events=Events(file=str(blocked / "events.ndjson")))
    await begun(config, (1, "dialog:end"))
    async with writing(config, "file"):
        row = await until(lambda: FeedReceiver.objects.filter(name="file", failing_ns__gt=0).first())
        assert (row.sent, row.waiting, row.error) == (0, 1, "Not a directory") or row.error == "File exists"
        blocked.unlink()
        await until(lambda: settled("file"))
    row = await FeedReceiver.objects.aget()
    assert (row.failing_ns, row.error, len((blocked / "events.ndjson").read_text().splitlines())) == (0, "", 1)


async def test_call_ends_go_to_the_log(caplog):
    config = Config(events=Events(call_end="log"))
    await begun(config, (1, "dialog:start"), (1, "dialog:end"))
    with caplog.at_level(logging.INFO):
        async with writing(config, "call_end"):
            await until(lambda: settled("call_end"))
    said = [record.message for record in caplog.records if "CALL_END" in str(record.msg)]
    assert len(said) == 1


async def test_call_ends_go_to_syslog_and_wait_while_there_is_none(tmp_path, quick):
    place = tmp_path / "log"
    config = Config(events=Events(call_end="syslog", syslog=str(place)))
    await begun(config, (1, "dialog:end"))
    async with writing(config, "call_end"):
        await until(lambda: FeedReceiver.objects.filter(name="call_end", failing_ns__gt=0).first())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.bind(str(place))
            log.settimeout(30)
            told = await asyncio.to_thread(log.recv, 4096)
            await until(lambda: settled("call_end"))
    expected = b"<134>dialtap: CALL_END: from=sip:4417@example.net to=sip:5000@example.net duration=60.000 total=60.000 "
    assert told.rstrip(b"\0").startswith(expected)


async def test_syslog_by_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        log.settimeout(30)
        config = Config(events=Events(call_end="syslog", syslog=f"127.0.0.1:{log.getsockname()[1]}"))
        await begun(config, (1, "dialog:failed"))
        async with writing(config, "call_end"):
            told = await asyncio.to_thread(log.recv, 4096)
    assert told.startswith(b"<134>dialtap: CALL_FAILED: from=sip:4417@example.net ")


async def test_files_are_below_the_folder_of_the_database_unless_absolute(tmp_path):
    with override_settings(VAR=tmp_path):
        assert sinks(Config(events=Events(file="a/b.ndjson")))["file"].path == tmp_path / "a" / "b.ndjson"
        assert sinks(Config(events=Events(file="/x/b.ndjson")))["file"].path == Path("/x/b.ndjson")
        assert sinks(Config()) == {}
