"""What our user agent does, as generators that do no I/O: they yield what they want done and are sent what came of it. Knows no socket and no clock.

The loop that drives one (agent.py, or a test with a list of replies) makes the transaction, the timers and the bytes.
"""

from collections.abc import Generator
from typing import Literal, NamedTuple

import msgspec

from dialogs.control.sip.dialog import Dialog
from dialogs.control.sip.digest import ROUNDS, Challenge, Digest, Rejected
from dialogs.control.sip.requests import Draft, Identity, Prepared, bye
from dialogs.control.sip.syntax import Unsendable
from dialogs.sip import Request, Response, text


class Ask(NamedTuple):
    """Send a request in a transaction; the reply is an Answer. A Prepared one was stored before: the same bytes go to the same address."""

    request: Draft | Prepared
    step: str
    "Under which provisional answers are told."

    seconds: float = 0
    "An INVITE still unanswered after this is cancelled; 0: never."


class Tell(NamedTuple):
    """Send an ACK to a 2xx, and again at each repetition of that; no reply."""

    request: Draft


class Listen(NamedTuple):
    """Wait for the next request in a dialog of ours; the reply is a Heard."""

    seconds: float


class Heard(NamedTuple):
    """What came in."""

    request: Request | None
    "None when nothing came in time, or it is to stop."

    stopped: bool = False


class Progress(NamedTuple):
    """Something to show; no reply."""

    step: str
    state: Literal["begun", "provisional", "done", "failed"]
    words: str


class Answer(NamedTuple):
    """What came of a request."""

    response: Response | None
    "The final answer, None without one."

    failure: Literal["", "no answer", "not sent"] = ""
    words: str = ""
    "For people: the answer in words, or what failed."

    cseq: int = 0
    "The number that the request had; 0 when it was never made."

    stopped: bool = False
    "Somebody wanted it to stop meanwhile."

    @property
    def status(self) -> int:
        """The status of the final answer, 0 without one."""
        return self.response.status if self.response is not None else 0

    @property
    def accepted(self) -> bool:
        """Whether the answer is a 2xx."""
        return 200 <= self.status < 300


type Step = Ask | Tell | Listen | Progress
type Reply = Answer | Heard | None
type Operation[Result] = Generator[Step, Reply, Result]

GONE = 481
"The answer other than 2xx that proves that the party has no such dialog any more (RFC 3261, 15.1.2)."

TIMED_OUT = 408
"""A proxy's word that nobody answered. A phone that hangs up need not care (RFC 3261, 15.1.1); here it is no proof that the leg is gone."""


class LegResult(msgspec.Struct, frozen=True):
    """What came of one leg's BYE."""

    outcome: Literal["released", "refused", "no answer", "not sent"]
    status: int = 0
    "Of the final answer."

    words: str = ""
    challenged: bool = False
    "It was challenged, and asked again with credentials."

    cseq: int = 0
    "Number of the last BYE: a retry needs one above it."


def ask(request: Draft | Prepared, step: str, seconds: float = 0) -> Operation[Answer]:
    """Send one request."""
    reply = yield Ask(request, step, seconds)
    return reply if isinstance(reply, Answer) else Answer(None, "not sent", "not asked")


def listen(seconds: float) -> Operation[Heard]:
    """Wait for one request."""
    reply = yield Listen(seconds)
    return reply if isinstance(reply, Heard) else Heard(None)


class Asked(NamedTuple):
    """A request's last answer, and whether credentials were given for it."""

    answer: Answer
    challenged: bool


def authenticated(draft: Draft, digest: Digest, step: str, seconds: float = 0, stored: Prepared | None = None) -> Operation[Asked]:
    """Send a request and answer its challenges, each time with the next CSeq; the last answer, with words of why it stayed a challenge.

    stored: the very bytes of an earlier try, sent in place of the draft; the draft follows when they are challenged.
    """
    given: dict[tuple[str, str], Challenge] = {}
    answer = yield from ask(stored or draft, step, seconds)
    for _ in range(ROUNDS):
        response = answer.response
        if response is None or response.status not in (401, 407) or answer.stopped:
            break
        try:
            given = digest.answer(response, given)
            draft = draft.again(max(answer.cseq, draft.cseq) + 1, digest.lines(given, draft.method, draft.uri, draft.body))
        except (Rejected, Unsendable) as error:
            return Asked(answer._replace(words=f"{answer.words}: {error}"), bool(given))
        yield Progress(step, "provisional", f"{answer.words}: asked again with credentials")
        answer = yield from ask(draft, step, seconds)
    return Asked(answer, bool(given))


def end_leg(dialog: Dialog, identity: Identity, digest: Digest, *, reason: str = "", stored: Prepared | None = None) -> Operation[LegResult]:
    """Send BYE to one party and say what came of it. stored: the BYE that was sent, or was about to be, before a crash."""
    try:
        draft = bye(dialog, identity, reason)
    except Unsendable as error:
        yield Progress("bye", "failed", str(error))
        return LegResult("not sent", words=str(error))
    yield Progress("bye", "begun", f"BYE to {text(dialog.remote_uri.encode('utf-8', 'surrogateescape'))}")
    answer, challenged = yield from authenticated(draft, digest, "bye", stored=stored)
    result = leg_result(answer, challenged)
    yield Progress("bye", "done" if result.outcome == "released" else "failed", result.words)
    return result


def leg_result(answer: Answer, challenged: bool) -> LegResult:
    """Return what an answer to a BYE means for its leg."""
    if answer.response is None:
        outcome: Literal["released", "refused", "no answer", "not sent"] = "not sent" if answer.failure == "not sent" else "no answer"
        return LegResult(outcome, 0, answer.words, challenged, answer.cseq)
    found: Literal["released", "refused", "no answer"] = "no answer" if answer.status == TIMED_OUT else "refused"
    return LegResult("released" if answer.accepted or answer.status == GONE else found, answer.status, answer.words, challenged, answer.cseq)


class HangupResult(msgspec.Struct, frozen=True):
    """What came of the end of a dialog; None for a side that was not asked."""

    caller: LegResult | None
    callee: LegResult | None

    @property
    def outcome(self) -> str:
        """ "both legs released", "one leg only: callee", "leg released: caller", "not confirmed"."""
        legs = {"caller": self.caller, "callee": self.callee}
        asked = [side for side, leg in legs.items() if leg is not None]
        released = [side for side, leg in legs.items() if leg is not None and leg.outcome == "released"]
        if len(released) == 2:
            return "both legs released"
        if not released:
            return "not confirmed"
        return f"leg released: {released[0]}" if asked == released else f"one leg only: {released[0]}"
