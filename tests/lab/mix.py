"""Every sort of answered call that an order may have to end: what its messages have gone through by then, and how its phones speak. Knows kinds of call."""

from collections.abc import Callable
from functools import partial

from . import callers
from .callees import Callee
from .callers import Line
from .kinds import Kind
from .lab import Call, Lab
from .phone import TCP, UDP, UDP6, Way

STEP_MS = 50

type Place = Callable[[Lab], Call]


def _kind(name: str, caller: Callable[[Line], str], callee: str, *, trunk: bool = False, ways: tuple[Way, Way] = (UDP, UDP)) -> Place:
    kind = Kind(name, caller, (callee,), (), trunk=trunk, step_ms=STEP_MS)
    return lambda lab: kind.place(lab, *ways)


def from_the_web(lab: Lab) -> Call:
    """Call a sipp phone from a browser, which waits for a BYE."""
    number = lab.new_number()
    callee = lab.callee(Callee().answers(STEP_MS, STEP_MS))
    lab.proxy.lead(number, callee.target)
    call_id = f"web-{number}@lab.example"
    return Call(call_id, number, lab.web_caller(number, call_id, 0), (callee,))


_plain = partial(_kind, caller=callers.waits_for_bye, callee=Callee().answers(STEP_MS, STEP_MS))
_on_hold = partial(callers.changes_media_and_waits, hold=STEP_MS)

MIX: dict[str, Place] = {
    "udp": _plain("udp"),
    "trunk-authenticated": _kind("trunk", callers.waits_for_bye, Callee().challenges(STEP_MS, STEP_MS), trunk=True),
    "prack": _kind("prack", callers.acknowledges_ringing, Callee().wants_prack(STEP_MS, STEP_MS)),
    "re-INVITEd by the caller": _kind("on-hold", _on_hold, Callee().answers(STEP_MS, STEP_MS)),
    "re-INVITEd by the callee": _kind("held", callers.is_reinvited, Callee().reinvites(STEP_MS, STEP_MS, STEP_MS)),
    "tcp": _plain("tcp", ways=(TCP, TCP)),
    "udp to tcp": _plain("udp-tcp", ways=(UDP, TCP)),
    "tcp to udp": _plain("tcp-udp", ways=(TCP, UDP)),
    "udp over IPv6": _plain("udp6", ways=(UDP6, UDP6)),
    "websocket": from_the_web,
}
"""Each waits for a BYE on both sides. Of the trunk the callee's side has seen higher numbers than the caller has sent; who acknowledges the ringing, or
changes the media, has used numbers that no INVITE had."""
