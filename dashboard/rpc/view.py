"""`/RPC`: JSON-RPC 2.0 over HTTP, as Kamailio's jsonrpcs answers it behind xhttp. Knows requests and answers; knows no call and no engine.

Like there, the type of the content is not looked at: `curl -d` says that it sends a form.
"""

import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from dashboard.orders import audit
from dashboard.rpc import forward
from dashboard.rpc.access import Caller, NotLetIn, address_of, let_in
from dashboard.rpc.limit import Limiter
from dialogs.rpc import COMMANDS, jsonrpc

LARGEST = 256 * 1024
"Bytes of a request."

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
AUDITED = 1 / 60
"Refusals a second that the audit log takes of one caller and command."

refusals = Limiter()


class Asked(NamedTuple):
    """What a request's body asks for."""

    body: bytes
    "JSON on one line, each key once: what was looked at is what is answered."

    methods: tuple[str, ...]
    id: str | int | None
    "Of a single request; None for a batch."


class Unanswered(Exception):
    """A request that no door is asked: HTTP status, code and words of the error."""

    def __init__(self, status: int, words: str, *, code: int = 0, request_id: str | int | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.code = code or status
        self.id = request_id


@login_not_required
@csrf_exempt  # no cookie and no session is looked at: nobody's browser can be made to use its owner's rights
@require_POST
async def rpc(request: HttpRequest) -> HttpResponseBase:
    """Answer one request or batch from the engine's memory of this moment."""
    try:
        caller = await let_in(request)
        asked = read(request)
        await check(caller, asked, request)
        return await streamed(forward.answer(asked.body, control=caller.control, name=caller.name), asked)
    except NotLetIn as refused:
        return error(refused.status, str(refused), headers=refused.headers)
    except Unanswered as refused:
        return error(refused.status, str(refused), code=refused.code, request_id=refused.id)


def read(request: HttpRequest) -> Asked:
    """Return what is asked for. Raises Unanswered: too large, no JSON."""
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise Unanswered(413, f"a request may have {LARGEST} bytes")
    try:
        value = msgspec.json.decode(body)
        line = msgspec.json.encode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise Unanswered(500, jsonrpc.PARSE_ERROR.text, code=jsonrpc.PARSE_ERROR.code) from wrong
    if len(line) > LARGEST:  # numbers may have grown: 1e9
        raise Unanswered(413, f"a request may have {LARGEST} bytes")
    requests = value if isinstance(value, list) else [value]
    methods = (each.get("method") for each in requests if isinstance(each, dict))
    return Asked(line, tuple(name for name in methods if isinstance(name, str)), id_of(value))


def id_of(value: Any) -> str | int | None:
    """Return the id of a single request."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str | int) else None


async def check(caller: Caller, asked: Asked, request: HttpRequest) -> None:
    """Raise Unanswered where a caller who may only read asks for a command that acts; nothing of such a batch is done."""
    acting = [name for name in asked.methods if name in COMMANDS and COMMANDS[name].permission == "control"]
    if caller.control or not acting:
        return
    words = f"{acting[0]} needs a token of scope control"
    if not refusals.wait(f"{caller.key} {acting[0]}", AUDITED, time.monotonic()):
        await sync_to_async(audit.record)(caller.name, "call refused", address=address_of(request), text=words)
    raise Unanswered(403, words, request_id=asked.id)


async def streamed(pieces: AsyncIterator[bytes], asked: Asked) -> HttpResponseBase:
    """Return the answer as it comes; the first piece decides its status. Raises Unanswered."""
    try:
        first = await first_of(pieces)
    except forward.NoIngest as nobody:
        raise Unanswered(503, str(nobody), request_id=asked.id) from nobody
    if not first:  # notifications only
        return HttpResponse(status=204)
    response = StreamingHttpResponse(joined(first, pieces), status=jsonrpc.status(first), content_type="application/json", headers=HEADERS)
    setattr(response, "_has_been_logged", True)  # noqa: B010 -- Django's own mark: a fault is the caller's affair, no error of ours
    return response


async def first_of(pieces: AsyncIterator[bytes]) -> bytes:
    """Return the first piece that says something."""
    async for piece in pieces:
        if piece.strip():
            return piece
    return b""


async def joined(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give the first piece and the others."""
    yield first
    async for piece in pieces:
        yield piece


def error(status: int, words: str, *, code: int = 0, request_id: str | int | None = None, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return an error that no door made, in JSON-RPC's form."""
    body = {"jsonrpc": "2.0", "error": {"code": code or status, "message": words}, "id": request_id}
    return HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json", headers=HEADERS | (headers or {}))
