"""The request as the pages see it. Knows what the middleware adds; knows no page."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class PageRequest(HttpRequest):
    """A request after django_htmx's middleware: true `htmx` means that only a fragment is wanted."""

    htmx: HtmxDetails


def asked(request: HttpRequest) -> str:
    """Return a page's question as a query string, without the place in it."""
    query = request.GET.copy()
    query.pop("at", None)
    for name in [name for name, value in query.items() if not value]:
        del query[name]
    return query.urlencode()
