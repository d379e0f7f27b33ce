"""Downloads of exactly what history's query finds: CSV, JSON, NDJSON, pcapng. Streamed; who closes the connection cancels it. Knows requests."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from dashboard.history.cdr import PAGES, columns_of
from dashboard.history.export import by_and_by, chunks
from dashboard.live.callview import messages_of
from dashboard.models import DialogQuerySet
from dashboard.pages.call import packets_of
from dashboard.pages.history import Asking, asking, history
from dashboard.pages.live import watcher
from dashboard.pages.zones import zoned
from dashboard.privacy import Policy
from dialogs.packet import Packet
from dialogs.taps import pcapng


def capture(calls: DialogQuerySet, policy: Policy) -> Iterator[bytes]:
    """Yield the stored messages of the calls as one capture file, call by call."""
    return pcapng(_packets(calls, policy), ["calls of a query, newest first; the messages of each in their order"])


def _packets(calls: DialogQuerySet, policy: Policy) -> Iterator[tuple[Packet, list[str]]]:
    for rows in chunks(calls, policy, kept=("frames",)):
        for row in rows:
            yield from packets_of(messages_of(row).messages)


def records(kind: str, calls: DialogQuerySet, asked: Asking, names: str) -> Iterator[str]:
    """Yield the calls as a file of this kind, with the columns of `names`."""
    return PAGES[kind](calls, utc_or(asked.zone), asked.policy, columns_of(names))


Maker = Callable[[DialogQuerySet, Asking, str], Iterator[Any]]
KINDS: dict[str, tuple[str, Maker]] = {
    "csv": ("text/csv; charset=utf-8", partial(records, "csv")),
    "json": ("application/json", partial(records, "json")),
    "ndjson": ("application/x-ndjson", partial(records, "ndjson")),
    "pcapng": ("application/octet-stream", lambda calls, asked, _names: capture(calls, asked.policy)),
}
"Ending -> its type, and what makes it."


def utc_or(zone: str) -> tzinfo:
    """Return a zone; UTC itself for UTC, whose times are written with a Z."""
    return UTC if zone == "UTC" else ZoneInfo(zone)


@require_GET
@watcher
@zoned
def download(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Return all that the query finds."""
    asked = asking(request)
    if not asked.good:
        return history(request)
    content_type, make = KINDS[kind]
    calls = asked.question.calls(time.time_ns())
    pieces = make(calls.using(calls.db), asked, request.GET.get("names", ""))  # which database is asked must not change while it is read
    name = timezone.localtime().strftime(f"calls-%Y-%m-%d-%H%M.{kind}")
    content = by_and_by(pieces) if isinstance(request, ASGIRequest) else pieces  # of a plain iterator Django would make a list before it sends anything
    return StreamingHttpResponse(content, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
