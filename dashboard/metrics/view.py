"""`/metrics`, `/healthz`, `/readyz`. Knows requests and answers; what is told is `gathered` and `health`'s business."""

import asyncio
from typing import Any

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse

from dashboard.metrics import health
from dashboard.metrics.access import may_see_numbers
from dashboard.metrics.collector import exposition
from dashboard.metrics.gathered import gather
from dashboard.metrics.reading import Shared
from dashboard.rpc.access import NotLetIn

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
LOOKING = ("GET", "HEAD")
READY_SECONDS = 3.0
"A database that has not answered by then does not."

KEEP = 1.0
"Seconds for which an answer to /readyz is good: it is open to everybody."

gathered = Shared(gather)
looked = Shared(health.look, KEEP)


@login_not_required
async def metrics(request: HttpRequest) -> HttpResponse:
    """Give all figures of this moment to Prometheus."""
    if request.method not in LOOKING:
        return refused(405, "read it by GET", Allow="GET, HEAD")
    try:
        numbers = await may_see_numbers(request)
    except NotLetIn as stranger:
        return refused(stranger.status, str(stranger), **stranger.headers)
    measured = await gathered.read()
    content, kind = await asyncio.to_thread(exposition, measured, request.headers.get("Accept", ""), numbers=numbers)
    return HttpResponse(content, content_type=kind, headers=HEADERS)


@login_not_required
async def healthz(_: HttpRequest) -> HttpResponse:
    """Say that this process answers."""
    return told({"alive": True})


@login_not_required
async def readyz(_: HttpRequest) -> HttpResponse:
    """Say whether the database, its tables, an ingest and its taps are there."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            found = await looked.read()
    except TimeoutError:
        found = {"database": health.UNREACHABLE}
    ready = all(words == health.OK for words in found.values())
    return told({"ready": ready, "checks": found}, 200 if ready else 503)


def told(value: Any, status: int = 200) -> HttpResponse:
    """Return a JSON answer that is no line of our log, whatever its status."""
    return _quiet(HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json", headers=HEADERS))


def refused(status: int, words: str, **headers: str) -> HttpResponse:
    """Return why somebody reads nothing."""
    return _quiet(HttpResponse(f"{words}\n", status=status, content_type="text/plain", headers=HEADERS | headers))


def _quiet(response: HttpResponse) -> HttpResponse:
    setattr(response, "_has_been_logged", True)  # noqa: B010 -- Django's own mark: probes come every second
    return response
