"""Slow reads, done once for all who ask meanwhile."""

import asyncio
import threading

import pytest

from dashboard.metrics.reading import Shared

pytestmark = pytest.mark.asyncio


async def test_who_asks_meanwhile_shares_one_read():
    going, done = threading.Event(), []

    def work() -> int:
        going.wait(30)
        done.append(threading.current_thread())
        return len(done)

    shared = Shared(work)
    asked = [asyncio.create_task(shared.read()) for _ in range(5)]
    await asyncio.sleep(0)
    going.set()
    assert (await asyncio.gather(*asked), await shared.read(), threading.main_thread() in done) == ([1] * 5, 2, False)


async def test_answer_is_good_for_a_while():
    counts = iter(range(9))
    kept = Shared(lambda: next(counts), keep=3600)
    assert [await kept.read() for _ in range(3)] == [0, 0, 0]


async def test_one_who_gives_up_takes_nothing_from_the_others():
    going = threading.Event()
    shared = Shared(lambda: going.wait(30))
    first, second = asyncio.create_task(shared.read()), asyncio.create_task(shared.read())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    going.set()
    assert (first.cancelled(), await second) == (True, True)


async def test_error_is_told_and_not_kept():
    steps = iter([1, 0])
    shared = Shared(lambda: 1 / (1 - next(steps)))
    with pytest.raises(ZeroDivisionError):
        await shared.read()
    assert await shared.read() == 1
