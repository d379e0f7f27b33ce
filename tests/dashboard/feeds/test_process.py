"""The feeds' process: started, started again when it ends, ended with who started it; one a node."""

import asyncio
import sys
import time

import pytest

from dashboard.feeds import process as module
from dashboard.feeds.process import FeedProcess, Together
from dashboard.feeds.runner import alone, beside_of, needed
from dashboard.history.outbox import FeedError
from dialogs.config import Config
from dialogs.configfeeds import Cdr, Events, Webhook
from tests.dashboard.feeds.feeding import hook_of, until

pytestmark = pytest.mark.asyncio


def keeping(code: str) -> FeedProcess:
    """Return what keeps this Python running in place of the feeds."""
    made = FeedProcess("n1")
    made._command = [sys.executable, "-c", code]
    return made


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(module, "END_SECONDS", 0.5)


async def started(feeds: FeedProcess, times: int) -> None:
    await until(lambda: feeds.starts >= times)


async def test_process_that_ends_is_started_again(quick):
    feeds = keeping("raise SystemExit(3)")
    task = asyncio.create_task(feeds.run())
    await started(feeds, 3)
    feeds.stop()
    await task


async def test_process_ends_when_its_input_closes(quick, tmp_path):
    mark = tmp_path / "mark"
    feeds = keeping(f"import sys, pathlib; pathlib.Path({str(mark)!r}).touch(); sys.stdin.read()")
    task = asyncio.create_task(feeds.run())
    await until(mark.exists)
    begun = time.monotonic()
    feeds.stop()
    await task
    assert (time.monotonic() - begun < 5, feeds.starts) == (True, 1)


async def test_process_that_does_not_end_is_killed(quick, tmp_path):
    mark = tmp_path / "mark"
    feeds = keeping(f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(3600)")
    task = asyncio.create_task(feeds.run())
    await until(mark.exists)
    feeds.stop()
    async with asyncio.timeout(30):
        await task


async def test_program_that_cannot_be_started_is_tried_again(quick):
    feeds = keeping("")
    feeds._command = ["/nowhere/python"]
    task = asyncio.create_task(feeds.run())
    await started(feeds, 2)
    feeds.stop()
    await task


class Ingest:
    """Lives until it is stopped, and remembers what lived when it ended."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.feeds: FeedProcess | None = None
        self.seen = False

    async def run(self) -> None:
        await self.ended.wait()
        self.seen = self.feeds is not None and not self.feeds._stopping.is_set()

    def stop(self) -> None:
        self.ended.set()


async def test_feeds_end_after_the_ingest(quick):
    feeds, ingest = keeping("import sys; sys.stdin.read()"), Ingest()
    ingest.feeds = feeds
    together = Together(ingest, feeds)
    task = asyncio.create_task(together.run())
    await started(feeds, 1)
    together.stop()
    await task
    assert ingest.seen


async def test_one_process_feeds_for_a_node(settings, tmp_path):
    settings.VAR = tmp_path
    with alone("n1"), alone("n2"), pytest.raises(FeedError, match="another process feeds for n1 already"), alone("n1"):
        pass


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Config(), False),
        (Config(events=Events(stream=True)), False),
        (Config(events=Events(file="x")), True),
        (Config(events=Events(call_end="log")), True),
        (Config(cdr=Cdr(nightly=True)), True),
        (Config(webhook=(hook_of("http://127.0.0.1/"),)), True),
    ],
)
async def test_process_is_there_only_for_what_needs_it(settings, config, expected):
    settings.DIALTAP = config
    assert (needed(config), beside_of("n1", config) is not None) == (expected, expected)


async def test_what_cannot_be_run_is_said_at_the_start(settings, tmp_path):
    settings.DIALTAP = config = Config(webhook=(Webhook(name="noc", url="http://127.0.0.1/", secret_file=str(tmp_path / "none")),))
    with pytest.raises(FeedError, match=r"\[\[webhook\]\] noc: .*none: No such file"):
        beside_of("n1", config)
    settings.DIALTAP = config = Config(cdr=Cdr(nightly=True, query="nobody = 1"))
    with pytest.raises(FeedError, match=r"\[cdr\]: query: column 1"):
        beside_of("n1", config)
