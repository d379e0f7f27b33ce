"""History: the query, its pages, the form that writes a query. Knows requests; what can be asked is `dashboard.query`'s business."""

import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.history.builder import Builder, typed, written
from dashboard.history.keyset import DURATION, Sort
from dashboard.history.search import COUNTED, PAGE, Page, Question, counted, page, question
from dashboard.live.columns import BY_NAME
from dashboard.live.columns import COLUMNS as EVERY
from dashboard.live.layout import Layout
from dashboard.models import DialogRow
from dashboard.orders.audit import searched
from dashboard.pages.live import rows_of, watcher
from dashboard.pages.zones import BROWSER, zone_of, zoned
from dashboard.privacy import Policy, policy_of
from dashboard.query.cost import TooSlow, at_most
from dashboard.query.offers import offers
from dashboard.query.zones import label, offered
from dashboard.rpc.access import address_of

PATIENCE = 3.0
"Seconds after which a question is given up: with these every page answers, whatever is asked."

COLUMNS = tuple(column.name for column in EVERY if column.name in {"when", "state", "age", "caller", "callee", "path", "why", "by"})
"What history shows until somebody chooses others: `?columns=`, as on the live page."

PRESETS = {"": "All", "last 1h": "Last hour", "today": "Today", "yesterday": "Yesterday", "last 7d": "Last 7 days"}


EXPORTS = {"csv": "CSV, for spreadsheets", "json": "JSON, for programs", "ndjson": "NDJSON, a call a line", "pcapng": "pcapng, the messages"}


class Asking(NamedTuple):
    """What a request asks of history."""

    builder: Builder
    question: Question
    when: str
    zone: str
    policy: Policy

    @property
    def good(self) -> bool:
        """Whether it can be asked."""
        return self.builder.is_valid() and not self.question.problem


def asking(request: HttpRequest) -> Asking:
    """Return what a request asks: its search box, its range of time, and what the form or a link says."""
    return asked_by(request.user, request.GET, zone_of(request), address_of(request))


def asked_by(user: User | AnonymousUser, query: Mapping[str, str], zone: str, address: str) -> Asking:
    """Return what somebody asks by `q`, `when` and the form's fields; who may not see numbers asks for whole ones only, and is written down."""
    builder, policy = Builder(query), policy_of(user)
    if policy.masked and not query.get("at"):
        searched(user.get_username(), typed(query), address)
    when = query.get("when", "")
    said = written(builder) if builder.is_valid() else ""
    return Asking(builder, question(query.get("q", ""), when, zone, said, whole=policy.masked), when, zone, policy)


@require_GET
@watcher
@zoned
def history(request: HttpRequest) -> HttpResponse:
    """Search past and present calls; a page has cursors, no number."""
    asked, now_ns = asking(request), time.time_ns()
    layout = Layout.parse(request.GET, COLUMNS, masked=asked.policy.masked).with_(p=1)
    found, slow = answer(asked, now_ns, request.GET.get("at", ""), order_of(layout))
    shown, bare = Shown(address(asked)), Shown(address(asked, when=""))
    context = {
        "asking": asked,
        "workspace": getattr(request, "capture_file", None),
        "form": asked.builder,
        "text": asked.question.asked.text,
        "page": found,
        "layout": layout,
        "chosen": shown,
        "every_column": EVERY,
        "no_picks": True,
        "kept": dict(parse_qsl(shown.query)) | layout.with_(columns=COLUMNS).parts,
        "rows": rows_of(found.rows, layout, now_ns, asked.policy),
        "slow": slow,
        "downloads": shown.query,
        "asked": joined(shown.query, layout.query),
        "bare": joined(bare.query, layout.query),
        "presets": PRESETS,
        "exports": EXPORTS,
        "searched": bool(asked.question.asked.text or asked.when),
        "now_ns": now_ns,
        "zones": offered(asked.zone, request.COOKIES.get(BROWSER, "")),
        "zone_label": label(asked.zone, now_ns),
        **counting(asked, found, now_ns, known=slow or not asked.good),
    }
    return render(request, "pages/history.html", context, status=200 if asked.good else 400)


class Shown(NamedTuple):
    """What is asked, for links on the page: see the tag `here`."""

    query: str


def joined(*queries: str) -> str:
    """Return query strings as one."""
    return "&".join(filter(None, queries))


def order_of(layout: Layout) -> Sort | None:
    """Return the order of the pages; None for newest first. A duration is that of the call, not of how long ago it began as among live calls."""
    if not layout.sort:
        return None
    name = layout.sort.removeprefix("-")
    field, falling = BY_NAME[name].sort, layout.sort.startswith("-")
    return Sort(DURATION, falling) if name == "age" else Sort(field.removeprefix("-"), falling != field.startswith("-"))


def answer(asked: Asking, now_ns: int, cursor: str, sort: Sort | None = None, size: int = PAGE) -> tuple[Page, bool]:
    """Return the page of calls, and whether the question was given up because it took too long."""
    if not asked.good:
        return page(DialogRow.objects.none(), cursor), False
    calls = asked.question.calls(now_ns)
    try:
        with at_most(PATIENCE, calls.db):
            return page(calls, cursor, size, sort=sort, now_ns=now_ns), False
    except TooSlow:
        return Page([], "", ""), True


def counting(asked: Asking, found: Page, now_ns: int, *, known: bool) -> dict[str, object]:
    """Return how many calls there are, for people and for programs: a number where it was counted, "more than" where it was not."""
    if known or not found.rows:
        return {"count": "", "total": ""}
    if not found.next and not found.previous:
        return {"count": spelled(len(found.rows)), "total": len(found.rows)}
    number = counted(asked.question.calls(now_ns))
    if number is None:
        return {"count": f"more than {PAGE} calls", "total": ""}
    return {"count": f"more than {COUNTED:,} calls", "total": ""} if number > COUNTED else {"count": spelled(number), "total": number}


def spelled(number: int) -> str:
    """Return how many calls."""
    return f"{number:,} call{'' if number == 1 else 's'}"


def address(asked: Asking, *, when: str | None = None) -> str:
    """Return the question as a query string, without the place in it; `when`: another range of time."""
    parts = {"q": asked.question.asked.text, "when": asked.when if when is None else when, "zone": asked.zone}
    return urlencode({name: text for name, text in parts.items() if text})


@require_GET
@watcher
def ways_on(request: HttpRequest) -> HttpResponse:
    """Show what could stand next in the search box."""
    about = "alerts" if request.GET.get("of") == "alerts" else "calls"
    return render(request, "pages/_offers.html", {"offers": offers(request.GET.get("q", ""), about)})
