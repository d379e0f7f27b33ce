"""Orders about one call or two parties: each asks first, says why it may not be, is given, and shows its progress.

Knows requests and what the questions look like; whether an order may exist is `dashboard.orders`' business, asked for the question and for the answer.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from dashboard.live.filter import CallFilter
from dashboard.live.proxies import evidence
from dashboard.live.shown import since_ns
from dashboard.models import DialogRow, Order
from dashboard.orders import request as orders
from dashboard.orders.audit import searched
from dashboard.orders.proxies import stuck
from dashboard.orders.request import REASON_MAX, OrderRefused, Refusal, to_type
from dashboard.orders.ringing import allowed_words
from dashboard.pages.orders import ender, order_answer
from dashboard.pages.requests import PageRequest
from dashboard.privacy import policy_of
from dashboard.rpc.access import address_of
from dialogs.engine.states import State

MISTAKEN, REFUSED = 400, 409
LONGEST = 300
"Characters of an address."

OFFERED = 10
"Calls that are offered to be joined with; a search finds the others."


class Choice(NamedTuple):
    """One of several answers."""

    value: str
    label: str
    refused: str
    "Why it cannot be chosen."


class Offered(NamedTuple):
    """A call that may be joined with."""

    row: DialogRow
    refused: str


def choices(request: PageRequest, call: DialogRow, values: tuple[str, ...], why_not: Callable[[str], Refusal | None]) -> list[Choice]:
    """Return sides of a call, each with its party's name as this person sees it, and why it cannot be acted on."""
    row = policy_of(request.user).row(call)
    names = {"both": "both sides", "caller": f"caller {row.from_user or row.from_uri}", "callee": f"callee {row.to_user or row.to_uri}"}
    return [Choice(value, names[value], refusal.words if (refusal := why_not(value)) else "") for value in values]


def refused_all(found: list[Choice]) -> str:
    """Return why nothing can be chosen, "" when something can."""
    return found[0].refused if all(one.refused for one in found) else ""


def question(request: PageRequest, kind: str, title: str, *, refused: str = "", mistake: str = "", **more: Any) -> HttpResponse:
    """Return a question, as a dialog's content for htmx and as a page without it: 409 when the order was refused, 400 when the answer was wrong."""
    said = request.GET if request.method == "GET" else request.POST
    given = {name: said.get(name, "")[:LONGEST] for name in ("reason", "side", "other_side", "to", "first", "second", "other", "q", "proxy")}
    context = {"part": f"pages/_{kind}.html", "title": title, "refused": refused, "mistake": mistake, "given": given, "longest": REASON_MAX, **more}
    status = 200 if request.method == "GET" else REFUSED if refused else MISTAKEN
    return render(request, context["part"] if request.htmx else "pages/question.html", context, status=status)


def ordered(request: PageRequest, give: Callable[[dict[str, str], str], Order], ask_again: Callable[[str], HttpResponse]) -> HttpResponse:
    """Give an order and show its progress; when it is refused ask again, with the reason. `give` gets the answers and where the user is."""
    try:
        return order_answer(request, give({name: str(value) for name, value in request.POST.items()}, address_of(request)))
    except OrderRefused as refused:
        return ask_again(str(refused))


def called(request: PageRequest, row: DialogRow) -> dict[str, Any]:
    """Return what every question about a call shows of it."""
    return {"row": policy_of(request.user).row(row), "since_ns": since_ns(row), "now_ns": time.time_ns(), "to_type": to_type(row)}


# End


@require_GET
@ender
def end_form(request: PageRequest, uid: str) -> HttpResponse:
    """Ask before a call is ended: which one, since when, which side, and why."""
    return end_question(request, get_object_or_404(DialogRow, pk=uid))


@require_POST
@ender
def end(request: PageRequest, uid: str) -> HttpResponse:
    """Order the end of a call and show what becomes of it."""
    row = get_object_or_404(DialogRow, pk=uid)

    def give(said: dict[str, str], address: str) -> Order:
        return orders.request_end(row, request.user, said.get("reason", ""), address, side=said.get("side", "both"), confirmed=said.get("confirmed", ""))

    return ordered(request, give, lambda mistake: end_question(request, row, mistake))


def end_question(request: PageRequest, row: DialogRow, mistake: str = "") -> HttpResponse:
    """Return the question whether to end a call."""
    sides = choices(request, row, ("both", "caller", "callee"), lambda side: orders.may_end(row, request.user, side=side))
    ringing = allowed_words(row, settings.DIALTAP.control) if row.state < State.CONFIRMED_NA and not row.recorded else ""
    return question(request, "end", "End this call", refused=refused_all(sides), mistake=mistake, sides=sides, ringing=ringing, **called(request, row))


# Transfer


@require_GET
@ender
def transfer_form(request: PageRequest, uid: str) -> HttpResponse:
    """Ask which side of a call is to be sent where."""
    return transfer_question(request, get_object_or_404(DialogRow, pk=uid))


@require_POST
@ender
def transfer(request: PageRequest, uid: str) -> HttpResponse:
    """Order the transfer of a side and show what becomes of it."""
    row = get_object_or_404(DialogRow, pk=uid)

    def give(said: dict[str, str], address: str) -> Order:
        side, to, reason = said.get("side", ""), said.get("to", ""), said.get("reason", "")
        return orders.request_transfer(row, request.user, side, to, reason, address, confirmed=said.get("confirmed", ""))

    return ordered(request, give, lambda mistake: transfer_question(request, row, mistake))


def transfer_question(request: PageRequest, row: DialogRow, mistake: str = "") -> HttpResponse:
    """Return the question which side is to be sent where."""
    sides = choices(request, row, ("callee", "caller"), lambda side: orders.may_transfer(row, request.user, side))
    return question(request, "transfer", "Transfer a side", refused=refused_all(sides), mistake=mistake, sides=sides, **called(request, row))


# Join


@require_GET
@ender
def join_form(request: PageRequest, uid: str) -> HttpResponse:
    """Ask which other call is to be joined with this one, and who talks to whom then."""
    return join_question(request, get_object_or_404(DialogRow, pk=uid))


@require_POST
@ender
def join(request: PageRequest, uid: str) -> HttpResponse:
    """Order that two calls are joined and show what becomes of it."""
    row = get_object_or_404(DialogRow, pk=uid)
    other = DialogRow.objects.filter(pk=request.POST.get("other", "")[:16]).first()
    if other is None:
        return join_question(request, row, "pick the other call")

    def give(said: dict[str, str], address: str) -> Order:
        sides, reason = (said.get("side", ""), said.get("other_side", "")), said.get("reason", "")
        return orders.request_join(row, other, request.user, *sides, reason, address, confirmed=said.get("confirmed", ""))

    return ordered(request, give, lambda mistake: join_question(request, row, mistake))


def join_question(request: PageRequest, row: DialogRow, mistake: str = "") -> HttpResponse:
    """Return the question which calls are to be joined: the newest that match the search are offered."""
    sides = choices(request, row, ("callee", "caller"), lambda side: orders.may_join(row, None, request.user, (side, side)))
    refused = refused_all(sides)
    side = next((one.value for one in sides if not one.refused), "callee")
    found = [] if refused else others(request, row, side)
    shown = {"sides": sides, "offered": found[:OFFERED], "more": len(found) > OFFERED, "whole": policy_of(request.user).masked}
    return question(request, "join", "Join with another call", refused=refused, mistake=mistake, **shown, **called(request, row))


def others(request: PageRequest, row: DialogRow, side: str) -> list[Offered]:
    """Return answered calls that match the search, the newest first and one more than are offered; a search for a masked number is written down."""
    policy, said = policy_of(request.user), request.GET if request.method == "GET" else request.POST
    chosen = CallFilter.parse({"q": said.get("q", "")}, whole=policy.masked)
    if policy.masked:
        searched(request.user.get_username(), chosen.typed, address_of(request))
    found = chosen.apply(DialogRow.objects.live()).filter(state__gte=State.CONFIRMED_NA, recorded=False).exclude(pk=row.pk)
    refusals = [(other, orders.may_join(row, other, request.user, (side, "caller"))) for other in found.order_by("-init_ns", "uid")[: OFFERED + 1]]
    return [Offered(policy.row(other), refusal.words if refusal else "") for other, refusal in refusals]


# Connect


@require_GET
@ender
def connect_form(request: PageRequest) -> HttpResponse:
    """Ask which two parties are to be connected."""
    return connect_question(request)


@require_POST
@ender
def connect(request: PageRequest) -> HttpResponse:
    """Order that two parties are connected and show what becomes of it."""

    def give(said: dict[str, str], address: str) -> Order:
        return orders.request_bridge(request.user, said.get("first", ""), said.get("second", ""), said.get("reason", ""), address)

    return ordered(request, give, lambda mistake: connect_question(request, mistake))


def connect_question(request: PageRequest, mistake: str = "") -> HttpResponse:
    """Return the question which two parties are to be connected."""
    refusal = orders.may_bridge(request.user)
    by_proxy = "kamailio" in settings.DIALTAP.control.controller
    return question(request, "connect", "Connect two parties", refused=refusal.words if refusal else "", mistake=mistake, by_proxy=by_proxy)


# Release


@require_GET
@ender
def release_form(request: PageRequest, uid: str) -> HttpResponse:
    """Ask before a proxy is told to let go of a call that has ended on the wire."""
    return release_question(request, get_object_or_404(DialogRow, pk=uid))


@require_POST
@ender
def release(request: PageRequest, uid: str) -> HttpResponse:
    """Order that a proxy lets go of a call and show what becomes of it."""
    row = get_object_or_404(DialogRow, pk=uid)

    def give(said: dict[str, str], address: str) -> Order:
        return orders.request_release(row, request.user, said.get("proxy", ""), said.get("reason", ""), address, confirmed=said.get("confirmed", ""))

    return ordered(request, give, lambda mistake: release_question(request, row, mistake))


def release_question(request: PageRequest, row: DialogRow, mistake: str = "") -> HttpResponse:
    """Return the question whether a proxy is to let go of a call."""
    proxy = (request.GET if request.method == "GET" else request.POST).get("proxy", "")
    refusal, found = orders.may_release(row, proxy, request.user), stuck(row, proxy)
    table, finding = found or (None, None)
    shown = {"table": table, "finding": finding, "evidence": evidence(policy_of(request.user).row(row))}
    return question(request, "release", "Release this dialog", refused=refusal.words if refusal else "", mistake=mistake, **shown, **called(request, row))
