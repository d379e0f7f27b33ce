"""Dialtap's SIP user agent: what it has under way, and who gets what comes in. Knows sockets through its links; knows no order, no page and no storage.

`async with UserAgent(...) as agent:` and then `end`, `transfer`, `bridge`. Whether an order may exist is decided elsewhere; where packets may go is
decided here, by `allow`.
"""

import asyncio
import secrets
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec

from dialogs.control.sip.bridging import Bridge, ReferResult, Waits, bridge, refer_leg, surplus
from dialogs.control.sip.dialog import Dialog
from dialogs.control.sip.digest import Credentials, Digest
from dialogs.control.sip.exchange import Exchange, now_ns
from dialogs.control.sip.hangup import Hangup
from dialogs.control.sip.hops import Allow, Hop
from dialogs.control.sip.links import Link, Links, UdpLink
from dialogs.control.sip.operations import HangupResult, LegResult, Operation, Progress
from dialogs.control.sip.requests import Identity, Prepared
from dialogs.control.sip.running import Commit, Inbox, Run, Show, keep_nothing, show_nothing
from dialogs.control.sip.transactions import Timers, transaction
from dialogs.control.sip.uas import Answers
from dialogs.sip import Message, Request, Response, parse

type CommitLeg = Callable[[str, Prepared], Awaitable[None]]
type ShowLeg = Callable[[str, Progress], None]

EXCHANGES_MAX = 4096
INBOXES_MAX = 4096


class Settings(msgspec.Struct, frozen=True):
    """How the user agent speaks."""

    allow: tuple[str, ...] = ()
    "Networks that it may send to; none: it sends nothing."

    hosts: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104 -- parties may be on any interface; what may be sent is `allow`
    "Addresses to bind, one of each family."

    port: int = 0
    "0: any free one. A stored request names it: with a fixed one also those parties answer it after a restart that do not know rport."

    transports: tuple[str, ...] = ("udp", "tcp", "tls")
    identity: Identity = Identity()
    credentials: tuple[Credentials, ...] = ()
    timers: Timers = Timers()
    waits: Waits = Waits()


class UserAgent:
    """A user agent with its sockets. Use it as an asynchronous context manager."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        """tls: how certificates are checked; None: by the system's authorities. ValueError for a network that is none."""
        self.settings = settings
        self.transports = settings.transports
        self.links = Links(self._receive, Allow(settings.allow), hosts=settings.hosts, port=settings.port, tls=tls)
        self.counts: Counter[str] = Counter()
        "What came in and belonged to nobody, in words."

        self._answers = Answers(settings.identity.user_agent, secrets.token_hex(8))
        self._exchanges: dict[tuple[bytes, str], Exchange] = {}
        self._inboxes: dict[tuple[bytes, bytes], Inbox] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "UserAgent":
        await self.links.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for exchange in list(self._exchanges.values()):
            exchange.close()
        await self.links.aclose()

    # What it does

    async def run[Result](
        self, operation: Operation[Result], commit: Commit = keep_nothing, show: Show = show_nothing, stop: asyncio.Event | None = None
    ) -> Result:
        """Run one operation to its end. commit: see Commit. show: is told its progress. stop: see Run."""
        return await Run(self, commit, show, stop).drive(operation)

    async def end(self, hangup: Hangup, commit: CommitLeg | None = None, show: ShowLeg | None = None) -> HangupResult:
        """Send all BYEs of a hang-up at the same time and say what came of each. commit, show: are given the side too."""
        operations = hangup.operations(self.settings.identity, {side: self.digest() for side in hangup.dialogs})
        legs: dict[str, LegResult] = {}

        async def one(side: str, operation: Operation[LegResult]) -> None:
            async def commit_leg(request: Prepared) -> None:
                if commit is not None:
                    await commit(side, request)

            def show_leg(progress: Progress) -> None:
                if show is not None:
                    show(side, progress)

            legs[side] = await self.run(operation, commit_leg, show_leg)

        async with asyncio.TaskGroup() as group:
            for side, operation in operations.items():
                group.create_task(one(side, operation))
        return hangup.result(legs)

    async def transfer(
        self,
        dialog: Dialog,
        to: str,
        *,
        replaced: Dialog | None = None,
        commit: Commit = keep_nothing,
        show: Show = show_nothing,
        stop: asyncio.Event | None = None,
    ) -> ReferResult:
        """Send one party of an observed call to a URI, or into another call (`replaced`: that call's dialog toward the party at the URI).

        The call itself is left up, for its parties may still talk: when the result is "connected", end it.
        """
        operation = refer_leg(dialog, to, self.settings.identity, self.digest(), replaced=replaced, waits=self.settings.waits)
        return await self.run(operation, commit, show, stop)

    async def bridge(
        self, first: str, second: str, *, outbound: str = "", commit: Commit = keep_nothing, show: Show = show_nothing, stop: asyncio.Event | None = None
    ) -> ReferResult:
        """Connect two parties: call the first, send it to the second, hang up. outbound: URI of the proxy to ask."""
        call_id, tag = f"{secrets.token_hex(16)}@dialtap".encode(), secrets.token_hex(8).encode()
        parties = Bridge(first, second, call_id, tag, outbound, self.settings.waits)
        return await self.run(bridge(parties, self.settings.identity, self.digest()), commit, show, stop)

    def digest(self) -> Digest:
        """Return the credentials, with nonce counts of their own."""
        return Digest(self.settings.credentials)

    def observed(self, message: Message) -> None:
        """Take a message that a tap saw: a NOTIFY or BYE that the party sent to its peer, for whom we spoke, counts too."""
        if isinstance(message, Request) and message.method in ("NOTIFY", "BYE"):
            self._hand_on(message)

    # What its operations need (running.Surroundings)

    def token(self) -> bytes:
        """Return a new branch, without its cookie."""
        return secrets.token_hex(12).encode()

    def exchange(self, request: Prepared, link: Link) -> Exchange:
        """Return a new exchange that gets its answers."""
        if len(self._exchanges) >= EXCHANGES_MAX:
            raise OSError(f"{EXCHANGES_MAX} requests are under way already")
        exchange = Exchange(transaction(request, self.settings.timers), link, self._ended)
        if exchange.transaction.key in self._exchanges:
            raise OSError("this very request is under way already")
        self._exchanges[exchange.transaction.key] = exchange
        return exchange

    def open(self, key: tuple[bytes, bytes], inbox: Inbox) -> None:
        """Hand on what comes in for a dialog: Call-ID, and our tag."""
        if len(self._inboxes) >= INBOXES_MAX:
            self.counts["operations that hear nothing, too many"] += 1
            return
        self._inboxes[key] = inbox

    def shut(self, inbox: Inbox) -> None:
        """Hand on no more."""
        for key in [key for key, known in self._inboxes.items() if known is inbox]:
            del self._inboxes[key]

    def forked(self, response: Response, exchange: Exchange, tag: bytes) -> None:
        """Acknowledge and hang up another answer to a forked INVITE."""
        operation = surplus(response, (tag, exchange.transaction.request.cseq), self.settings.identity, self.digest())
        task = asyncio.get_running_loop().create_task(Run(self).drive(operation, exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What comes in

    def _ended(self, exchange: Exchange) -> None:
        self._exchanges.pop(exchange.transaction.key, None)

    def _receive(self, data: bytes, source: Hop, link: Link) -> None:
        message = parse(data)
        if isinstance(message, Response):
            exchange = self._exchanges.get((message.branch, message.method))
            if exchange is None:
                self.counts["answers to nothing"] += 1
            else:
                exchange.receive(message)
        elif isinstance(message, Request):
            self._asked(message, source, link)
        else:
            self.counts["no SIP"] += 1

    def _asked(self, request: Request, source: Hop, link: Link) -> None:
        handled = self._answers.handle(request, (request.call_id, request.to_tag) in self._inboxes, source, now_ns())
        if handled.response is not None:
            try:
                (link.back(handled.port) if isinstance(link, UdpLink) else link).send(handled.response)
            except OSError:
                self.counts["answers that could not be sent"] += 1
        if handled.new:
            self._hand_on(request)
        elif handled.response is not None:
            self.counts["requests of strangers, or repeated"] += 1

    def _hand_on(self, request: Request) -> None:
        inbox = self._inboxes.get((request.call_id, request.to_tag))
        if inbox is None:
            return
        if inbox.full():
            self.counts["requests lost: too many for one operation"] += 1
            return
        inbox.put_nowait(request)
