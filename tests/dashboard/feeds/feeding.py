"""Events in a real outbox, and receivers that are told of them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection, transaction

from dashboard.feeds.runner import close
from dashboard.feeds.webhook import Deliverer
from dashboard.history.events import call_event
from dashboard.history.outbox import Outbox
from dialogs.config import Config
from dialogs.configfeeds import Webhook
from tests.dashboard.history.calls import NOW, SECOND, call

NODE = "n1"
SECRET = "a secret of some length"


def hook_of(url: str, **given: Any) -> Webhook:
    given = {"timeout": 5.0, "allow": ("127.0.0.0/8",), "in_flight": 4, "events": ("dialog:start", "dialog:end", "dialog:failed", "alert")} | given
    return Webhook(name="noc", url=url, secret_variable="NOC_WEBHOOK_SECRET", **given)


def happen(config: Config, *events: tuple[int, str]) -> None:
    """Write events of made-up calls: (number of the call, event)."""
    with transaction.atomic(), connection.cursor() as cursor:
        told = [call_event(event, call(number, state=5, end_ns=NOW + (number + 60) * SECOND), NOW) for number, event in events]
        Outbox(config).write(cursor, NODE, told)


def threaded(threads: ThreadPoolExecutor) -> Callable[..., asyncio.Future[Any]]:
    """Return what runs something that asks the database on one thread, as the feeds' process does."""

    def in_thread(work: Callable[..., Any], *arguments: Any, **named: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(threads, lambda: work(*arguments, **named))

    return in_thread


@asynccontextmanager
async def running(make: Callable[[Callable[..., Any]], Any]):
    """Run what `make` returns (a deliverer, a writer) until the block ends."""
    threads, stopping = ThreadPoolExecutor(1), asyncio.Event()
    in_thread = threaded(threads)
    runner = make(in_thread)
    task = asyncio.create_task(runner.run(stopping))
    try:
        yield runner
    finally:
        stopping.set()
        await task
        await in_thread(close)
        threads.shutdown()


def delivering(hook: Webhook) -> Any:
    return running(lambda in_thread: Deliverer(NODE, hook, in_thread))


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait until an answer is truthy, and return it; asked on a thread, for it may ask the database."""
    end = asyncio.get_running_loop().time() + seconds
    while not (found := await sync_to_async(condition)()):
        assert asyncio.get_running_loop().time() < end, "what was waited for did not come"
        await asyncio.sleep(0.01)
    return found
