"""The target `http`: a request to `/RPC`, its headers and its body, through the view and the door. Knows Django; opens no socket and no database.

A token is looked up in the database, so no request here brings one; what a token lets through is the door's to withstand, and is asked for.
"""

import asyncio
from contextlib import suppress
from functools import cache
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from tests.fuzz.feed import Feed

NAMES = (b"host", b"origin", b"authorization", b"content-type", b"content-length", b"x-forwarded-for", b"accept", b"transfer-encoding")
SECONDS = count()


@cache
def served() -> tuple[Any, asyncio.AbstractEventLoop]:
    """Return the door of all requests, and the loop that they are answered on."""
    from dashboard.ingest.door import Door  # noqa: PLC0415 -- app ready
    from dialogs.config import Rpc  # noqa: PLC0415 -- with the one above
    from tests.fuzz.targets import Asked  # noqa: PLC0415 -- it imports this module

    return Door(Asked(), Rpc(socket=""), Path("/nowhere")), asyncio.new_event_loop()


def ask(data: bytes) -> None:
    """Answer a request: JSON with a status of HTTP's, or nothing."""
    from dashboard.rpc import access  # noqa: PLC0415 -- settings ready
    from dashboard.rpc.local import set_door  # noqa: PLC0415 -- settings ready

    feed = Feed(data)
    headers = [(NAMES[number % len(NAMES)], feed.piece(feed.byte())) for number in feed.piece(feed.byte() & 7)]
    headers = [pair for pair in headers if not pair[1].lower().startswith(b"bearer")]
    door, loop = served()
    set_door(door)
    with patch.object(access, "clock", SECONDS.__next__):  # the rate is another test's
        status, said = loop.run_until_complete(answered(headers, feed.rest()))
    set_door(None)
    assert status in (200, 204) or 400 <= status < 600
    assert (status == 204) == (not said)
    if said:
        msgspec.json.decode(said)


async def answered(headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, bytes]:
    """Return status and content."""
    from django.core.exceptions import DisallowedHost  # noqa: PLC0415 -- settings ready
    from django.core.handlers.asgi import ASGIRequest  # noqa: PLC0415 -- settings ready

    from dashboard.rpc import access, forward, view  # noqa: PLC0415 -- app ready

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/RPC", "scheme": "http", "query_string": b"", "server": ("127.0.0.1", 8000)}
    request = ASGIRequest(scope | {"client": ("127.0.0.1", 50_000), "headers": headers}, BytesIO(body))
    try:
        with suppress(DisallowedHost):  # Django answers 400
            await access.let_in(request)
        asked = view.read(request)
        response: Any = await view.streamed(forward.answer(asked.body, control=True), asked)
    except access.NotLetIn as refused:
        response = view.error(refused.status, str(refused), headers=refused.headers)
    except view.Unanswered as refused:
        response = view.error(refused.status, str(refused), code=refused.code, request_id=refused.id, headers=refused.headers)
    content = b"".join([part async for part in response]) if response.streaming else response.content
    return response.status_code, content
