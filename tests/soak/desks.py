"""A desk without a browser: one socket of the live page, kept as live.js and htmx keep it. Knows the frames on the wire; knows no view's code."""

import asyncio
import json
import random
import re

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.protocol import State

PARTIAL = re.compile(r'<hx-partial hx-target="([^"]+)" hx-swap="(\w+)">(.*?)</hx-partial>', re.DOTALL)
ROW = re.compile(r'<tr id="call-([0-9a-f]{16})".*?</tr>', re.DOTALL)
STATE = re.compile(r'<span class="state \w+">.*?</svg>([^<]+)</span>', re.DOTALL)
AGAIN = 0.5


class Desk:
    """What one page of live calls shows, by the frames that came."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        """`address`: of the socket, with the page's query."""
        self.address = address
        self.headers = headers
        self.rows: dict[str, str] = {}  # uid -> word of its state, top first
        self.frames = 0
        self.snapshots = 0
        self.gaps = 0
        "Frames whose number did not follow: each asks for everything again."

        self.cuts = 0
        self.lost = 0
        "Instructions for rows that are not there: what a missed frame would leave behind."

        self._socket: ClientConnection | None = None

    async def work(self) -> None:
        """Hold the connection until cancelled; one that was cut is opened again."""
        while True:
            try:
                async with connect(self.address, additional_headers=self.headers, max_size=None, compression=None) as self._socket:
                    await self._listen(self._socket)
            except (WebSocketException, OSError):
                await asyncio.sleep(AGAIN)

    def cut(self) -> None:
        """Break the connection off, as a cable that is pulled."""
        if self._socket is not None and self._socket.state is State.OPEN:
            self.cuts += 1
            self._socket.transport.abort()

    async def tell(self, **message: object) -> None:
        """Say something to the server."""
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    async def _listen(self, socket: ClientConnection) -> None:
        last = 0
        async for message in socket:
            frame = json.loads(message)
            if frame.get("snapshot"):
                self.snapshots += 1
            elif frame["n"] != last + 1:
                self.gaps += 1
                await self.tell(resync=last)
            last = frame["n"]
            self.frames += 1
            for target, swap, fragment in PARTIAL.findall(frame.get("content", "") + frame.get("moves", "")):
                self._swap(target, swap, fragment)
            if last % 8 == 0 or frame.get("snapshot"):
                await self.tell(ack=last)

    def _swap(self, target: str, swap: str, fragment: str) -> None:
        found = {row[1]: STATE.search(row[0])[1] for row in ROW.finditer(fragment)}  # type: ignore[index]
        if target == "#rows":
            self.rows = found if swap == "innerMorph" else self.rows | found
        elif target.startswith("#call-"):
            uid = target.removeprefix("#call-")
            if uid not in self.rows:
                self.lost += 1
            elif swap == "delete":
                del self.rows[uid]
            elif list(found) == [uid]:
                self.rows[uid] = found[uid]
            else:  # another call in its place
                self.rows = {new: word for old, said in self.rows.items() for new, word in (found.items() if old == uid else [(old, said)])}


async def cut_at_random(desks: list[Desk], every: float) -> None:
    """Cut one of these desks' connections again and again."""
    chance = random.Random(2)  # noqa: S311 -- the same cuts each time
    while True:
        await asyncio.sleep(every)
        chance.choice(desks).cut()
