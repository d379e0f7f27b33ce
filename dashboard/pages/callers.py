"""The callers page: what each node counted of its callers. Knows requests and stored reports; knows no engine."""

import time
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.history.rows import user_of
from dashboard.live.health import taps
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest
from dashboard.privacy import Policy, policy_of
from dialogs.engine.callers import URI_MAX, Caller


class Row(NamedTuple):
    """One caller of one node."""

    node: str
    since_ns: int
    counted: Caller
    policy: Policy

    @property
    def shown(self) -> str:
        """The caller as whoever looks may see it."""
        return self.policy.number(self.counted.caller)

    @property
    def asked(self) -> str:
        """What finds the caller's calls: the URI, or of one too long to be kept whole its user."""
        uri = self.counted.caller
        return self.policy.number(uri if len(uri) < URI_MAX else user_of(uri))


@require_GET
@watcher
def callers(request: PageRequest) -> HttpResponse:
    """List the greatest callers of each node: most active calls first, then failed ones."""
    context = listed(policy_of(request.user))
    return render(request, "pages/_callers.html" if request.htmx else "pages/callers.html", context)


def listed(policy: Policy) -> dict[str, Any]:
    """Return the greatest callers as somebody sees them, and since when they are counted."""
    engines = [tap.seen for tap in taps(time.time_ns()) if tap.seen.report.calls is not None]
    rows = [Row(seen.status.node, seen.report.since_ns, Caller(*counted), policy) for seen in engines for counted in seen.report.callers]
    rows.sort(key=lambda row: (-row.counted.active, -row.counted.failed, -row.counted.processed))
    return {
        "rows": rows,
        "nodes": len(engines),
        "since_ns": min((seen.report.since_ns for seen in engines), default=0),
        "known": sum(seen.report.callers_known for seen in engines),
        "forgotten": sum(seen.report.callers_forgotten for seen in engines),
    }
