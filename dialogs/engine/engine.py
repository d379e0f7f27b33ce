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
from dialogs.engine.late_joins import LateJoins
from dialogs.engine.record import Record
from dialogs.engine.record_table import CLEANER_NS
from dialogs.engine.records import Records
from dialogs.engine.rules import compile_rules
from dialogs.engine.session_timer import TIMED, heard
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.sockets import Sockets
from dialogs.engine.states import DELETED, classify
from dialogs.engine.strays import NEVER, OVERTAKERS
from dialogs.engine.view import snapshot
from dialogs.packet import Packet
from dialogs.sip import Message, parse

NO_PACKETS: list[Packet] = []
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
        self._clean_ns = 0

    # Packets

    def receive(self, packet: Packet) -> list[Event]:
        """Take one packet and return what it means; [] for what is no message of a call. Never raises on wire data."""
        self.packets += 1
        if not self._clean_ns:
            self._clean_ns = packet.at_ns + CLEANER_NS  # the cleaner ticks from the first packet on, as from Kamailio's start
        message = parse(packet.data)
        if message is None:
            self.not_sip += 1
            return []
        self.messages += 1
        call_id, strays = message.call_id, NO_PACKETS
        initial = message.method == "INVITE" and not message.status and not message.to_tag
        family = self._families.get(call_id)
        if family is None:
            if not initial or not call_id:
                return self._outside(message, packet)
            family = self._families[call_id] = Family()
            self.families += 1
            strays = self.strays.take(call_id, packet.at_ns)
        else:
            self._families.move_to_end(call_id)
        copy = family.copies.kind(message, packet)
        if copy == "mirror":
            self.mirrored += 1
            return []
        moved = self.records.moved
        events = self._invite(family, message, packet, copy) if initial else self._other(family, message, packet, copy)
        for stray in strays:
            events += self._taken_up(stray)
        if self.records.called:
            events = [*events, *self._called()]
        # A deadline comes nearer only with a change of state; one that went further away is looked at when the old one is due.
        if len(events) > 1 or moved != self.records.moved:
            self._schedule(call_id, family)
        return events if len(self._by_uid) <= self.config.dialog.max_dialogs else events + self._evict(packet.at_ns)

    def _called(self) -> list[Event]:
        called, self.records.called = self.records.called, []
        return [*called]

    def _outside(self, message: Message, packet: Packet) -> list[Event]:
        """Pass over a message of no known call; one about an INVITE may only have come too early."""
        self.outside += 1
        if message.method in OVERTAKERS and message.call_id:
            self.strays.keep(message.call_id, packet)
        return []

    def _taken_up(self, packet: Packet) -> list[Event]:
        """Take a message that came before its INVITE again, now that there is a call for it."""
        self.outside -= 1
        self.packets -= 1
        self.messages -= 1
        return self.receive(packet)

    def _invite(self, family: Family, message: Message, packet: Packet, copy: str) -> list[Event]:
        if family.late:
            self._begun_after_all(family, message, packet)
        call, events = self.calls.invite(family.calls, message, packet, copy)
        if call is None:
            return self._ignored(message.call_id, family)
        record = self.records.invite(family.records, message, packet)
        if record is not None:
            call.h_id = record.h_id if not call.did_seen else call.h_id
        self._by_uid.setdefault(call.uid, (message.call_id, call))
        return self._seen(call, message, packet, copy, events)

    def _other(self, family: Family, message: Message, packet: Packet, copy: str) -> list[Event]:
        asked = classify(message)
        if family.records:
            feed = self.records.response if message.status else self.records.request
            feed(family.records, asked, message, packet, copy)
        call = self.calls.find(family.calls, message)
        if call is None:
            self.outside += 1
            return []
        take = self.calls.response if message.status else self.calls.request
        return self._seen(call, message, packet, copy, take(call, asked, message, packet, copy))

    def _seen(self, call: Call, message: Message, packet: Packet, copy: str, events: list[Event]) -> list[Event]:
        call.see(message, packet.at_ns, packet.source, packet.destination, copy)
        if message.method in TIMED and not 100 <= message.status < 200 and (noted := heard(call, message, packet.at_ns, copy)):
            events = [*events, *noted]
        said = self.calls.said
        if not said:
            return [Seen(call.uid, packet.at_ns, packet, message, copy), *events]
        self.calls.said = []
        return [Seen(call.uid, packet.at_ns, packet, message, copy), *events, *said]

    # Time

    def next_timeout(self) -> int | None:
        """Return when `expire` has something to do, in ns; None when nothing is pending."""
        first = self._timers[0][0] if self._timers else NEVER
        due = min(first, self._clean_ns or NEVER) if self._families else NEVER
        due = min(due, self.strays.due_ns)
        return due if due < NEVER else None

    def expire(self, now_ns: int) -> list[Event]:
        """Run every timer up to this time and return what came of it."""
        events: list[Event] = []
        while True:
            first = self._timers[0][0] if self._timers else NEVER
            clean = self._clean_ns or NEVER
            if self.strays.due_ns <= min(first, clean, now_ns):
                events += self.join_late(min(first, clean, now_ns))
                continue
            if min(first, clean) > now_ns:
                return events
            if clean <= first:
                self._clean(clean)
                events += self._called()
                # In step with the first packet for ever; a long silence with nothing to clean is stepped over at once.
                steps = 1 if self._families else (now_ns - clean) // CLEANER_NS + 1
                self._clean_ns += steps * CLEANER_NS
                continue
            due, call_id = heapq.heappop(self._timers)
            family = self._families.get(call_id)
            if family is None or family.due_ns != due:
                continue
            family.due_ns = NEVER
            events += self._expire_family(call_id, family, due)
            events += self._called()

    def _expire_family(self, call_id: bytes, family: Family, now_ns: int) -> list[Event]:
        events: list[Event] = []
        family.records = [record for record in family.records if not self.records.expire(record, now_ns)]
        for call in list(family.calls):
            events += self.calls.expire(call, now_ns)
            if call.state is DELETED and call.linger_ns <= now_ns:
                events.append(self._forget(family, call, now_ns, evicted=False))
        self._settle(call_id, family)
        return events

    def _clean(self, now_ns: int) -> None:
        for call_id, family in list(self._families.items()):
            if family.records:
                family.records = [record for record in family.records if not self.records.clean(record, now_ns)]
                self._settle(call_id, family)

    def _settle(self, call_id: bytes, family: Family) -> None:
        if not family.calls and not family.records:
            del self._families[call_id]
        else:
            self._schedule(call_id, family)

    def _schedule(self, call_id: bytes, family: Family) -> None:
        due = NEVER
        for call in family.calls:
            due = min(due, self.calls.next_ns(call))
        for record in family.records:
            due = min(due, self.records.due_ns(record) or NEVER)
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
        family = self._families.setdefault(call.call_id, Family())
        family.late = call.late
        family.calls.append(call)
        self._by_uid[call.uid] = (call.call_id, call)
        self.calls.adopt(call)
        for record in held.records:
            family.records.append(record)
            self.records.adopt(record)
        self._clean_ns = self._clean_ns or call.last_ns + CLEANER_NS
        self._schedule(call.call_id, family)
        return call.uid
