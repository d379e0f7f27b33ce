"""Connecting and transferring parties by REFER (RFC 3515, RFC 3891) as operations without I/O. Knows dialogs and answers; knows no socket, no page.

`bridge` is Kamailio's dlg_bridge with its gaps closed: Refer-To stands in brackets, NOTIFYs are followed to the last, challenges are answered.
"""

import re
from typing import Literal

import msgspec

from dialogs.control.sip.dialog import Dialog
from dialogs.control.sip.digest import Digest
from dialogs.control.sip.operations import Operation, Progress, Tell, authenticated, end_leg, listen
from dialogs.control.sip.requests import Identity, acknowledge, held_invite, refer
from dialogs.control.sip.syntax import Unsendable
from dialogs.sip import Request, Response, text

FRAGMENT = re.compile(rb"\s*SIP/2\.0 ([1-6]\d\d)(?: ([^\r\n]*))?")
"A status line, the only part of a message/sipfrag that matters here (RFC 3515, 2.4.5)."

REQUESTS_MAX = 64
"Requests followed in one operation; a party that sends more is not waited for."


class Waits(msgspec.Struct, frozen=True):
    """How long people may take, in seconds."""

    ring: float = 60.0
    "Until the first party answers; then its INVITE is cancelled."

    referred: float = 60.0
    "Until the second party is reached, without a NOTIFY that says anything new."


class ReferResult(msgspec.Struct, frozen=True):
    """What came of a bridge or a transfer."""

    outcome: Literal["connected", "refused", "no answer", "hung up", "stopped", "not sent"]
    step: str
    'Where it ended: "invite", "ack", "refer", "notify", "bye".'

    status: int = 0
    "The answer that decided: of the INVITE, the REFER, or told by the last NOTIFY."

    words: str = ""
    cseq: int = 0
    "Highest number used toward the party that was referred."


class Told(msgspec.Struct, frozen=True):
    """What the NOTIFYs said in the end."""

    outcome: Literal["connected", "refused", "no answer", "hung up", "stopped"]
    status: int
    words: str


def refer_leg(
    dialog: Dialog, to: str, identity: Identity, digest: Digest, *, replaced: Dialog | None = None, waits: Waits | None = None
) -> Operation[ReferResult]:
    """Send one party of a dialog to a URI and follow what it tells of that; the dialog itself is left as it is."""
    try:
        draft = refer(dialog, identity, to, replaced=replaced)
    except Unsendable as error:
        yield Progress("refer", "failed", str(error))
        return ReferResult("not sent", "refer", words=str(error), cseq=dialog.cseq)
    yield Progress("refer", "begun", f"REFER to {dialog.remote_uri}")
    answer, _ = yield from authenticated(draft, digest, "refer")
    cseq = max(answer.cseq, dialog.cseq)
    if not answer.accepted:
        yield Progress("refer", "failed", answer.words)
        outcome: Literal["refused", "no answer", "not sent"] = "refused" if answer.response else answer.failure or "no answer"
        return ReferResult(outcome, "refer", answer.status, answer.words, cseq)
    yield Progress("refer", "done", answer.words)
    yield Progress("notify", "begun", "waiting for what the party tells")
    told = yield from follow((waits or Waits()).referred)
    yield Progress("notify", "done" if told.outcome == "connected" else "failed", told.words)
    return ReferResult(told.outcome, "notify", told.status, told.words, cseq)


def follow(seconds: float) -> Operation[Told]:
    """Follow the NOTIFYs of a REFER to the one that decides."""
    status, words = 0, ""
    for _ in range(REQUESTS_MAX):
        request, stopped = yield from listen(seconds)
        if stopped:
            return Told("stopped", status, f"stopped; the party told last: {words or 'nothing'}")
        if request is None:
            break
        if request.method == "BYE":
            return Told("hung up", status, f"the party hung up{f', it told last: {words}' if words else ''}")
        if request.method != "NOTIFY":
            continue
        status, words = fragment(request) or (status, words)
        if status >= 200:
            return Told("connected" if status < 300 else "refused", status, words)
        if (request.header("subscription-state") or "").lower().lstrip().startswith("terminated"):
            return Told("no answer", status, f"the party tells no more; last: {words or 'nothing'}")
        yield Progress("notify", "provisional", words)
    return Told("no answer", status, f"no final NOTIFY; last: {words or 'nothing'}")


def fragment(notify: Request) -> tuple[int, str] | None:
    """Return status and words ("486 Busy Here") of a NOTIFY's sipfrag, None without one."""
    found = FRAGMENT.match(notify.body)
    return (int(found[1]), text(b" ".join(part for part in found.groups() if part))) if found else None


class Bridge(msgspec.Struct, frozen=True):
    """Two parties to be connected."""

    first: str
    "URI of the party that is called, and then sent to the other."

    second: str
    call_id: bytes
    "Of our call to the first party: unique."

    tag: bytes
    outbound: str = ""
    "URI of the proxy that is asked; empty: the first party's own address."

    waits: Waits = Waits()


def bridge(parties: Bridge, identity: Identity, digest: Digest) -> Operation[ReferResult]:
    """Call the first party with held SDP, acknowledge, send it to the second, follow its NOTIFYs, hang up."""
    try:
        draft = held_invite(parties.first, identity, parties.call_id, parties.tag, parties.outbound)
    except Unsendable as error:
        yield Progress("invite", "failed", str(error))
        return ReferResult("not sent", "invite", words=str(error))
    yield Progress("invite", "begun", f"INVITE to {parties.first}")
    answer, _ = yield from authenticated(draft, digest, "invite", parties.waits.ring)
    if answer.response is None or not answer.accepted:
        yield Progress("invite", "failed", answer.words)
        unanswered: Literal["not sent", "no answer"] = "not sent" if answer.failure == "not sent" else "no answer"
        return ReferResult("stopped" if answer.stopped else "refused" if answer.response else unanswered, "invite", answer.status, answer.words)
    yield Progress("invite", "done", answer.words)
    try:
        dialog = Dialog.of_answer(answer.response, identity.controller, parties.tag, answer.cseq)
        acknowledgement = acknowledge(dialog, identity, answer.cseq)
    except Unsendable as error:
        yield Progress("ack", "failed", str(error))
        return ReferResult("not sent", "ack", words=str(error))
    yield Tell(acknowledgement)
    yield Progress("ack", "done", "ACK")
    return (yield from _connected(dialog, parties, identity, digest, stopped=answer.stopped))


def _connected(dialog: Dialog, parties: Bridge, identity: Identity, digest: Digest, *, stopped: bool) -> Operation[ReferResult]:
    """Go on with the first party on the line."""
    if stopped:
        result = ReferResult("stopped", "ack", words="stopped after the answer", cseq=dialog.cseq)
    else:
        result = yield from refer_leg(dialog, parties.second, identity, digest, waits=parties.waits)
    if result.outcome == "hung up":
        yield Progress("bye", "done", result.words)
        return result
    end = yield from end_leg(msgspec.structs.replace(dialog, cseq=result.cseq), identity, digest)
    result = msgspec.structs.replace(result, cseq=max(result.cseq, end.cseq))
    if result.outcome == "connected" and end.outcome != "released":
        return msgspec.structs.replace(result, step="bye", words=f"{result.words}; our own call to the first party was not released: {end.words}")
    return result


def surplus(answer: Response, invite: tuple[bytes, int], identity: Identity, digest: Digest) -> Operation[None]:
    """Acknowledge and end another party that answered a forked INVITE of ours (RFC 3261, 13.2.2.4). invite: our tag and its CSeq."""
    tag, cseq = invite
    try:
        dialog = Dialog.of_answer(answer, identity.controller, tag, cseq)
        acknowledgement = acknowledge(dialog, identity, cseq)
    except Unsendable as error:
        yield Progress("ack", "failed", str(error))
        return
    yield Tell(acknowledgement)
    yield from end_leg(dialog, identity, digest)
