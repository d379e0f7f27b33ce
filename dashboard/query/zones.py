"""The zone of a page's times: what is printed in it is understood in it. Knows zones; knows no request."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings


@lru_cache(1)
def names() -> frozenset[str]:
    """Return the zones that this machine knows."""
    return frozenset(available_timezones()) | {"UTC"}


def known(name: str) -> str:
    """Return the name when it is a zone's, else \"\": the site's zone is meant."""
    return name if name in names() else ""


def offered(chosen: str) -> list[str]:
    """Return the zones that a page offers: the site's, UTC, and the one that is chosen."""
    return list(dict.fromkeys([settings.TIME_ZONE, "UTC", chosen or settings.TIME_ZONE]))


def label(name: str, now_ns: int) -> str:
    """Return a zone as it is printed beside times: "Europe/Berlin (UTC+01:00 now)"."""
    if name == "UTC":
        return name
    offset = datetime.fromtimestamp(now_ns // 10**9, UTC).astimezone(ZoneInfo(name)).strftime("%z")
    return f"{name} (UTC{offset[:3]}:{offset[3:]} now)"
