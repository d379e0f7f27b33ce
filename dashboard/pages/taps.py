"""The capture page: what each tap sees, and what is missing. Knows requests; what is wrong with a tap is `live.findings`' business."""

import time

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.live.health import doubts
from dashboard.live.health import taps as judged
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest
from dashboard.rpc import access


@require_GET
@watcher
def taps(request: PageRequest) -> HttpResponse:
    """Show the taps, the worst first, each with its figures and findings."""
    now_ns = time.time_ns()
    found = judged(now_ns)
    ranked = sorted(found, key=lambda tap: ("bad", "warn", "good").index(tap.tone))
    context = {"taps": ranked, "doubts": doubts(found, now_ns), "now_ns": now_ns, "web": access.turned_away()}
    return render(request, "pages/_taps.html" if request.htmx else "pages/taps.html", context)
