"""Who may read `/metrics`. Knows requests, and the tokens of `/RPC`; knows no metric."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from dashboard.rpc.access import FOREIGN, NEEDED, NotLetIn, address_of, count, is_direct, is_foreign, token_of


async def may_see_numbers(request: HttpRequest) -> bool:
    """Return whether who is let in may see parties' numbers: who has a token may, by /RPC too. Raises NotLetIn: 401, 403, 429; DisallowedHost.

    A token is good from anywhere and under any name. Who is let in by the address alone may be a web page in a browser there.
    """
    try:
        caller = await token_of(request)
    except NotLetIn:
        count(f"address {address_of(request)}")  # who guesses tokens may not do it fast
        raise
    if caller is not None:
        count(caller.key)
        return True
    count(f"address {address_of(request)}")
    if is_foreign(request):
        raise NotLetIn(403, FOREIGN)
    if not is_direct(request) or not is_allowed(address_of(request)):
        raise NotLetIn(401, NEEDED, WWW_Authenticate='Bearer realm="dialtap"')
    return False


def is_allowed(address: str) -> bool:
    """Return whether an address is in `[metrics] allow`."""
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in ip_network(network) for network in settings.DIALTAP.metrics.allow)
