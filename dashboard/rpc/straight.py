"""The short way to what programs ask for, past the middleware of the pages. Knows the addresses of `settings.STRAIGHT`; knows no caller.

Sessions, logins and forms are nothing to programs, and each of those layers is a trip to a thread and back to a loop that also reads packets: under load
the trips cost more than the answer.
"""

from collections.abc import Awaitable, Callable

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string


class Straight:
    """The outermost middleware: answers programs itself and passes on the rest."""

    async_capable = True
    sync_capable = False  # else Django would make it as synchronous as the layers below

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        self.views = {path: import_string(view) for path, view in settings.STRAIGHT.items()}
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer."""
        return await self.views.get(request.path_info, self.get_response)(request)
