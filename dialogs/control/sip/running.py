"""Drives one operation: its requests, the requests that come in for it, its stop. Knows operations, exchanges and links; knows no order and no storage.

The rule that makes an order survive a crash is kept here: a request is handed to `commit` whole, and leaves only when that has returned.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from dialogs.control.sip.exchange import Exchange, words_of
from dialogs.control.sip.hops import LARGE, Hop, NotAllowed, next_hop
from dialogs.control.sip.links import Link, Links
from dialogs.control.sip.operations import Answer, Ask, Heard, Listen, Operation, Progress, Reply, Step, Tell
from dialogs.control.sip.requests import Draft, Prepared, cancel
from dialogs.control.sip.syntax import Unsendable
from dialogs.packet import SECOND
from dialogs.sip import Request, Response
from dialogs.sip.address import tag_of

INBOX_MAX = 64

type Commit = Callable[[Prepared], Awaitable[None]]
"Stores a request before its first byte leaves; what it raises ends the operation."

type Show = Callable[[Progress], None]


async def keep_nothing(_: Prepared) -> None:
    """Store nothing."""


def show_nothing(_: Progress) -> None:
    """Show nothing."""


class Surroundings(Protocol):
    """What an operation needs of the user agent."""

    links: Links
    transports: tuple[str, ...]

    def token(self) -> bytes:
        """Return a new branch, without its cookie."""
        ...

    def exchange(self, request: Prepared, link: Link) -> Exchange:
        """Return a new exchange that gets its answers; OSError when there are too many."""
        ...

    def open(self, key: tuple[bytes, bytes], inbox: "Inbox") -> None:
        """Hand on what comes in for a dialog: Call-ID, and our tag."""
        ...

    def shut(self, inbox: "Inbox") -> None:
        """Hand on no more."""
        ...

    def forked(self, response: Response, exchange: Exchange, tag: bytes) -> None:
        """Deal with another answer to a forked INVITE; tag: ours."""
        ...


class Inbox(asyncio.Queue[Request]):
    """Requests that came in for one operation; when it is full they are lost, and counted by who fills it."""

    def __init__(self) -> None:
        super().__init__(INBOX_MAX)


class Run:
    """One operation under way."""

    def __init__(self, around: Surroundings, commit: Commit = keep_nothing, show: Show = show_nothing, stop: asyncio.Event | None = None) -> None:
        """stop: set to have an INVITE cancelled, or a wait for NOTIFY ended; what was answered is then hung up."""
        self._around = around
        self._commit = commit
        self._show = show
        self._stop = stop or asyncio.Event()
        self._inbox = Inbox()
        self._invite: Exchange | None = None

    async def drive[Result](self, operation: Operation[Result], invite: Exchange | None = None) -> Result:
        """Run the operation to its end. invite: whose repeated 2xx its ACK is for, when that was asked elsewhere."""
        self._invite = invite
        reply: Reply = None
        try:
            while True:
                reply = await self._do(operation.send(reply))
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            operation.close()
            self._around.shut(self._inbox)

    async def _do(self, step: Step) -> Reply:
        match step:
            case Ask():
                return await self._ask(step)
            case Tell(request):
                await self._tell(request)
            case Listen(seconds):
                return await self._listen(seconds)
            case Progress():
                self._show(step)
        return None

    # Requests

    async def _ask(self, step: Ask) -> Answer:
        request = step.request
        try:
            exchange = await self._begin(request)
        except (OSError, Unsendable) as error:
            return Answer(None, "not sent", str(error), request.cseq if isinstance(request, Prepared) else 0)
        exchange.on_provisional = lambda response: self._show(Progress(step.step, "provisional", words_of(response)))
        if request.method != "INVITE":
            exchange.start()
            return (await exchange.final)._replace(stopped=self._stop.is_set())
        tag = tag_of(request.from_) if isinstance(request, Draft) else b""
        exchange.on_fork = lambda response: self._around.forked(response, exchange, tag)
        self._invite = exchange
        exchange.start()
        return await self._called(exchange, step.seconds)

    async def _begin(self, request: Draft | Prepared) -> Exchange:
        """Commit a request; it has not been sent yet."""
        if isinstance(request, Prepared):
            return self._around.exchange(request, await self._around.links.link(request.hop, request.name))
        if request.method in ("INVITE", "REFER"):
            self._around.open((request.call_id, tag_of(request.from_)), self._inbox)
        prepared, link = await self._prepare(request)
        exchange = self._around.exchange(prepared, link)
        try:
            await self._commit(prepared)
        except BaseException:
            exchange.close()
            raise
        return exchange

    async def _prepare(self, draft: Draft) -> tuple[Prepared, Link]:
        """Find the way and write the request for it; over UDP only what is small (RFC 3261, 18.1.1), or when TCP is not to be had."""
        hop = next_hop(draft.next_hop)
        if hop.transport not in self._around.transports:
            raise Unsendable(f"next hop: {hop} is reached by {hop.transport}, which is switched off")
        addresses = await self._around.links.resolve(hop)
        ways = addresses
        if hop.transport == "udp" and "tcp" in self._around.transports and self._size(draft, addresses[0]) > LARGE:
            ways = [address._replace(transport="tcp") for address in addresses] + addresses
        failure = OSError(f"no way to {hop}")
        for way in ways:
            try:
                link = await self._around.links.link(way, hop.host)
            except NotAllowed:
                raise
            except OSError as error:
                failure = error
                continue
            return draft.prepare(way, self._around.links.reached_at(link), self._around.token(), hop.host), link
        raise failure

    def _size(self, draft: Draft, hop: Hop) -> int:
        """Return how large a request is, with the longest address in its Via."""
        return len(draft.prepare(hop, ("255.255.255.255", 65535), self._around.token()).data)

    async def _tell(self, draft: Draft) -> None:
        """Send an ACK; it is kept for the repetitions of what it acknowledges."""
        try:
            prepared, link = await self._prepare(draft)
            link.send(prepared.data)
        except (OSError, Unsendable) as error:
            self._show(Progress("ack", "failed", str(error)))
            return
        if self._invite is not None:
            self._invite.acknowledge(tag_of(draft.to), link, prepared.data)

    # An INVITE may be cancelled

    async def _called(self, exchange: Exchange, seconds: float) -> Answer:
        """Wait for an INVITE's final answer; cancel it when it takes too long or is to stop."""
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((exchange.final, stopping), timeout=seconds or None, return_when=asyncio.FIRST_COMPLETED)
            if exchange.final.done():
                return exchange.final.result()._replace(stopped=self._stop.is_set())
            return await self._cancelled(exchange, seconds)
        finally:
            stopping.cancel()

    async def _cancelled(self, exchange: Exchange, seconds: float) -> Answer:
        stopped = self._stop.is_set()
        words = "stopped" if stopped else f"not answered within {seconds:g} s"
        ringing = asyncio.ensure_future(exchange.ringing.wait())
        await asyncio.wait((exchange.final, ringing), return_when=asyncio.FIRST_COMPLETED)
        ringing.cancel()
        if not exchange.final.done():
            await self._cancel(exchange)
        cseq = exchange.transaction.request.cseq
        if not exchange.final.done():
            exchange.close()
            return Answer(None, "no answer", f"{words}; cancelled, and no final answer came", cseq, stopped)
        answer = exchange.final.result()
        if answer.accepted:
            return answer._replace(stopped=True)  # both crossed: what was answered is hung up
        return answer._replace(stopped=True) if stopped else Answer(None, "no answer", words, cseq)

    async def _cancel(self, exchange: Exchange) -> None:
        """Send CANCEL where the INVITE went, and wait for the INVITE's end as long as RFC 3261, 9.1 says."""
        asked = exchange.transaction.request
        request = Prepared(cancel(asked.data), "CANCEL", asked.branch, asked.cseq, asked.hop, asked.name)
        await self._commit(request)
        try:
            self._around.exchange(request, exchange.link).start()
        except OSError as error:
            self._show(Progress("invite", "failed", str(error)))
        await asyncio.wait((exchange.final,), timeout=exchange.transaction.timers.give_up / SECOND)

    # Requests that come in

    async def _listen(self, seconds: float) -> Heard:
        stopping = asyncio.ensure_future(self._stop.wait())
        coming = asyncio.ensure_future(self._inbox.get())
        try:
            await asyncio.wait((coming, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                return Heard(coming.result())
            return Heard(None, stopped=self._stop.is_set())
        finally:
            stopping.cancel()
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming
