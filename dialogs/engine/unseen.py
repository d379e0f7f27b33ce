"""What of a call was not seen, in words: the one vocabulary of `incomplete`. Knows calls and messages; changes no state.

Some of it is noted when it happens (`Call.note`); the rest is computed when somebody looks, from two small sets of bits that the call keeps.
"""

import re

from dialogs.engine.call import ANSWER, REQUEST, Call
from dialogs.packet import Packet
from dialogs.sip import Message

LATE = "the INVITE was not seen: joined late"
GUESSED = "the INVITE was not seen: joined late, who called is a guess"
NO_ANSWER = "200 OK not seen"
NO_FINAL = "final answer not seen"
NO_BYE = "BYE not seen"
CALLER_ONLY = "only the caller's messages were seen"
CALLEE_ONLY = "only the callee's messages were seen"
REQUESTS_ONLY = "only requests were seen"
ANSWERS_ONLY = "only answers were seen"
ENCRYPTED = {"caller": "the caller's leg is encrypted: not seen", "callee": "the callee's leg is encrypted: not seen"}

ONE_WAY = {
    REQUEST: CALLER_ONLY,
    ANSWER << 1: CALLER_ONLY,
    REQUEST | ANSWER << 1: CALLER_ONLY,
    REQUEST << 1: CALLEE_ONLY,
    ANSWER: CALLEE_ONLY,
    REQUEST << 1 | ANSWER: CALLEE_ONLY,
    REQUEST | REQUEST << 1: REQUESTS_ONLY,
    ANSWER | ANSWER << 1: ANSWERS_ONLY,
}
"Bits of `Call.heard` -> what is missing; an answer comes from the other side than its request."

FIRST_SIDE = REQUEST | ANSWER
CALLER_HIDDEN, CALLEE_HIDDEN, READABLE = 1, 2, 4
"Bits of `Call.encrypted`: a leg that the tap cannot see, and that it does see TLS of this call (decrypted, by HEP or with the keys)."

SECURE = frozenset({"tls", "wss"})
VIA = re.compile(rb"SIP\s*/\s*2\.0\s*/\s*(\w+)", re.IGNORECASE)
SECURE_URI = re.compile(r"(?:^|<)\s*sips:|;\s*transport\s*=\s*(?:tls|wss)(?![\w-])", re.IGNORECASE)


def incomplete(call: Call) -> tuple[str, ...]:
    """Return what was not seen of a call, what was noticed first at the front; () when all is there."""
    answered = call.start_ns or call.early_acks or call.bye is not None
    one_way = ONE_WAY.get(call.heard, "") if answered else ""
    hidden = [words for bit, words in zip((CALLER_HIDDEN, CALLEE_HIDDEN), ENCRYPTED.values(), strict=True) if call.encrypted & bit]
    return (*call.notes, *([one_way] if one_way else []), *hidden)


def other_side(heard: int) -> int:
    """Return the bits of `Call.heard` with caller and callee exchanged."""
    return (heard & FIRST_SIDE) << 1 | heard >> 1 & FIRST_SIDE


def unseen_at_begin(call: Call, message: Message, packet: Packet) -> None:
    """Note what the first message of a call says of the way it came: a TLS hop behind this one is the caller's, and is not on the tap."""
    if packet.transport not in SECURE and not names_tls(message):
        return
    here, *before = transports(message)
    if here in SECURE or packet.transport in SECURE:
        call.encrypted = READABLE
    elif not SECURE.isdisjoint(before) or (not message.status and any(map(SECURE_URI.search, (*message.contacts, *message.record_route)))):
        call.encrypted = CALLER_HIDDEN


def unseen_at_copy(call: Call, message: Message, packet: Packet) -> None:
    """Take back that the caller's leg is hidden when the INVITE is seen on a TLS hop as well."""
    if packet.transport in SECURE or transports(message)[0] in SECURE:
        call.encrypted = READABLE


def unseen_at_answer(call: Call, message: Message, packet: Packet) -> None:
    """Note what the 2xx says of the callee's leg: TLS in its Contact, or in a Record-Route that the INVITE did not have where it was seen first."""
    if not names_tls(message):
        return
    routes = () if call.late or call.encrypted & READABLE else tuple(route for route in call.callee.route_set if route not in call.caller.route_set)
    secure = any(map(SECURE_URI.search, (call.callee.contact, *routes)))
    if secure and packet.transport not in SECURE and transports(message)[0] not in SECURE:
        call.encrypted |= CALLEE_HIDDEN


def names_tls(message: Message) -> bool:
    """Return whether TLS is named anywhere: of most calls nothing more needs to be looked at."""
    find = message.head.lower().find
    return find(b"tls") >= 0 or find(b"wss") >= 0 or find(b"sips:") >= 0


def transports(message: Message) -> list[str]:
    """Return the transports of the Vias, lower case, this hop's first; one "" for a message without any."""
    found = [VIA.match(via) for via in message.items(b"via")]
    return [via[1].decode("ascii", "replace").lower() if via else "" for via in found] or [""]
