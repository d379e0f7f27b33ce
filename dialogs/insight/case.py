"""What an explanation is given and what it says. Knows snapshots, messages and names; explains nothing itself."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dialogs.engine.snapshot import CallSnapshot
from dialogs.insight.heard import Heard
from dialogs.insight.peers import PeerNames

SECOND = 1_000_000_000


class Sentence(NamedTuple):
    """One explanation."""

    tone: str
    '"bad", "warn", "good", "plain".'

    lead: str
    "What is the matter, in one sentence."

    proof: tuple[str | int, ...] = ()
    "Words, and numbers of the messages that prove them."

    until_ns: int = 0
    "The lead ends with the time that is left until then; 0 for none."


class Case(NamedTuple):
    """A call and all that is known of it."""

    call: CallSnapshot
    messages: Sequence[Heard]
    "By capture time; may be empty, or miss some."

    peers: PeerNames
    parties: Mapping[str, str]
    "Users by the address they send from."

    limits: tuple[str, ...] = ()
    'Limits that were passed when the call came, in words: "caller=sip:a@x had more calls than the limit of 10".'

    def name(self, address: str) -> str:
        """Return who an address is: a configured peer, a party, else the address."""
        peer = self.peers.peer(address)
        return (peer.name if peer else self.parties.get(address, "")) or address or "an unseen host"

    def kind(self, address: str) -> str:
        """Return what a configured peer is: "proxy", "trunk", "pbx", "phone"; "" for others."""
        peer = self.peers.peer(address)
        return peer.kind if peer else ""

    @property
    def states(self) -> tuple[int, ...]:
        """The states it has gone through."""
        return (*(step.state for step in self.call.transitions), self.call.state)

    @property
    def repeats(self) -> list[Heard]:
        """The messages that were seen on their hop before."""
        seen: set[tuple[object, ...]] = set()
        found = []
        for heard in self.messages:
            message = heard.message
            key = (heard.source, heard.destination, heard.summary, *((message.branch, message.cseq, message.to_tag) if message else (heard.number,)))
            if key in seen:
                found.append(heard)
            seen.add(key)
        return found


def seconds(duration_ns: int) -> str:
    """Return a duration for a sentence: "0.31 s", "7.2 s", "41 s", "14:22", "1:02:10"."""
    whole = max(0, duration_ns) // SECOND
    if whole < 60:
        digits = 2 if duration_ns < SECOND else 1 if whole < 10 else 0
        return f"{max(0, duration_ns) / SECOND:.{digits}f} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
