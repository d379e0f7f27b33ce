"""The Kamailio view: all dialog records, made and moved as a record-routing Kamailio at the configured sockets would.

Knows records, profiles, rules and sockets; knows no wire call. Times come in with the packets.

With sockets, a record begins at an INVITE sent *to* the proxy, requests count as they enter it, answers as they leave it:
that is where the module's own hooks sit (rr callback; tm's "response out"). A request that leaves without having entered
is the proxy's own. Without sockets the first sight of each message counts.
"""

from dialogs.config import Config
from dialogs.engine.callbacks import callbacks_of
from dialogs.engine.identity import find_did, serial_of
from dialogs.engine.record import (
    CHANGED,
    CSEQ_DIFF,
    NO_RESET,
    PRACK_SEEN,
    VARIABLES_CHANGED,
    Leg,
    Record,
    direction,
)
from dialogs.engine.record_table import OWN_BYE_NS, RecordTable
from dialogs.engine.rules.compiled import Rules, moment_of
from dialogs.engine.rules.moment import TIMEOUT_BYE
from dialogs.engine.sockets import Sockets, socket_text
from dialogs.engine.states import (
    CONFIRMED,
    CONFIRMED_NA,
    DELETED,
    EARLY,
    REQACK,
    REQBYE,
    REQPRACK,
    RPL1XX,
    RPL2XX,
    RPL3XX,
    UNCONFIRMED,
    Input,
    State,
)
from dialogs.engine.transaction import BRANCHES_MAX, begin
from dialogs.packet import SECOND, Endpoint, Packet
from dialogs.sip import Message

DID_ONLY, DID_FALLBACK, DID_NONE = 0, 1, 2
"dlg_match_mode."

WHEEL_NS = 2 * SECOND
"The original's timers turn in whole seconds."


class Records(RecordTable):
    """Makes and moves records, by Call-ID through the engine's families."""

    def __init__(self, config: Config, rules: Rules, sockets: Sockets) -> None:
        super().__init__(config, rules)
        self.sockets = sockets
        self._parameter = self.config.rr_param.encode()
        self._cookie = b";" + self._parameter + b"="
        self._spirals = self.config.detect_spirals or not self.exactness.spiral
        "Whether an INVITE that comes back is the record it was: where that is mended, always."

    def _entrance(self, packet: Packet) -> Endpoint | None:
        return self.sockets.entrance(packet.source, packet.destination, packet.transport)

    # Requests

    def invite(self, records: list[Record], message: Message, packet: Packet, entry: int) -> Record | None:
        """Take an INVITE without To-tag: a new record, a spiral, or another hop of a known one. Returns a record it made; `entry`: the Call-ID's slot."""
        enters = not self.sockets or self._entrance(packet) is not None
        last, sender, branch = None, message.from_tag, message.branch
        for record in records:
            if record.caller_tag == sender:
                if record.invite.knows(branch):
                    return None
                last = record
        if not enters or (not self.sockets and last is not None and last.state is not DELETED):
            if last is not None:
                self._leaves(last, message)
            return None
        if last is not None and self._spirals and last.state in (UNCONFIRMED, EARLY, CONFIRMED_NA):
            self._leaves(last, message)
            self.run(self.exactness.spiral, last, message, packet)
            self.call("SPIRALED", last, packet.at_ns)
            return None
        return self._create(records, message, packet, entry)

    def _create(self, records: list[Record], message: Message, packet: Packet, entry: int) -> Record | None:
        contacts = message.contacts
        if len(contacts) != 1 or contacts[0] == "*" or not message.from_tag or message.cseq < 0 or len(message.values(b"content-length")) > 1:
            return None
        routes = message.record_route
        sender = message.from_
        entrance = self._entrance(packet) or packet.destination
        record = Record(
            h_entry=entry,
            h_id=self._next_id(entry),
            call_id=message.call_id,
            from_uri=sender.uri,
            to_uri=message.to.uri,
            request_uri=message.request_uri,
            caller_tag=message.from_tag,
            init_ns=packet.at_ns,
            lifetime=self.config.default_timeout,
            invite=begin(message),
            caller=Leg(sender.tag, contacts[0], message.cseq_text, ",".join(routes), socket_text(entrance, packet.transport)),
            callee=Leg(),
            iflags=TIMEOUT_BYE * self.sends_bye | NO_RESET * self.config.timeout_noreset,
            routes_before=len(routes) + bool(self.sockets),
        )
        self.run("created", record, message, packet)
        if record.ignored:
            self.profiles.drop(record.profiles)
            return None
        records.append(record)
        self.processed += 1
        self._count(1, UNCONFIRMED)
        self.call("CREATED", record, packet.at_ns)
        return record

    def _leaves(self, record: Record, message: Message) -> None:
        """Learn from an INVITE copy behind the proxy: its `did`, how many Record-Routes are ours, the trunk's CSeq."""
        first = not record.invite.others
        record.invite.see(message)
        serial = serial_of(message.values(b"record-route"), self._parameter, record.h_entry)
        if serial is not None:
            record.h_id = serial
        if first and self.sockets:
            record.routes_before = len(message.items(b"record-route"))
        if first and self.config.flavour == "ims_dialog":
            record.request_uri = message.request_uri
        if self.config.track_cseq_updates and message.cseq > record.invite.cseq:
            record.iflags |= CSEQ_DIFF
            record.dflags |= VARIABLES_CHANGED
            record.variables["cseq_diff"] = str(message.cseq - record.invite.cseq)

    def request(self, records: list[Record], asked: Input | None, message: Message, packet: Packet, copy: str) -> None:
        """Take a request with a To-tag; `asked` is what it asks of the table."""
        if asked is None:
            return
        if self.sockets:
            if self._entrance(packet) is None:
                if asked is REQBYE and copy == "" and self.sockets.holds(packet.source, packet.transport):
                    self._own_bye(records, message, packet.at_ns)
                return
        elif copy == "hop":
            return
        if copy == "repeat" and asked is not REQACK:
            return
        found = self._match(records, message)
        if found is not None:
            self._move(found[0], asked, message, packet, downstream=found[1])

    def _own_bye(self, records: list[Record], message: Message, now_ns: int) -> None:
        found = self._match(records, message)
        if found is None or not found[0].answered:
            return
        record = found[0]
        if len(record.own_byes) < BRANCHES_MAX:
            record.own_byes += (message.branch,)
        if not record.own_bye_ns:
            record.own_bye_ns = now_ns + OWN_BYE_NS
            self.moved += 1
            self.call("dialog:end", record, now_ns)
            self.call("TERMINATED", record, now_ns)
            # The original's timer wheel turns in whole seconds: its BYEs may leave a little before our timer says so.
            if record.iflags & TIMEOUT_BYE and not record.expiring and record.timeout_ns - now_ns < WHEEL_NS:
                self._expiring(record, now_ns)

    def _match(self, records: list[Record], message: Message) -> tuple[Record, bool] | None:
        """Return (record, downstream) as `dlg_match_mode` has it (reference 14.1): by the `did` cookie that the request brings back, by tags, or both."""
        if self.config.dlg_match_mode == DID_NONE:
            return self._by_tags(records, message)
        route = self._own_route(message)
        if not route:
            return None if self.config.dlg_match_mode == DID_ONLY else self._by_tags(records, message)
        did = find_did(route, self._parameter)
        if did is None:
            return None  # a malformed cookie ends the search, in any mode
        found = self._by_tags([record for record in records if (record.h_entry, record.h_id) == did], message)
        return self._by_tags(records, message) if found is None and self.config.dlg_match_mode == DID_FALLBACK else found

    def _own_route(self, message: Message) -> bytes:
        """Return the Route value that brings a cookie back, b"" without one; most messages bring none, and their bytes tell so sooner than a header."""
        if message.data.find(self._cookie) >= 0:
            for value in message.values(b"route"):
                if value.find(self._cookie) >= 0:
                    return value
        return b""

    @staticmethod
    def _by_tags(records: list[Record], message: Message) -> tuple[Record, bool] | None:
        """Return (record, downstream); one with a matching callee tag wins over one that has none yet (PR #2484)."""
        loose = None
        for record in reversed(records):
            downstream = direction(record, message)
            if downstream is None:
                continue
            if record.callee_tag:
                return record, downstream
            loose = loose or (record, downstream)
        return loose

    # Answers

    def response(self, records: list[Record], asked: Input | None, message: Message, packet: Packet, copy: str) -> None:
        """Take an answer to an INVITE or to one of the proxy's own BYEs."""
        if self.listening:
            self._answered_within(records, message, packet, copy)
        if asked is None:
            if message.method == "BYE" and message.status >= 200:
                self._own_bye_answered(records, message, packet.at_ns)
            return
        if copy and not self.sockets:
            return
        record = self._asker(records, message)
        if record is None:
            return
        if not self.sockets:
            if asked is not RPL3XX or record.invite.decides(message.branch):
                self._move(record, asked, message, packet, downstream=False)
            return
        entrance = self._entrance(packet)
        if entrance is not None and len(record.sockets) < BRANCHES_MAX:
            record.sockets.setdefault(message.to_tag, socket_text(entrance, packet.transport))
        if self.sockets.holds(packet.source, packet.transport) and record.invite.decides(message.branch):
            self._move(record, asked, message, packet, downstream=False)

    @staticmethod
    def _asker(records: list[Record], message: Message) -> Record | None:
        """Return the record whose INVITE this answers, newest first."""
        for record in reversed(records):
            if record.caller_tag == message.from_tag and message.cseq in record.invite.cseqs:
                return record
        return None

    def _answered_within(self, records: list[Record], message: Message, packet: Packet, copy: str) -> None:
        """Tell of an answer to a request inside a dialog, as it leaves the proxy."""
        leaves = self.sockets.holds(packet.source, packet.transport) if self.sockets else copy == ""
        found = self._by_tags(records, message) if leaves and message.to_tag else None
        if found is None or (message.method == "INVITE" and message.cseq in found[0].invite.cseqs and found[1]):
            return
        self.call("TERMINATED_CONFIRMED" if message.method == "BYE" else "RESPONSE_WITHIN", found[0], packet.at_ns)

    def _own_bye_answered(self, records: list[Record], message: Message, now_ns: int) -> None:
        branch = message.branch
        for record in records:
            if branch in record.own_byes and record.answered:
                self._delete(record, REQBYE, now_ns)
                record.end_ns = 0  # the original leaves it 0 on this path (reference 11.6)
                record.variables = {}
                self.call("TERMINATED_CONFIRMED", record, now_ns)

    # The table

    def _move(self, record: Record, asked: Input, message: Message, packet: Packet, *, downstream: bool) -> None:
        now_ns = packet.at_ns
        if asked is RPL2XX and record.callee_tag and message.to_tag == record.callee_tag:
            return  # a repeated 2xx never reaches the machine
        before, after = record.state, record.asks(asked)
        if after is None:
            return
        if asked in (RPL1XX, RPL2XX) and message.to_tag and message.to_tag not in record.outs:
            record.outs += (message.to_tag,)
        if after is not DELETED:
            self._advance(record, asked, after, message, packet, downstream=downstream)
        elif before is not DELETED:
            failed = asked is RPL3XX
            self._delete(record, asked, now_ns)
            self.run("failed" if failed else "end", record, message, packet, downstream=downstream)
            self.call("dialog:failed" if failed else "dialog:end", record, now_ns)
            self.call("FAILED" if failed else "TERMINATED", record, now_ns)
            record.variables = {}

    def _advance(self, record: Record, asked: Input, after: State, message: Message, packet: Packet, *, downstream: bool) -> None:
        before, now_ns = record.state, packet.at_ns
        record.state = after
        if asked is REQPRACK:
            record.iflags |= PRACK_SEEN
        if after is not before:
            self._count(-1, before)
            self._count(1, after)
            self.moved += 1
            if after is CONFIRMED_NA:
                self.call("dialog:start", record, now_ns)
                record.answer(message, now_ns)
            elif after is CONFIRMED:
                record.dflags |= CHANGED
        if asked not in (RPL1XX, RPL2XX, RPL3XX):
            record.within(message, now_ns, downstream=downstream, first=after is not before)
        if on := moment_of(before, after, asked):
            self.run(on, record, message, packet, downstream=downstream)
        if self.listening:
            for name in callbacks_of(before, after, asked):
                self.call(name, record, now_ns)
