"""The reconcile page: on which calls the proxy's table and ours do not agree. Knows requests; what was compared is `live.proxies`' business."""

import time

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.live.proxies import compared, sections
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest
from dashboard.privacy import policy_of


@require_GET
@watcher
def reconcile(request: PageRequest) -> HttpResponse:
    """List what is stuck, missing or in another state, of each proxy."""
    now_ns = time.time_ns()
    found = [(one, sections(one, policy_of(request.user))) for one in compared(now_ns)]
    context = {"proxies": found, "now_ns": now_ns, "configured": bool(settings.DIALTAP.control.kamailio_url or settings.DIALTAP.proxy)}
    return render(request, "pages/_reconcile.html" if request.htmx else "pages/reconcile.html", context)
