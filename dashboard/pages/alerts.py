"""The alerts page: what rules said of calls, and limits that were passed. Knows requests and the table; knows no rule, no field of a query."""

import time
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from dashboard.live.health import taps
from dashboard.models import Alert, DialogRow
from dashboard.orders.audit import searched
from dashboard.pages.history import PATIENCE
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest
from dashboard.privacy import Policy, is_sealed, policy_of, unseal
from dashboard.query.asked import Asked, asked
from dashboard.query.cost import TooSlow, at_most
from dashboard.query.tree import LONGEST
from dashboard.query.zones import label
from dashboard.rpc.access import address_of

PAGE = 50


@require_GET
@watcher
def alerts(request: PageRequest) -> HttpResponse:
    """List the alerts that the query finds, newest first, each with its call where that is still there."""
    policy, now_ns = policy_of(request.user), time.time_ns()
    text = request.GET.get("q", "")
    question = asking(text, policy)
    if policy.masked and text and not is_sealed(text):
        searched(request.user.get_username(), f"q={text[:LONGEST]}", address_of(request))
    context = {
        "text": text,
        "asked": question,
        "query": urlencode({"q": text}) if text else "",
        "whole": policy.masked,
        "newest": Alert.objects.order_by("-pk").values_list("pk", flat=True).first() or 0,
        "lost": sum(tap.seen.report.notices_lost for tap in taps(now_ns)),
        "zone_label": label(settings.TIME_ZONE, now_ns),
        **listed(found(question, now_ns), request.GET.get("page"), policy),
    }
    return render(request, "pages/_alerts.html" if request.htmx else "pages/alerts.html", context, status=400 if question.problem and not request.htmx else 200)


def asking(text: str, policy: Policy) -> Asked:
    """Return what a search box asks of alerts; times are in the site's zone, as the page prints them."""
    return asked(unseal(text.replace("\0", "")), settings.TIME_ZONE, inside=True, whole=policy.masked, about="alerts")


def found(question: Asked, now_ns: int) -> QuerySet[Alert]:
    """Return the alerts of a question, newest first."""
    return Alert.objects.filter(question.at(now_ns)).order_by("-at_ns", "-pk")


def listed(alerts: QuerySet[Alert], number: str | None, policy: Policy) -> dict[str, Any]:
    """Return one page of alerts, each with its call; or that looking for them was given up."""
    try:
        with at_most(PATIENCE, alerts.db):
            page = Paginator(alerts, PAGE).get_page(number)
            shown = list(page)
    except TooSlow:
        return {"slow": True, "page": Paginator(Alert.objects.none(), PAGE).get_page(1), "alerts": []}
    rows = DialogRow.objects.filter(pk__in={alert.dialog_uid for alert in shown}).only("uid", "from_user", "to_user").in_bulk()
    pairs = [(policy.alert(alert, row), policy.row(row) if row else None) for alert in shown for row in [rows.get(alert.dialog_uid)]]
    return {"page": page, "alerts": pairs}


@require_POST
@permission_required("dashboard.change_alert", raise_exception=True)
def seen(request: PageRequest) -> HttpResponse:
    """Take note of the alerts that the page's query finds, up to the newest that the page showed."""
    newest, text = request.POST.get("newest", ""), request.POST.get("q", "")
    if newest.isdecimal() and len(newest) < 19:
        found(asking(text, policy_of(request.user)), time.time_ns()).order_by().filter(seen=False, pk__lte=int(newest)).update(seen=True)
    return HttpResponseRedirect(f"{reverse('alerts')}?{urlencode({'q': text})}" if text else reverse("alerts"))
