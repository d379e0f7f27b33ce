"""Requests to `/RPC` through Django's whole stack, as an ASGI server makes them, and a door small enough to see what reaches it."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
from asgiref.testing import ApplicationCommunicator

QUESTION = b'{"jsonrpc":"2.0","method":"dlg.list","id":1}'


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    pieces: list[bytes]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(b"".join(self.pieces))

    @property
    def text(self) -> str:
        return b"".join(self.pieces).decode()


class Door:
    """Answers these pieces, and remembers what it was asked."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces or (b'{"jsonrpc":"2.0","result":[],"id":1}',)
        self.asked: list[tuple[bytes, bool]] = []

    async def answer(self, body: bytes, *, control: bool, name: str) -> AsyncIterator[bytes]:
        self.asked.append((body, control))
        for piece in self.pieces:
            yield piece


def connection(*, peer: str | None = "127.0.0.1", method: str = "POST", path: str = "/RPC", host: str = "localhost", **headers: str) -> ApplicationCommunicator:
    """Return the beginning of a request by somebody at address `peer`; `headers` with _ for -."""
    from dashboard.asgi import django_application  # noqa: PLC0415 -- app ready

    named = {"host": host, "content-type": "application/json", **{name.replace("_", "-").lower(): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
    scope = {"type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(), "root_path": "", "scheme": "http"}
    scope |= {"query_string": b"", "headers": raw, "client": [peer, 50000] if peer else None, "server": ["127.0.0.1", 8000]}
    return ApplicationCommunicator(django_application, scope)


async def ask(*bodies: bytes, **who: str | None) -> Answer:
    """Ask as `connection` says. Several `bodies` are one body in several parts."""
    running, bodies = connection(**who), bodies or (QUESTION,)
    for number, body in enumerate(bodies, 1):
        await running.send_input({"type": "http.request", "body": body, "more_body": number < len(bodies)})
    start = await running.receive_output(60)
    pieces, more = [], True
    while more:
        part = await running.receive_output(60)
        pieces.append(part.get("body", b""))
        more = part.get("more_body", False)
    await running.wait(60)
    return Answer(start["status"], {name.decode().lower(): value.decode() for name, value in start["headers"]}, pieces)
