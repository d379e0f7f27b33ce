"""The short way to `/RPC`, past the middleware of the pages. Knows one address; knows no caller.

Sessions, logins and forms are nothing to `/RPC`, and each of those layers is a trip to a thread and back to a loop that also reads packets: under load
the trips cost more than the answer.
"""

from collections.abc import Awaitable, Callable

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from dashboard.rpc.view import rpc

PATHS = ("/RPC", "/RPC/")


class Straight:
    """The outermost middleware: answers `/RPC` itself and passes on the rest."""

    async_capable = True
    sync_capable = False  # else Django would make it as synchronous as the layers below

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer."""
        answer = rpc if request.path_info in PATHS else self.get_response
        return await answer(request)
