"""The live page and the first page. Knows requests; what a call looks like is `live`'s business."""

import time

from django.conf import settings
from django.contrib.auth.decorators import login_not_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.live.changes import Reader, light, sizes_of
from dashboard.live.counters import count_calls
from dashboard.live.filter import CallFilter
from dashboard.live.render import row_context
from dashboard.live.shown import first_profile
from dashboard.live.table import PAGE
from dashboard.models import DialogRow
from dashboard.orders.audit import searched
from dashboard.privacy import policy_of
from dashboard.rpc.access import address_of

WELCOMED = "dialtap_welcomed"
YEAR = 365 * 86400

watcher = permission_required("dashboard.view_dialogrow", raise_exception=True)


@require_GET
@watcher
def live(request: HttpRequest) -> HttpResponse:
    """Show the calls of this moment; the push brings them up to date."""
    policy = policy_of(request.user)
    chosen = CallFilter.parse(request.GET, whole=policy.masked)
    if policy.masked:
        searched(request.user.get_username(), chosen.typed, address_of(request))
    now_ns = time.time_ns()
    rows = list(light(chosen.apply(DialogRow.objects.live())).order_by("-init_ns", "uid")[:PAGE])
    changes, sizes = Reader().read(now_ns), sizes_of(rows)
    orders = changes.orders
    context = {
        "chosen": chosen,
        "rows": [
            row_context(row, orders.get(row.uid), sizes.get(first_profile(row) or ("", ""), 0), now_ns, over=changes.is_over(row), policy=policy)
            for row in rows
        ],
        "figures": count_calls(now_ns),
        "shown": len(rows),
        "total": chosen.apply(DialogRow.objects.live()).count(),
        "page": PAGE,
        "now_ns": now_ns,
        "states": {"1": "Setting up", "2": "Ringing", "3": "No ACK", "4": "In call"},
        "welcome": WELCOMED not in request.COOKIES,
        "history": settings.DIALTAP.history,
    }
    return render(request, "pages/live.html", context)


@require_http_methods(["GET", "POST"])
@watcher
def welcome(request: HttpRequest) -> HttpResponse:
    """Say what is captured and how long it is kept; POST puts the reminder on the live page away."""
    if request.method == "GET":
        return render(request, "pages/welcome.html", {"config": settings.DIALTAP})
    response = HttpResponseRedirect(reverse("live"))
    response.set_cookie(WELCOMED, "1", max_age=YEAR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    return response


@require_GET
@login_not_required
def healthz(_: HttpRequest) -> HttpResponse:
    """Say that the web process answers."""
    return HttpResponse("ok\n", content_type="text/plain")
