"""The wire view: all calls, moved by everything the tap sees. Knows calls, profiles and rules; knows no record, no sockets.

Hop copies and retransmissions are counted and shown but drive nothing twice; a negative answer decides only towards the
caller (see `transaction`). Each method returns the events it caused.
"""

from dialogs.config import Config
from dialogs.engine.call import CHALLENGES, Call, Side, side_tag
from dialogs.engine.events import Anomaly, Changed, Created, Event, Said
from dialogs.engine.identity import find_did, h_entry, uid
from dialogs.engine.record import SECOND
from dialogs.engine.ruled import Ruled
from dialogs.engine.rules.compiled import Rules, moment_of
from dialogs.engine.sockets import STREAMS
from dialogs.engine.states import (
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    EARLY,
    REQACK,
    REQBYE,
    RPL2XX,
    RPL3XX,
    STATE_NAMES,
    TIMEOUT,
    UNCONFIRMED,
    Input,
    State,
    next_state,
)
from dialogs.engine.transaction import begin
from dialogs.packet import Endpoint, Packet
from dialogs.sip import Message

LINGER_NS = 35 * SECOND
"An ended call stays in memory while its BYE may still be repeated or answered (RFC 3261, timers F and J: 32 s)."


class Calls(Ruled):
    """The table of wire calls, by Call-ID through the engine's families."""

    def __init__(self, config: Config, rules: Rules, node: str) -> None:
        super().__init__(config, rules)
        self.node = node
        self.said: list[Said] = []
        "What rules said since the engine last took it away."

        self.processed = self.failed = self.expired = self.anomalies = 0
        self.by_state = dict.fromkeys(STATE_NAMES, 0)
        self._parameter = self.config.rr_param.encode()

    # The hands of the rules

    def answered(self) -> int:
        """Return how many calls are up."""
        return self.by_state[CONFIRMED_NA] + self.by_state[CONFIRMED]

    def enter_profile(self, subject: Call, name: str, value: str | None) -> None:
        """Enter a call into a profile; one that has ended keeps the name, but counts no more."""
        subject.counted = self.profiles.add(subject.profiles, name, value) or subject.counted

    def say(self, subject: Call, kind: str, text: str, now_ns: int) -> None:
        """Keep it for the engine's next events."""
        self.said.append(Said(subject.uid, now_ns, kind, text))

    # Finding

    @staticmethod
    def find(calls: list[Call], message: Message) -> Call | None:
        """Return the call a message belongs to, newest first."""
        for call in reversed(calls):
            if side_tag(call, message) is not None:
                return call
        if not message.from_tag and calls and not calls[-1].caller.tag:
            return calls[-1]
        return None

    # Messages

    def invite(self, calls: list[Call], message: Message, packet: Packet, copy: str) -> tuple[Call | None, list[Event]]:
        """Take an INVITE without To-tag: a new call, the next attempt of a challenged one, or a copy of a known one; None when a rule ignores it."""
        call = next((c for c in reversed(calls) if c.caller.tag == message.from_tag), None)
        if call is None or self._anew(call, message, packet, copy):
            if call is not None and call.end_code in CHALLENGES and call.state is DELETED:
                return call, self._again(call, message, packet.at_ns)
            return self._create(calls, message, packet)
        call.invite.see(message)
        if not call.did_seen and (routes := message.values(b"record-route")):
            did = find_did(routes[0], self._parameter)
            if did is not None and did[0] == call.h_entry:
                call.did(*did)
        return call, []

    @staticmethod
    def _anew(call: Call, message: Message, packet: Packet, copy: str) -> bool:
        """Return whether an INVITE with known tags begins something new: after the end, with another CSeq, or from the caller on a new branch."""
        if call.state is not DELETED or copy == "repeat" or call.invite.knows(message.branch):
            return False
        return message.cseq not in call.invite.cseqs or (copy == "hop" and packet.source == call.caller.address and packet.at_ns > call.end_ns)

    def _create(self, calls: list[Call], message: Message, packet: Packet) -> tuple[Call | None, list[Event]]:
        sender, target = message.from_, message.to
        name = uid(self.node, message.call_id, message.from_tag, message.cseq, packet.at_ns)
        contacts = message.contacts
        call = Call(
            uid=name,
            tap=packet.tap,
            call_id=message.call_id,
            request_uri=message.request_uri,
            invite=begin(message),
            init_ns=packet.at_ns,
            caller=Side(sender.uri, sender.name, message.from_tag, contacts[0] if contacts else "", message.cseq, message.record_route, packet.source),
            callee=Side(target.uri, target.name),
            h_entry=h_entry(message.call_id, self.config.hash_size),
            user_agent=message.header("user-agent") or "",
            lifetime=self.config.default_timeout,
        )
        self.run("created", call, message, packet)
        if call.ignored:
            self.profiles.drop(call.profiles)
            self.said.clear()
            return None, []
        calls.append(call)
        self.processed += 1
        return call, [Created(name, packet.at_ns), self._enter(call, UNCONFIRMED, packet.at_ns, "INVITE", new=True)]

    def _again(self, call: Call, message: Message, at_ns: int) -> list[Event]:
        self.by_state[DELETED] -= 1
        self.by_state[UNCONFIRMED] += 1
        call.again(message, begin(message), at_ns)
        self._count_again(call)
        return [Changed(call.uid, at_ns, int(UNCONFIRMED), "INVITE")]

    def request(self, call: Call, asked: Input | None, message: Message, packet: Packet, copy: str) -> list[Event]:
        """Take any other request of a call; `asked` is what it asks of the table."""
        side = side_tag(call, message)
        sender = call.caller if side == "caller" else call.callee
        if message.method == "CANCEL" and not call.cancelled_by:
            call.cancelled_by = "caller" if message.branch == call.invite.branch else "proxy"
        if copy or side is None or asked is None:
            return []
        if asked is REQBYE:
            return self._bye(call, message, packet, side)
        if asked is REQACK:
            return self._ack(call, message, packet)
        sender.cseq = max(sender.cseq, message.cseq)
        if message.method in ("INVITE", "UPDATE") and (contacts := message.contacts):
            sender.contact = contacts[0]
        return self._move(call, asked, packet, message, downstream=side == "caller")

    def _ack(self, call: Call, message: Message, packet: Packet) -> list[Event]:
        """An ACK counts when it is for an answered fork; that of a refused branch or of a 487 is hop-by-hop and means nothing."""
        fork = call.forks.get(message.to_tag)
        if fork is not None and not fork.answered_ns:
            return []
        if fork is None and call.state in (UNCONFIRMED, EARLY):
            if not call.invite.knows(message.branch):
                call.note("200 OK not seen")
            return []
        return self._move(call, REQACK, packet, message)

    def _bye(self, call: Call, message: Message, packet: Packet, side: str) -> list[Event]:
        tag = message.to_tag if side == "caller" else message.from_tag
        fork = call.forks.get(tag)
        if call.answered and fork is not None and not fork.ended_ns:
            fork.ended_ns = packet.at_ns
            if call.other_answered_fork(tag):
                return []
        sender = call.caller if side == "caller" else call.callee
        own = not same_party(packet, sender.address)
        if not own:
            sender.released_ns = sender.released_ns or packet.at_ns
        ended = self._move(call, REQBYE, packet, message, downstream=side == "caller")
        if ended and call.state is DELETED:
            call.had_bye = True
            call.end(packet.at_ns, "proxy" if own else side, 0, message.header("reason") or "")
        return ended

    def response(self, call: Call, asked: Input | None, message: Message, packet: Packet, copy: str) -> list[Event]:
        """Take an answer of a call."""
        if message.method == "BYE":
            self._bye_answered(call, message, packet.at_ns)
        if asked is None or message.from_tag != call.caller.tag:
            return []
        if not call.invite.knows(message.branch) and message.cseq not in call.invite.cseqs:
            return []  # a re-INVITE's
        if copy == "":
            call.fork(message, packet.at_ns, packet.source)
        if asked is RPL3XX:
            return self._refused(call, message, packet, copy)
        if copy:
            return []
        if asked is RPL2XX and call.callee.tag and call.start_ns:
            return []  # another fork answered, or the same again
        return self._move(call, asked, packet, message, downstream=False)

    def _bye_answered(self, call: Call, message: Message, at_ns: int) -> None:
        """A leg is released when it answers a BYE with success, or says that it knows no such call (RFC 3261, 15.1.2)."""
        if 200 <= message.status < 300 or message.status in (481, 408):
            leg = call.callee if side_tag(call, message) == "caller" else call.caller
            if message.status != 408:
                leg.released_ns = leg.released_ns or at_ns

    def _refused(self, call: Call, message: Message, packet: Packet, copy: str) -> list[Event]:
        if copy == "repeat" or not call.invite.decides(message.branch) or call.state not in (UNCONFIRMED, EARLY):
            return []
        ended = self._move(call, RPL3XX, packet, message, downstream=False)
        self.failed += 1
        by = "callee" if copy == "hop" or not call.invite.others else "proxy"
        if message.status == 487 and call.cancelled_by:
            by = call.cancelled_by
        elif message.status == 408:
            by = "timeout"
        call.end(packet.at_ns, by, message.status, message.reason)
        call.caller.released_ns = call.callee.released_ns = packet.at_ns
        return ended

    # The table

    def _move(self, call: Call, asked: Input, packet: Packet, message: Message, *, downstream: bool = True) -> list[Event]:
        before, at_ns = call.state, packet.at_ns
        after = next_state(before, asked, had_bye=call.had_bye)
        if after is None:
            self.anomalies += 1
            return [Anomaly(call.uid, at_ns, f"{message.summary} while {STATE_NAMES[before]}")]
        if after is DELETED and before is not DELETED:
            self.run("failed" if asked is RPL3XX else "end", call, message, packet, downstream=downstream)
        changed: list[Event] = [self._enter(call, after, at_ns, message.summary)] if after is not before else []
        if changed and after is CONFIRMED_NA:
            call.answer(message, call.forks.get(message.to_tag), at_ns)
        if on := moment_of(before, after, asked):
            self.run(on, call, message, packet, downstream=downstream)
        return changed

    def _enter(self, call: Call, state: State, at_ns: int, cause: str, *, new: bool = False) -> Changed:
        if not new:
            self.by_state[call.state] -= 1
        self.by_state[state] += 1
        call.enter(state, at_ns, cause)
        if state is DELETED:
            call.linger_ns = at_ns + LINGER_NS
            if call.counted:
                self.profiles.drop(call.profiles)
                call.counted = False
        return Changed(call.uid, at_ns, int(state), cause)

    # Time

    def due_ns(self, call: Call) -> int:
        """Return when `expire` should be asked about this call next."""
        if call.state is DELETED:
            return call.linger_ns
        if call.state is CONFIRMED:
            return call.last_ns + call.lifetime * SECOND
        if call.state is CONFIRMED_NA:
            return max(call.last_ns, call.start_ns) + self.config.noack_timeout * SECOND
        return call.last_ns + self.config.early_timeout * SECOND

    def expire(self, call: Call, now_ns: int) -> list[Event]:
        """End a call that nobody has been heard of for too long."""
        if call.state is DELETED or self.due_ns(call) > now_ns:
            return []
        self.expired += 1
        self.run_without_message("end", call, now_ns)
        after = next_state(call.state, TIMEOUT)
        changed = self._enter(call, after or DELETED, now_ns, "timeout")
        call.end(now_ns, "timeout", 0, "nothing seen for too long")
        said, self.said = self.said, []
        return [changed, *said]

    def adopt(self, call: Call) -> None:
        """Count a restored call as if it had begun here."""
        self.processed += 1
        self.by_state[call.state] += 1
        self._count_again(call)

    def _count_again(self, call: Call) -> None:
        """Put a call's memberships, which its end or another process took out, back into the counters."""
        members, call.profiles = call.profiles, []
        for name, value in members:
            call.counted = self.profiles.add(call.profiles, name, value) or call.counted

    def forget(self, call: Call) -> None:
        """Take a call out of the counters."""
        self.by_state[call.state] -= 1
        if call.counted:
            self.profiles.drop(call.profiles)
            call.counted = False


def same_party(packet: Packet, address: Endpoint | None) -> bool:
    """Return whether a packet comes from where a party was seen before; of a stream the port does not count, a new connection has a new one."""
    if address is None or packet.source == address:
        return True
    return packet.transport in STREAMS and packet.source.host == address.host
