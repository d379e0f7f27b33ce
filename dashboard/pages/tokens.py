"""The page of API tokens, for administrators. Knows requests; what a token is, is `dashboard.rpc.tokens`' business."""

import time

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.models import ApiToken
from dashboard.pages.requests import PageRequest
from dashboard.rpc.access import address_of
from dashboard.rpc.tokens import NAME_MAX, TokenRefused, make
from dashboard.rpc.tokens import revoke as make_worthless

MOST = 200
"Tokens listed."

RIGHT_WORDS = {"numbers": "sees whole numbers", "audit": "reads the audit log"}

administrator = permission_required("dashboard.add_apitoken", raise_exception=True)


@require_http_methods(["GET", "POST"])
@administrator
@never_cache
def tokens(request: PageRequest) -> HttpResponse:
    """List the tokens; POST makes one and shows it, this once."""
    made, mistake = None, ""
    if request.method == "POST":
        days = request.POST.get("days", "")
        try:
            made = make(
                request.POST.get("name", ""),
                request.POST.get("scope", ""),
                by=request.user.get_username(),
                days=int(days) if days.isdecimal() and len(days) < 6 else -1 if days else 0,
                address=address_of(request),
                rights=request.POST.getlist("rights"),
            )
        except TokenRefused as refused:
            mistake = str(refused)
    now_ns = time.time_ns()
    found = ApiToken.objects.filter(revoked_ns=0).order_by("name")[:MOST]
    rows = [(row, row.holds(now_ns)) for row in found]
    context = {
        "rows": rows,
        "made": made,
        "mistake": mistake,
        "scopes": ApiToken.Scope.values,
        "rights": RIGHT_WORDS,
        "longest": NAME_MAX,
        "open": settings.DIALTAP.rpc.open_loopback,
        "url": request.build_absolute_uri("/RPC"),
    }
    return render(request, "pages/tokens.html", context, status=400 if mistake else 200)


@require_POST
@administrator
def revoke(request: PageRequest, number: int) -> HttpResponse:
    """Make a token worthless at once."""
    make_worthless(get_object_or_404(ApiToken, pk=number), by=request.user.get_username(), address=address_of(request))
    return HttpResponseRedirect(reverse("tokens"))
