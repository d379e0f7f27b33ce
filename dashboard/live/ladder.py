"""A call's messages as a ladder: one column a host, one arrow a message. Knows stored messages; knows no row, no page.

Positions are percentages across and pixels down, so that the drawing fills any width with text of one size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.history.messages import StoredMessage
from dialogs.sip import Message, parse, text

COLUMNS = 8
"Hosts drawn; messages of further ones end in the last column."

ARROWS = 300
"Arrows drawn; a call with more keeps its beginning and its end."

LEFT, RIGHT = 17.0, 90.0
TOP, STEP = 72, 36
CODECS = {"0": "PCMU", "3": "GSM", "8": "PCMA", "9": "G722", "18": "G729"}


class Column(NamedTuple):
    """One host."""

    address: str
    name: str
    x: str


@dataclass(slots=True)
class Arrow:
    """One message, or one message and its repeats."""

    number: int
    "Its place among the stored messages: the address of its raw text."

    at_ns: int
    source: int
    destination: int
    css: str
    summary: str
    note: str
    repeats: int = 0
    until_ns: int = 0
    y: int = 0
    x: tuple[str, str, str] = ("", "", "")
    "From, to, and the middle where the words stand."


@dataclass(slots=True)
class Ladder:
    """The drawing."""

    columns: list[Column] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    start_ns: int = 0
    left_out: int = 0
    "Arrows between beginning and end that are not drawn."

    height: int = 0


def draw(messages: Sequence[StoredMessage], name_of: Callable[[str], str]) -> Ladder:
    """Return the ladder of these messages; `name_of` gives the name of a "host:port", or "" without one."""
    ladder = Ladder()
    places: dict[str, int] = {}
    last: dict[tuple[object, ...], Arrow] = {}
    for number, message in enumerate(messages):
        ends = [places.setdefault(address, min(len(places), COLUMNS - 1)) for address in (message.source, message.destination)]
        _add(ladder, last, number, message, ends)
    ladder.start_ns = ladder.arrows[0].at_ns if ladder.arrows else 0
    ladder.columns = _columns(places, name_of)
    if len(ladder.arrows) > ARROWS:
        ladder.left_out = len(ladder.arrows) - ARROWS
        ladder.arrows = ladder.arrows[: ARROWS // 2] + ladder.arrows[-ARROWS // 2 :]
    _place(ladder)
    return ladder


def _add(ladder: Ladder, last: dict[tuple[object, ...], Arrow], number: int, message: StoredMessage, ends: list[int]) -> None:
    """Append an arrow, or fold a repeat into the arrow that already stands for it: the first repeat draws, further ones count."""
    parsed = parse(message.data)
    summary = parsed.summary if parsed else "not SIP"
    same = (parsed.cseq, parsed.branch, parsed.to_tag) if parsed else (number,)
    key = (message.source, message.destination, summary, *same)
    before = last.get(key)
    if before and before.repeats:
        before.repeats += 1
        before.until_ns = message.at_ns
        return
    arrow = Arrow(number, message.at_ns, ends[0], ends[1], colour(parsed), summary, note(parsed))
    if before:
        arrow.repeats, arrow.until_ns = 1, message.at_ns
    last[key] = arrow
    ladder.arrows.append(arrow)


def colour(message: Message | None) -> str:
    """Return the colour class of a message: request, provisional, success or failure."""
    if message is None:
        return "odd"
    if not message.status:
        return "req"
    return {1: "l1", 2: "l2"}.get(message.status // 100, "l4")


def note(message: Message | None) -> str:
    """Return what stands dim beside the message's name: its codecs, or its CSeq."""
    if message is None:
        return ""
    codecs = offered(message.body[:4000]) if b"m=audio" in message.body[:4000] else ""
    if codecs:
        return f"SDP {codecs}"
    return f"CSeq {message.cseq}" if not message.status and message.cseq >= 0 else ""


def offered(body: bytes) -> str:
    """Return the first audio codecs of an SDP body."""
    lines = [text(line.strip()) for line in body.split(b"\n")]
    audio = next((line for line in lines if line.startswith("m=audio ")), "")
    mapped = dict(line[9:].split(" ", 1) for line in lines if line.startswith("a=rtpmap:") and " " in line)
    names = [mapped.get(number, CODECS.get(number, "")).split("/")[0][:16] for number in audio.split()[3:9]]
    return ", ".join([name for name in names if name and name.lower() != "telephone-event"][:3])


def _columns(places: dict[str, int], name_of: Callable[[str], str]) -> list[Column]:
    """Return the columns from left to right."""
    shown: dict[int, str] = {}
    for address, place in places.items():
        shown.setdefault(place, address)
    if len(places) > COLUMNS:
        return [*(Column(shown[place], name_of(shown[place]), _across(place, COLUMNS)) for place in range(COLUMNS - 1)), Column("", "other hosts", f"{RIGHT}%")]
    return [Column(address, name_of(address), _across(place, len(shown))) for place, address in shown.items()]


def _across(place: int, count: int) -> str:
    """Return a column's position."""
    return f"{LEFT + (RIGHT - LEFT) * (place + 0.5) / count if count == 1 else LEFT + (RIGHT - LEFT) * place / (count - 1):.2f}%"


def _place(ladder: Ladder) -> None:
    """Give every arrow its place."""
    for index, arrow in enumerate(ladder.arrows):
        start = float(ladder.columns[arrow.source].x[:-1])
        end = float(ladder.columns[arrow.destination].x[:-1])
        if arrow.source == arrow.destination:
            end = start + 5  # a host that talks to itself
        arrow.y = TOP + index * STEP
        arrow.x = (f"{start:.2f}%", f"{end:.2f}%", f"{(start + end) / 2:.2f}%")
    ladder.height = TOP + max(len(ladder.arrows), 1) * STEP - 12
