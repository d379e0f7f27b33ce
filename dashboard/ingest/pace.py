"""Daphne at the pace of its readers: a long answer waits until what was written has gone out. Knows Twisted's flow control; knows no answer.

Daphne writes whatever it is given: to a reader that is slower than we are, a long answer would lie in memory, whole.
"""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from daphne.http_protocol import WebRequest
from daphne.server import Server
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

WRITE_SECONDS = 30.0
"How long a piece of an answer waits for its reader."

logger = structlog.get_logger(__name__)


@implementer(IPushProducer)
class Flow:
    """Whether a connection takes more; Twisted says so."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's names
        """Hear that enough is waiting to be sent."""
        self.open.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        """Hear that it has gone out."""
        self.open.set()

    stopProducing = resumeProducing  # noqa: N815 -- nobody is there any more: nothing to wait for


class PacedServer(Server):
    """Daphne's server, whose applications wait for slow readers."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._flows: WeakKeyDictionary[Any, Flow] = WeakKeyDictionary()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass on what an application sends; return when the reader keeps up. Of a WebSocket only where the message says `paced`."""
        if message.get("type") == "websocket.send" and message.get("paced"):
            await self._paced(protocol, message)
            return
        flow = self._flows.get(protocol)
        more = message.get("type") == "http.response.body" and message.get("more_body", False)
        if not more and flow is not None and protocol.channel is not None:
            protocol.unregisterProducer()
        elif more and flow is None and isinstance(protocol, WebRequest) and protocol.channel is not None:
            flow = self._flows[protocol] = Flow()
            protocol.registerProducer(flow, streaming=True)
        await super().handle_reply(protocol, message)
        if more and flow is not None:
            await self._wait(flow, protocol)

    async def _paced(self, protocol: Any, message: dict[str, Any]) -> None:
        """Send a frame, and wait until so little of it and those before is left that its reader keeps up."""
        await asyncio.sleep(0)  # the application hears only between two turns that its reader is gone
        transport = protocol.transport
        if transport is None or transport.disconnecting or not transport.connected:
            return
        if (flow := self._flows.get(protocol)) is None:
            flow = self._flows[protocol] = Flow()
            transport.unregisterProducer()  # that of the HTTP request, which is over
            transport.registerProducer(flow, streaming=True)
        await super().handle_reply(protocol, message)
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await flow.open.wait()
        except TimeoutError:
            logger.info("a program that does not read is left", address=str(protocol.client_addr))
            transport.abortConnection()

    async def _wait(self, flow: Flow, protocol: Any) -> None:
        await asyncio.sleep(0)  # the application hears only between two turns that its reader is gone
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await flow.open.wait()
        except TimeoutError:
            logger.info("a reader that does not read is left", address=str(protocol.client_addr))
            if protocol.channel is not None:
                protocol.channel.transport.abortConnection()
