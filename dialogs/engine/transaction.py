"""The initial INVITE's transaction over all its hops and forks; which messages are copies. Knows messages and endpoints; knows no state."""

import msgspec

from dialogs.packet import Packet
from dialogs.sip import Message

BRANCHES_MAX = 64
COPIES_MAX = 2048
MIRROR_NS = 10_000_000
"The same bytes on the same hop within 10 ms are a mirror's duplicate: a sender waits 500 ms before it repeats (RFC 3261, T1)."


class InviteTransaction(msgspec.Struct, gc=False):
    """An INVITE as one transaction, however many hops and branches the tap sees of it.

    A final answer of 300 or more decides only on the first hop (towards the caller): on any other hop it may be a branch
    that loses. The first hop is the branch of the first INVITE copy seen; a branch never seen in an INVITE decides too,
    because then the first hop itself was missed.
    """

    cseq: int
    branch: bytes
    cseqs: tuple[int, ...]
    others: tuple[bytes, ...] = ()

    def see(self, message: Message) -> None:
        """Remember another copy of the INVITE: the next hop, a fork, the trunk's CSeq+1."""
        branch = message.branch
        if branch != self.branch and branch not in self.others and len(self.others) < BRANCHES_MAX:
            self.others += (branch,)
        if message.cseq not in self.cseqs and len(self.cseqs) < BRANCHES_MAX:
            self.cseqs += (message.cseq,)

    def knows(self, branch: bytes) -> bool:
        """Return whether an INVITE copy had this branch."""
        return branch == self.branch or branch in self.others

    def decides(self, branch: bytes) -> bool:
        """Return whether a negative final answer with this branch is the one the caller gets."""
        return branch == self.branch or branch not in self.others


def begin(message: Message) -> InviteTransaction:
    """Return the transaction that this INVITE starts."""
    return InviteTransaction(cseq=message.cseq, branch=message.branch, cseqs=(message.cseq,))


class Copies:
    """What was seen of one Call-ID: tells first sight, hop copy, retransmission and mirror duplicate apart.

    Hashes of this process, so it is neither stored nor restored: after a restart a copy may count as new once, which the
    table absorbs.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[int | bytes, int] = {}
        "Hash of a hop -> when it was last seen; hashes of sights, and branches of INVITEs, beside them: one small store a call."

    def kind(self, message: Message, packet: Packet) -> str:
        """Return "" (first sight), "hop", "repeat" or "mirror"."""
        branch, method, seen = message.branch, message.method, self._seen
        if method == "INVITE" and not message.status:
            seen[branch] = 0
        # The ACK of a refusal shares its INVITE's branch and means nothing to the dialog: it must not hide the ACK of a 2xx as a copy.
        refused = method == "ACK" and branch in seen
        sight = hash((message.status, method, refused, message.cseq, message.from_tag, message.to_tag))
        hop = hash((sight, packet.source, packet.destination, branch))
        before = seen.get(hop)
        if len(seen) >= COPIES_MAX:
            seen.clear()
        seen[hop] = packet.at_ns
        if before is not None:
            return "mirror" if packet.at_ns - before <= MIRROR_NS else "repeat"
        if sight in seen:
            return "hop"
        seen[sight] = 0
        return ""
