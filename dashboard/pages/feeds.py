"""The page of feeds: how each receiver stands, and what nobody took. Knows requests; what is done to a dead letter is `feeds.dead`'s business."""

import time
from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from dashboard.feeds.dead import NoLetter, drop, retry
from dashboard.history.fed import Fed, figures
from dashboard.models import DeadLetter, DialogRow
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest
from dashboard.pages.rights import needs
from dashboard.privacy import policy_of
from dashboard.rpc.access import address_of

PAGE = 50
SILENT_NS = 30 * 10**9
"A receiver with something waiting, of which nothing was written for so long, has nobody who sends."


@require_GET
@watcher
def feeds(request: PageRequest) -> HttpResponse:
    """List receivers and dead letters, each letter with its call where that is still there."""
    page = Paginator(DeadLetter.objects.order_by("-at_ns", "-pk").defer("body"), PAGE).get_page(request.GET.get("page"))
    rows = {row.uid: row for row in DialogRow.objects.filter(pk__in={letter.uid for letter in page}).only("uid", "from_user", "to_user")}
    policy, now_ns = policy_of(request.user), time.time_ns()
    context = {
        "page": page,
        "letters": [(letter, policy.row(rows[letter.uid]) if letter.uid in rows else None) for letter in page],
        "feeds": [(fed, tone_of(fed, now_ns)) for fed in figures()],
        "now_ns": now_ns,
    }
    return render(request, "pages/_feeds.html" if request.htmx else "pages/feeds.html", context)


def tone_of(fed: Fed, now_ns: int) -> str:
    """Return how a receiver stands: "good"; "bad", it takes nothing; "warn", nobody sends."""
    if fed.failing_ns:
        return "bad"
    return "warn" if fed.waiting and now_ns - fed.at_ns > SILENT_NS else "good"


@require_POST
@needs("dashboard.change_deadletter")
def feed_retry(request: PageRequest) -> HttpResponse:
    """Have dead letters sent again."""
    return _acted(request, retry, "to be sent again")


@require_POST
@needs("dashboard.delete_deadletter")
def feed_drop(request: PageRequest) -> HttpResponse:
    """Delete dead letters."""
    return _acted(request, drop, "dropped")


def _acted(request: PageRequest, act: Callable[..., int], done: str) -> HttpResponse:
    receiver, number = request.POST.get("receiver", "")[:64], request.POST.get("number", "")[:20]
    try:
        count = act(receiver, number, by=request.user.get_username(), address=address_of(request))
    except NoLetter:
        messages.info(request, "This dead letter is gone already.")
    else:
        messages.info(request, f"{count} {done}.")
    return HttpResponseRedirect(reverse("feeds"))
