"""The style page, for staff: every component of the pages, in both themes. Knows templates; knows no call."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.live.shown import ENDED, EXPIRED, IN_CALL, NO_ACK, RINGING, SETTING_UP, Shown
from dashboard.pages.requests import PageRequest

STATES = (SETTING_UP, RINGING, NO_ACK, IN_CALL, ENDED, Shown("Failed 486", "sf", ""), EXPIRED)
COLOURS = ("bg", "panel", "raised", "line", "edge", "ink", "dim", "faint", "accent", "setup", "ring", "noack", "talk", "fail", "expired", "hover")


@require_GET
def styles(request: PageRequest) -> HttpResponse:
    """Show every component in both themes."""
    if not request.user.is_staff:
        raise PermissionDenied
    context = {"themes": ("light", "dark"), "states": STATES, "colours": COLOURS, "tones": ("s1", "s2", "s3", "s4", "s5", "sf", "sx")}
    return render(request, "pages/styles.html", context)
