"""The live page, the profiles page and the first page. Knows requests; what a call looks like is `live`'s business."""

import time
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.contrib.auth.decorators import login_not_required, permission_required
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Avg, Count, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.live.changes import Reader, light, sizes_of, subject
from dashboard.live.columns import COLUMNS, STANDARD, table_row
from dashboard.live.counters import count_calls
from dashboard.live.filter import CallFilter
from dashboard.live.layout import Layout
from dashboard.live.render import seen
from dashboard.live.shown import first_profile
from dashboard.live.table import PAGE, foot_context
from dashboard.models import DialogRow, ProfileEntry, SavedView
from dashboard.orders.audit import searched
from dashboard.pages.requests import PageRequest
from dashboard.privacy import Policy, policy_of
from dashboard.rpc.access import address_of
from dialogs.engine.states import State

WELCOMED = "dialtap_welcomed"
YEAR = 365 * 86400
MOST = 200
"Profile values listed."

watcher = permission_required("dashboard.view_dialogrow", raise_exception=True)


@require_GET
@watcher
def live(request: HttpRequest) -> HttpResponse:
    """Show the calls of this moment; the push brings them up to date."""
    policy = policy_of(request.user)
    chosen, layout = CallFilter.parse(request.GET, whole=policy.masked), Layout.parse(request.GET)
    if policy.masked:
        searched(request.user.get_username(), chosen.typed, address_of(request))
    now_ns = time.time_ns()
    found = chosen.apply(DialogRow.objects.live())
    start = (layout.p - 1) * PAGE
    kept = layout.with_(columns=STANDARD, p=1).parts
    context = {
        **foot_context(chosen, layout, found.count(), PAGE),
        "rows": rows_of(list(light(found).order_by(*layout.order)[start : start + PAGE]), layout, now_ns, policy),
        "every_column": COLUMNS,
        "kept": {name: text for name, text in (dict(parse_qsl(chosen.query)) | kept).items() if name != "q"},
        "full_query": "&".join(filter(None, (chosen.query, layout.query))),
        "views": views_of(request.user, policy).select_related("owner")[:MOST],
        "figures": count_calls(now_ns),
        "now_ns": now_ns,
        "states": {"1": "Setting up", "2": "Ringing", "3": "No ACK", "4": "In call"},
        "welcome": WELCOMED not in request.COOKIES,
        "history": settings.DIALTAP.history,
    }
    return render(request, "pages/live.html", context)


def views_of(user: User | AnonymousUser, policy: Policy) -> QuerySet[SavedView]:
    """Return the saved views that somebody may open: what others have searched for may be a number."""
    return SavedView.objects.filter(Q(owner=user.pk) if policy.masked else Q(owner=user.pk) | Q(shared=True))


def rows_of(rows: list[DialogRow], layout: Layout, now_ns: int, policy: Policy) -> SafeString:
    """Return the rows of the table, as the policy has them."""
    changes, sizes = Reader().read(now_ns), sizes_of(rows)
    shown = (
        seen(row, changes.orders.get(row.uid), sizes.get(first_profile(row) or ("", ""), 0), now_ns, over=changes.is_over(row), policy=policy) for row in rows
    )
    return SafeString("".join(table_row(one, layout.columns) for one in shown))


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
@watcher
def profiles(request: PageRequest) -> HttpResponse:
    """List the values of a profile with the calls that are in them now."""
    policy = policy_of(request.user)
    now_ns = time.time_ns()
    live_entries = ProfileEntry.objects.filter(dialog__state__lt=State.DELETED)
    names = dict(live_entries.values_list("name").annotate(Count("pk")).order_by("name"))
    name = request.GET.get("name", "")
    name = name if name in names else next(iter(["caller"] if "caller" in names else names), "")
    answered = Q(dialog__start_ns__gt=0)
    found = (
        live_entries.filter(name=name)
        .values("value")
        .annotate(
            calls=Count("pk"),
            answered=Count("pk", filter=answered),
            oldest_ns=Min("dialog__start_ns", filter=answered),
            mean_ns=Avg("dialog__start_ns", filter=answered),
        )
        .order_by("-calls", "value")[:MOST]
    )
    rows: list[dict[str, Any]] = [
        {
            **row,
            **spoken(row["mean_ns"], row["answered"], now_ns),
            **limited(name, row["value"]),
            "full": policy.profile(subject(name, row["value"])),
            "value": policy.value(row["value"]),
        }
        for row in found
    ]
    context = {"name": name, "names": names, "rows": rows, "now_ns": now_ns, "most": max((row["calls"] for row in rows), default=1)}
    return render(request, "pages/_profiles.html" if request.htmx else "pages/profiles.html", context)


def spoken(mean_ns: float | None, answered: int, now_ns: int) -> dict[str, int]:
    """Return the mean start (ns) of the answered calls of a value, and the minutes they have spoken so far."""
    mean = int(mean_ns or 0)
    return {"mean_ns": mean, "minutes": round(answered * max(0, now_ns - mean) / 60e9) if mean else 0}


def limited(name: str, value: str) -> dict[str, int]:
    """Return what a value's calls are measured by: of its own limit, else of the one for each value; 0 for none, and how far the bar goes."""
    found = [limit for limit in settings.DIALTAP.limit if limit.profile == name and limit.value in ("", value)]
    if not found:
        return {"limit": 0}
    limit = max(found, key=lambda one: bool(one.value))
    most = limit.critical or limit.warn
    return {"limit": most, "warn": limit.warn or most, "bar": most + max(1, most // 4)}


@require_GET
@login_not_required
def healthz(_: HttpRequest) -> HttpResponse:
    """Say that the web process answers."""
    return HttpResponse("ok\n", content_type="text/plain")
