"""The table of dialog records: counters, profiles, ids and time. Knows records; knows no message and no address.

What messages do to it is in `records`.
"""

from dialogs.config import Config
from dialogs.engine.events import Called
from dialogs.engine.record import PROFILES_CHANGED, TIMEOUT_BYE, Record
from dialogs.engine.record_listing import record_listing
from dialogs.engine.ruled import Ruled
from dialogs.engine.rules.compiled import Rules
from dialogs.engine.states import CONFIRMED, CONFIRMED_NA, DELETED, EARLY, REQBYE, RPL3XX, TIMEOUT, UNCONFIRMED, Input, State
from dialogs.packet import SECOND

LINGER_NS = 5 * SECOND
"A deleted record stays while its transaction lives: tm's wt_timer."

OWN_BYE_NS = 30 * SECOND
"Then tm makes a 408 of a BYE that nobody answered (fr_timer), which counts as its final answer."

CLEANER_NS = 90 * SECOND
NOACK_GRACE = 10
"Seconds a record without ACK gets once the cleaner has found it."


class RecordTable(Ruled):
    """Counts records and runs their timers; times are given, in ns."""

    def __init__(self, config: Config, rules: Rules) -> None:
        super().__init__(config, rules)
        self.processed = self.early = self.active = self.failed = self.expired = 0
        self.by_state = dict.fromkeys(State, 0)
        "Records that are not destroyed; those ended are not counted in all cases."

        self.moved = 0
        "Changes that may have brought a record's deadline nearer."

        self.listening = bool(self.config.handlers)
        self.called: list[Called] = []
        "Callbacks since the engine last took them away; none are made while nobody listens."

        self._serials: dict[int, int] = {}

    def call(self, name: str, record: Record, now_ns: int) -> None:
        """Tell the handlers of a moment in a record's life (reference 7)."""
        if self.listening:
            self.called.append(Called(name, now_ns, record_listing(record, now_ns)))

    def answered(self) -> int:
        """Return `active_dialogs`."""
        return self.active

    def say(self, subject: Record, kind: str, text: str, now_ns: int) -> None:
        """Say nothing: only the wire view speaks, or everything would be said twice."""

    def enter_profile(self, subject: Record, name: str, value: str | None) -> None:
        """Enter a record into a profile."""
        super().enter_profile(subject, name, value)
        subject.dflags |= PROFILES_CHANGED

    def set_timeout(self, subject: Record, seconds: int, now_ns: int) -> None:
        """Set the lifetime, and count it from now where the timer runs already (Kamailio: dlg_set_timeout, reference 10.5)."""
        subject.lifetime = seconds
        if subject.answered:
            subject.arm(now_ns)
            self.moved += 1

    def _next_id(self, entry: int) -> int:
        serial = self._serials.get(entry, 0) + 1
        self._serials[entry] = serial
        return serial

    def _delete(self, record: Record, asked: Input, now_ns: int) -> None:
        before = record.state
        self.moved += 1
        record.state = DELETED
        self._count(-1, before)
        if asked is RPL3XX:
            self.failed += 1
        if asked is TIMEOUT and not record.expiring:
            self.expired += 1
        linger = now_ns if asked is TIMEOUT else now_ns + LINGER_NS
        record.end(now_ns, linger, by_bye=asked is not RPL3XX)
        self.profiles.drop(record.profiles)
        record.profiles = []

    def _count(self, step: int, state: State) -> None:
        self.by_state[state] += step
        if state == EARLY:
            self.early += step
        elif state in (CONFIRMED_NA, CONFIRMED):
            self.active += step

    # Time

    def expire(self, record: Record, now_ns: int) -> bool:
        """Run the record's own timers; True when it is to be destroyed."""
        if record.answered and 0 < record.timeout_ns <= now_ns:
            if record.iflags & TIMEOUT_BYE:
                record.own_bye_ns = record.own_bye_ns or record.timeout_ns + OWN_BYE_NS
                self._expiring(record, now_ns)
            else:
                self._delete(record, TIMEOUT, record.timeout_ns)
                self.run_without_message("end", record, now_ns)
                self.call("dialog:end", record, now_ns)
                self.call("EXPIRED", record, now_ns)
        if record.answered and 0 < record.own_bye_ns <= now_ns:
            self._delete(record, REQBYE, record.own_bye_ns)
        gone = record.state is DELETED and record.linger_ns <= now_ns
        if gone:
            self.call("DESTROY", record, now_ns)
        return gone

    def _expiring(self, record: Record, now_ns: int) -> None:
        """The lifetime is over and the proxy sends its BYEs; the first final answer to one of them ends the record."""
        record.expiring = True
        record.timeout_ns = 0
        self.expired += 1
        self.call("EXPIRED", record, now_ns)

    def due_ns(self, record: Record) -> int:
        """Return when `expire` should be asked about this record next; 0 for never."""
        if record.state is DELETED:
            return record.linger_ns
        if record.own_bye_ns:
            return min(record.own_bye_ns, record.timeout_ns or record.own_bye_ns)
        return record.timeout_ns

    def clean(self, record: Record, now_ns: int) -> bool:
        """Run the cleaner (Kamailio: dlg_clean_run, each 90 s) on one record; True when it is to be destroyed.

        A ringing record goes silently and leaks +1 in early_dialogs, as in the original.
        """
        if self.config.flavour == "ims_dialog":
            return False  # it has no cleaner
        if record.state in (UNCONFIRMED, EARLY) and record.init_ns + self.config.early_timeout * SECOND < now_ns:
            self.profiles.drop(record.profiles)
            record.profiles = []
            self.by_state[record.state] -= 1
            record.state = DELETED
            self.call("DESTROY", record, now_ns)
            return True
        if record.state is CONFIRMED_NA and record.start_ns + self.config.noack_timeout * SECOND < now_ns and record.lifetime != NOACK_GRACE:
            record.lifetime = NOACK_GRACE
            record.arm(now_ns)
        return record.state is DELETED and record.end_ns > 0 and record.end_ns + self.config.end_timeout * SECOND < now_ns

    def adopt(self, record: Record) -> None:
        """Count a restored record among those that live, and never give its id away again; it was processed before."""
        self._count(1, record.state)
        self._serials[record.h_entry] = max(self._serials.get(record.h_entry, 0), record.h_id)
        members, record.profiles = record.profiles, []
        for name, value in members:
            self.profiles.add(record.profiles, name, value)
        self.call("LOADED", record, record.init_ns)

    def drop(self, records: list[Record], now_ns: int) -> None:
        """Take evicted records out of the counters."""
        for record in records:
            self.call("DESTROY", record, now_ns)
            self._count(-1, record.state)
            self.profiles.drop(record.profiles)
