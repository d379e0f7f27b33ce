"""Pages below `/files/ID/`: history and calls of an opened capture file, shown by the same views. Knows addresses; knows no view.

The rest of the address is what the views see; links they make begin with `/files/ID/` (Django's script prefix); calls are read from the file's own
database. Only reading pages of calls are there: everything else leads back to the live system, and nothing can be acted on.
"""

import re
from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import get_script_prefix, set_script_prefix

from dashboard.workspace import store
from dashboard.workspace.routing import inside

BELOW = re.compile(r"/files/([0-9a-f]{16})(/\w.*)", re.ASCII)
READING = re.compile(r"/(history/.*|call/[^/]+/(|message/.*|pcap/|ladder.*|menu/|diff.*))", re.ASCII)
OWN = frozenset({"/close/"})


class Within:
    """Middleware, behind the login: takes `/files/ID` off the address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer from the file's database, or as always."""
        found = BELOW.fullmatch(request.path_info)
        if not found or found[2] in OWN:
            return self.get_response(request)
        ident, rest = found.groups()
        if not READING.fullmatch(rest):
            return HttpResponseRedirect(rest)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        opened = store.find(ident)
        user = getattr(request, "user", AnonymousUser())
        if opened is None or not user.has_perm("dashboard.open_capture") or (opened.owner != user.get_username() and not user.is_superuser):
            return HttpResponseRedirect("/files/")
        return self._below(request, opened, rest)

    def _below(self, request: HttpRequest, opened: store.Opened, rest: str) -> HttpResponseBase:
        before, path = get_script_prefix(), request.path_info
        request.path_info = rest
        request.capture_file = opened  # type: ignore[attr-defined]  # for the pages' heading
        set_script_prefix(f"/files/{opened.ident}/")
        try:
            with inside(opened.ident):
                return self.get_response(request)
        finally:
            set_script_prefix(before)
            request.path_info = path
