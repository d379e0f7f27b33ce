"""One TCP or TLS connection that carries SIP messages (RFC 3261, 18.3). Knows bytes; knows no address rules and no message but its length."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

from dialogs.control.sip.hops import Hop

MESSAGE_MAX = 65_535
UNSENT_MAX = 262_144
"Bytes that a peer may leave unread before its connection counts as broken."

IDLE_SECONDS = 180.0
LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*\r?\n", re.IGNORECASE)


class Stream:
    """A connection to one peer. A message that cannot be cut out ends it: behind it nothing can be told apart."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hop: Hop, name: str = "") -> None:
        """Take an open connection; hop: its other end; name: what its certificate was checked for."""
        self.hop = hop
        self.key = (hop, name)
        host, port = writer.get_extra_info("sockname")[:2]
        self.local: tuple[str, int] = (host, port)
        self.on_closed: set[Callable[[str], None]] = set()
        "Told when the connection is gone: transactions on it fail then (RFC 3261, 18.4)."

        self._reader = reader
        self._writer = writer
        self._task: asyncio.Task[None] | None = None

    def start(self, receive: Callable[[bytes, "Stream"], None], closed: Callable[["Stream", str], None]) -> None:
        """Read until the end; `closed` is told why in words, "" for the peer's own close."""
        self._task = asyncio.get_running_loop().create_task(self._read(receive, closed))

    def send(self, data: bytes) -> None:
        """Send one message; OSError when the connection is gone or its peer reads nothing."""
        if self._writer.is_closing():
            raise ConnectionResetError(f"the connection to {self.hop} is closed")
        if self._writer.transport.get_write_buffer_size() > UNSENT_MAX:
            raise BrokenPipeError(f"{self.hop} does not read")
        self._writer.write(data)

    def close(self) -> None:
        """Close, without waiting."""
        self._writer.close()

    async def aclose(self) -> None:
        """Close and wait for the reader's end."""
        self.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _read(self, receive: Callable[[bytes, "Stream"], None], closed: Callable[["Stream", str], None]) -> None:
        words = ""
        try:
            while True:
                async with asyncio.timeout(IDLE_SECONDS):
                    message = await self._next()
                receive(message, self)
        except TimeoutError:
            words = "connections idle"
        except (asyncio.LimitOverrunError, ValueError):
            words = "connections with messages that cannot be cut"
        except (asyncio.IncompleteReadError, OSError):
            words = ""
        finally:
            self._writer.close()
            closed(self, words)
            for tell in list(self.on_closed):
                tell(words or "closed by its peer")

    async def _next(self) -> bytes:
        """Return the next message; line breaks between messages keep a connection alive and are passed over (RFC 5626, 3.5.1)."""
        while not (head := (await self._reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")):
            pass
        length = LENGTH.search(head)
        if length is None or int(length[1]) + len(head) > MESSAGE_MAX:
            raise ValueError("no usable Content-Length")
        return head + await self._reader.readexactly(int(length[1]))
