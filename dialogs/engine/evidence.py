"""What proves a call whose INVITE was not seen. Knows packets and messages; knows no call.

A SUBSCRIBE dialog is no call, and stale endings (BYE, ACK, CANCEL, refusals) prove none that is worth to be shown.
"""

from collections.abc import Iterable
from typing import NamedTuple

from dialogs.packet import Packet
from dialogs.sip import Message, parse

CERTAIN, LIKELY = 0, 1
"How well a message tells the state: an UPDATE or INFO may come while it rings, and an answer of the same second says so."

ENDINGS = ("ACK", "BYE")
"Requests that may have overtaken the evidence of the call they belong to."


class Evidence(NamedTuple):
    """What a call is joined by."""

    packet: Packet
    message: Message
    packets: list[Packet]
    "What is to be taken, in order, this one among it."


def weight(message: Message) -> int | None:
    """Return how certain it is that this message belongs to a call, and in which state; None for what proves none."""
    if not message.from_tag or not message.to_tag:
        return None
    method, status = message.method, message.status
    if status:
        return CERTAIN if method == "INVITE" and 100 < status < 300 else None
    if method == "PRACK":
        return None if acknowledged(message) is None else CERTAIN
    return {"INVITE": CERTAIN, "UPDATE": LIKELY, "INFO": LIKELY}.get(method)


def acknowledged(message: Message) -> int | None:
    """Return the CSeq of the INVITE whose ringing this PRACK acknowledges (RFC 3262, 7.2); None where that is not said."""
    parts = (message.header("rack") or "").split()
    known = len(parts) == 3 and parts[1].isascii() and parts[1].isdigit() and len(parts[1]) <= 10
    return int(parts[1]) if known else None


def evidence(packets: Iterable[Packet]) -> Evidence | None:
    """Return the first of these packets that tells most of a call; None when no call is proven."""
    seen = [(packet, message) for packet in packets if (message := parse(packet.data)) is not None]
    weights = [weight(message) for _, message in seen]
    known = [found for found in weights if found is not None]
    if not known:
        return None
    at = weights.index(min(known))
    packet, message = seen[at]
    tags = {message.from_tag, message.to_tag}
    # What came before and is neither proof nor an ending of this dialog told of a fork that is over: fed first it would end the call.
    overtook = [not other.status and other.method in ENDINGS and {other.from_tag, other.to_tag} == tags for _, other in seen]
    return Evidence(packet, message, [seen[i][0] for i in range(len(seen)) if i >= at or weights[i] is not None or overtook[i]])
