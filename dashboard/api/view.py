"""The door of `/api/`: who calls, how often, and what leaves as a file or as a stream. Knows requests and tokens; what can be asked is the table's.

A cookie or a login is never looked at, as at `/RPC`: what a browser sends by itself opens nothing here.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt

from dashboard.api.answers import File
from dashboard.api.asker import Asker, program
from dashboard.api.following import TICK_SECONDS, Following
from dashboard.api.problem import problem
from dashboard.history.export import by_and_by
from dashboard.rpc.access import NotLetIn, address_of, is_known, let_in
from dashboard.rpc.slots import Slots

VERSION = "v1"
MISSING = "the API is an extra that is not installed here: .venv/bin/pip install django-ninja, then start Dialtap again"
NO_ADDRESS = "there is nothing at this address: /api/v1/openapi.json lists what there is"
STREAMS = 32
KNOWN_SECONDS = 30.0
"A stream ends so soon after its token."

AGAIN = {"Retry-After": "2"}
FULL = f"{STREAMS} programs follow the calls already: come again"
HEADERS = {"Cache-Control": "no-store"}

streams = Slots(STREAMS)


def addresses() -> list[URLPattern]:
    """Return the addresses below `/api/`: of the extra, or of the words that it is not installed."""
    try:
        from dashboard.api.site import patterns  # noqa: PLC0415 -- an extra: it may not be there
    except ModuleNotFoundError as error:
        if error.name not in ("ninja", "pydantic"):
            raise
        return [re_path("", login_not_required(csrf_exempt(missing)), name="api_missing")]
    found = [path(f"{VERSION}/{one.pattern}", entered(one.callback), one.default_args, f"api_{one.name}") for one in patterns()]
    return [*found, re_path("", entered(nothing), name="api_nothing")]


def missing(_request: HttpRequest) -> HttpResponse:
    """Say what is to be installed."""
    return problem(404, MISSING)


def nothing(_request: HttpRequest) -> HttpResponse:
    """Say where to look."""
    return problem(404, NO_ADDRESS)


def entered(view: Callable[..., HttpResponseBase]) -> Callable[..., Any]:
    """Return a view behind the door: who may not call, or calls too often, gets a problem."""

    @login_not_required
    @csrf_exempt
    async def door(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        try:
            caller = await let_in(request)
        except NotLetIn as refused:
            return problem(refused.status, str(refused), headers=refused.headers)
        request.asker = program(caller.name, address_of(request), control=caller.control, rights=caller.rights)  # type: ignore[attr-defined]
        return await sync_to_async(view)(request, *arguments, **named)

    return door


def asker_of(request: HttpRequest) -> Asker:
    """Return who was let in."""
    found: Asker = request.asker  # type: ignore[attr-defined]
    return found


def sent(request: HttpRequest, answer: Any) -> Any:
    """Return what leaves: files and streams as they come, anything else as it is."""
    if isinstance(answer, Following):
        return _stream(request, answer)
    if not isinstance(answer, File):
        return answer
    content = by_and_by(answer.pieces) if isinstance(request, ASGIRequest) else answer.pieces  # type: ignore[type-var]  # texts or bytes, not both
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{answer.name}"'}
    return StreamingHttpResponse(content, content_type=answer.content_type, headers=headers)


def _stream(request: HttpRequest, following: Following) -> HttpResponseBase:
    if not streams.take():
        return problem(503, FULL, headers=AGAIN)
    return StreamingHttpResponse(_Lines(request, following), content_type="application/x-ndjson", headers=HEADERS)


class _Lines:
    """Frames as lines, for as long as somebody reads them; the place is free again when the response is closed, however it ended."""

    def __init__(self, request: HttpRequest, following: Following) -> None:
        self._request = request
        self._following = following
        self._open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        known_at = time.monotonic()
        while self._open:
            if time.monotonic() - known_at > KNOWN_SECONDS:
                if not await is_known(self._request):
                    return
                known_at = time.monotonic()
            if (frame := await sync_to_async(self._following.look)(time.time_ns())) is not None:
                yield msgspec.json.encode(frame) + b"\n"
            await asyncio.sleep(TICK_SECONDS)

    def close(self) -> None:
        """Give the place back."""
        if self._open:
            self._open = False
            streams.taken -= 1

    __del__ = close
