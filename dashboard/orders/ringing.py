"""What the wire allows for a call that still rings: a CANCEL in its caller's name. Knows stored messages; sends nothing, decides nothing."""

from typing import Any

from django.conf import settings

from dashboard.history import segments
from dashboard.models import DialogRow
from dialogs.config import Control
from dialogs.control.sip import Hop, Prepared, Unsendable
from dialogs.control.sip.requests import cancel
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.sockets import split_address
from dialogs.sip import Request, parse


def cancel_for(row: DialogRow | None, call: CallSnapshot) -> Prepared:
    """Return the CANCEL of a ringing call, for the hop that its INVITE went to; Unsendable when that INVITE is not stored."""
    return cancel_of(call, invites(row, call))


def invites(row: DialogRow | None, call: CallSnapshot) -> list[Any]:
    """Return the stored messages that the caller sent."""
    found = segments.read(settings.VAR / "messages", bytes(row.frames)).messages if row else ()
    return [message for message in found if message.source == call.caller.address and not message.repeat]


def cancel_of(call: CallSnapshot, messages: list[Any]) -> Prepared:
    """Return the CANCEL of the newest INVITE that the caller sent; Unsendable without one."""
    for message in reversed(messages):
        asked = parse(message.data)
        if isinstance(asked, Request) and asked.method == "INVITE" and not asked.to_tag:
            host, port = split_address(message.destination)
            return Prepared(cancel(message.data), "CANCEL", asked.branch, asked.cseq, Hop(message.transport, host, port or 5060))
    raise Unsendable(f"this call still rings, and the INVITE of {call.caller.address or 'its caller'} is not stored: it cannot be cancelled from here")


def allowed_words(row: DialogRow, control: Control) -> str:
    """Return what may become of the end of a ringing call, in a sentence or two for who is about to order it."""
    proxy = "The proxy is asked by tm.cancel: it cancels what rings, and the caller gets the answer to that, 487."
    try:
        own = f"A CANCEL goes to {cancel_for(row, row.snapshot).hop}, where its INVITE went: a proxy that looks at where it comes from ignores it."
    except Unsendable as error:
        own = f"By our own SIP: {error}."
    return {"kamailio": proxy, "sip": own, "kamailio, then sip": f"{proxy} If it does not take that: {own}"}.get(control.controller, "")
