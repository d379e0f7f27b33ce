"""What explains a call, in sentences with the messages that prove them. Knows snapshots and messages; knows no storage, no clock, no screen.

Adding an explanation is one function and one line in EXPLANATIONS. It returns None where it has nothing to say. The row's short evidence is `why`'s.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from dialogs.engine.states import State
from dialogs.insight import audio
from dialogs.insight.case import SECOND, Case, Sentence, seconds
from dialogs.insight.heard import Heard
from dialogs.insight.hosts import host_text
from dialogs.insight.why import CODES, SLOW_NS, challenged, incomplete, one_leg_left, private_leg, refresh_missing, scanner_name, waited_ns

NO_ACK_NS = 32 * SECOND
"How long an unacknowledged 200 is repeated before the call is dropped (RFC 3261, 13.3.1.4: 64 * T1)."

LOSSY = 3
"Repeats from which on packets are said to get lost."

RETRIED = frozenset({401, 407, 422})
"Answers after which the sender tries again."

AT_LIMIT = frozenset({403, 480, 486, 503, 600, 603})
"What proxies answer when a limit is reached."

LIMIT_WORDS = ("limit", "too many", "maximum", "exceed", "capacity", "congest")
"A reason phrase with one of these speaks of a limit."


def no_ack(case: Case) -> Sentence | None:
    """The ACK of the 2xx is missing: the call drops 32 s after it."""
    call = case.call
    if not _never_acknowledged(case):
        return None
    proof = _unacknowledged(case)
    if call.state == State.CONFIRMED_NA:
        return Sentence("warn", "No ACK: the call drops in", proof, call.start_ns + NO_ACK_NS) if call.repeats else None
    lasted_ns = call.end_ns - call.start_ns
    if lasted_ns < NO_ACK_NS - 2 * SECOND:
        return Sentence("warn", "Its answer was never acknowledged.", proof)
    return Sentence("bad", f"Dropped {seconds(lasted_ns)} after the answer: the ACK never came.", proof)


def _never_acknowledged(case: Case) -> bool:
    return bool(case.call.start_ns) and State.CONFIRMED not in case.states


def _unacknowledged(case: Case) -> tuple[str | int, ...]:
    """Return what was seen of the answer that nobody acknowledged."""
    answers = [heard for heard in case.messages if heard.is_answer("INVITE", 200, 299)]
    acks = [heard for heard in case.messages if heard.is_request("ACK") and answers and heard.at_ns > answers[0].at_ns]
    if not answers:
        return ()
    words: list[str | int] = [f"The {answers[0].summary}", answers[0].number]
    repeats = [heard for heard in answers if heard.source == answers[0].source and heard.destination == answers[0].destination][1:]
    if repeats:
        words += [f"was repeated {_times(len(repeats))}", repeats[-1].number]
    if acks:
        return (*words, "; the ACK", acks[-1].number, f"came no further than {case.name(acks[-1].destination)}.")
    caller = case.call.caller.address
    if any(heard.destination == caller for heard in answers):
        return (*words, f": {case.name(caller)} has sent no ACK.")
    return (*words, f": no ACK has passed {case.name(answers[-1].destination)}.")


def ack_stuck(case: Case) -> Sentence | None:
    """The 2xx is still repeated after an ACK was seen: the ACK does not reach who answered."""
    acks = {heard.message.cseq: heard for heard in reversed(case.messages) if heard.message and heard.is_request("ACK")}
    answers = [(heard, acks.get(heard.message.cseq)) for heard in case.repeats if heard.message and heard.is_answer("INVITE", 200, 299)]
    later = [(heard, ack) for heard, ack in answers if ack and heard.at_ns > ack.at_ns + SECOND // 2]
    if State.CONFIRMED not in case.states or len(later) < 2:
        return None
    last, ack = later[-1]
    proof = ("Seen first in", ack.number, f"; {case.name(last.source)} repeated its answer {_times(len(later))} after it", last.number, ".")
    return Sentence("warn", "The ACK does not arrive.", proof)


def private_contact(case: Case) -> Sentence | None:
    """A party behind a NAT names its inner address."""
    leg = private_leg(case.call)
    if leg is None:
        return None
    words = f"It is {leg.contact[:80]}, but the {leg.side} sends from {leg.address}: what is sent to the Contact is lost unless the proxy mends it."
    return Sentence("warn", f"The {leg.side}'s Contact is private.", (words,))


def scanner(case: Case) -> Sentence | None:
    """The caller's User-Agent is that of a tool that looks for holes."""
    tool = scanner_name(case.call.user_agent)
    sent = f"sent from {case.call.caller.address}" if case.call.caller.address else "its address was not seen"
    return Sentence("bad", "This is a scanner.", (f"Its User-Agent is “{tool}”, {sent}.",)) if tool else None


def refused(case: Case) -> Sentence | None:
    """A final answer ended the call: who gave it first, who passed it on, and whether it was ourselves, at a limit."""
    call = case.call
    if call.state != State.DELETED or not call.end_code or call.end_code == 487:
        return None
    finals = [heard for heard in case.messages if heard.is_answer("INVITE", 300, 699) and heard.message and heard.message.status not in RETRIED]
    told = next((heard for heard in finals if heard.message and heard.message.status == call.end_code), None)
    if told is None:
        return Sentence(_tone(call.end_code), f"Refused: {_answer(call.end_code, call.end_reason)}.")
    before = [heard for heard in case.messages if heard.at_ns <= told.at_ns]
    behind = [heard for heard in finals if heard in before and _at(heard, heard.destination, told.source)]
    onward = [heard for heard in before if heard.is_request("INVITE") and _at(heard, heard.source, told.source)]
    if behind:
        proof = ("It said so in", behind[-1].number, f"; {case.name(told.source)} passed it on as {call.end_code}", told.number, ".")
        return _refusal(case, behind[-1], proof)
    if onward:
        lead = f"{case.name(told.source)} gave up: {_answer(call.end_code, call.end_reason)}."
        proof = (f"{case.name(onward[-1].destination)} has given its INVITE", onward[-1].number, "no final answer; see", told.number, ".")
        return Sentence("bad" if _tone(call.end_code) == "bad" else "warn", lead, proof)
    return _refusal(case, told, ("See", told.number, *_retry(told), "."))


def _refusal(case: Case, told: Heard, proof: tuple[str | int, ...]) -> Sentence:
    """Say who refused; a proxy of ours that sent the call on to nobody refused it itself."""
    status, reason = (told.message.status, told.message.reason) if told.message else (0, "")
    name, words, tone = case.name(told.source), _answer(status, reason), _tone(status)
    if case.kind(told.source) != "proxy":
        return Sentence(tone, f"{name} answered {words}.", proof)
    limit = _limit(case, told)
    if limit:
        return Sentence("warn", f"Refused at our limit: {name} itself answered {words}.", (f"{limit} The call was sent on to nobody", told.number, "."))
    return Sentence(tone, f"{name} itself answered {words}.", ("The call was sent on to nobody", told.number, *_retry(told), "."))


def _at(heard: Heard, address: str, host: str) -> bool:
    """Return whether an end of a message is this host: a stream's port is its own each time."""
    return address == host or (heard.transport != "udp" and host_text(address) == host_text(host))


def _answer(status: int, reason: str) -> str:
    return f"{status} {CODES.get(status) or reason.lower()[:60]}".strip()


def _tone(status: int) -> str:
    return "bad" if 500 <= status < 600 else "plain"


def _limit(case: Case, answer: Heard) -> str:
    """Return why the refusal has to do with a limit, "" when nothing says so."""
    reason = answer.message.reason if answer.message else ""
    if any(word in reason.lower() for word in LIMIT_WORDS):
        return f"Its reason says so: “{reason[:60]}”."
    return f"At that moment {case.limits[0]}." if case.limits and answer.message and answer.message.status in AT_LIMIT else ""


def _retry(answer: Heard) -> tuple[str, ...]:
    after = answer.message.header("retry-after") if answer.message else None
    return (f", asking to try again after {after[:20]} s",) if after else ()


def slow(case: Case) -> Sentence | None:
    """The caller waited long for any sign; where the time went is told."""
    late_ns = waited_ns(case.call)
    if late_ns < SLOW_NS:
        return None
    sign_ns = case.call.init_ns + late_ns
    before = [heard for heard in case.messages if heard.at_ns <= sign_ns]
    pairs = [(after.at_ns - heard.at_ns, heard, after) for heard, after in pairwise(before)]
    lead = f"Slow set-up: {seconds(late_ns)} until it {'rang' if case.call.ring_ns else 'was answered'}."
    if not pairs:
        return Sentence("warn", lead)
    silent_ns, heard, after = max(pairs, key=lambda pair: pair[0])
    where = f"of it lie between the {heard.summary} to {case.name(heard.destination)}"
    return Sentence("warn", lead, (f"{seconds(silent_ns)} {where}", heard.number, f"and the {after.summary} of {case.name(after.source)}", after.number, "."))


def lossy(case: Case) -> Sentence | None:
    """Messages are repeated on one hop: packets get lost there, or somebody is slow."""
    if case.call.repeats < LOSSY or _never_acknowledged(case):
        return None
    hops: dict[tuple[str, str], list[Heard]] = {}
    for heard in case.repeats:
        hops.setdefault((heard.source, heard.destination), []).append(heard)
    if not hops:
        return Sentence("warn", f"{case.call.repeats} messages were repeated.")
    (source, destination), worst = max(hops.items(), key=lambda hop: len(hop[1]))
    where = f"Most from {case.name(source)} to {case.name(destination)}: the {worst[-1].summary}"
    return Sentence("warn", f"{case.call.repeats} messages were repeated: packets are lost, or somebody is slow.", (where, worst[-1].number, "."))


def forks(case: Case) -> Sentence | None:
    """The call went to several places."""
    ways: dict[tuple[str, int], set[str]] = {}
    for heard in case.messages:
        if heard.message and heard.is_request("INVITE"):
            ways.setdefault((heard.source, heard.message.cseq), set()).add(heard.destination)
    branches = [fork for fork in case.call.forks if fork.status not in RETRIED]
    count = max([len([fork for fork in branches if fork.rang_ns or fork.answered_ns]), *map(len, ways.values())])
    if count < 2:
        return None
    won = [fork for fork in branches if fork.answered_ns]
    lead = f"Forked to {count}."
    if not won:
        return Sentence("plain", lead, ("None has answered." if case.call.state == State.DELETED else "None has answered yet.",))
    if len(won) > 1:
        return Sentence("warn", lead, (f"{len(won)} of them answered: {', '.join(case.name(fork.address) for fork in won[:4])}.",))
    return Sentence("plain", lead, (f"{case.name(won[0].address)} answered; the others were cancelled or gave up.",))


def others(case: Case) -> Sentence | None:
    """What the row says as well and no sentence above has said."""
    said = case.call.ended_by == "timeout"  # `course` says that nothing was seen
    found = [evidence for diagnosis in ROW_ONLY if (evidence := diagnosis(case.call)) is not None and not (said and diagnosis is one_leg_left)]
    words = [f"{text[:1].upper()}{text[1:]}." for _tone, text in found]
    worst = next((tone for tone in ("bad", "warn") if tone in [tone for tone, _text in found]), "plain")
    return Sentence(worst, words[0], tuple(words[1:])) if words else None


def course(case: Case) -> Sentence | None:
    """How the call went, and who ended it: there is always this sentence."""
    call = case.call
    asked = [heard for heard in case.messages if heard.is_request("BYE") or heard.is_request("CANCEL")]
    proof = (asked[0].number,) if asked else ()
    if call.state < State.DELETED:
        return Sentence("good" if call.state == State.CONFIRMED else "plain", _up(case), _times_of(case))
    by = call.ended_by.removeprefix("operator:") if call.ended_by.startswith("operator:") else f"the {call.ended_by}" if call.ended_by else ""
    if call.end_code and call.end_code != 487:
        return None
    if call.ended_by == "timeout":
        return Sentence("bad", "Given up: nothing was seen of it for too long.", _times_of(case))
    if not call.start_ns:
        waited = seconds(call.end_ns - (call.ring_ns or call.init_ns))
        return Sentence("plain", f"Cancelled{f' by {by}' if by else ''} after {waited}{' of ringing' if call.ring_ns else ''}.", proof)
    return Sentence("plain", f"Ended{f' by {by}' if by else ''} after {seconds(call.end_ns - call.start_ns)}.", (*proof, *_times_of(case)))


def _up(case: Case) -> str:
    words = {State.UNCONFIRMED: "Setting up.", State.EARLY: "Ringing.", State.CONFIRMED_NA: "Answered, waiting for the ACK.", State.CONFIRMED: "In call."}
    return words[State(case.call.state)]


def _times_of(case: Case) -> tuple[str, ...]:
    call = case.call
    rang = f"rang after {seconds(call.ring_ns - call.init_ns)}" if call.ring_ns else ""
    answered = f"was answered after {seconds(call.start_ns - call.init_ns)}" if call.start_ns else ""
    words = " and ".join(filter(None, (rang, answered)))
    return (f"It {words}.",) if words else ()


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


ROW_ONLY = (refresh_missing, one_leg_left, challenged, incomplete)
"Diagnoses of rows that the page says in the same words."

EXPLANATIONS: tuple[Callable[[Case], Sentence | None], ...] = (
    no_ack, ack_stuck, scanner, refused, audio.nothing_heard, audio.held, audio.private_media, private_contact, slow, lossy, others, forks, course,
)  # fmt: skip

RANK = {"bad": 0, "warn": 1, "plain": 2, "good": 2}


def explain(case: Case) -> Sequence[Sentence]:
    """Return what explains a call, the weightiest first; never empty."""
    found = [sentence for explanation in EXPLANATIONS if (sentence := explanation(case)) is not None]
    return sorted(found, key=lambda sentence: RANK[sentence.tone]) or [Sentence("plain", "Nothing more is known.")]
