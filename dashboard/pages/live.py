"""The live page and the first page. Knows requests; what a call looks like is `live`'s business."""

import time
from urllib.parse import parse_qsl

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.live.changes import Reader, light, sizes_of
from dashboard.live.columns import COLUMNS, STANDARD, table_row
from dashboard.live.counters import BY_STATE, count_calls, strip_context
from dashboard.live.filter import CallFilter
from dashboard.live.kpis import last_hour
from dashboard.live.layout import Layout
from dashboard.live.render import seen
from dashboard.live.shown import first_profile
from dashboard.live.table import PAGE, foot_context
from dashboard.models import DialogRow, SavedView
from dashboard.orders.audit import searched
from dashboard.privacy import Policy, policy_of
from dashboard.rpc.access import address_of

WELCOMED = "dialtap_welcomed"
YEAR = 365 * 86400
MOST = 200
"Saved views offered."

FIRST = 30
"Rows that the page itself brings, more than a screen's: so it is painted at once. The push brings the others below them."

watcher = permission_required("dashboard.view_dialogrow", raise_exception=True)


@require_GET
@watcher
def live(request: HttpRequest) -> HttpResponse:
    """Show the calls of this moment; the push brings them up to date."""
    policy = policy_of(request.user)
    chosen, layout = CallFilter.parse(request.GET, whole=policy.masked), Layout.parse(request.GET, masked=policy.masked)
    if policy.masked:
        searched(request.user.get_username(), chosen.typed, address_of(request))
    now_ns = time.time_ns()
    found = chosen.apply(DialogRow.objects.live())
    start = (layout.p - 1) * PAGE
    rows = list(light(found).order_by(*layout.order)[start : start + FIRST])
    kept, figures = layout.with_(columns=STANDARD, p=1).parts, count_calls(now_ns)
    total = found.count() if chosen else sum(figures[name] for name in BY_STATE)
    context = {
        **foot_context(chosen, layout, total, PAGE),
        "rows": rows_of(rows, layout, now_ns, policy),
        "shown": ",".join(row.uid for row in rows),
        "every_column": COLUMNS,
        "kept": {name: text for name, text in (dict(parse_qsl(chosen.query)) | kept).items() if name != "q"},
        "full_query": "&".join(filter(None, (chosen.query, layout.query))),
        "views": views_for(request, policy),
        **strip_context(figures, last_hour(now_ns), now_ns),
        "states": {"1": "Setting up", "2": "Ringing", "3": "No ACK", "4": "In call"},
        "welcome": WELCOMED not in request.COOKIES,
        "history": settings.DIALTAP.history,
    }
    return render(request, "pages/live.html", context)


def views_of(request: HttpRequest) -> list[SavedView]:
    """Return a person's saved views and those that are for everybody."""
    return list(SavedView.objects.filter(Q(owner=request.user.pk) | Q(shared=True)).select_related("owner")[:MOST])


def views_for(request: HttpRequest, policy: Policy) -> list[SavedView]:
    """Return the same for links; what others saved may ask for numbers that this person may not see, and be named after them."""
    found = views_of(request)
    for view in found if policy.masked else ():
        parts = dict(parse_qsl(view.query))
        view.query = "&".join(filter(None, (CallFilter.parse(parts).sealed().query, Layout.parse(parts).query)))
        view.name = policy.text(view.name)
    return found


def rows_of(rows: list[DialogRow], layout: Layout, now_ns: int, policy: Policy) -> SafeString:
    """Return the rows of the table."""
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
