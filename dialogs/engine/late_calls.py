"""Wire calls that begin in their middle, and what becomes of them when their INVITE comes after all. Knows calls, profiles and rules; knows no record.

Who called is known from an answer to an INVITE: its From. A request tells only who sent it, who is then taken for the caller.
"""

from dialogs.engine.call import Call, Side
from dialogs.engine.call_table import CallTable
from dialogs.engine.events import Created, Event
from dialogs.engine.evidence import Evidence, acknowledged
from dialogs.engine.identity import h_entry, serial_of, uid
from dialogs.engine.states import CONFIRMED, DELETED, EARLY, UNCONFIRMED
from dialogs.engine.transaction import InviteTransaction, begin
from dialogs.engine.unseen import GUESSED, LATE, other_side, unseen_at_begin
from dialogs.packet import Packet
from dialogs.sip import Message


class LateCalls(CallTable):
    """Begins calls by what proves them."""

    def join(self, found: Evidence) -> tuple[Call | None, list[Event]]:
        """Begin a call; None when a rule ignores it. An answer moves it when it is taken, a request tells the state that it must be in."""
        message, packet = found.message, found.packet
        call = self._joined(message, packet)
        self.run("created", call, message, packet, downstream=not message.status)
        if call.ignored:
            self.profiles.drop(call.profiles)
            self.said.clear()
            return None, []
        self.late_joins += 1
        events: list[Event] = [Created(call.uid, packet.at_ns)]
        if message.status:
            self.by_state[UNCONFIRMED] += 1
            call.tally = self.callers.begin(call.caller.uri, UNCONFIRMED)
        else:
            state = EARLY if message.method == "PRACK" else CONFIRMED
            call.start_ns = packet.at_ns if state is CONFIRMED else 0
            events.append(self._enter(call, state, packet.at_ns, message.summary, new=True))
            self.run("early" if state is EARLY else "confirmed", call, message, packet)
        return call, events

    def _joined(self, message: Message, packet: Packet) -> Call:
        sender, target, contacts, answer = message.from_, message.to, message.contacts, bool(message.status)
        entry = h_entry(message.call_id, self.config.hash_size)
        serial = serial_of(message.values(b"record-route" if answer else b"route"), self._parameter, entry)
        call = Call(
            uid=uid(self.node, message.call_id, message.from_tag, message.cseq, packet.at_ns),
            tap=packet.tap,
            call_id=message.call_id,
            request_uri=message.request_uri,
            invite=begin(message) if answer else _transaction(message),
            init_ns=packet.at_ns,
            caller=Side(sender.uri, sender.name, message.from_tag, cseq=message.cseq),
            callee=Side(target.uri, target.name),
            h_entry=entry,
            h_id=serial or 0,
            did_seen=serial is not None,
            lifetime=self.config.default_timeout,
            late=True,
        )
        call.note(LATE if answer else GUESSED)
        if not answer:
            call.caller.contact, call.caller.address = contacts[0] if contacts else "", packet.source
            call.callee.tag = message.to_tag if message.method != "PRACK" else b""
            call.user_agent = message.header("user-agent") or ""
        unseen_at_begin(call, message, packet)
        return call

    def _still_rang(self, call: Call, message: Message, packet: Packet) -> list[Event]:
        """Set a call back that was joined by a request and thought to be up, when an older INVITE of the same party is answered only now."""
        if call.state is not CONFIRMED or call.invite.branch or not 0 <= message.cseq < call.invite.cseq:
            return []
        call.invite.cseqs += (message.cseq,)
        call.start_ns = 0
        call.callee.tag = b""
        return [self._enter(call, EARLY, packet.at_ns, message.summary)]

    def found(self, calls: list[Call], message: Message, packet: Packet) -> None:
        """Fill in what a late INVITE tells of the call that was joined without it; one that is over stays as it is."""
        for call in calls:
            if call.late and call.state is not DELETED and message.from_tag in (call.caller.tag, call.callee.tag):
                guessed = call.caller.uri
                if message.from_tag != call.caller.tag:
                    call.caller, call.callee, call.heard = call.callee, call.caller, other_side(call.heard)
                sender = message.from_
                self.callers.undo(guessed, call.tally, call.state)
                call.tally = self.callers.begin(sender.uri, call.state)
                call.late, call.invite, call.request_uri = False, begin(message), message.request_uri
                call.caller.uri, call.caller.name, call.caller.address = sender.uri, sender.name, packet.source
                call.caller.cseq = max(call.caller.cseq, message.cseq)
                call.caller.route_set = tuple(message.record_route)
                call.notes = tuple(words for words in call.notes if words not in (LATE, GUESSED))
                self.late_joins -= 1
                self.processed += 1


def _transaction(message: Message) -> InviteTransaction:
    """Return the transaction of an INVITE that only a later request tells of: by its number where a PRACK names it, else by nothing."""
    number = acknowledged(message) if message.method == "PRACK" else None
    return InviteTransaction(cseq=message.cseq, branch=b"", cseqs=() if number is None else (number,))
