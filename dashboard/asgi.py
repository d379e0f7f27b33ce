"""ASGI: HTTP to Django, WebSockets to the live view (browsers) and the event stream (programs). Knows addresses; serving is `live`'s business."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django_application = get_asgi_application()  # first: what follows needs the registry of apps

from channels.auth import AuthMiddlewareStack  # noqa: E402 -- app ready
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 -- app ready
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402 -- app ready
from django.urls import path, re_path  # noqa: E402 -- app ready

from dashboard.feeds.stream import EventStream  # noqa: E402 -- app ready
from dashboard.live.consumers import LiveConsumer  # noqa: E402 -- app ready
from dashboard.live.origin import SameOrigin  # noqa: E402 -- app ready

browsers = URLRouter([path("ws/live/", LiveConsumer.as_asgi())])
sockets = URLRouter(
    [
        path("ws/events", EventStream.as_asgi()),  # by token: no cookie is looked at
        re_path("^", AllowedHostsOriginValidator(SameOrigin(AuthMiddlewareStack(browsers)))),
    ]
)

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": sockets,
    }
)
