"""The feeds' process, started and watched by the ingest's: it begins and ends with it. Knows processes; knows no feed."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable
from typing import Protocol

import structlog
from django.conf import settings

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
            process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, cwd=settings.BASE_DIR)
            await self._watch(process)
            if self._stopping.is_set():
                return
            wait = AGAIN_SECONDS if asyncio.get_running_loop().time() - begun > AGAIN_MAX else min(wait * 2, AGAIN_MAX)
            logger.warning("feeds: their process ended", code=process.returncode, again_in=f"{wait:g} s")
            await self._pause(wait)

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()

    async def _watch(self, process: Process) -> None:
        """Wait until it ends, or end it: its standard input closes, also when we are killed."""
        ended, asked = asyncio.create_task(process.wait()), asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
            if process.stdin is not None:
                process.stdin.close()
            async with asyncio.timeout(END_SECONDS):
                await asyncio.shield(ended)
        except TimeoutError:
            logger.warning("feeds: their process does not end")
            process.kill()
            await ended
        finally:
            asked.cancel()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


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
