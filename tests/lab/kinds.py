"""The kinds of call that the lab can make, one line each, with what Kamailio says of them. Knows both sides' scripts; knows no Dialtap."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from . import callers
from .callees import Callee
from .callers import Line
from .lab import Call, Lab
from .phone import UDP, Way

STEP_MS = 400
"How long each state lasts, at least: long enough for a watcher who asks every 20 ms, shorter than the first retransmission."

FOR_EVER_MS = 30_000


@dataclass(frozen=True)
class Kind:
    """One kind of call: what both sides do, and the states that Kamailio's dialog (or dialogs, one after the other) goes through."""

    name: str
    caller: Callable[[Line], str]
    callees: tuple[str, ...]
    states: tuple[tuple[int, ...], ...]
    failed: int = 0
    "Dialogs that Kamailio counts as failed."

    trunk: bool = False
    step_ms: int = STEP_MS

    def place(self, lab: Lab, caller: Way = UDP, callee: Way = UDP, **line: str) -> Call:
        """Make one such call in the lab; `line`: what the caller's messages say otherwise."""
        number = lab.new_number()
        phones = tuple(lab.callee(script, way=callee) for script in self.callees)
        if phones:
            lab.proxy.lead(number, *(phone.target for phone in phones), trunk=self.trunk)
        call_id = f"{self.name}-{number}@lab.example"
        script = self.caller(Line(number, ack_delay_ms=self.step_ms, **line))  # type: ignore[arg-type]
        return Call(call_id, number, lab.caller(script, call_id, way=caller), phones)


FULL = (1, 2, 3, 4, 5)
UNANSWERED, NEVER_ACKNOWLEDGED = (1, 2, 5), (1, 2, 3, 5)


def kinds(step: int = STEP_MS) -> tuple[Kind, ...]:
    """Return all kinds whose calls end by themselves; every state lasts `step` milliseconds or more."""
    hold, callee = 2 * step, Callee()
    answers, challenges = callee.answers(step, step), callee.challenges(step, step)
    fast, slow = callee.answers_or_is_cancelled(step, step), callee.answers_or_is_cancelled(step, FOR_EVER_MS)
    made = (
        Kind("caller-hangs-up", lambda line: callers.hangs_up(line, hold), (answers,), (FULL,)),
        Kind("callee-hangs-up", callers.waits_for_bye, (callee.hangs_up(step, step, hold),), (FULL,)),
        Kind("busy", lambda line: callers.is_refused(line, 486), (callee.refuses("486 Busy Here", step),), ((1, 5),), failed=1),
        Kind("declined", lambda line: callers.is_refused(line, 603), (callee.refuses("603 Decline", step, step),), (UNANSWERED,), failed=1),
        Kind("unavailable", lambda line: callers.is_refused(line, 503), (callee.refuses("503 Service Unavailable", step),), ((1, 5),), failed=1),
        Kind("cancelled", lambda line: callers.gives_up(line, hold), (callee.rings_for_ever(step),), (UNANSWERED,), failed=1),
        Kind("no-ack", lambda line: callers.never_acknowledges(line, hold), (callee.is_not_acknowledged(step, step, FOR_EVER_MS),), (NEVER_ACKNOWLEDGED,)),
        Kind("no-ack-given-up", callers.never_acknowledges_and_waits, (callee.is_not_acknowledged(step, step, hold),), (NEVER_ACKNOWLEDGED,)),
        Kind("challenged", lambda line: callers.answers_challenge(line, hold), (challenges,), ((1, 5), FULL), failed=1),
        Kind("forked", lambda line: callers.hangs_up(line, hold), (fast, slow), (FULL,)),
        Kind("fork-cancelled", lambda line: callers.gives_up(line, hold), (slow, slow), (UNANSWERED,), failed=1),
        Kind("trunk-challenged", lambda line: callers.hangs_up(line, hold), (challenges,), (FULL,), trunk=True),
        Kind("not-found", lambda line: callers.is_refused(line, 404), (), ((5,),), failed=1),
        Kind("media-changed", lambda line: callers.changes_media(line, hold), (answers,), (FULL,)),
    )
    return tuple(replace(kind, step_ms=step) for kind in made)


ENDLESS = Kind("endless", callers.waits_for_bye, (Callee().answers(STEP_MS, STEP_MS),), ((1, 2, 3, 4),))
"Both sides talk until a BYE comes from the network: what an order to end is tried on."
