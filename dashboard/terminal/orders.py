"""The commands that change something: end, terminate, bridge, refer, set-var. Knows how to ask a person first; what may be done is the ingest's to say."""

import sys
from argparse import Namespace

from dashboard.terminal.calls import Call
from dashboard.terminal.door import Door, Parameter
from dashboard.terminal.errors import Refused, Usage
from dashboard.terminal.find import the_one
from dashboard.terminal.output import note, say, show_json
from dashboard.terminal.words import STATE_WORDS, length, safe


def end(door: Door, asked: Namespace) -> None:
    """`end CALL`: dlg.end_dlg with its number."""
    call = the_one(door, asked.call)
    headers = ("".join(f"{header}\r\n" for header in asked.header),) if asked.header else ()
    order(door, asked, f"End {described(call)}?", "dlg.end_dlg", call.h_entry, call.h_id, *headers)


def terminate(door: Door, asked: Namespace) -> None:
    """`terminate CALL`: dlg.terminate_dlg with its Call-ID and tags."""
    call = the_one(door, asked.call)
    order(door, asked, f"Terminate {described(call)}?", "dlg.terminate_dlg", call.call_id, call.caller_tag, call.callee_tag)


def bridge(door: Door, asked: Namespace) -> None:
    """`bridge FROM TO`: dlg.bridge_dlg, a call between two addresses."""
    more = (asked.op or ".", *([asked.body] if asked.body else [])) if asked.op or asked.body else ()
    order(door, asked, f"Call {asked.caller} and connect it to {asked.callee}?", "dlg.bridge_dlg", asked.caller, asked.callee, *more)


def refer(door: Door, asked: Namespace) -> None:
    """`refer CALL SIDE TO`: sends one side of a call to another address."""
    call = the_one(door, asked.call)
    order(door, asked, f"Send the {asked.side} of {described(call)} to {asked.to}?", "dlg.refer", call.h_entry, call.h_id, asked.side, asked.to)


def set_var(door: Door, asked: Namespace) -> None:
    """`set-var CALL NAME VALUE`: writes a variable of a call; nobody is asked, for no call feels it."""
    call = the_one(door, asked.call)
    _answered(door, asked, "dlg.set_var", call.call_id, call.caller_tag, call.callee_tag, asked.name, asked.value)


def order(door: Door, asked: Namespace, question: str, method: str, *params: Parameter) -> None:
    """Send a command that callers feel, once a person or --yes agreed. Raises Refused for a no."""
    if not asked.yes:
        agreed(question)
    _answered(door, asked, method, *params)


def agreed(question: str) -> None:
    """Ask on the terminal; raises Refused for anything but y or yes, Usage where nobody can answer."""
    if not sys.stdin.isatty():
        raise Usage("nobody can be asked here: add --yes")
    sys.stderr.write(f"{safe(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("nothing was done")


def described(call: Call) -> str:
    """Return a call in words: what a person needs to know that it is the right one."""
    talk = f", {length(call.duration)}" if call.start_ts else ""
    return f"call {call.number} from {call.from_uri} to {call.to_uri} ({STATE_WORDS.get(call.state, call.state)}{talk})"


def _answered(door: Door, asked: Namespace, method: str, *params: Parameter) -> None:
    reply = door.ask(method, *params)
    if asked.json:
        show_json(reply)
    elif reply.result in ({}, [], None, ""):
        note(f"{method}: taken")
    else:
        say(reply.result)
