"""The ASGI application: HTTP to Django, the one WebSocket to the live view. Knows addresses; serving is the `live` command's business."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django_application = get_asgi_application()  # first: what follows needs the registry of apps

from channels.auth import AuthMiddlewareStack  # noqa: E402 -- app ready
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 -- app ready
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402 -- app ready
from django.urls import path  # noqa: E402 -- app ready

from dashboard.live.consumers import LiveConsumer  # noqa: E402 -- app ready
from dashboard.live.origin import SameOrigin  # noqa: E402 -- app ready

sockets = URLRouter([path("ws/live/", LiveConsumer.as_asgi())])

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(SameOrigin(AuthMiddlewareStack(sockets))),
    }
)
