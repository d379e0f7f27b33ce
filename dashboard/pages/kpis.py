"""The charts of the key figures. Knows requests; what is drawn is `dashboard.live.kpis`' business."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from dashboard.live.kpis import HOUR_NS, SECOND_NS, calls_behind, charts
from dashboard.pages.live import watcher
from dialogs.insight.kpi import CHARTS, KPIS

RANGES = {"15 min": 900, "1 h": 3600, "6 h": 6 * 3600, "24 h": 86400, "7 d": 7 * 86400}
LAST = 4_102_444_800  # the year 2100
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


def asked(query: Mapping[str, str], now_ns: int) -> Asked:
    """Return what the address asks for: `since` and `until` (seconds since 1970), or `last` (seconds); what makes no sense is an hour."""
    since, until, last = (number(query.get(name, "")) for name in ("since", "until", "last"))
    if 0 < since < until:
        return Asked(max(since, until - LONGEST_NS // SECOND_NS) * SECOND_NS, until * SECOND_NS, 0)
    last = last if last in RANGES.values() else HOUR_NS // SECOND_NS
    return Asked(now_ns - last * SECOND_NS, now_ns, last)


@require_GET
@watcher
def kpis(request: HttpRequest) -> HttpResponse:
    """Show the charts; their data comes by itself."""
    found = asked(request.GET, time.time_ns())
    return render(request, "pages/kpis.html", {"asked": found, "ranges": RANGES, "charts": CHARTS, "kpis": KPIS})


@require_GET
@watcher
def data(request: HttpRequest) -> HttpResponse:
    """Return the series of all charts."""
    found = asked(request.GET, time.time_ns())
    return JsonResponse({"charts": charts(found.since_ns, found.until_ns)})


@require_GET
@watcher
def calls(request: HttpRequest) -> HttpResponse:
    """Lead to the calls behind a point of a chart: `name` of the KPI, `at` (the step's end) and `step` in seconds."""
    at, step = (number(request.GET.get(name, "")) for name in ("at", "step"))
    query = calls_behind(request.GET.get("name", ""), at * SECOND_NS, max(1, step) * SECOND_NS)
    if not query or not 0 < at < LAST:
        raise Http404
    return HttpResponseRedirect(f"{reverse('history')}?{urlencode({'q': query})}")
