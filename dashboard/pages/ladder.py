"""What is opened and taken away from a ladder: a message, two compared, the drawing as text and as SVG. Knows requests; what is drawn is `live`'s business."""

from collections.abc import Sequence
from itertools import count

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from dashboard.history.messages import StoredMessage
from dashboard.live.callview import messages_of
from dashboard.live.ladderview import Look, heard_of, ladder_of
from dashboard.live.shown import relative_text
from dashboard.live.spelled import Spelled, compare, spell
from dashboard.models import DialogRow
from dashboard.pages.call import file_name, seen_call
from dashboard.pages.live import watcher
from dialogs.insight.ladder import Ladder, Step, repeat_words
from dialogs.insight.ladder_text import draw_text

LEFT, LANE, TOP, STEP = 190, 230, 72, 34
"Pixels of the SVG: the first column, from column to column, the first arrow, from arrow to arrow."

TIP = 7
COLOURS = {"req": "#0b5cc2", "prov": "#626d7b", "ok": "#11703a", "fail": "#b82525", "odd": "#6d38bd"}


@require_GET
@watcher
def message(request: HttpRequest, uid: str, number: int) -> HttpResponse:
    """Show one stored message as it was on the wire."""
    row = seen_call(request, DialogRow.objects.all(), uid)
    return render(request, "pages/_message.html", {"message": _spelled(messages_of(row).messages, number), "row": row})


@require_GET
@watcher
def difference(request: HttpRequest, uid: str, one: int, other: int) -> HttpResponse:
    """Show two stored messages line by line."""
    messages = messages_of(seen_call(request, DialogRow.objects.all(), uid)).messages
    left, right = _spelled(messages, one), _spelled(messages, other)
    return render(request, "pages/_difference.html", {"one": left, "other": right, "lines": compare(left.stored, right.stored)})


@require_GET
@watcher
def as_text(request: HttpRequest, uid: str) -> HttpResponse:
    """Return the ladder as plain text, in the look of the page."""
    row, ladder = _drawn(request, uid)
    return _file(row, "txt", titled(row) + draw_text(ladder), "text/plain; charset=utf-8")


def titled(row: DialogRow) -> str:
    """Return the lines above a ladder's text."""
    return f"{row.from_user[:60]} -> {row.to_user[:60]}, Call-ID {row.call_id[:200]}\n\n"


@require_GET
@watcher
def as_svg(request: HttpRequest, uid: str) -> HttpResponse:
    """Return the ladder as a picture, in the look of the page."""
    row, ladder = _drawn(request, uid)
    return _file(row, "svg", svg(ladder), "image/svg+xml")


def svg(ladder: Ladder) -> str:
    """Return the ladder as a picture."""
    return render_to_string("pages/ladder.svg", picture(ladder))


def _spelled(messages: Sequence[StoredMessage], number: int) -> Spelled:
    if not 0 < number <= len(messages):
        raise Http404
    return spell(number, messages[number - 1])


def _drawn(request: HttpRequest, uid: str) -> tuple[DialogRow, Ladder]:
    row = seen_call(request, DialogRow.objects.all(), uid)
    heard = heard_of(messages_of(row).messages)
    if not heard:
        raise Http404
    return row, ladder_of(row, heard, Look.parse(request.GET.dict()))


def _file(row: DialogRow, suffix: str, content: str, kind: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{file_name(row, suffix)}"'})


def picture(ladder: Ladder) -> dict[str, object]:
    """Return the places of everything in the picture, in pixels."""
    lanes = [{"x": LEFT + LANE * place, "name": host.name, "address": host.address} for place, host in enumerate(ladder.columns)]
    arrows = [_arrow(step, y, ladder.start_ns) for step, y in zip(ladder.steps, count(TOP, STEP), strict=False)]
    return {"lanes": lanes, "arrows": arrows, "width": LEFT + LANE * max(0, len(lanes) - 1) + LANE // 2 + 20, "height": TOP + STEP * len(arrows)}


def _arrow(step: Step, y: int, start_ns: int) -> dict[str, object]:
    start, end = LEFT + LANE * step.source, LEFT + LANE * step.destination
    if start == end:
        end = start + LANE // 4  # a host that talks to itself
    words = " · ".join(filter(None, (step.summary, repeat_words(step), step.note)))
    return {
        "from": start, "to": end, "middle": (start + end) // 2, "tip": end - TIP if end > start else end + TIP, "y": y, "top": y - 4, "bottom": y + 4,
        "above": y - 7, "colour": COLOURS[step.kind], "dashed": step.repeated, "time": relative_text(step.at_ns, start_ns), "words": words,
    }  # fmt: skip
