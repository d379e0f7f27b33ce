"""The call page, its messages and its menu. Knows requests; what a call looks like is `live`'s business."""

import time

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from dashboard.history.messages import StoredMessage
from dashboard.live.callview import call_context, messages_of
from dashboard.models import DialogRow
from dashboard.pages.live import watcher
from dialogs.sip import parse, text

LONGEST = 65536
"Bytes of a message that are shown."


@require_GET
@watcher
def call(request: HttpRequest, uid: str) -> HttpResponse:
    """Show one call: facts, ladder, orders."""
    row = get_object_or_404(DialogRow, pk=uid)
    context = call_context(row, time.time_ns())
    number = request.GET.get("m", "")
    messages = context["found"].messages
    if number.isdigit() and len(number) < 8 and int(number) < len(messages):
        context["message"] = spelled(messages[int(number)])
    return render(request, "pages/call.html", context)


@require_GET
@watcher
def message(request: HttpRequest, uid: str, number: int) -> HttpResponse:
    """Show one stored message as it was on the wire."""
    row = get_object_or_404(DialogRow, pk=uid)
    messages = messages_of(row).messages
    if number >= len(messages):
        raise Http404
    return render(request, "pages/_message.html", {"message": spelled(messages[number]), "row": row, "number": number})


@require_GET
@watcher
def menu(request: HttpRequest, uid: str) -> HttpResponse:
    """Return what can be done with a call from the table."""
    return render(request, "pages/_menu.html", {"row": get_object_or_404(DialogRow.objects.defer("detail", "frames", "engine"), pk=uid)})


def spelled(stored: StoredMessage) -> dict[str, object]:
    """Return a message cut into its first line, its headers and its body, for people."""
    head, _, body = stored.data[:LONGEST].replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = [text(line) for line in head.split(b"\n")]
    parsed = parse(stored.data)
    return {
        "stored": stored,
        "summary": parsed.summary if parsed else "not SIP",
        "first": first,
        "headers": [line.partition(":") for line in lines],
        "body": [text(line) for line in body.split(b"\n")] if body else [],
        "cut": max(0, len(stored.data) - LONGEST),
    }
