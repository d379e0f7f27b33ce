"""Who calls `/RPC`, and whether they may. Knows requests and tokens; knows no command.

A cookie or a login is never looked at: what a browser sends by itself opens nothing here, so the address needs no protection against forged requests.
"""

import time
from ipaddress import ip_address
from typing import NamedTuple

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest

from dashboard.models import ApiToken
from dashboard.rpc.limit import Limiter
from dashboard.rpc.slots import Slots
from dashboard.rpc.tokens import recognize

FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")
"Headers of a proxy in front: its own address then says nothing of who calls."

NEEDED = "an API token is needed: send Authorization: Bearer TOKEN (./dialtap token add NAME makes one)"
BAD_TOKEN = "this API token is not known, expired or revoked"  # noqa: S105 -- words
FOREIGN = "pages of other origins may not call"

LONG_AT_ONCE = 8
"Long answers that are read at once: each holds what its reader has not read yet."

logger = structlog.get_logger(__name__)
limiter = Limiter()
slots = Slots(LONG_AT_ONCE)
clock = time.monotonic


class Caller(NamedTuple):
    """Who was let in."""

    name: str
    "As the audit log has it."

    control: bool
    "Whether they may change anything."

    key: str
    "What the rate limit counts by."


class NotLetIn(Exception):
    """A call that is not answered: HTTP status, words, and the headers that go with the status."""

    def __init__(self, status: int, words: str, **headers: str) -> None:
        super().__init__(words)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


async def let_in(request: HttpRequest) -> Caller:
    """Return who calls, counted against their rate. Raises NotLetIn: 401, 403 or 429."""
    if is_foreign(request):
        raise NotLetIn(403, FOREIGN)
    try:
        caller = await _caller(request)
    except NotLetIn:
        count(f"address {address_of(request)}")  # who guesses tokens may not do it fast
        raise
    count(caller.key)
    return caller


async def token_of(request: HttpRequest) -> Caller | None:
    """Return whose token comes with a request, None for none. Raises NotLetIn: 401 for one that opens nothing."""
    header = request.headers.get("Authorization", "")
    if not header:
        return None
    scheme, _, text = header.partition(" ")
    row = await sync_to_async(recognize)(text.strip()) if scheme.lower() == "bearer" else None
    if row is None:
        raise NotLetIn(401, BAD_TOKEN, WWW_Authenticate='Bearer realm="dialtap", error="invalid_token"')
    return Caller(f"token {row.name}", row.scope == ApiToken.Scope.CONTROL, f"token {row.pk}")


async def _caller(request: HttpRequest) -> Caller:
    if (caller := await token_of(request)) is not None:
        return caller
    if settings.DIALTAP.rpc.open_loopback and is_loopback(request):
        return Caller("loopback", control=False, key=f"address {address_of(request)}")
    raise NotLetIn(401, NEEDED, WWW_Authenticate='Bearer realm="dialtap"')


def count(key: str) -> None:
    """Count one call of this key. Raises NotLetIn where it is one too many."""
    if wait := limiter.wait(key, settings.DIALTAP.rpc.rate, clock()):
        raise NotLetIn(429, f"too many calls: [rpc] rate is {settings.DIALTAP.rpc.rate} a second", Retry_After=str(int(wait) + 1))


def turned_away() -> dict[str, int]:
    """Return what this process did not answer, or forgot, for "Capture"."""
    return {"late": limiter.late, "busy": slots.refused, "forgotten": limiter.forgotten}


def address_of(request: HttpRequest) -> str:
    """Return the address of the socket's other end; no header is believed."""
    return str(request.META.get("REMOTE_ADDR", ""))


def is_direct(request: HttpRequest) -> bool:
    """Return whether no proxy says that it stands between us and who calls."""
    return not any(name in request.headers for name in FORWARDING)


def is_loopback(request: HttpRequest) -> bool:
    """Return whether the call comes from this machine and not through a proxy on it."""
    try:
        peer = ip_address(address_of(request))
    except ValueError:
        return False
    mapped = getattr(peer, "ipv4_mapped", None) or peer
    return mapped.is_loopback and is_direct(request)


def is_foreign(request: HttpRequest) -> bool:
    """Return whether a browser says that a page of another origin calls.

    A web page on a colleague's screen may reach this machine's loopback too; every browser names the page's origin with a POST. A name that was made to
    point here (DNS rebinding) is refused by ALLOWED_HOSTS, which `get_host` asks. Raises DisallowedHost.
    """
    own = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin", own) != own
