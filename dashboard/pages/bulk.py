"""Ending many calls: the question with its preview, the wish, its progress, stopping it. Knows requests; what may be is `dashboard.orders.bulk`'s business."""

import secrets
from urllib.parse import parse_qsl

import msgspec
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from dashboard.live.filter import CallFilter
from dashboard.models import Bulk, DialogQuerySet, DialogRow
from dashboard.orders.bulk import BulkRefused, Preview, Wish, preview, progress, request_bulk, stop_bulk, too_many
from dashboard.orders.request import REASON_MAX
from dashboard.pages.live import watcher
from dashboard.pages.orders import ender
from dashboard.pages.requests import PageRequest
from dashboard.privacy import policy_of
from dashboard.rpc.access import address_of

MOST = 2000
"Names of calls read from one request: more than may be ended at once, so that it can be said how many were picked."


@require_POST
@ender
def ask(request: PageRequest) -> HttpResponse:
    """Show what would be ended: the calls that were picked, or all that match the filter. Changes nothing."""
    chosen = CallFilter.parse(dict(parse_qsl(request.POST.get("filter", "")[:2000])), whole=policy_of(request.user).masked)
    if request.POST.get("which") != "all":
        return ask_answer(request, picked(request), "")
    found = chosen.apply(DialogRow.objects.live())
    if refused := too_many(found.count()):
        return ask_answer(request, DialogRow.objects.none(), chosen.query, refused=refused)
    return ask_answer(request, found, chosen.query or "all calls")


@require_POST
@ender
def start(request: PageRequest) -> HttpResponse:
    """Write the wish down and show what becomes of it."""
    query = request.POST.get("query", "")[:1000]
    rows = picked(request)
    wish = Wish(request.POST.get("key", "")[:32], request.POST.get("reason", ""), request.POST.get("typed", ""), address_of(request), query)
    if not wish.key:
        return ask_answer(request, rows, query, mistake="This question is not known: look again.")
    try:
        bulk = request_bulk(list(light(rows)), request.user, wish)
    except BulkRefused as refused:
        return ask_answer(request, rows, query, mistake=str(refused))
    return progress_answer(request, bulk)


@require_GET
@watcher
def bulk(request: PageRequest, number: int) -> HttpResponse:
    """Show how far a bulk is."""
    return progress_answer(request, get_object_or_404(Bulk, pk=number))


@require_POST
@ender
def stop(request: PageRequest, number: int) -> HttpResponse:
    """Have no more calls of a bulk ended."""
    found = get_object_or_404(Bulk, pk=number)
    stop_bulk(found, request.user.get_username(), address_of(request))
    found.refresh_from_db()
    return progress_answer(request, found)


def picked(request: PageRequest) -> DialogQuerySet:
    """Return the calls that a request names: one by one, or many in one field."""
    uids = [*request.POST.getlist("uid"), *request.POST.get("uids", "").split()][:MOST]
    return DialogRow.objects.filter(pk__in={uid[:16] for uid in uids})


def light(rows: DialogQuerySet) -> DialogQuerySet:
    """Return the rows, newest first, without the columns that nobody judges by."""
    return rows.defer("frames", "engine").order_by("-init_ns", "uid")


def ask_answer(request: PageRequest, rows: DialogQuerySet, query: str, *, mistake: str = "", refused: str = "") -> HttpResponse:
    """Return the question, as a dialog's content for htmx and as a page without it; 400 when the answer to it was wrong."""
    seen = Preview([], [], refused) if refused else preview(list(light(rows)), request.user)
    shown = policy_of(request.user).row
    context = {
        "seen": Preview([shown(row) for row in seen.ending], [(shown(row), words) for row, words in seen.left], seen.refused),
        "query": query,
        "key": secrets.token_hex(16),
        "mistake": mistake,
        "longest": REASON_MAX,
        "reason": request.POST.get("reason", ""),
        "title": f"End {len(seen.ending):,} call{'' if len(seen.ending) == 1 else 's'}",
    }
    return render(request, "pages/_bulk.html" if request.htmx else "pages/bulk.html", context, status=400 if mistake else 200)


def progress_answer(request: PageRequest, found: Bulk) -> HttpResponse:
    """Return how far a bulk is; the fragment asks again until it is over."""
    reached = progress(found)
    open_ = found.state == Bulk.State.RUNNING or reached.done < reached.total
    policy = policy_of(request.user)
    reached = msgspec.structs.replace(reached, left=[policy.item(item) for item in reached.left])
    context = {"bulk": policy.bulk(found), "reached": reached, "open": open_, "running": found.state == Bulk.State.RUNNING}
    return render(request, "pages/_bulk_progress.html" if request.htmx else "pages/bulk_progress.html", context)
