"""System checks: mixtures of settings that work but should not be run. Knows settings; changes nothing.

What is plainly wrong in `dialtap.toml` is refused by `dialogs.configfile` before Django starts.
"""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register

from dialogs.configvalues import is_loopback


@register(Tags.security)
def plain_http_beyond_loopback(**_: Any) -> Iterable[CheckMessage]:
    """Warn of passwords that would cross a network in the clear."""
    bind = settings.DIALTAP.web.bind
    if not is_loopback(bind) and not settings.HTTPS:
        yield checks.Warning(
            f"The pages are served on {bind} without https: passwords cross the network in the clear.",
            hint="Put a proxy with https in front and set DIALTAP_HTTPS=1, or bind to 127.0.0.1.",
            id="dialtap.W001",
        )


@register(Tags.security)
def debug_beyond_loopback(**_: Any) -> Iterable[CheckMessage]:
    """Warn of error pages that show settings to strangers."""
    if settings.DEBUG and not is_loopback(settings.DIALTAP.web.bind):
        yield checks.Warning("DIALTAP_DEBUG=1 shows the program's insides to everyone who reaches it.", hint="Unset DIALTAP_DEBUG.", id="dialtap.W002")
