"""The charts of the key figures. Knows requests; what is drawn is `dashboard.live.kpis`' business."""

import time
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.live.kpis import HOUR_NS, SECOND_NS, charts
from dashboard.pages.live import watcher
from dialogs.insight.kpi import CHARTS, KPIS

RANGES = {"15 min": 900, "1 h": 3600, "6 h": 6 * 3600, "24 h": 86400, "7 d": 7 * 86400}
LONGEST_NS = 31 * 86400 * SECOND_NS


class Asked(NamedTuple):
    """What a page shows: a fixed span, or the last so many seconds."""

    since_ns: int
    until_ns: int
    last: int
    "Seconds until now; 0 for a fixed span."


def number(text: str) -> int:
    """Return a number of seconds from an address; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else 0


def asked(request: HttpRequest, now_ns: int) -> Asked:
    """Return what the address asks for: `since` and `until` (seconds since 1970), or `last` (seconds); what makes no sense is an hour."""
    since, until, last = (number(request.GET.get(name, "")) for name in ("since", "until", "last"))
    if 0 < since < until:
        return Asked(max(since, until - LONGEST_NS // SECOND_NS) * SECOND_NS, until * SECOND_NS, 0)
    last = last if last in RANGES.values() else HOUR_NS // SECOND_NS
    return Asked(now_ns - last * SECOND_NS, now_ns, last)


@require_GET
@watcher
def kpis(request: HttpRequest) -> HttpResponse:
    """Show the charts; their data comes by itself."""
    found = asked(request, time.time_ns())
    return render(request, "pages/kpis.html", {"asked": found, "ranges": RANGES, "charts": CHARTS, "kpis": KPIS})


@require_GET
@watcher
def data(request: HttpRequest) -> HttpResponse:
    """Return the series of all charts."""
    found = asked(request, time.time_ns())
    return JsonResponse({"charts": charts(found.since_ns, found.until_ns)})
