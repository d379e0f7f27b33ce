"""A call's ladder as its page shows it: which messages, which columns, the markup of its steps. Knows rows, ladders and templates; knows no socket, no request.

Steps are rendered one by one, so that a ladder that grows sends its new ones only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.template.loader import get_template
from django.utils.html import format_html

from dashboard.history.messages import StoredMessage
from dashboard.history.segments import Found
from dashboard.live.frames import put_below, replace
from dashboard.live.shown import moment_text, relative_text
from dashboard.models import DialogRow
from dialogs.engine.unseen import ENCRYPTED
from dialogs.insight import PeerNames
from dialogs.insight.case import seconds
from dialogs.insight.heard import Heard
from dialogs.insight.hosts import MODES, naming
from dialogs.insight.ladder import Ladder, Step, chosen, draw, repeat_words
from dialogs.sip import parse

LADDER, HINTS = "live/_ladder.html", "live/_hints.html"
STEP = (
    '<li id="m{number}" class="{css}" data-c="{kind}" data-n="{numbers}" data-x="{transaction}" data-h="{hop}" data-s="{seconds}"><a href="{href}">{gap}'
    '<i class="no">{number}</i><time title="{moment}">{relative}</time>'
    '<span class="arrow v{lane}"><span class="words"><b>{summary}</b> <span class="md">{words}</span></span></span>'
    '<span class="way">{way}</span></a></li>'
)
"One step. No template: a thousand of them would take half a second."

GAP = '<span class="gap">{} later</span>'
FIRST_LANE = 3
"Where the first host's arrows begin in the grid: number and time stand before it."

LONGEST_WORDS = 100

LONGEST_FIND = 100


class Look(NamedTuple):
    """How somebody looks at a ladder; it stands in the page's address."""

    hosts: str = MODES[0]
    method: str = ""
    find: str = ""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "Look":
        """Return the look that a query asks for; what is not known is left out."""
        hosts = query.get("hosts", "")
        return cls(hosts if hosts in MODES else MODES[0], query.get("method", "")[:64], query.get("find", "")[:LONGEST_FIND])

    def query(self, **changes: str) -> str:
        """Return its query string, with changes; "" for the usual look."""
        parts = self._asdict() | changes
        return urlencode({name: value for name, value in parts.items() if value and value != MODES[0]})


@dataclass(slots=True)
class Drawn:
    """A ladder's markup in pieces."""

    head: tuple[object, ...]
    "What makes it a different drawing: then it is replaced as a whole."

    hints: tuple[str, ...]
    steps: dict[int, str] = field(default_factory=dict)
    "Markup by the step's number, in order."


def heard_of(messages: Sequence[StoredMessage]) -> list[Heard]:
    """Return stored messages with what they say."""
    return [
        Heard(number, stored.at_ns, stored.source, stored.destination, stored.transport, parse(stored.data), stored.data)
        for number, stored in enumerate(messages, 1)
    ]


def parties_of(row: DialogRow) -> dict[str, str]:
    """Return the call's users by the address they send from."""
    call = row.snapshot
    answered = {fork.address: "" for fork in call.forks}
    return {address: user for address, user in (answered | {call.callee.address: row.to_user, call.caller.address: row.from_user}).items() if address and user}


def ladder_of(row: DialogRow, heard: Sequence[Heard], look: Look) -> Ladder:
    """Return the ladder of a call's messages in this look."""
    addresses = [address for one in heard for address in (one.source, one.destination)]
    host_of = naming(look.hosts, PeerNames(settings.DIALTAP.peer), parties_of(row), addresses)
    return draw(chosen(heard, look.method, look.find) if look.method or look.find else heard, host_of)


def markup(ladder: Ladder, step: Step, query: str) -> str:
    """Return a step's markup; `query` is what its link keeps of the page's address."""
    left, width = min(step.source, step.destination), abs(step.source - step.destination) + 1
    turned = " rev" if step.source > step.destination else " self" if width == 1 else ""
    until = f", repeated until {relative_text(step.until_ns, ladder.start_ns)} s" if step.repeats else ""
    return format_html(
        STEP,
        number=step.number,
        kind=step.kind,
        css=f"v{width}{turned}{' rep' if step.repeated else ''}",
        numbers=" ".join(map(str, (step.number, *step.repeats))),
        transaction=step.transaction,
        hop=step.hop,
        seconds=f"{(step.at_ns - ladder.start_ns) / 1e9:.6f}",
        href=f"?{query}m={step.number}#m{step.number}",
        gap=format_html(GAP, seconds(step.gap_ns)) if step.gap_ns else "",
        moment=moment_text(step.at_ns) + until,
        relative=relative_text(step.at_ns, ladder.start_ns),
        lane=left + FIRST_LANE,
        summary=step.summary[:LONGEST_WORDS],
        words=" · ".join(filter(None, (repeat_words(step), step.note)))[:LONGEST_WORDS],
        way=" to ".join(ladder.columns[place].name[:40] for place in (step.source, step.destination)),
    )


class LadderView:
    """Renders a ladder, and afterwards what changed of it."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self._before: Drawn | None = None
        self._frame: tuple[object, ...] = ()
        "What the markup of every step depends on."

        self._kept: dict[Step, str] = {}

    def context(self, row: DialogRow, found: Found, heard: Sequence[Heard]) -> dict[str, Any]:
        """Return what the ladder's template needs."""
        ladder = ladder_of(row, heard, self.look)
        query = f"{text}&" if (text := self.look.query()) else ""
        frame = (ladder.start_ns, *ladder.columns)
        kept = self._kept if frame == self._frame else {}
        self._frame, self._kept = frame, {step: kept.get(step) or markup(ladder, step, query) for step in ladder.steps}
        steps = {step.number: html for step, html in self._kept.items()}
        hints = hints_of(row, found, ladder)
        drawn = Drawn((tuple(ladder.columns), ladder.left_out > 0), hints, steps)
        methods = sorted({one.message.method for one in heard if one.message})
        return {
            "row": row,
            "ladder": ladder,
            "look": self.look,
            "hosts": _hosts(self.look),
            "methods": methods,
            "hints": hints,
            "drawn": drawn,
            "lanes": len(ladder.columns),
        }

    def changes(self, context: dict[str, Any], *, whole: bool) -> list[str]:
        """Return what brings a browser's ladder up to date: all of it, or the steps that are new or counted another repeat."""
        drawn, before = context["drawn"], self._before
        self._before = drawn
        if whole or before is None or before.head != drawn.head or list(drawn.steps)[: len(before.steps)] != list(before.steps):
            return [replace("#ladder", get_template(LADDER).render(context))]
        updates = [replace(f"#m{number}", html) for number, html in drawn.steps.items() if before.steps.get(number, html) != html]
        added = [html for number, html in drawn.steps.items() if number not in before.steps]
        updates += [put_below("#steps", "".join(added))] if added else []
        return updates + ([replace("#hints", get_template(HINTS).render(context))] if before.hints != drawn.hints else [])

    def remember(self, context: dict[str, Any]) -> None:
        """Take it that the browser has this ladder already."""
        self._before = context["drawn"]


def _hosts(look: Look) -> list[dict[str, Any]]:
    words = {"alias": "name", "address": "address", "port": "port"}
    return [{"word": words[mode], "query": look.query(hosts=mode), "here": mode == look.hosts} for mode in MODES]


def hints_of(row: DialogRow, found: Found, ladder: Ladder) -> tuple[str, ...]:
    """Return what is to be said below the ladder, one sentence each: why it is empty, or what it does not show."""
    hidden = [words for words in row.snapshot.incomplete if words in ENCRYPTED.values()]
    said = [f"{words[:1].upper()}{words[1:]}." for words in found.gone]
    if ladder.left_out:
        said.append(f"{ladder.left_out:,} messages in the middle are not drawn.")
    if found.more:
        said.append(f"{found.more:,} further messages were not stored: the call had too many.")
    if hidden:
        said.append(f"{hidden[0][:1].upper()}{hidden[0][1:]}; a proxy that sends its copies by HEP makes it readable.")
    if ladder.steps or said:
        return tuple(said)
    if found.messages:
        return (f"None of the {len(found.messages):,} messages is what you look for.",)
    return ("No message of this call is stored yet.",) if row.state < 5 else ("No message of this call was stored.",)
