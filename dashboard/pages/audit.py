"""The audit log for administrators: its page, its filters, its files. Knows requests and the table; changes nothing."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from dashboard.history.export import CHUNK, Line, by_and_by, iso, safe
from dashboard.history.search import nanoseconds
from dashboard.models import AuditEvent
from dashboard.orders import audit as log
from dashboard.pages.requests import PageRequest, asked
from dashboard.pages.rights import needs
from dashboard.privacy import CLEAR, Policy, policy_of
from dashboard.rpc.access import address_of

PAGE = 100
RECENT = 1000
"Events whose actions are offered as a choice."

FIELDS = ("username", "address", "action", "dialog_uid", "reason", "request", "outcome", "before", "after", "text")
TITLES = ("id", "at", "user", "address", "action", "call", "reason", "request", "outcome", "before", "after", "text")
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}

reader = needs("dashboard.read_audit")


class AuditForm(forms.Form):
    """What may be asked of the audit log. Empty fields ask nothing; times are in the site's time zone (`[web] time_zone`)."""

    q = forms.CharField(required=False, max_length=200)
    user = forms.CharField(required=False, max_length=150)
    action = forms.CharField(required=False, max_length=64)
    call = forms.CharField(required=False, max_length=16)
    since = forms.DateTimeField(required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
    until = forms.DateTimeField(required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))


def events(form: AuditForm) -> QuerySet[AuditEvent]:
    """Return the events that a form asks for, newest first; none for one that is wrong."""
    found = AuditEvent.objects.order_by("-pk")
    if not form.is_valid():
        return found.none()
    given = form.cleaned_data
    exact = {"username": given["user"], "action": given["action"], "dialog_uid": given["call"]}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if given["q"]:
        words = given["q"]
        found = found.filter(Q(text__icontains=words) | Q(reason__icontains=words) | Q(request__icontains=words) | Q(outcome__icontains=words))
    if given["since"]:
        found = found.filter(at_ns__gte=nanoseconds(given["since"]))
    return found.filter(at_ns__lte=nanoseconds(given["until"])) if given["until"] else found


@require_GET
@reader
def audit(request: PageRequest) -> HttpResponse:
    """List who did what, newest first; a page knows where it begins, not its number."""
    form = AuditForm(request.GET)
    context = {
        "form": form,
        **listed(form, request.GET.get("at", ""), policy_of(request.user)),
        "asked": asked(request),
        "actions": sorted(set(AuditEvent.objects.order_by("-pk").values_list("action", flat=True)[:RECENT])),
        "searched": any(value for name, value in request.GET.items() if name != "at"),
        "zone": timezone.get_current_timezone_name(),
    }
    return render(request, "pages/audit.html", context, status=200 if form.is_valid() else 400)


def listed(form: AuditForm, before: str, policy: Policy) -> dict[str, Any]:
    """Return the events below one (its number; "" for the newest) that a form asks for, and where the older ones begin (0: there are none)."""
    found = events(form)
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found[: PAGE + 1])
    return {"rows": [policy.event(row) for row in rows[:PAGE]], "older": rows[PAGE - 1].pk if len(rows) > PAGE else 0}


@require_GET
@reader
def download(request: PageRequest, kind: str) -> HttpResponseBase:
    """Return what the filters find as CSV or JSON, all of it; that it was taken is an event too."""
    form = AuditForm(request.GET)
    if not form.is_valid():
        return audit(request)
    log.record(request.user.get_username(), "audit exported", address=address_of(request), request=f"{kind} {asked(request)}".rstrip())
    name = timezone.localtime().strftime(f"audit-%Y-%m-%d-%H%M.{kind}")
    pages = {"csv": csv_pages, "json": json_pages}[kind](events(form), policy_of(request.user))
    content = by_and_by(pages) if isinstance(request, ASGIRequest) else pages
    return StreamingHttpResponse(content, content_type=TYPES[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'})


def chunks(found: QuerySet[AuditEvent]) -> Iterator[list[AuditEvent]]:
    """Yield the events, newest first, CHUNK at a time: memory stays flat, and nothing is held open meanwhile."""
    place: int | None = None
    while rows := list(found.filter(pk__lt=place)[:CHUNK] if place else found[:CHUNK]):
        yield rows
        place = rows[-1].pk


def cells(event: AuditEvent) -> list[object]:
    """Return an event's values in the order of TITLES; the time as ISO 8601."""
    return [event.pk, iso(event.at_ns), *(getattr(event, name) for name in FIELDS)]


def csv_pages(found: QuerySet[AuditEvent], policy: Policy = CLEAR) -> Iterator[str]:
    """Return the file piece by piece: a heading, then an event a line (RFC 4180); no cell is a formula."""
    writer = csv.writer(Line())
    yield writer.writerow(TITLES)
    for rows in chunks(found):
        yield "".join(writer.writerow([safe(cell) for cell in cells(policy.event(event))]) for event in rows)


def json_pages(found: QuerySet[AuditEvent], policy: Policy = CLEAR) -> Iterator[str]:
    """Return the file piece by piece: one JSON array with an object for each event; `at_ns` is the time as it is stored."""
    between = "[\n"
    for rows in chunks(found):
        for event in rows:
            yield between + json.dumps({**dict(zip(TITLES, cells(policy.event(event)), strict=True)), "at_ns": event.at_ns})
            between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"
