"""A call's messages as a ladder: one column a host, one step a message. Knows messages; knows no row, no page, no pixel.

Steps come in the order of capture; where two have the very same time, in the order in which one can have caused the other.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from dialogs.insight import sdp
from dialogs.insight.heard import Heard
from dialogs.sip import Message

COLUMNS = 8
"Hosts drawn; messages of further ones end in the last column."

STEPS = 2000
"Steps drawn; a call with more keeps its beginning and its end."

GAP_NS = 5_000_000_000
"A silence of this length is marked."


class Host(NamedTuple):
    """What stands above a column."""

    key: str
    "What makes two addresses one column."

    name: str
    address: str = ""
    "Under the name; empty when the name says it."


class Step(NamedTuple):
    """One message, or one message and its repeats."""

    number: int
    at_ns: int
    gap_ns: int
    "How long nothing was seen before it; 0 when that was not long."

    source: int
    destination: int
    kind: str
    '"req", "prov", "ok", "fail" or "odd": request, provisional, success, failure, not SIP.'

    method: str
    summary: str
    note: str
    transaction: int
    "Number of its transaction on both hops, from 0; -1 for what is not SIP."

    hop: int
    "Number of its pair of hosts, from 0."

    repeats: tuple[int, ...] = ()
    "Numbers of the further messages that this step stands for."

    until_ns: int = 0
    "When the last of them came."

    repeated: bool = False
    "It is itself a repeat of an earlier step."


@dataclass(slots=True)
class Ladder:
    """The drawing."""

    columns: list[Host] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    start_ns: int = 0
    left_out: int = 0
    "Steps between beginning and end that are not drawn."


@dataclass(slots=True)
class _Making:
    """What is known while a ladder is made."""

    host_of: Callable[[str], Host]
    ladder: Ladder = field(default_factory=Ladder)
    places: dict[str, int] = field(default_factory=dict)
    transactions: dict[tuple[object, ...], int] = field(default_factory=dict)
    hops: dict[frozenset[int], int] = field(default_factory=dict)
    last: dict[tuple[object, ...], int] = field(default_factory=dict)
    "What makes messages repeats of each other -> its newest step."

    def place(self, address: str) -> int:
        host = self.host_of(address)
        if host.key not in self.places:
            self.places[host.key] = min(len(self.places), COLUMNS - 1)
            if len(self.ladder.columns) < COLUMNS:
                self.ladder.columns.append(host)
            else:
                self.ladder.columns[-1] = Host("", "other hosts")
        return self.places[host.key]


def draw(messages: Iterable[Heard], host_of: Callable[[str], Host]) -> Ladder:
    """Return the ladder of these messages; `host_of` gives the column of a "host:port"."""
    making = _Making(host_of)
    for heard in in_order(messages):
        _add(making, heard)
    ladder = making.ladder
    ladder.start_ns = ladder.steps[0].at_ns if ladder.steps else 0
    if len(ladder.steps) > STEPS:
        ladder.left_out = len(ladder.steps) - STEPS
        ladder.steps = ladder.steps[: STEPS // 2] + ladder.steps[-STEPS // 2 :]
    return ladder


def in_order(messages: Iterable[Heard]) -> Iterator[Heard]:
    """Yield the messages by capture time; causes before effects where the time is the same."""
    for _at_ns, together in groupby(sorted(messages, key=lambda heard: heard.at_ns), key=lambda heard: heard.at_ns):
        first, *others = together
        yield from sorted([first, *others], key=_cause) if others else (first,)


def _cause(heard: Heard) -> tuple[int, ...]:
    """Return the place among messages of one moment: a request goes hop by hop and gains Vias, its answer comes back and loses them."""
    message = heard.message
    if message is None:
        return (0,)
    vias = len(message.items(b"via"))
    if not message.status:
        late = {"INVITE": 0, "CANCEL": 2, "ACK": 5}.get(message.method, 6)
        return (message.cseq, late, vias)
    late = {"INVITE": 1 if message.status < 200 else 4, "CANCEL": 3}.get(message.method, 7)
    return (message.cseq, late, -vias)


def _add(making: _Making, heard: Heard) -> None:
    """Append a step, or fold a repeat into the step that already stands for it: the first repeat draws, further ones count."""
    source, destination = making.place(heard.source), making.place(heard.destination)
    message, steps = heard.message, making.ladder.steps
    same = (message.cseq, message.branch, message.to_tag) if message else (heard.number,)
    key = (heard.source, heard.destination, heard.summary, *same)
    before = making.last.get(key)
    if before is not None and steps[before].repeated:
        step = steps[before]
        steps[before] = step._replace(repeats=(*step.repeats, heard.number), until_ns=heard.at_ns)
        return
    making.last[key] = len(steps)
    silent_ns = heard.at_ns - max(steps[-1].at_ns, steps[-1].until_ns) if steps else 0
    steps.append(
        Step(
            heard.number, heard.at_ns, silent_ns if silent_ns >= GAP_NS else 0, source, destination, kind(message),
            message.method if message else "", heard.summary, note(message), _transaction(making, heard),
            making.hops.setdefault(frozenset((source, destination)), len(making.hops)), repeated=before is not None,
        ),
    )  # fmt: skip


def _transaction(making: _Making, heard: Heard) -> int:
    """Return the number of a message's transaction: both hops of it are one, unless a proxy changed its CSeq."""
    message = heard.message
    if message is None:
        return -1
    return making.transactions.setdefault((message.from_tag, message.cseq, heard.family), len(making.transactions))


def kind(message: Message | None) -> str:
    """Return what a message is: a request, or which class of answer."""
    if message is None:
        return "odd"
    return {0: "req", 1: "prov", 2: "ok"}.get(message.status // 100, "fail")


def note(message: Message | None) -> str:
    """Return what stands dim beside the message's name: its codecs, why it was sent, or its CSeq."""
    if message is None:
        return ""
    media = sdp.audio(message.body) if b"m=audio" in message.data else None
    if media:
        held = "" if media.direction == "sendrecv" else f", {media.direction}"
        return f"SDP {', '.join([codec for codec in media.codecs if codec.lower() not in sdp.NO_SPEECH][:3]) or 'no codec'}{held}"
    reason = message.header("reason") if message.method in ("BYE", "CANCEL") else None
    if reason:
        return reason[:60]
    return f"CSeq {message.cseq}" if not message.status and message.cseq >= 0 else ""


def repeat_words(step: Step) -> str:
    """Return how often a step was repeated, in words; empty for what is no repeat."""
    return f"+{len(step.repeats) + 1} repeats" if step.repeats else "repeated" if step.repeated else ""


def chosen(messages: Sequence[Heard], method: str, find: str) -> list[Heard]:
    """Return the messages of a method's transactions whose bytes hold a text, upper or lower case; empty: all."""
    wanted = find.lower().encode(errors="replace")
    return [heard for heard in messages if (not method or (heard.message is not None and heard.message.method == method)) and wanted in heard.data.lower()]
