"""The request as the pages see it. Knows what the middleware adds; knows no page."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class PageRequest(HttpRequest):
    """A request after django_htmx's middleware: true `htmx` means that only a fragment is wanted."""

    htmx: HtmxDetails
