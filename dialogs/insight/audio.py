"""Who hears whom, as far as offers and answers (SDP) tell. Knows cases; no media is looked at."""

from typing import NamedTuple

from dialogs.insight import sdp
from dialogs.insight.case import Case, Sentence
from dialogs.insight.why import is_private


class Side(NamedTuple):
    """What one party last said of its audio."""

    media: sdp.Media
    number: int
    "The message that said it."

    heard_before: bool
    "It wanted to hear earlier in the call."

    @property
    def holds(self) -> bool:
        """Whether it puts the other on hold: it no longer wants to hear (RFC 3264, 8.4; without an address in RFC 2543)."""
        return self.heard_before and self.media.port > 0 and not self.media.receives


def sides(case: Case) -> tuple[Side, Side] | None:
    """Return the newest audio of caller and callee as the last hop carried it; None when one of them said nothing."""
    tags = {case.call.caller.tag.encode(): "caller", case.call.callee.tag.encode(): "callee"}
    said: dict[str, Side] = {}
    for heard in case.messages:
        message = heard.message
        if message is None or b"m=" not in message.data or message.status >= 300:
            continue
        from_side = tags.get(message.from_tag, "")
        side = {"caller": "callee", "callee": "caller"}.get(from_side, "") if message.status else from_side
        media = sdp.audio(message.body) if side else None
        if media:
            before = said.get(side)
            said[side] = Side(media, heard.number, before is not None and (before.heard_before or before.media.receives))
    return (said["caller"], said["callee"]) if len(said) == 2 and case.call.start_ns else None


def nothing_heard(case: Case) -> Sentence | None:
    """Audio that cannot flow: switched off, no codec that both have, one direction only."""
    both = sides(case)
    if both is None:
        return None
    caller, callee = both
    proof = ("See", caller.number, "and", callee.number, ".")
    if not caller.media.port or not callee.media.port:
        who = "caller" if not caller.media.port else "callee"
        return Sentence("bad", f"No audio: the {who} refused it (port 0).", proof)
    if caller.media.speech and callee.media.speech and not caller.media.speech & callee.media.speech:
        return Sentence("bad", "No audio: there is no codec that both have.", (f"{_codecs(caller)} meet {_codecs(callee)}.", *proof))
    to_callee = caller.media.sends and callee.media.receives
    to_caller = callee.media.sends and caller.media.receives
    if to_callee == to_caller or caller.holds or callee.holds:
        return None
    deaf = "caller" if to_callee else "callee"
    words = [f"The {who} says “{side.media.words}”" for who, side in (("caller", caller), ("callee", callee))]
    return Sentence("warn", f"One-way audio: by SDP the {deaf} hears nothing.", (words[0], caller.number, f". {words[1]}", callee.number, "."))


def held(case: Case) -> Sentence | None:
    """One party holds the other."""
    both = sides(case)
    if both is None:
        return None
    for who, other, side in (("caller", "callee", both[0]), ("callee", "caller", both[1])):
        if side.holds:
            return Sentence("plain", f"The {who} holds the {other}.", (f"Its audio is {side.media.words.removeprefix('audio: ')}", side.number, "."))
    return None


def private_media(case: Case) -> Sentence | None:
    """A party wants its audio at a private address while it sends from a public one: what the other says is lost."""
    both = sides(case)
    if both is None:
        return None
    legs = (case.call.caller, case.call.callee)
    for leg, side in zip(legs, both, strict=True):
        if is_private(side.media.host) and leg.address and not is_private(leg.address.rpartition(":")[0].strip("[]")):
            words = f"It asks for audio at {side.media.host} but sends from {leg.address}: without a media relay it hears nothing"
            return Sentence("warn", f"One-way audio is likely: the {leg.side}'s audio address is private.", (words, side.number, "."))
    return None


def _codecs(side: Side) -> str:
    return ", ".join([codec for codec in side.media.codecs if codec.lower() not in sdp.NO_SPEECH][:4])
