"""Whether an order may exist: one function decides it for every order, whoever asks and however. Knows calls, users and `[control]`; writes nothing.

`decide` is asked when an order is wanted, and again (`still`) before its first byte leaves.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
from django.conf import settings

from dashboard.models import DialogRow, Order, TapStatus
from dashboard.orders.proxies import stuck
from dashboard.orders.ways import ways
from dialogs.config import Control
from dialogs.control.sip.hops import Allow, is_address
from dialogs.control.sip.syntax import Unsendable, uri_text
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State
from dialogs.sip import URI

REASON_MIN, REASON_MAX = 3, 200
EMERGENCY_PROFILE = "emergency"
EMERGENCY_URN = "urn:service:sos"
"RFC 5031; also its sub-services: urn:service:sos.police."

MINUTE_NS = 60 * 10**9
SINGLE, BULK, RULE = "single", "bulk", "rule"
"How an order comes about: one person at one call; one of many; a limit or a time-out."

SIDES = ("caller", "callee", "both")


class User(Protocol):
    """Who asks: an account, or a caller of the RPC."""

    def has_perm(self, perm: str) -> bool:
        """Return whether they have a permission."""
        ...

    def get_username(self) -> str:
        """Return the name for the audit log."""
        ...


class Refusal(msgspec.Struct, frozen=True):
    """Why an order may not exist."""

    words: str


class Asked(msgspec.Struct, frozen=True):
    """An order that somebody wants."""

    user: User
    rows: tuple[DialogRow, ...] = ()
    "The calls that it acts on: one, two of a join, none of a bridge."

    kind: str = "end"
    sides: tuple[str, ...] = ("both",)
    "Of each call, which side is sent something."

    to: tuple[str, ...] = ()
    "URIs that are called or referred to; the first of a bridge is called by us."

    reason: str | None = None
    "None: not given yet, and not judged."

    confirmed: str | None = None
    "What was typed to confirm; None: not asked yet, and not judged."

    how: str = SINGLE
    retry: bool = False
    "It ends the leg that another order left: the call may have ended, the leg has not."

    proxy: str = ""
    "Of a release: the proxy that still has the call, by its name in `[[proxy]]`."


NOT_ALLOWED = Refusal("you may not end calls")
STOPPED = Refusal("all orders are stopped: the stop file is there")
RECORDED = Refusal("recorded call: nothing is sent")
BLIND = Refusal("the tap was blind since it last saw this call: nothing is sent")
ENDED = Refusal("already ended")
PROTECTED = Refusal("protected number: only an administrator may end this call")
PROTECTED_OTHER = Refusal("protected number: another call cannot be joined with it")
PROTECTED_MANY = Refusal("protected number: it is acted on singly only")
NO_CONTROLLER = Refusal("no controller is configured: set [control] controller in dialtap.toml")
NEEDS_SIP = Refusal('only our own SIP user agent does this: set [control] controller to "sip" in dialtap.toml')
NEEDS_PROXY = Refusal('only the proxy can let go of its dialog: set [control] controller to "kamailio" in dialtap.toml')
NEEDS_BOTH = Refusal('a proxy ends both sides: for one of them set [control] controller to "kamailio, then sip" in dialtap.toml')
RINGING_SIDE = Refusal("this call still rings: it can only be cancelled as a whole")
UP = Refusal("this call is up on the wire: end it as a call")
NOT_STUCK = Refusal("the proxy does not have this call any more, as far as is known: look again")
RINGING = Refusal("this call is not answered yet: only an answered one can be connected")
GONE = Refusal("this call is no longer known")
BAD_SIDE = Refusal("the side is caller, callee or both")
BAD_REASON = Refusal(f"give a reason of {REASON_MIN} to {REASON_MAX} characters")
TOO_MANY = Refusal("too many orders in this minute: try again soon")
TOO_MANY_YOURS = Refusal("you gave too many orders in this minute: try again soon")


def decide(asked: Asked) -> Refusal | None:
    """Return why an order may not exist, None when it may. The first rule that says no decides."""
    control: Control = settings.DIALTAP.control
    return next((refusal for rule in RULES for refusal in rule(asked, control)), None)


def still(rows: tuple[DialogRow, ...], kind: str = "end") -> Refusal | None:
    """Return why an order that was let may not be sent any more: the stop file, or a tap that went blind."""
    if stopped():
        return STOPPED
    return BLIND if _is_unseen(rows, kind) else None


def stopped() -> bool:
    """Return whether the stop file is there: nothing is sent then."""
    return stop_file().exists()


def stop_file() -> Path:
    """Return where the stop file is looked for."""
    path: Path = settings.VAR / settings.DIALTAP.control.stop_file
    return path


def is_blind(row: DialogRow) -> bool:
    """Return whether the tap that saw a call has failed since its last message of it: the call may have ended unseen."""
    tap = TapStatus.objects.filter(name=row.tap).only("error", "blind_ns").first()
    return tap is not None and (bool(tap.error) or tap.blind_ns > row.last_ns)


def _is_unseen(rows: tuple[DialogRow, ...], kind: str) -> bool:
    """Return whether a call may have ended unseen. The end of one that a proxy is to let go of was seen, whatever the tap does since."""
    return kind != "release" and any(is_blind(row) for row in rows)


def is_protected(row: DialogRow, control: Control) -> bool:
    """Return whether a call is to a protected number, as the To header or the request line has it, to an emergency URN, or in profile "emergency"."""
    return protects(row.snapshot, control)


def protects(call: CallSnapshot, control: Control) -> bool:
    """Return whether a call is protected, see `is_protected`."""
    called = {digits(URI.parse(call.callee.uri).user), digits(URI.parse(call.request_uri).user)} - {""}
    if called & {digits(number) for number in control.protect}:
        return True
    if any(uri.lower().startswith(EMERGENCY_URN) for uri in (call.callee.uri, call.request_uri)):
        return True
    return any(name == EMERGENCY_PROFILE for name, _ in call.profiles)


def to_type(row: DialogRow) -> str:
    """Return what must be typed before an order about this call, "" when nothing must: the called number of a protected call."""
    return (row.to_user or row.to_uri) if is_protected(row, settings.DIALTAP.control) else ""


def digits(user: str) -> str:
    """Return the digits of a number; "" for a name that merely has some in it."""
    number = user.partition(";")[0].lstrip("+")
    found = "".join(char for char in number if char.isascii() and char.isdigit())
    return found if all(char in "0123456789 ()-./" for char in number) else ""


# The rules, in the order in which they are asked


def _permitted(asked: Asked, _: Control) -> Iterator[Refusal]:
    if not asked.user.has_perm("dashboard.end_call"):
        yield NOT_ALLOWED


def _call(asked: Asked, _: Control) -> Iterator[Refusal]:
    for row in asked.rows:
        if row.recorded:
            yield RECORDED
        if asked.kind == "release":
            yield from _stuck(row, asked.proxy)
        elif row.state >= State.DELETED and not (asked.retry and _is_left(row, asked.sides)):
            yield ENDED


def _is_left(row: DialogRow, sides: tuple[str, ...]) -> bool:
    """Return whether the wire has not proven that these legs are gone."""
    call = row.snapshot
    return not any(leg.released_ns for leg in (call.caller, call.callee) if leg.side in sides)


def _stuck(row: DialogRow, proxy: str) -> Iterator[Refusal]:
    if row.state < State.DELETED:
        yield UP
    elif stuck(row, proxy) is None:
        yield NOT_STUCK


def _protected(asked: Asked, control: Control) -> Iterator[Refusal]:
    for row in asked.rows:
        if not is_protected(row, control):
            continue
        if asked.how != SINGLE:
            yield PROTECTED_MANY
        if row is not asked.rows[0]:
            yield PROTECTED_OTHER  # one number is typed
        if not asked.user.has_perm("dashboard.end_protected_call"):
            yield PROTECTED
        if asked.confirmed is not None and asked.confirmed.strip() != to_type(row):
            yield Refusal(f'protected number: type "{to_type(row)}" to confirm')


def _able(asked: Asked, control: Control) -> Iterator[Refusal]:
    if control.controller == "none":
        yield NO_CONTROLLER
    elif asked.kind in ("transfer", "join") and "sip" not in control.controller:
        yield NEEDS_SIP
    elif asked.kind == "release" and control.controller == "sip":
        yield NEEDS_PROXY
    elif asked.kind == "end" and asked.sides != ("both",) and control.controller == "kamailio":
        yield NEEDS_BOTH
    if stopped():
        yield STOPPED


def _seeing(asked: Asked, _: Control) -> Iterator[Refusal]:
    if _is_unseen(asked.rows, asked.kind):
        yield BLIND


def _shaped(asked: Asked, _: Control) -> Iterator[Refusal]:
    allowed = SIDES if asked.kind in ("end", "release") else SIDES[:2]
    if any(side not in allowed for side in asked.sides):
        yield BAD_SIDE
    if asked.kind in ("transfer", "join") and any(row.state < State.CONFIRMED_NA for row in asked.rows):
        yield RINGING
    if asked.kind == "end" and asked.sides != ("both",) and any(row.state < State.CONFIRMED_NA for row in asked.rows):
        yield RINGING_SIDE
    for uri in asked.to:
        yield from _sip_uri(uri)
    if asked.reason is not None and not (REASON_MIN <= len(asked.reason) <= REASON_MAX and asked.reason.isprintable()):
        yield BAD_REASON


def _sip_uri(uri: str) -> Iterator[Refusal]:
    try:
        found = URI.parse(uri_text("address", uri))
    except Unsendable as error:
        yield Refusal(str(error))
        return
    if found.scheme not in ("sip", "sips") or not found.host:
        yield Refusal(f'an address such as "sip:bob@example.net" is needed, not "{uri[:100]}"')


def _allowed(asked: Asked, control: Control) -> Iterator[Refusal]:
    """Refuse what our user agent cannot write, and addresses outside `[control] allow`; a name is resolved when it is sent to, and judged then."""
    if not _is_own(asked, control):
        return
    allow, found = Allow(control.allow), list(ways(asked.kind, zip(asked.rows, asked.sides, strict=False), asked.to))
    unsendable = [way for way in found if isinstance(way, Unsendable)]
    if unsendable and (asked.kind != "end" or len(unsendable) == len(found)):  # of two legs the one that can be ended is
        yield Refusal(str(unsendable[0]))
    for host in found:
        if isinstance(host, str) and is_address(host) and host not in allow:
            yield Refusal(f"nothing is sent to {host}: it is not in [control] allow")


def _is_own(asked: Asked, control: Control) -> bool:
    """Return whether our own user agent is the one to send: what a proxy is asked first, it sends itself."""
    able = asked.kind in ("bridge", "release") or (asked.kind == "end" and asked.sides == ("both",))
    return control.controller == "sip" or ("sip" in control.controller and not able)


def _paced(asked: Asked, control: Control) -> Iterator[Refusal]:
    lately = Order.objects.filter(requested_ns__gt=time.time_ns() - MINUTE_NS)
    if control.rate and lately.count() >= control.rate:
        yield TOO_MANY
    if control.rate_per_user and lately.filter(username=asked.user.get_username()).count() >= control.rate_per_user:
        yield TOO_MANY_YOURS


type Rule = Callable[[Asked, Control], Iterator[Refusal]]
RULES: tuple[Rule, ...] = (_permitted, _call, _protected, _able, _seeing, _shaped, _allowed, _paced)
