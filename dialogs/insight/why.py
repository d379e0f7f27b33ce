"""Why a call is as it is: short evidence for its row, each with a tone. Knows snapshots; knows no screen.

Adding a diagnosis is one function and one line in DIAGNOSES. A diagnosis returns None where it has nothing to say.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address

from dialogs.engine.snapshot import CallSnapshot, LegView
from dialogs.engine.states import State
from dialogs.sip import URI

Evidence = tuple[str, str]
'(tone, words); tones are "bad", "warn", "good", "plain".'

CODES = {
    403: "forbidden",
    404: "no such number",
    408: "no answer from the network",
    480: "not reachable",
    486: "busy",
    487: "cancelled",
    488: "codecs refused",
    500: "server error",
    503: "service unavailable",
    600: "busy everywhere",
    603: "declined",
}
"The words for the answers that NOC staff meet most."

SLOW_NS = 5_000_000_000
"A set-up that shows the caller nothing for so long is slow."

SCANNERS = re.compile(
    r"(?i)friendly-scanner|friendly-request|sip-?vicious|sundayddr|sipcli|sip-?scan|sipsak|vaxsipuseragent|pplsip|iwar|sivus|smap|warvox|nmap"
)
"Names of tools that scan."


def no_ack(call: CallSnapshot) -> Evidence | None:
    """The 2xx is repeated because no ACK comes: the callee will give up 32 s after it (RFC 3261, 13.3.1.4)."""
    if call.state != State.CONFIRMED_NA or not call.repeats:
        return None
    return "warn", f"{call.repeated} repeated {call.repeats}\N{MULTIPLICATION SIGN}"


def private_contact(call: CallSnapshot) -> Evidence | None:
    """A party's Contact is private while it sends from a public address: requests towards it will be lost behind the NAT."""
    leg = private_leg(call)
    return ("warn", f"{leg.side}'s Contact is private") if leg else None


def private_leg(call: CallSnapshot) -> LegView | None:
    """Return the leg whose Contact is private while it sends from a public address, None without one."""
    for leg in (call.caller, call.callee):
        if leg.contact and leg.address and _names_private(leg.contact) and not is_private(leg.address.rpartition(":")[0].strip("[]")):
            return leg
    return None


@lru_cache(4096)  # asked at every change of a call
def _names_private(uri: str) -> bool:
    return is_private(URI.parse(uri).host)


@lru_cache(4096)  # as above, of few hosts
def is_private(host: str) -> bool:
    """Return whether a host is an address that the Internet does not reach; False for a name."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def slow(call: CallSnapshot) -> Evidence | None:
    """The caller waited long for any sign (RFC 6076, 4.3: session request delay)."""
    waited = waited_ns(call)
    return ("warn", f"slow: {waited / 1e9:.1f} s until {'it rang' if call.ring_ns else 'the answer'}") if waited >= SLOW_NS else None


def waited_ns(call: CallSnapshot) -> int:
    """Return how long the caller waited until it rang or was answered; 0 while there was nothing, or the beginning was not seen."""
    sign_ns = call.ring_ns or call.start_ns
    return sign_ns - call.init_ns if sign_ns and not any(words.startswith("the INVITE was not seen") for words in call.incomplete) else 0


def scanner(call: CallSnapshot) -> Evidence | None:
    """The caller is a tool that looks for holes."""
    tool = scanner_name(call.user_agent)
    return ("bad", f"scanner: {tool}") if tool else None


def scanner_name(user_agent: str) -> str:
    """Return what a User-Agent calls itself when it is a known scanner, "" otherwise."""
    found = SCANNERS.search(user_agent)
    return found[0][:24] if found else ""


def forks(call: CallSnapshot) -> Evidence | None:
    """More than one phone rings."""
    ringing = sum(1 for fork in call.forks if not fork.ended_ns)
    return ("plain", f"{ringing} forks") if ringing > 1 and call.state == State.EARLY else None


def failed(call: CallSnapshot) -> Evidence | None:
    """The answer that ended the call, in words."""
    if call.state != State.DELETED or not call.end_code:
        return None
    words = CODES.get(call.end_code) or call.end_reason.lower() or str(call.end_code)
    return ("bad" if call.end_code >= 500 and call.end_code < 600 else "plain"), words


def one_leg_left(call: CallSnapshot) -> Evidence | None:
    """The call ended but one party has not been seen to go."""
    if call.state != State.DELETED or call.end_code or not call.start_ns:
        return None
    left = [leg.side for leg in (call.caller, call.callee) if not leg.released_ns]
    if call.ended_by == "timeout":
        return "bad", "nothing seen for too long"
    return ("warn", f"{left[0]} not confirmed gone") if len(left) == 1 else None


def challenged(call: CallSnapshot) -> Evidence | None:
    """The caller was asked for credentials again and again."""
    tries = len(call.attempts)
    return ("warn", f"{tries} attempts refused") if tries > 1 else None


def refresh_missing(call: CallSnapshot) -> Evidence | None:
    """The session timer ran out: the party that had to refresh is gone, or its refresh was lost (RFC 4028, 10)."""
    session = call.session
    if session is None or not session.expired_ns:
        return None
    return "warn", f"session timer expired: no refresh by {session.refresher or 'either side'} for {session.interval} s"


def incomplete(call: CallSnapshot) -> Evidence | None:
    """Part of the call was not seen."""
    return ("plain", call.incomplete[0]) if call.incomplete else None


DIAGNOSES: tuple[Callable[[CallSnapshot], Evidence | None], ...] = (
    *(scanner, no_ack, refresh_missing, private_contact, slow, forks, failed, one_leg_left, challenged, incomplete),
)


def why(call: CallSnapshot) -> tuple[Evidence, ...]:
    """Return the evidence of a call, the weightiest first."""
    return tuple(found for found in (diagnosis(call) for diagnosis in DIAGNOSES) if found is not None)
