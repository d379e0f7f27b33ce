"""Same-origin WebSockets only. Knows headers; knows no user and no page.

Channels' own validator compares host names with ALLOWED_HOSTS and ignores the port: a page of another service on the same
machine would pass. Here the Origin must name the very host and port that the request was sent to. A browser always sends one; without it nobody
is let in.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier

type Application = Callable[[dict[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[Any]]


def same_origin(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether the Origin header names the host and port of the Host header."""
    values = {name.lower(): value.decode("latin-1").lower() for name, value in headers}
    origin = urlsplit(values.get(b"origin", ""))
    default = {"http": ":80", "https": ":443"}.get(origin.scheme)
    if default is None or not origin.netloc:
        return False
    return origin.netloc.removesuffix(default) == values.get(b"host", "").removesuffix(default)


class SameOrigin:
    """Denies a WebSocket that was opened by another origin's page."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[Any]]) -> Any:
        """Pass on, or deny."""
        application = self.application if same_origin(scope["headers"]) else WebsocketDenier()
        return await application(scope, receive, send)
