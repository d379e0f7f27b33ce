"""The table of wire calls: counters, profiles, what rules may do, and time. Knows calls; knows no message.

What messages do to it is in `calls`.
"""

from dialogs.config import Config
from dialogs.engine.call import Call
from dialogs.engine.callers import Callers
from dialogs.engine.events import Changed, Event, Said
from dialogs.engine.ruled import Ruled
from dialogs.engine.rules.compiled import Rules
from dialogs.engine.session_timer import due_ns as refresh_ns
from dialogs.engine.session_timer import overdue
from dialogs.engine.states import CONFIRMED, CONFIRMED_NA, DELETED, STATE_NAMES, TIMEOUT, State, next_state
from dialogs.packet import NEVER, SECOND

LINGER_NS = 35 * SECOND
"An ended call stays in memory while its BYE may still be repeated or answered (RFC 3261, timers F and J: 32 s)."


class CallTable(Ruled):
    """Counts calls and runs their timers; times are given, in ns."""

    def __init__(self, config: Config, rules: Rules, node: str) -> None:
        super().__init__(config, rules)
        self.node = node
        self.said: list[Said] = []
        "What rules said since the engine last took it away."

        self.processed = self.failed = self.expired = self.anomalies = self.late_joins = 0
        self.callers = Callers()
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

    def _enter(self, call: Call, state: State, at_ns: int, cause: str, *, new: bool = False) -> Changed:
        if new:
            call.tally = self.callers.begin(call.caller.uri, state)
        else:
            self.by_state[call.state] -= 1
            self.callers.move(call.caller.uri, call.tally, call.state, state)
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
        """Return when this call is given up, or forgotten, if nothing more is seen of it."""
        if call.state is DELETED:
            return call.linger_ns
        if call.state is CONFIRMED:
            return call.last_ns + call.lifetime * SECOND
        if call.state is CONFIRMED_NA:
            return max(call.last_ns, call.start_ns) + self.config.noack_timeout * SECOND
        return call.last_ns + self.config.early_timeout * SECOND

    def next_ns(self, call: Call) -> int:
        """Return when `expire` should be asked about this call next."""
        due = self.due_ns(call)
        return due if call.session is None else min(due, refresh_ns(call) or NEVER)

    def expire(self, call: Call, now_ns: int) -> list[Event]:
        """End a call that nobody has been heard of for too long; notice that the refresh of its session did not come."""
        if call.state is DELETED or self.due_ns(call) > now_ns:
            return overdue(call, now_ns)
        self.expired += 1
        self.callers.expire(call.caller.uri, call.tally)
        after = next_state(call.state, TIMEOUT)
        changed = self._enter(call, after or DELETED, now_ns, "timeout")
        self.run_without_message("end", call, now_ns)
        call.end(now_ns, "timeout", 0, "nothing seen for too long")
        said, self.said = self.said, []
        return [changed, *said]

    def adopt(self, call: Call) -> None:
        """Count a restored call among those that live; it was processed before, which only its caller's counts tell."""
        self.by_state[call.state] += 1
        call.tally = self.callers.begin(call.caller.uri, call.state)
        self._count_again(call)

    def _failed(self, call: Call) -> None:
        """Count a refusal."""
        self.failed += 1
        self.callers.fail(call.caller.uri, call.tally)

    def _count_again(self, call: Call) -> None:
        """Put a call's memberships, which its end or another process took out, back into the counters."""
        members, call.profiles = call.profiles, []
        for name, value in members:
            call.counted = self.profiles.add(call.profiles, name, value) or call.counted

    def forget(self, call: Call) -> None:
        """Take a call out of the counters."""
        self.by_state[call.state] -= 1
        self.callers.move(call.caller.uri, call.tally, call.state, None)
        if call.counted:
            self.profiles.drop(call.profiles)
            call.counted = False
