"""The zone of a page's times: chosen in the address, else remembered in a cookie, else the site's. Knows requests; what a zone is, is the query's business."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from dashboard.query.zones import known

COOKIE = "dialtap_zone"
YEAR = 365 * 86400

type View = Callable[..., HttpResponseBase]


def zone_of(request: HttpRequest) -> str:
    """Return the IANA name of the zone of this page's times."""
    return known(request.GET.get("zone", "")) or known(request.COOKIES.get(COOKIE, "")) or settings.TIME_ZONE


def zoned(view: View) -> View:
    """Have a view print its times in the zone of its page, and the choice remembered."""

    @wraps(view)
    def in_zone(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        zone = zone_of(request)
        with timezone.override(zone):
            response = view(request, *arguments, **named)
        if known(request.GET.get("zone", "")):
            response.set_cookie(COOKIE, zone, max_age=YEAR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
        return response

    return in_zone
