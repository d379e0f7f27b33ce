"""Who may open a page that changes something or shows what people did: refused with 403 and an audit event. Knows requests and permissions."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase

from dashboard.orders import audit
from dashboard.pages.requests import PageRequest
from dashboard.rpc.access import address_of

type View = Callable[..., HttpResponseBase]


def needs(permission: str) -> Callable[[View], View]:
    """Return the decorator of views for which one permission is needed; who lacks it is written down."""

    def wrap(view: View) -> View:
        @wraps(view)
        def checked(request: PageRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                asked = f"{request.method} {request.path}"
                audit.record(request.user.get_username(), "refused", address=address_of(request), dialog_uid=named.get("uid", "")[:16], request=asked)
                raise PermissionDenied
            return view(request, *arguments, **named)

        return checked

    return wrap
