"""The orders: one with its progress, a leg that is tried again, all of them. Knows requests; whether an order may exist is `dashboard.orders`' business."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from dashboard.models import Bulk, Order
from dashboard.orders.request import OrderRefused, retry_leg, to_retry
from dashboard.pages.live import watcher
from dashboard.pages.requests import PageRequest
from dashboard.pages.rights import needs
from dashboard.privacy import Policy, policy_of
from dashboard.rpc.access import address_of

STATES: dict[str, Q] = {
    "open": Q(phase__in=Order.OPEN),
    "both legs": Q(outcome=Order.Outcome.BOTH_LEGS),
    "one leg": Q(outcome__in=(Order.Outcome.CALLER_ONLY, Order.Outcome.CALLEE_ONLY)),
    "not confirmed": Q(outcome=Order.Outcome.NOT_CONFIRMED),
    "already ended": Q(outcome=Order.Outcome.ALREADY_ENDED),
    "connected": Q(outcome=Order.Outcome.CONNECTED),
    "refused": Q(outcome__in=(Order.Outcome.REFUSED, Order.Outcome.DECLINED)),
}
"What the page can be narrowed to."

PAGE = 50
REFUSED = 409
ender = needs("dashboard.end_call")


@require_POST
@ender
def retry(request: PageRequest, number: int) -> HttpResponse:
    """Order the end of the leg that an order left; of a protected call only from its own page, where its number is typed."""
    left = get_object_or_404(Order.objects.select_related("dialog"), pk=number)
    try:
        return order_answer(request, retry_leg(left, request.user, address_of(request)))
    except OrderRefused as refused:
        return order_answer(request, left, refused=str(refused), status=REFUSED)


def order_answer(request: PageRequest, order: Order, *, refused: str = "", status: int = 200) -> HttpResponse:
    """Return an order's progress; its steps are pushed until it is closed. `refused`: why its leg may not be tried again."""
    left = "" if refused else to_retry(order)
    seen = policy_of(request.user).order(order)
    context = {"order": seen, "open": order.phase in Order.OPEN, "orders": [seen], "left": left, "refused": refused}
    return render(request, "pages/_progress.html" if request.htmx else "pages/progress.html", context, status=status)


@require_GET
@watcher
def order(request: PageRequest, number: int) -> HttpResponse:
    """Show one order."""
    return order_answer(request, get_object_or_404(Order, pk=number))


@require_GET
@watcher
def orders(request: PageRequest) -> HttpResponse:
    """List who did what to which call, and what came of it."""
    chosen = {name: request.GET.get(name, "")[:150] for name in ("state", "user", "bulk")}
    context = listed(chosen, request.GET.get("page", ""), policy_of(request.user)) | {"chosen": chosen, "states": STATES, "filtered": any(chosen.values())}
    return render(request, "pages/_orders.html" if request.htmx else "pages/orders.html", context)


def listed(chosen: dict[str, str], number: str, policy: Policy) -> dict[str, Any]:
    """Return a page of orders and the bulks that run, as somebody sees them; `chosen`: state, user, bulk."""
    found = Order.objects.select_related("dialog").defer("dialog__detail", "dialog__frames", "dialog__engine").order_by("-requested_ns", "-pk")
    page = Paginator(found.filter(wanted(chosen)), PAGE).get_page(number)
    page.object_list = [policy.order(order) for order in page]
    return {"page": page, "bulks": [policy.bulk(bulk) for bulk in Bulk.objects.filter(state=Bulk.State.RUNNING)]}


def wanted(chosen: dict[str, str]) -> Q:
    """Return the condition that the page's filter sets; what makes no sense asks nothing."""
    found = STATES.get(chosen["state"], Q())
    if chosen["user"]:
        found &= Q(username=chosen["user"])
    if chosen["bulk"].isdecimal() and len(chosen["bulk"]) < 19:
        found &= Q(bulk_items__bulk=int(chosen["bulk"]))
    return found
