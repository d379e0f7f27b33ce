"""The alerts page: what rules said of calls. Knows requests and the table; knows no rule."""

import time
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from dashboard.live.health import taps
from dashboard.models import Alert, DialogRow
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest
from dashboard.privacy import Policy, policy_of

PAGE = 50


@require_GET
@watcher
def alerts(request: PageRequest) -> HttpResponse:
    """List the alerts, newest first, each with its call where that is still there."""
    context = listed(request.GET.get("page", ""), policy_of(request.user))
    return render(request, "pages/_alerts.html" if request.htmx else "pages/alerts.html", context)


def listed(number: str, policy: Policy) -> dict[str, Any]:
    """Return a page of alerts as somebody sees them, each with its call, None where that is gone."""
    page = Paginator(Alert.objects.order_by("-at_ns", "-pk"), PAGE).get_page(number)
    found = DialogRow.objects.filter(pk__in={alert.dialog_uid for alert in page}).only("uid", "from_user", "to_user")
    rows = {row.uid: row for row in found}
    return {
        "page": page,
        "alerts": [(policy.alert(alert, row), policy.row(row) if row else None) for alert in page for row in [rows.get(alert.dialog_uid)]],
        "newest": Alert.objects.order_by("-pk").values_list("pk", flat=True).first() or 0,
        "lost": sum(tap.seen.report.notices_lost for tap in taps(time.time_ns())),
    }


@require_POST
@permission_required("dashboard.change_alert", raise_exception=True)
def seen(request: PageRequest) -> HttpResponse:
    """Take note of the alerts up to the newest that the page showed."""
    newest = request.POST.get("newest", "")
    if newest.isdecimal() and len(newest) < 19:
        note(int(newest))
    return HttpResponseRedirect(reverse("alerts"))


def note(newest: int) -> int:
    """Take note of the alerts up to this one; returns how many nobody had seen."""
    return Alert.objects.filter(seen=False, pk__lte=newest).update(seen=True)
