"""The wire view: all calls, moved by everything the tap sees. Knows calls, profiles and rules; knows no record, no sockets.

Hop copies and retransmissions are counted and shown but drive nothing twice; a negative answer decides only towards the
caller (see `transaction`). Each method returns the events it caused.
"""

from dialogs.engine.call import CHALLENGES, FORKS_MAX, Call, Side, side_tag
from dialogs.engine.events import Anomaly, Changed, Created, Event
from dialogs.engine.identity import serial_of, uid
from dialogs.engine.late_calls import LateCalls
from dialogs.engine.rules.compiled import moment_of
from dialogs.engine.rules.moment import TIMEOUT_BYE
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
    UNCONFIRMED,
    Input,
    next_state,
)
from dialogs.engine.transaction import begin
from dialogs.engine.unseen import NO_ANSWER, NO_BYE, NO_FINAL, unseen_at_answer, unseen_at_begin, unseen_at_copy
from dialogs.packet import SECOND, Endpoint, Packet
from dialogs.sip import Message, text

OVERTAKE_NS = SECOND
"Packets that belong together and come in the wrong order are no further apart than this."


class Calls(LateCalls):
    """Makes and moves wire calls, by Call-ID through the engine's families."""

    # Finding

    @staticmethod
    def find(calls: list[Call], message: Message) -> tuple[Call, str] | None:
        """Return the call a message belongs to, newest first, and whose message or answered request it is (see `side_tag`)."""
        for call in reversed(calls):
            side = side_tag(call, message)
            if side:
                return call, side
        if not message.from_tag and calls and not calls[-1].caller.tag:
            return calls[-1], ""
        return None

    # Messages

    def invite(self, calls: list[Call], message: Message, packet: Packet, copy: str, entry: int) -> tuple[Call | None, list[Event]]:
        """Take an INVITE without To-tag: a new call, the next attempt of a challenged one, or a copy of a known one; None when a rule ignores it.

        `entry`: the Call-ID's slot.
        """
        call, sender = None, message.from_tag
        for known in calls:
            if known.caller.tag == sender:
                call = known
        if call is None or (call.state is DELETED and self._anew(call, message, packet, copy)):
            if call is not None and call.end_code in CHALLENGES:
                return call, self._again(call, message, packet.at_ns)
            return self._create(calls, message, packet, entry)
        call.invite.see(message)
        if call.encrypted:
            unseen_at_copy(call, message, packet)
        if not call.did_seen and (serial := serial_of(message.values(b"record-route"), self._parameter, call.h_entry)) is not None:
            call.h_id, call.did_seen = serial, True
        return call, []

    @staticmethod
    def _anew(call: Call, message: Message, packet: Packet, copy: str) -> bool:
        """Return whether an INVITE with an ended call's tags begins something new: with another CSeq, or from the caller on a new branch."""
        if copy == "repeat" or call.invite.knows(message.branch):
            return False
        return message.cseq not in call.invite.cseqs or (copy == "hop" and packet.source == call.caller.address and packet.at_ns > call.end_ns)

    def _create(self, calls: list[Call], message: Message, packet: Packet, entry: int) -> tuple[Call | None, list[Event]]:
        sender, target = message.from_, message.to
        name = uid(self.node, message.call_id, message.from_tag, message.cseq, packet.at_ns)
        contacts, agents = message.contacts, message.values(b"user-agent")
        call = Call(
            uid=name,
            tap=packet.tap,
            call_id=message.call_id,
            request_uri=message.request_uri,
            invite=begin(message),
            init_ns=packet.at_ns,
            caller=Side(sender.uri, sender.name, message.from_tag, contacts[0] if contacts else "", message.cseq, tuple(message.record_route), packet.source),
            callee=Side(target.uri, target.name),
            h_entry=entry,
            user_agent=text(agents[0]) if agents else "",
            lifetime=self.config.default_timeout,
            iflags=TIMEOUT_BYE * self.sends_bye,
        )
        unseen_at_begin(call, message, packet)
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
        self.callers.fail(call.caller.uri, call.tally, -1)
        call.again(message, begin(message), at_ns)
        self._count_again(call)
        return [Changed(call.uid, at_ns, int(UNCONFIRMED), "INVITE")]

    def request(self, call: Call, side: str, asked: Input | None, message: Message, packet: Packet, copy: str) -> list[Event]:
        """Take any other request of a call; `side` is who sent it, `asked` what it asks of the table."""
        if message.method == "CANCEL" and not call.cancelled_by:
            call.cancelled_by = "caller" if message.branch == call.invite.branch else "proxy"
        # The caller's ACK of a refusal looks like a copy of the proxy's own, hop by hop, and still tells something when the refusal was missed.
        if not side or asked is None or (copy and not (asked is REQACK and message.branch == call.invite.branch)):
            return []
        if asked is REQBYE:
            return self._bye(call, message, packet, side)
        if asked is REQACK:
            return self._ack(call, message, packet)
        sender = call.caller if side == "caller" else call.callee
        sender.cseq = max(sender.cseq, message.cseq)
        if message.method in ("INVITE", "UPDATE") and (contacts := message.contacts):
            sender.contact = contacts[0]
        return self._move(call, asked, packet, message, downstream=side == "caller")

    def _ack(self, call: Call, message: Message, packet: Packet) -> list[Event]:
        """An ACK counts when it is for an answered fork; that of a refused branch or of a 487 is hop-by-hop and means nothing."""
        fork, hop_by_hop = call.forks.get(message.to_tag), call.invite.knows(message.branch)
        if call.state in (UNCONFIRMED, EARLY):
            if hop_by_hop:
                return self._refusal_acked(call, message, packet)
            call.note(NO_ANSWER)
            if len(call.early_acks) < FORKS_MAX:
                call.early_acks[message.to_tag] = packet.at_ns
            return []
        refused = not fork.answered_ns if fork is not None else hop_by_hop and message.branch != call.invite.branch
        if refused:
            return []
        if fork is not None:
            fork.acked = True
        return self._move(call, REQACK, packet, message)

    def _refusal_acked(self, call: Call, message: Message, packet: Packet) -> list[Event]:
        """An ACK on the INVITE's own branch, on the first hop of a call that still rings: its refusal was missed (RFC 3261, 17.1.1.3)."""
        if call.state not in (UNCONFIRMED, EARLY) or packet.source != call.caller.address:
            return []
        call.note(NO_FINAL)
        changed = self._enter(call, DELETED, packet.at_ns, "ACK")
        self._failed(call)
        self.run("failed", call, message, packet)
        call.end(packet.at_ns, "callee", 0, "refused, answer not seen")
        return [changed]

    def _bye(self, call: Call, message: Message, packet: Packet, side: str) -> list[Event]:
        tag = message.to_tag if side == "caller" else message.from_tag
        fork = call.forks.get(tag)
        sender = call.caller if side == "caller" else call.callee
        by = side if same_party(packet, sender.address) else "proxy"
        call.bye = (packet.at_ns, by)
        if call.answered and fork is not None and not fork.ended_ns:
            fork.ended_ns = packet.at_ns
            if call.other_answered_fork(tag):
                return []
        sender.cseq = max(sender.cseq, message.cseq)  # whoever sent it: the other side has seen it
        if by == side:
            sender.released_ns = sender.released_ns or packet.at_ns
        ended = self._move(call, REQBYE, packet, message, downstream=side == "caller")
        if ended and call.state is DELETED:
            call.had_bye = True
            call.end(packet.at_ns, by, 0, message.header("reason") or "")
        return ended

    def response(self, call: Call, side: str, asked: Input | None, message: Message, packet: Packet, copy: str) -> list[Event]:
        """Take an answer of a call; `side` is whose request it answers."""
        if asked is None:
            return self._bye_answered(call, side, message, packet) if message.method == "BYE" else []
        if (copy and asked is not RPL3XX) or message.from_tag != call.caller.tag:
            return []
        if not call.invite.knows(message.branch) and message.cseq not in call.invite.cseqs:
            rang = self._still_rang(call, message, packet) if call.late else []
            return rang + self.response(call, side, asked, message, packet, copy) if rang else []  # a re-INVITE's
        if copy == "":
            call.fork(message, packet.at_ns, packet.source)
        if asked is RPL3XX:
            return self._refused(call, message, packet, copy)
        if asked is RPL2XX and call.callee.tag and call.start_ns:
            return []  # another fork answered, or the same again
        moved = self._move(call, asked, packet, message, downstream=False)
        return moved + self._overtaken(call, message, packet) if moved and call.state is CONFIRMED_NA else moved

    def _overtaken(self, call: Call, message: Message, packet: Packet) -> list[Event]:
        """Take up the ACK and the BYE that came a moment before the 2xx they belong to: packets overtake each other."""
        events: list[Event] = []
        if packet.at_ns - call.early_acks.get(message.to_tag, 0) <= OVERTAKE_NS:
            call.notes = tuple(words for words in call.notes if words != NO_ANSWER)
            if (fork := call.forks.get(message.to_tag)) is not None:
                fork.acked = True
            events.append(self._enter(call, CONFIRMED, packet.at_ns, "ACK"))
            self.run("confirmed", call, message, packet)
        if call.bye is not None and packet.at_ns - call.bye[0] <= OVERTAKE_NS:
            events += self._over(call, message, packet, call.bye[1])
        return events

    def _over(self, call: Call, message: Message, packet: Packet, by: str) -> list[Event]:
        """End a call by a BYE that is not at hand: it came too early, or was missed."""
        call.had_bye = True
        changed = self._enter(call, DELETED, packet.at_ns, "BYE")
        self.run("end", call, message, packet, downstream=by == "caller")
        call.end(packet.at_ns, by)
        return [changed]

    def _bye_answered(self, call: Call, side: str, message: Message, packet: Packet) -> list[Event]:
        """A leg is released when it answers a BYE with success, or says that it knows no such call (RFC 3261, 15.1.2).

        A success without its BYE tells of the BYE that was missed: the call is over.
        """
        if 200 <= message.status < 300 or message.status in (481, 408):
            leg = call.callee if side == "caller" else call.caller
            if message.status != 408:
                leg.released_ns = leg.released_ns or packet.at_ns
            if call.bye is None and call.answered and message.status < 300:
                call.note(NO_BYE)
                return self._over(call, message, packet, side)
        return []

    def _refused(self, call: Call, message: Message, packet: Packet, copy: str) -> list[Event]:
        if copy == "repeat" or not call.invite.decides(message.branch) or call.state not in (UNCONFIRMED, EARLY):
            return []
        ended = self._move(call, RPL3XX, packet, message, downstream=False)
        self._failed(call)
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
        changed: list[Event] = [self._enter(call, after, at_ns, message.summary)] if after is not before else []
        if changed and after is DELETED:
            self.run("failed" if asked is RPL3XX else "end", call, message, packet, downstream=downstream)
        if changed and after is CONFIRMED_NA:
            if before is DELETED:
                self._count_again(call)
            call.answer(message, call.forks.get(message.to_tag), at_ns)
            unseen_at_answer(call, message, packet)
        if on := moment_of(before, after, asked):
            self.run(on, call, message, packet, downstream=downstream)
        return changed


def same_party(packet: Packet, address: Endpoint | None) -> bool:
    """Return whether a packet comes from where a party was seen before; of a stream the port does not count, a new connection has a new one."""
    if address is None or packet.source == address:
        return True
    return packet.transport in STREAMS and packet.source.host == address.host
