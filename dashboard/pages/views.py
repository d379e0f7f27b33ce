"""Saved views: a view of the live calls under a name. Knows requests; what a view shows is `live`'s business."""

from urllib.parse import parse_qsl

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.live.filter import CallFilter
from dashboard.live.layout import Layout
from dashboard.models import SavedView
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest

MOST = 100
"Views of one person."

LONGEST = 64


@require_POST
@watcher
def keep(request: PageRequest) -> HttpResponse:
    """Keep what is shown under a name; the view of that name, if it is one's own, is replaced."""
    parts = dict(parse_qsl(request.POST.get("query", "").removeprefix("?")[:4000]))
    query = "&".join(filter(None, (CallFilter.parse(parts).query, Layout.parse(parts).with_(p=1).query)))
    name = " ".join(request.POST.get("name", "").replace("\0", "").split())[:LONGEST]
    own = SavedView.objects.filter(owner_id=request.user.pk)
    if not name:
        messages.error(request, "The view was not kept: give it a name.")
    elif own.exclude(name=name).count() >= MOST:
        messages.error(request, f"The view was not kept: you have {MOST} already. Delete one first.")
    else:
        own.update_or_create(name=name, owner_id=request.user.pk, defaults={"query": query, "shared": "shared" in request.POST})
    return to(query)


@require_POST
@watcher
def drop(request: PageRequest, number: int) -> HttpResponse:
    """Forget a view of one's own."""
    get_object_or_404(SavedView, pk=number, owner_id=request.user.pk).delete()
    return to(request.POST.get("query", "").removeprefix("?"))


def to(query: str) -> HttpResponse:
    """Go back to what was shown."""
    parts = dict(parse_qsl(query[:4000]))
    query = "&".join(filter(None, (CallFilter.parse(parts).query, Layout.parse(parts).query)))
    return HttpResponseRedirect(f"{reverse('live')}?{query}" if query else reverse("live"))
