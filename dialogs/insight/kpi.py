"""Key figures of calls: what is counted in a period, and what is made of it (RFC 6076). Knows snapshots; knows no clock, no table, no screen.

Adding a KPI is one function and one line in KPIS. What is counted can be added up: of several nodes, of several periods. So delays are counted in
buckets, each a tenth wider than the one before, and a percentile is right to a tenth.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State
from dialogs.insight.totals import Totals

STATES = (State.UNCONFIRMED, State.EARLY, State.CONFIRMED_NA, State.CONFIRMED)
WIDER = 1.1
FIRST_MS = 1.0
MOST_CALLS = 200_000
"Calls whose progress is remembered; the oldest is forgotten first, counted in `forgotten`."

MOST_ENDED = 65_536
"Ended calls that are remembered, so that none counts twice."

EFFECTIVE = (480, 486, 600, 603)
"The network did its part, the people did not want (RFC 6076, 4.7)."

INEFFECTIVE = (408, 500, 503, 504)
"The network failed (RFC 6076, 4.8)."

CHALLENGES = (401, 402, 407)
EXPIRED = 0
"In place of a code: nothing was seen for too long."

RANG, ANSWERED = 1, 2


class Figures(msgspec.Struct):
    """What was counted in some seconds. Add them with `total`."""

    seconds: float = 0.0
    live: list[int] = msgspec.field(default_factory=lambda: [0] * len(STATES))
    "Calls in each of STATES at the end of the period."

    begun: int = 0
    answered: int = 0
    codes: dict[int, int] = msgspec.field(default_factory=dict)
    "Attempts that failed, by their final answer; EXPIRED for those without any."

    ring: dict[int, int] = msgspec.field(default_factory=dict)
    "Buckets of the time from INVITE to the first ringing (the session request delay of RFC 6076, 4.3)."

    setup: dict[int, int] = msgspec.field(default_factory=dict)
    "Buckets of the time from INVITE to the answer."

    @property
    def failed(self) -> int:
        """Attempts that failed."""
        return sum(self.codes.values())

    @property
    def attempts(self) -> int:
        """Attempts that were decided."""
        return self.answered + self.failed

    def of(self, *codes: int) -> int:
        """Return how many attempts ended with one of these answers."""
        return sum(self.codes.get(code, 0) for code in codes)

    def of_class(self, first: int) -> int:
        """Return how many attempts ended with an answer of a class: 4 for 4xx."""
        return sum(count for code, count in self.codes.items() if code // 100 == first)


def bucket(delay_ns: int) -> int:
    """Return the bucket of a delay: 0 for less than a millisecond."""
    milliseconds = delay_ns / 1e6
    return 0 if milliseconds < FIRST_MS else 1 + int(math.log(milliseconds / FIRST_MS, WIDER))


def seconds_of(number: int) -> float:
    """Return the upper end of a bucket in seconds."""
    return FIRST_MS * WIDER**number / 1000


def percentile(buckets: dict[int, int], share: float) -> float | None:
    """Return the delay in seconds that this share of the calls did not pass; None for no call."""
    wanted = share * sum(buckets.values())
    passed = 0
    for number in sorted(buckets):
        passed += buckets[number]
        if passed >= wanted:
            return seconds_of(number)
    return None


def total(parts: Iterable[Figures], *, beside: bool = False) -> Figures:
    """Return the sum of figures: of periods one after the other, the newest last, or (`beside`) of several nodes in the same period."""
    found = Figures()
    for part in parts:
        found.seconds = max(found.seconds, part.seconds) if beside else found.seconds + part.seconds
        found.live = [ours + theirs for ours, theirs in zip(found.live, part.live, strict=True)] if beside else list(part.live)
        found.begun += part.begun
        found.answered += part.answered
        for ours, theirs in ((found.codes, part.codes), (found.ring, part.ring), (found.setup, part.setup)):
            for key, count in theirs.items():
                ours[key] = ours.get(key, 0) + count
    return found


class Tally:
    """Counts the calls of a node as they change."""

    def __init__(self, since_ns: int) -> None:
        """Calls that began before `since_ns` are counted from what they do next."""
        self.since_ns = since_ns
        self.forgotten = 0
        self.totals = Totals()
        self._figures = Figures()
        self._begun_ns = since_ns
        self._calls: dict[str, tuple[int, int]] = {}  # uid -> (State, RANG | ANSWERED)
        self._ended: dict[str, tuple[int, int]] = {}  # uid -> (RANG | ANSWERED, code)

    def take(self, call: CallSnapshot) -> None:
        """Count what a call has done since it was looked at last."""
        passed = (RANG if call.ring_ns else 0) | (ANSWERED if call.start_ns else 0)
        before = self._before(call, passed)
        if before is None:
            return
        self._passed(call, passed & ~before)
        if call.state < State.DELETED:
            self._keep(call.uid, call.state, passed)
            return
        self._calls.pop(call.uid, None)
        code = 0
        if passed & ANSWERED:
            self.totals.talk.observe(max(0, call.end_ns - call.start_ns) / 1e9)
        else:
            code = call.end_code or EXPIRED
            self._figures.codes[code] = self._figures.codes.get(code, 0) + 1
            self.totals.codes.add(code)
        self._ended[call.uid] = passed, code
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]

    def _before(self, call: CallSnapshot, passed: int) -> int | None:
        """Return what a call had done when it was looked at last; None where nothing that it does is to be counted."""
        if (known := self._calls.get(call.uid)) is not None:
            return known[1]
        if call.init_ns < self.since_ns:  # it was there before us; of a recording with its own times nothing is counted at all
            if call.state < State.DELETED:
                self._keep(call.uid, call.state, passed)
            return None
        ended = self._ended.get(call.uid)
        if ended is None:
            self._figures.begun += 1
            self.totals.begun += 1
            return 0
        if call.state == State.DELETED:  # the answer to its BYE, a repeat: nothing new
            return None
        del self._ended[call.uid]
        if not ended[0] & ANSWERED:  # a challenge, and now its repetition: one attempt
            self.totals.codes.take_back(ended[1])
            if self._figures.codes.get(ended[1]):
                self._figures.codes[ended[1]] -= 1
        return ended[0]

    def _passed(self, call: CallSnapshot, new: int) -> None:
        """Count the steps that are new."""
        figures = self._figures
        if new & RANG:
            number = bucket(call.ring_ns - call.init_ns)
            figures.ring[number] = figures.ring.get(number, 0) + 1
        if new & ANSWERED:
            figures.answered += 1
            self.totals.answered += 1
            self.totals.setup.observe(max(0, call.start_ns - call.init_ns) / 1e9)
            number = bucket(call.start_ns - call.init_ns)
            figures.setup[number] = figures.setup.get(number, 0) + 1

    def _keep(self, uid: str, state: int, passed: int) -> None:
        self._calls[uid] = state, passed
        if len(self._calls) > MOST_CALLS:
            del self._calls[next(iter(self._calls))]
            self.forgotten += 1

    def close(self, now_ns: int) -> Figures:
        """Return what was counted until now, and begin anew."""
        figures, self._figures = self._figures, Figures()
        figures.seconds = max(0.0, (now_ns - self._begun_ns) / 1e9)
        self._begun_ns = now_ns
        states = [state for state, _ in self._calls.values()]
        figures.live = [states.count(state) for state in STATES]
        return figures


class Kpi(NamedTuple):
    """One key figure."""

    name: str
    title: str
    chart: str
    "The chart that it is drawn in; those of one chart share the axis."

    unit: str
    '"calls", "/s", "%" or "s".'

    tone: str
    "The token that colours it."

    of: Callable[[Figures], float | None]
    "None: nothing to tell."

    calls: str = ""
    "The calls behind it, in the query language; WHEN stands for the span of time, AT for its end. Empty: all that began."

    note: str = ""


def share(part: int, whole: int) -> float | None:
    """Return a share in per cent."""
    return 100 * part / whole if whole > 0 else None


def per_second(count: int, figures: Figures) -> float | None:
    """Return how many there were a second."""
    return count / figures.seconds if figures.seconds else None


def established(figures: Figures) -> float | None:
    """Session establishment ratio (RFC 6076, 4.6): answered of all attempts that were not redirected."""
    return share(figures.answered, figures.attempts - figures.of_class(3))


def effective(figures: Figures) -> float | None:
    """Session establishment effectiveness ratio (4.7): answered, or not wanted by people, of all that were neither redirected nor challenged."""
    whole = figures.attempts - figures.of_class(3) - figures.of(*CHALLENGES)
    return share(figures.answered + figures.of(*EFFECTIVE), whole)


def ineffective(figures: Figures) -> float | None:
    """Ineffective session attempts (4.8): those that the network failed, of all."""
    return share(figures.of(*INEFFECTIVE), figures.attempts)


LIVE_AT = 'begun <= "AT" and (state = "live" or ended > "AT")'
BEGUN_WHEN = 'begun = "WHEN"'
ANSWERED_WHEN = 'answered = "WHEN"'
FAILED_WHEN = 'state = "failed" and ended = "WHEN"'

KPIS = (
    Kpi("in_call", "In call", "live", "calls", "talk", lambda f: f.live[3], LIVE_AT),
    Kpi("no_ack", "No ACK", "live", "calls", "noack", lambda f: f.live[2], LIVE_AT),
    Kpi("ringing", "Ringing", "live", "calls", "ring", lambda f: f.live[1], LIVE_AT),
    Kpi("setting_up", "Setting up", "live", "calls", "setup", lambda f: f.live[0], LIVE_AT),
    Kpi("rate", "Calls", "rate", "/s", "accent", lambda f: per_second(f.begun, f), note="attempts that began"),
    Kpi("failing", "Failures", "rate", "/s", "fail", lambda f: per_second(f.failed, f), FAILED_WHEN, "attempts that failed"),
    Kpi("ser", "Answered", "answers", "%", "talk", established, ANSWERED_WHEN, "SER, RFC 6076, 4.6"),
    Kpi("seer", "Effective", "answers", "%", "accent", effective, "", "SEER, RFC 6076, 4.7"),
    Kpi("isa", "Ineffective", "answers", "%", "fail", ineffective, f"{FAILED_WHEN} and code in ({', '.join(map(str, INEFFECTIVE))})", "ISA, RFC 6076, 4.8"),
    Kpi("failed3", "3xx", "failures", "calls", "expired", lambda f: f.of_class(3), f"{FAILED_WHEN} and code >= 300 and code < 400"),
    Kpi("failed4", "4xx", "failures", "calls", "ring", lambda f: f.of_class(4), f"{FAILED_WHEN} and code >= 400 and code < 500"),
    Kpi("failed5", "5xx", "failures", "calls", "fail", lambda f: f.of_class(5), f"{FAILED_WHEN} and code >= 500 and code < 600"),
    Kpi("failed6", "6xx", "failures", "calls", "noack", lambda f: f.of_class(6), f"{FAILED_WHEN} and code >= 600 and code < 700"),
    Kpi(
        "expired",
        "Expired",
        "failures",
        "calls",
        "setup",
        lambda f: f.codes.get(EXPIRED, 0),
        'state = "expired" and ended = "WHEN"',
        "nothing was seen for too long",
    ),
    Kpi("srd", "First ring, median", "delays", "s", "ring", lambda f: percentile(f.ring, 0.5), 'rang = "WHEN"', "SRD, RFC 6076, 4.3"),
    Kpi("srd95", "First ring, p95", "delays", "s", "noack", lambda f: percentile(f.ring, 0.95), 'rang = "WHEN"'),
    Kpi("setup", "Set-up, median", "delays", "s", "accent", lambda f: percentile(f.setup, 0.5), ANSWERED_WHEN, "INVITE to answer"),
    Kpi("setup95", "Set-up, p95", "delays", "s", "fail", lambda f: percentile(f.setup, 0.95), ANSWERED_WHEN),
)
BY_NAME = {kpi.name: kpi for kpi in KPIS}
CHARTS = {
    "live": "Live calls by state",
    "rate": "Calls a second",
    "answers": "Answer rates",
    "failures": "Failures by class",
    "delays": "Set-up time",
}
