"""History: the search, its pages and its download. Knows requests; what can be asked is `dashboard.history`'s business."""

import time

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from dashboard.history.export import by_and_by, csv_pages
from dashboard.history.search import HistoryForm, page, search
from dashboard.orders.audit import searched
from dashboard.pages.live import watcher
from dashboard.privacy import policy_of
from dashboard.rpc.access import address_of


@require_GET
@watcher
def history(request: HttpRequest) -> HttpResponse:
    """Search past and present calls; a page has cursors, no number."""
    form, policy = asked_form(request), policy_of(request.user)
    found = page(search(form), request.GET.get("at", ""))
    found = found._replace(rows=policy.rows(found.rows))
    context = {
        "form": form,
        "page": found,
        "asked": asked(request),
        "searched": any(value for name, value in request.GET.items() if name != "at"),
        "now_ns": time.time_ns(),
        "zone": timezone.get_current_timezone_name(),
    }
    return render(request, "pages/history.html", context, status=200 if form.is_valid() else 400)


@require_GET
@watcher
def download(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Return what the search finds as CSV, all of it."""
    form = asked_form(request)
    if not form.is_valid():
        return history(request)
    name = timezone.localtime().strftime("calls-%Y-%m-%d-%H%M.csv")
    pages = csv_pages(search(form), policy_of(request.user))
    content = by_and_by(pages) if isinstance(request, ASGIRequest) else pages  # of a plain iterator Django would make a list before it sends anything
    return StreamingHttpResponse(content, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def asked_form(request: HttpRequest) -> HistoryForm:
    """Return the search; of who may not see numbers it asks for whole ones only, and is written down."""
    policy = policy_of(request.user)
    form = HistoryForm(request.GET, whole=policy.masked)
    if policy.masked and not request.GET.get("at"):
        searched(request.user.get_username(), form.typed, address_of(request))
    return form


def asked(request: HttpRequest) -> str:
    """Return the search as a query string, without the place in it."""
    query = request.GET.copy()
    query.pop("at", None)
    for name in [name for name, value in query.items() if not value]:
        del query[name]
    return query.urlencode()
