"""The call page, its capture file and its menu. Knows requests; what a call looks like is `live`'s business."""

import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from dashboard.history.messages import StoredMessage
from dashboard.history.segments import Found
from dashboard.live.callview import call_context, messages_of
from dashboard.live.ladderview import LadderView, Look
from dashboard.live.related import related
from dashboard.live.spelled import spell
from dashboard.models import DialogQuerySet, DialogRow
from dashboard.pages.live import watcher
from dashboard.privacy import policy_of
from dialogs.engine.sockets import split_address
from dialogs.packet import Endpoint, Packet
from dialogs.sip import text
from dialogs.taps import pcapng

LONGEST_PARTY = 40
"Characters of a caller or callee in the name of a file."


@require_GET
@watcher
def call(request: HttpRequest, uid: str) -> HttpResponse:
    """Show one call: facts, ladder, orders."""
    row = get_object_or_404(DialogRow, pk=uid)
    policy = policy_of(request.user)
    context = call_context(row, time.time_ns(), LadderView(Look.parse(request.GET.dict())), policy)
    messages = context["found"].messages
    number = request.GET.get("m") or at_moment(messages, request.GET.get("at", ""))
    if number.isdigit() and len(number) < 8 and 0 < int(number) <= len(messages):
        context["message"] = spell(int(number), messages[int(number) - 1])
    return render(request, "pages/call.html", context | {"related": related(row, policy)})


def seen_call(request: HttpRequest, calls: DialogQuerySet, uid: str) -> DialogRow:
    """Return a call as whoever asks may see it; 404 when there is none."""
    return policy_of(request.user).row(get_object_or_404(calls, pk=uid))


def at_moment(messages: Sequence[StoredMessage], at_ns: str) -> str:
    """Return the number of the first message that was captured at this moment (an order's evidence tells it so), "" when none is stored."""
    return next((str(number) for number, stored in enumerate(messages, 1) if str(stored.at_ns) == at_ns), "")


@require_GET
@watcher
def menu(request: HttpRequest, uid: str) -> HttpResponse:
    """Return what can be done with a call from the table."""
    return render(request, "pages/_menu.html", {"row": seen_call(request, DialogRow.objects.defer("detail", "frames", "engine"), uid)})


@require_GET
@watcher
def pcap(request: HttpRequest, uid: str) -> HttpResponse | StreamingHttpResponse:
    """Return the call's stored messages as a capture file; 404, in words, when none is kept any more."""
    row = seen_call(request, DialogRow.objects.all(), uid)
    found = messages_of(row)
    if not found.messages:
        return render(request, "pages/no_messages.html", {"row": row, "found": found}, status=404)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(row)}"'}
    pieces = capture_of(row, found)
    content = by_and_by(pieces) if isinstance(request, ASGIRequest) else pieces
    return StreamingHttpResponse(content, content_type="application/octet-stream", headers=headers)


def capture_of(row: DialogRow, found: Found) -> Iterator[bytes]:
    """Return a call's messages as a capture file, with what is missing of them in its comment."""
    about = [f"Call-ID {text(row.call_id.encode())}", *found.gone, *([f"{found.more:,} more messages were not stored"] if found.more else [])]
    return pcapng(packets_of(found.messages), about)


async def by_and_by(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield what needs no waiting; of a plain iterator Django would make a list before it sends anything."""
    for piece in pieces:
        yield piece


def packets_of(messages: Sequence[StoredMessage]) -> Iterator[tuple[Packet, list[str]]]:
    """Yield stored messages as packets, each with the comments that stand beside it."""
    for stored in messages:
        source, destination = (Endpoint(*split_address(address)) for address in (stored.source, stored.destination))
        yield Packet(stored.at_ns, source, destination, stored.transport, stored.data), ["retransmission"] if stored.repeat else []


def file_name(row: DialogRow, suffix: str = "pcapng") -> str:
    """Return a name for a file of the call: letters, digits and a few signs, whatever the parties call themselves."""
    at = datetime.fromtimestamp(row.init_ns // 10**9, UTC)
    parties = (re.sub(r"[^A-Za-z0-9_+]+", "_", user)[:LONGEST_PARTY].strip("_") or "unknown" for user in (row.from_user, row.to_user))
    return f"{'-'.join(parties)}-{at:%Y%m%d-%H%M%S}.{suffix}"
