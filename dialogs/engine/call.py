"""One call as the wire shows it: everything seen counts, no Contact needed. Knows the table and messages; knows no record, no sockets, no other call.

A call is one attempt of a caller: an INVITE answered 401, 407 or 422 and sent again is the same call, its first tries are kept
as `attempts`. Every To-tag that answers is a fork of its own. Times are integer nanoseconds UTC.
"""

import msgspec

from dialogs.engine.fields import Scalar, common_field
from dialogs.engine.profiles import Membership
from dialogs.engine.snapshot import Attempt, Transition
from dialogs.engine.states import CONFIRMED, CONFIRMED_NA, EARLY, UNCONFIRMED, State
from dialogs.engine.transaction import InviteTransaction
from dialogs.packet import Endpoint, Packet
from dialogs.sip import Message, text

CHALLENGES = frozenset({401, 407, 422})
"Answers after which the same caller tries again with more (RFC 3261, 22; RFC 4028, 6)."

FORKS_MAX = 32
HOSTS_MAX = 16
TRANSITIONS_MAX = 64
ATTEMPTS_MAX = 16
NOTES_MAX = 8

REQUEST, ANSWER = 1, 4
"Bits of `Call.heard`: of the caller's requests; one further left, of the callee's."

SIDE_KEYS = {"uri": "uri", "tag": "tag", "cseq": "cseq", "contact": "contact", "rs": "route_set", "bindaddr": "address"}
"Kamailio's keys of $dlg(...) behind from_ and to_ -> our names."


class Side(msgspec.Struct, gc=False):
    """One party."""

    uri: str
    name: str = ""
    tag: bytes = b""
    contact: str = ""
    cseq: int = 0
    route_set: tuple[str, ...] = ()
    address: Endpoint | None = None
    "Where it sends from, as the tap sees it."

    released_ns: int = 0


class Fork(msgspec.Struct, gc=False):
    """A branch that answered with a To-tag of its own."""

    status: int
    reason: str
    contact: str = ""
    address: Endpoint | None = None
    route_set: tuple[str, ...] = ()
    rang_ns: int = 0
    answered_ns: int = 0
    acked: bool = False
    ended_ns: int = 0


class SessionTimer(msgspec.Struct, gc=False):
    """What a call's session timer was heard of (RFC 4028); who hears it is `session_timer`."""

    interval: int = 0
    "Seconds; 0 while there is none."

    refresher: str = ""
    min_se: int = 0
    refreshed_ns: int = 0
    "The newest 2xx to an INVITE or UPDATE."

    asked_ns: int = 0
    "The newest INVITE or UPDATE inside the dialog, until it is answered."

    expired_ns: int = 0
    "When the refresh was missed."


class Call(msgspec.Struct, gc=False):
    """A wire call."""

    uid: str
    tap: str
    call_id: bytes
    request_uri: str
    invite: InviteTransaction
    init_ns: int
    caller: Side
    callee: Side
    state: State = UNCONFIRMED
    h_entry: int = 0
    h_id: int = 0
    did_seen: bool = False
    ring_ns: int = 0
    start_ns: int = 0
    end_ns: int = 0
    last_ns: int = 0
    end_code: int = 0
    end_reason: str = ""
    ended_by: str = ""
    last: tuple[bytes, str] = (b"", "")
    "Start line and method of the newest message: words are made of it only when somebody looks."

    had_bye: bool = False
    early_acks: dict[bytes, int] = {}
    "To-tag -> when its ACK was seen before its 2xx."

    bye: tuple[int, str] | None = None
    'The newest BYE: when, and who sent it ("caller", "callee", "proxy"); also one that came before the answer.'

    cancelled_by: str = ""
    forks: dict[bytes, Fork] = {}
    hosts: tuple[Endpoint, ...] = ()
    "Tuples throughout: most stay empty or short, and tens of thousands of calls are held."

    transitions: tuple[Transition, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    lifetime: int = 0
    "Seconds after the last message at which an answered call is given up."

    ignored: bool = False
    "A rule said that it is not to be tracked."

    sflags: int = 0
    iflags: int = 0
    "Only rules.moment.TIMEOUT_BYE: a wire call ends by what the wire shows."

    tally: int = 0
    "Where its caller's counts are (callers.Callers)."

    variables: dict[str, str] = {}
    profiles: list[Membership] = []
    counted: bool = False
    "Whether its memberships are in the profile counters."

    messages: int = 0
    repeats: int = 0
    repeated: tuple[bytes, str] = (b"", "")
    notes: tuple[str, ...] = ()
    "What was not seen."

    user_agent: str = ""
    linger_ns: int = 0
    late: bool = False
    "Joined in its middle: no INVITE was seen so far."

    heard: int = 0
    "Whose requests were seen and whose were answered, see REQUEST."

    encrypted: int = 0
    "Which legs are hidden from the tap, see `unseen`."

    session: SessionTimer | None = None

    @property
    def answered(self) -> bool:
        """Whether it is up."""
        return self.state in (CONFIRMED_NA, CONFIRMED)

    def field(self, key: str) -> Scalar:
        """Return `$dlg(key)` as the wire shows it; "from" is the caller's leg, "to" the callee's."""
        side, _, name = key.partition("_")
        if side in ("from", "to") and name in SIDE_KEYS:
            return self._side_field(self.caller if side == "from" else self.callee, name)
        return 0 if key == "dflags" else common_field(self, key)

    @staticmethod
    def _side_field(side: Side, name: str) -> Scalar:
        if name == "rs":
            return ",".join(side.route_set) or None
        found = getattr(side, SIDE_KEYS[name])
        return (text(found) if isinstance(found, bytes) else found if isinstance(found, int) else str(found or "")) or None

    def see(self, message: Message, packet: Packet, copy: str) -> None:
        """Count a message and remember where it went."""
        self.messages += 1
        if packet.at_ns > self.last_ns:
            self.last_ns = packet.at_ns
        if not copy:
            self.last = (message.start_line, message.method)
            self.heard |= (ANSWER if message.status else REQUEST) << (message.from_tag != self.caller.tag)
        elif copy == "repeat":
            self.repeats += 1
            self.repeated = (message.start_line, message.method)
        hosts = self.hosts
        source, destination = packet.source, packet.destination
        if source not in hosts and len(hosts) < HOSTS_MAX:
            hosts = self.hosts = (*hosts, source)
        if destination not in hosts and len(hosts) < HOSTS_MAX:
            self.hosts = (*hosts, destination)

    def enter(self, state: State, at_ns: int, cause: str) -> None:
        """Change the state and write down why."""
        self.state = state
        if len(self.transitions) < TRANSITIONS_MAX:
            self.transitions += (Transition(at_ns, int(state), cause),)
        if state is EARLY and not self.ring_ns:
            self.ring_ns = at_ns

    def note(self, words: str) -> None:
        """Remember something that was not seen."""
        if words not in self.notes and len(self.notes) < NOTES_MAX:
            self.notes += (words,)

    def again(self, message: Message, invite: InviteTransaction, at_ns: int) -> None:
        """Begin the next attempt of a challenge chain."""
        if len(self.attempts) < ATTEMPTS_MAX:
            begun = next((change.at_ns for change in reversed(self.transitions) if change.state == UNCONFIRMED), self.init_ns)
            self.attempts += (Attempt(self.invite.cseq, begun, self.end_ns, self.end_code, self.end_reason),)
        self.invite = invite
        self.end_ns = self.ring_ns = self.start_ns = self.end_code = self.linger_ns = 0
        self.end_reason = self.ended_by = self.cancelled_by = ""
        self.forks = {}
        self.caller.cseq = message.cseq
        self.caller.released_ns = self.callee.released_ns = 0
        self.enter(UNCONFIRMED, at_ns, "INVITE")

    def fork(self, message: Message, at_ns: int, source: Endpoint) -> Fork | None:
        """Follow an answer's To-tag; None for an answer without one, or past the cap."""
        tag = message.to_tag
        if not tag:
            return None
        fork = self.forks.get(tag)
        status = message.status
        if fork is None:
            if len(self.forks) >= FORKS_MAX:
                return None
            fork = self.forks[tag] = Fork(status, message.reason, address=source)
        if status != fork.status:
            fork.status, fork.reason = status, message.reason
        if contacts := message.contacts:
            fork.contact = contacts[0]
        if routes := message.record_route:
            fork.route_set = tuple(routes[::-1])
        if status < 200 and not fork.rang_ns:
            fork.rang_ns = at_ns
        elif 200 <= status < 300 and not fork.answered_ns:
            fork.answered_ns = at_ns
        elif status >= 300 and not fork.ended_ns:
            fork.ended_ns = at_ns
        return fork

    def answer(self, message: Message, fork: Fork | None, at_ns: int) -> None:
        """Make the fork that sent the first 2xx the callee."""
        self.start_ns = at_ns
        self.end_ns = self.end_code = self.linger_ns = 0
        self.end_reason = self.ended_by = ""
        callee = self.callee
        callee.tag = message.to_tag
        callee.name = callee.name or message.to.name
        if fork is not None:
            callee.contact, callee.route_set, callee.address = fork.contact, fork.route_set, fork.address

    def end(self, at_ns: int, by: str, code: int = 0, reason: str = "") -> None:
        """Fill in how it ended; the state is entered by the caller of this."""
        self.end_ns, self.ended_by, self.end_code, self.end_reason = at_ns, by, code, reason
        for fork in self.forks.values():
            fork.ended_ns = fork.ended_ns or at_ns

    def other_answered_fork(self, tag: bytes) -> bool:
        """Return whether a fork beside this one was answered, acknowledged and is still up: then a BYE to this one ends a leg, not the call."""
        return any(fork.answered_ns and fork.acked and not fork.ended_ns for other, fork in self.forks.items() if other != tag)


def side_tag(call: Call, message: Message) -> str | None:
    """Return which side sent a request ("caller" or "callee"), or whose request an answer belongs to; None when the tags are a stranger's."""
    if message.from_tag == call.caller.tag and call.caller.tag:
        other, side = message.to_tag, "caller"
    elif message.to_tag == call.caller.tag and call.caller.tag:
        other, side = message.from_tag, "callee"
    else:
        return None
    forking = message.method == "INVITE" and message.status  # an answer with a new To-tag is a fork not heard of before
    known = not call.callee.tag or not other or other == call.callee.tag or other in call.forks or forking
    return side if known else None
