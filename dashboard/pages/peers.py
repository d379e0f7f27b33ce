"""The peers page: who carries calls, and how well. Knows requests; what is counted and judged is `live.peers`' business."""

import time

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.live.peers import peers as counted
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest


@require_GET
@watcher
def peers(request: PageRequest) -> HttpResponse:
    """List the peers of the configuration and the busiest other addresses, those with a fault first."""
    now_ns = time.time_ns()
    return render(request, "pages/_peers.html" if request.htmx else "pages/peers.html", {"found": counted(now_ns), "now_ns": now_ns})
