"""Which calls belong together: the other leg of a B2BUA, another try, a transfer. Pure functions over first messages; knows no storage.

What two calls have in common is said in words, the surest first. Headers that link legs: the other Call-ID named in one of LINKS or in any X- header,
Session-ID (RFC 7989), the icid of P-Charging-Vector (RFC 7315), Replaces (RFC 3891), the same value in an X- header.
"""

import re
from typing import NamedTuple

from dialogs.sip import Message, text

LINKS = frozenset({"x-cid", "x-call-id", "x-callid", "x-original-call-id", "x-fs-call-id", "in-reply-to", "replaces", "referred-by", "target-dialog"})
"Headers whose value names another call."

NEAR_NS = 10_000_000_000
"Calls of the same two parties that begin so near each other are one try, or two legs."

MOST_VALUES = 32
"Values of a message that are compared: a stranger may send a thousand headers."

SHORTEST = 8
"A value shorter than this is no name of a call: it is a flag or a counter."

PREFIX = 12
"Characters that two Call-IDs must share: a B2BUA that derives the second from the first appends to it."

HEADER = re.compile(
    rb"\n(x-[\w-]{1,40}|session-id|p-charging-vector|replaces|in-reply-to|referred-by|target-dialog)[ \t]*:[ \t]*([^\r\n]{1,400})", re.IGNORECASE
)
ICID = re.compile(r"icid-value\s*=\s*\"?([^\";\s]{4,128})")
SESSION = re.compile(r"\A([0-9a-f]{32})")
NO_SESSION = "0" * 32


class Mark(NamedTuple):
    """What of a call is compared."""

    call_id: str
    init_ns: int
    caller: str
    "The user."

    callee: str
    links: tuple[tuple[str, str], ...] = ()
    "(header, value) of its first request, see `links`."


def links(message: Message) -> tuple[tuple[str, str], ...]:
    """Return the (header, value) pairs of a message that may name another call, at most MOST_VALUES of them."""
    found: list[tuple[str, str]] = []
    for match in HEADER.finditer(message.head):
        name, value = match[1].decode("latin-1").lower(), text(match[2]).strip()
        if name == "p-charging-vector":
            icid = ICID.search(value)
            found += [("icid", icid[1])] if icid else []
        elif name == "session-id":
            session = SESSION.search(value.lower())
            found += [("session-id", session[1])] if session and session[1] != NO_SESSION else []
        elif len(value) >= SHORTEST:
            found.append((name, value.partition(";")[0].strip() if name in LINKS else value))
        if len(found) >= MOST_VALUES:
            break
    return tuple(found)


def named(mark: Mark) -> list[str]:
    """Return the texts that may be Call-IDs of other calls."""
    return list(dict.fromkeys(value for _name, value in mark.links if value != mark.call_id))


def relation(one: Mark, other: Mark) -> str:
    """Return what two calls have in common, in words that follow the other one's line; "" when nothing does."""
    for mark, of in ((one, other), (other, one)):
        name = next((name for name, value in mark.links if value == of.call_id), "")
        if name:
            return f"named in {name}"
    shared = [name for name, value in one.links if (name, value) in other.links]
    if shared:
        return f"same {shared[0]}"
    if one.call_id == other.call_id:
        return "same Call-ID"
    if derived(one.call_id, other.call_id):
        return "Call-ID derived from the same"
    away = abs(one.init_ns - other.init_ns) / 1e9
    if away * 1e9 <= NEAR_NS and one.caller and (one.caller, one.callee) == (other.caller, other.callee):
        return f"same parties, {away:.1f} s apart"
    if one.callee and one.caller and (one.caller, one.callee) == (other.callee, other.caller):
        return "calls back"
    return "same caller" if one.caller and one.caller == other.caller else "same callee" if one.callee and one.callee == other.callee else ""


def derived(one: str, other: str) -> bool:
    """Return whether one Call-ID is the other with something appended, or both begin alike before their host: "ab12...-1" and "ab12...-2"."""
    one, other = one.partition("@")[0], other.partition("@")[0]
    short, long = sorted((one, other), key=len)
    return len(short) >= PREFIX and (long.startswith(short) or (len(short) > PREFIX and short[:-1] == long[:-1]))
