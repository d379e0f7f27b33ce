"""The dialog engine, sans-IO: packets and the time go in, events and snapshots come out. Knows no clock, socket, thread, chance or storage.

One message is parsed and classified once; then two small records advance from it, the wire call (`calls`) and the Kamailio
record (`records`), and neither reads the other. What both share is the Call-ID's `Family`. Same packets in, same events out.
"""

import heapq
from collections.abc import Iterator

from dialogs.config import Config
from dialogs.engine.call import Call
from dialogs.engine.calls import Calls
from dialogs.engine.events import Event, Forgotten, Seen
from dialogs.engine.family import Family, pack, unpack
from dialogs.engine.identity import h_entry
from dialogs.engine.late_joins import LateJoins
from dialogs.engine.record import Record
from dialogs.engine.records import Records
from dialogs.engine.rules import compile_rules
from dialogs.engine.session_timer import TIMED, heard
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.sockets import Sockets
from dialogs.engine.states import DELETED, classify
from dialogs.engine.strays import OVERTAKERS
from dialogs.engine.view import snapshot
from dialogs.packet import NEVER, Packet
from dialogs.sip import Message, parse

EVICTED = "dropped from memory: too many calls at once"


class Engine(LateJoins):
    """Feeds packets to the two views and keeps their time."""

    def __init__(self, config: Config, node: str = "") -> None:
        rules = compile_rules(config)
        super().__init__(config, Calls(config, rules, node))
        self.node = node
        self.sockets = Sockets(config)
        self.records = Records(config, rules, self.sockets)
        self.packets = self.messages = self.not_sip = self.outside = self.mirrored = self.evicted = 0
        self._timers: list[tuple[int, bytes]] = []

    # Packets

    def receive(self, packet: Packet) -> list[Event]:
        """Take one packet and return what it means; [] for what is no message of a call. Never raises on wire data."""
        self.packets += 1
        message = parse(packet.data)
        if message is None:
            self.not_sip += 1
            self.records.begin(packet.at_ns)
            return []
        self.messages += 1
        family = self._families.get(message.call_id)
        if family is None:
            return self._unknown(message, packet)
        self._families.move_to_end(message.call_id)
        copy = family.copies.kind(message, packet)
        if copy == "mirror":
            self.mirrored += 1
            return []
        return self._known(family, message, packet, copy)

    def _known(self, family: Family, message: Message, packet: Packet, copy: str) -> list[Event]:
        """Take a message whose Call-ID is known."""
        records = self.records
        moved = records.moved
        take = self._invite if not message.status and not message.to_tag and message.method == "INVITE" else self._other
        events = take(family, message, packet, copy)
        if records.called:
            events = [*events, *self._called()]
        # A deadline comes nearer only with a change of state; one that went further away is looked at when the old one is due.
        if len(events) > 1 or moved != records.moved:
            self._schedule(message.call_id, family)
        return events

    def _unknown(self, message: Message, packet: Packet) -> list[Event]:
        """Take a message of no known Call-ID: an INVITE begins one; what is about an INVITE may have come too early; the rest is passed over."""
        call_id = message.call_id
        self.records.begin(packet.at_ns)
        if message.status or message.to_tag or message.method != "INVITE" or not call_id:
            self.outside += 1
            if call_id and message.method in OVERTAKERS:
                self.strays.keep(call_id, packet)
            return []
        family = self._families[call_id] = Family(h_entry(call_id, self.config.dialog.hash_size))
        self.families += 1
        events = self._known(family, message, packet, family.copies.kind(message, packet))
        for stray in self.strays.take(call_id, packet.at_ns):
            events += self._taken_up(stray)
        return events

    def _called(self) -> list[Event]:
        called, self.records.called = self.records.called, []
        return [*called]

    def _taken_up(self, packet: Packet) -> list[Event]:
        """Take a message that came before its INVITE again, now that there is a call for it."""
        self.outside -= 1
        self.packets -= 1
        self.messages -= 1
        return self.receive(packet)

    def _invite(self, family: Family, message: Message, packet: Packet, copy: str) -> list[Event]:
        if family.late:
            self._begun_after_all(family, message, packet)
        call, events = self.calls.invite(family.calls, message, packet, copy, family.entry)
        if call is None:
            return self._ignored(message.call_id, family)
        record = self.records.invite(family.records, message, packet, family.entry)
        if record is not None:
            call.h_id = record.h_id if not call.did_seen else call.h_id
        self._by_uid.setdefault(call.uid, (message.call_id, call))
        seen = self._seen(call, message, packet, copy, events)
        return seen if len(self._by_uid) <= self.config.dialog.max_dialogs else seen + self._evict(packet.at_ns)

    def _other(self, family: Family, message: Message, packet: Packet, copy: str) -> list[Event]:
        asked = classify(message)
        if family.records:
            feed = self.records.response if message.status else self.records.request
            feed(family.records, asked, message, packet, copy)
        found = self.calls.find(family.calls, message)
        if found is None:
            self.outside += 1
            return []
        take = self.calls.response if message.status else self.calls.request
        return self._seen(found[0], message, packet, copy, take(*found, asked, message, packet, copy))

    def _seen(self, call: Call, message: Message, packet: Packet, copy: str, events: list[Event]) -> list[Event]:
        call.see(message, packet, copy)
        if message.method in TIMED and not 100 <= message.status < 200 and (noted := heard(call, message, packet.at_ns, copy)):
            events = [*events, *noted]
        seen = Seen(call.uid, packet.at_ns, packet, message, copy)
        said = self.calls.said
        if said:
            self.calls.said = []
            return [seen, *events, *said]
        return [seen, *events] if events else [seen]

    # Time

    def next_timeout(self) -> int | None:
        """Return when `expire` may have something to do, in ns; None when nothing is pending."""
        due = self.strays.due_ns
        if self._timers and self._families and self._timers[0][0] < due:
            due = self._timers[0][0]
        return due if due < NEVER else None

    def is_due(self, now_ns: int) -> bool:
        """Return whether `expire` may have something to do by now."""
        timers = self._timers
        return self.strays.due_ns <= now_ns or (bool(timers) and timers[0][0] <= now_ns)

    def expire(self, now_ns: int) -> list[Event]:
        """Run every timer up to this time and return what came of it."""
        events: list[Event] = self._called() if self.records.called else []  # of a restart
        timers = self._timers
        while True:
            first = timers[0][0] if timers else NEVER
            if self.strays.due_ns <= min(first, now_ns):
                events += self.join_late(min(first, now_ns))
                continue
            if first > now_ns:
                return events
            due, call_id = heapq.heappop(timers)
            family = self._families.get(call_id)
            if family is not None and family.due_ns == due:
                family.due_ns = NEVER
                events += self._expire_family(call_id, family, due)

    def _expire_family(self, call_id: bytes, family: Family, now_ns: int) -> list[Event]:
        events: list[Event] = []
        family.records = [record for record in family.records if not self.records.expire(record, now_ns)]
        for call in list(family.calls):
            events += self.calls.expire(call, now_ns)
            if call.state is DELETED and call.linger_ns <= now_ns:
                events.append(self._forget(family, call, now_ns, evicted=False))
        self._settle(call_id, family)
        return events + self._called() if self.records.called else events

    def _settle(self, call_id: bytes, family: Family) -> None:
        if not family.calls and not family.records:
            del self._families[call_id]
        else:
            self._schedule(call_id, family)

    def _schedule(self, call_id: bytes, family: Family) -> None:
        due = family.due_ns
        for call in family.calls:
            if (next_ns := self.calls.next_ns(call)) < due:
                due = next_ns
        for record in family.records:
            if (next_ns := self.records.due_ns(record)) < due:
                due = next_ns
        if due < family.due_ns:
            family.due_ns = due
            heapq.heappush(self._timers, (due, call_id))

    def _forget(self, family: Family, call: Call, at_ns: int, *, evicted: bool) -> Forgotten:
        family.calls.remove(call)
        del self._by_uid[call.uid]
        self.calls.forget(call)
        if evicted and call.state is not DELETED:
            call.enter(DELETED, at_ns, EVICTED)
            call.end(at_ns, "", 0, EVICTED)
        return Forgotten(call.uid, at_ns, evicted, call)

    def _evict(self, at_ns: int) -> list[Event]:
        """Drop the Call-ID that has been idle longest: the cap holds against any flood."""
        _call_id, family = self._families.popitem(last=False)
        self.evicted += len(family.calls)
        self.records.drop(family.records, at_ns)
        forgotten = [self._forget(family, call, at_ns, evicted=True) for call in list(family.calls)]
        return [*forgotten, *self._called()]

    # What leaves the engine

    def snapshot(self, uid: str) -> CallSnapshot | None:
        """Return the call as it is now; None for one that is not (any more) in memory."""
        held = self._by_uid.get(uid)
        return None if held is None else self.view(held[1])

    def view(self, call: Call) -> CallSnapshot:
        """Return a call, also a forgotten one, as a value."""
        return snapshot(call, self.node, self.calls.due_ns(call))

    def all_calls(self) -> Iterator[Call]:
        """Yield the engine's own calls, oldest Call-ID first; they are the engine's: look, do not keep."""
        for family in self._families.values():
            yield from family.calls

    def all_records(self) -> list[Record]:
        """Return the records in `dlg.list` order: by slot, oldest first."""
        found = [record for family in self._families.values() for record in family.records]
        return sorted(found, key=lambda record: (record.h_entry, record.init_ns))

    def dump(self, uid: str) -> bytes | None:
        """Return a live call with its records as a versioned blob for `restore`; None once it has ended."""
        held = self._by_uid.get(uid)
        if held is None or held[1].state is DELETED:
            return None
        call_id, call = held
        records = [record for record in self._families[call_id].records if record.caller_tag == call.caller.tag]
        return pack(call, records)

    def restore(self, blob: bytes) -> str | None:
        """Take a call back from `dump`'s blob; returns its uid, None for a blob of another version or one already here."""
        held = unpack(blob)
        if held is None or held.call.uid in self._by_uid:
            return None
        call = held.call
        family = self._families.setdefault(call.call_id, Family(call.h_entry))
        family.late = call.late
        family.calls.append(call)
        self._by_uid[call.uid] = (call.call_id, call)
        self.calls.adopt(call)
        for record in held.records:
            family.records.append(record)
            self.records.adopt(record)
        self.records.begin(call.last_ns)
        self._schedule(call.call_id, family)
        return call.uid
