"""The feeds' process, started and watched by the ingest's: it begins and ends with it. Knows processes; knows no feed."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

import structlog
from django.conf import settings

from dashboard.ingest.privileges import pass_on_reading
from dashboard.pause import pause

AGAIN_SECONDS, AGAIN_MAX = 1.0, 60.0
"Between two starts of a process that ends by itself; doubling, until one has lived for AGAIN_MAX."

END_SECONDS = 15.0
logger = structlog.get_logger(__name__)


class Beside(Protocol):
    """What lives until it is asked to end."""

    def run(self) -> Awaitable[None]:
        """Live."""

    def stop(self) -> None:
        """Be asked to end."""


class FeedProcess:
    """Keeps `manage.py feeds run` running."""

    def __init__(self, node: str) -> None:
        self._command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "feeds", "run", "--node", node, "--until-stdin-closes"]
        self._stopping = asyncio.Event()
        self.starts = 0

    async def run(self) -> None:
        """Keep it running until `stop`."""
        wait = AGAIN_SECONDS
        while not self._stopping.is_set():
            begun = asyncio.get_running_loop().time()
            self.starts += 1
            try:
                code: int | str = await self._live()
            except OSError as error:  # no process could be made: no memory, too many
                code = str(error)
            if self._stopping.is_set():
                return
            wait = AGAIN_SECONDS if asyncio.get_running_loop().time() - begun > AGAIN_MAX else min(wait * 2, AGAIN_MAX)
            logger.warning("feeds: their process ended", code=code, again_in=f"{wait:g} s")
            await pause(self._stopping, wait)

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()

    async def _live(self) -> int:
        """Start the process and wait until it ends, or end it: its standard input closes, also when we are killed. Returns its exit code."""
        process = await _on_a_thread(self._start)
        ended, asked = asyncio.ensure_future(_on_a_thread(process.wait)), asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
            if process.stdin is not None:
                process.stdin.close()
            async with asyncio.timeout(END_SECONDS):
                return await asyncio.shield(ended)
        except TimeoutError:
            logger.warning("feeds: their process does not end")
            process.kill()
            return await ended
        finally:
            asked.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        pass_on_reading()  # this thread's own affair, and it ends with it
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, cwd=settings.BASE_DIR)  # noqa: S603 -- our own program


def _on_a_thread[Answer](work: Callable[[], Answer]) -> asyncio.Future[Answer]:
    """Have something done on a thread of its own, which ends with it; a pool's threads would keep the rights that this one takes."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def tell(found: Answer | None, error: OSError | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(cast("Answer", found))

    def done() -> None:
        try:
            loop.call_soon_threadsafe(tell, work(), None)
        except OSError as error:
            loop.call_soon_threadsafe(tell, None, error)

    threading.Thread(target=done, daemon=True, name="feeds").start()
    return answer


class Together:
    """An ingest and the feeds beside it: the feeds end after it, so that they hear of its last tick."""

    def __init__(self, ingest: Beside, feeds: FeedProcess) -> None:
        self._ingest = ingest
        self._feeds = feeds

    async def run(self) -> None:
        """Run both until `stop`."""
        feeds = asyncio.create_task(self._feeds.run())
        try:
            await self._ingest.run()
        finally:
            self._feeds.stop()
            await feeds

    def stop(self) -> None:
        """Ask both to end."""
        self._ingest.stop()
