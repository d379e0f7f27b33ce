"""The profiles page, and the page of one value. Knows requests and the tables; how a value went is `live.trends`' business."""

import time
from typing import Any

from django.conf import settings
from django.db.models import Avg, Count, Min, Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.live.changes import light, subject
from dashboard.live.trends import HOUR, Trend, line, trend, trends
from dashboard.models import DialogQuerySet, DialogRow, ProfileEntry
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest
from dashboard.privacy import Policy, policy_of, unseal
from dialogs.engine.states import State

MOST = 200
"Profile values listed."

CALLS = 50
"Calls of a value listed, live and past ones each."

SPANS = {"1h": ("Last hour", HOUR), "24h": ("Last 24 hours", 24 * HOUR)}


@require_GET
@watcher
def profiles(request: PageRequest) -> HttpResponse:
    """List the values of a profile with the calls that are in them now, and how they went in the last hour."""
    context = listed(request.GET.get("name", ""), policy_of(request.user), time.time_ns())
    return render(request, "pages/_profiles.html" if request.htmx else "pages/profiles.html", context)


def listed(name: str, policy: Policy, now_ns: int) -> dict[str, Any]:
    """Return the values of a profile as somebody sees them, and the names of all; a name that there is not means the usual one."""
    live_entries = ProfileEntry.objects.filter(dialog__state__lt=State.DELETED)
    names = dict(live_entries.values_list("name").annotate(Count("pk")).order_by("name"))
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
    went = trends(name, now_ns)
    rows: list[dict[str, Any]] = [
        {
            **row,
            **spoken(row["mean_ns"], row["answered"], now_ns),
            **limited(name, row["value"]),
            **drawn(went.get(row["value"]) or Trend(), row["calls"]),
            "full": policy.profile(subject(name, row["value"])),
            "value": policy.value(row["value"]),
        }
        for row in found
    ]
    return {"name": name, "names": names, "rows": rows, "now_ns": now_ns, "most": max((row["calls"] for row in rows), default=1)}


@require_GET
@watcher
def profile(request: PageRequest) -> HttpResponse:
    """Show one value: its figures, how many calls it had at once, those that are up, and the last ones."""
    asked = request.GET
    context = one(asked.get("profile", ""), asked.get("span", ""), policy_of(request.user), time.time_ns())
    return render(request, "pages/_profile.html" if request.htmx else "pages/profile.html", context)


def one(profile: str, span: str, policy: Policy, now_ns: int) -> dict[str, Any]:
    """Return a value ("name=value") as somebody sees it: its figures, its trend over a span of SPANS, its calls. Raises Http404."""
    full = unseal(profile).replace("\0", "")
    name, _, value = full.partition("=")
    if not name:
        raise Http404
    span = span if span in SPANS else "1h"
    calls = DialogRow.objects.filter(profile_entries__name=name, profile_entries__value=value)
    live, past = calls.live(), calls.ended()
    count = live.count()
    went = trend(name, value, now_ns, SPANS[span][1])
    bound = limited(name, value)
    return {
        "name": name,
        "value": policy.value(value),
        "full": policy.profile(full),
        "count": count,
        "live": policy.rows(newest(live)),
        "past": policy.rows(newest(past)),
        "spans": {key: words for key, (words, _) in SPANS.items()},
        "span": span,
        "words": SPANS[span][0],
        "now_ns": now_ns,
        **bound,
        **drawn(went, count, bound["limit"]),
    }


def newest(calls: DialogQuerySet) -> list[DialogRow]:
    """Return the newest of these calls, without what no list shows."""
    return list(light(calls).order_by("-init_ns", "uid")[:CALLS])


def drawn(went: Trend, calls: int, limit: int = 0) -> dict[str, Any]:
    """Return what the page says of a trend, this moment included, and its line; with a limit, where that stands."""
    sizes = [*went.peaks, calls]
    most = max(*sizes, limit)
    return {
        "peak": max(sizes),
        "rate": went.rate,
        "answer_rate": went.answered,
        "line": line(sizes, most),
        "most": most,
        "limit_at": f"{30 - 30 * limit / most:.1f}" if limit and most else "",
    }


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
