"""A call's states one after the other, with how long each lasted. Knows snapshots; knows no template."""

from typing import NamedTuple

from dashboard.live.shown import ENDED, LIVE_STATES
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State
from dialogs.insight.case import seconds

LEAST = 3.0
"Percent of the width that the shortest state has, so that it can be seen and pointed at."


class Phase(NamedTuple):
    """One state."""

    word: str
    css: str
    cause: str
    at_ns: int
    lasted: str
    "Empty for the last one: it lasts."

    x: str
    width: str
    "Percent; empty for an end, which has no length."


def phases(call: CallSnapshot, now_ns: int) -> list[Phase]:
    """Return the states of a call; their widths are in proportion, as far as LEAST lets them."""
    steps = call.transitions
    ends = [*(step.at_ns for step in steps[1:]), call.end_ns or now_ns]
    lengths = [max(0, end - step.at_ns) if step.state != State.DELETED else 0 for step, end in zip(steps, ends, strict=True)] if steps else []
    shown = sum(1 for step in steps if step.state != State.DELETED)
    whole, free = sum(lengths) or 1, 100 - LEAST * shown
    found, x = [], 0.0
    for number, (step, length) in enumerate(zip(steps, lengths, strict=True)):
        state = LIVE_STATES.get(State(step.state), ENDED)
        width = LEAST + free * length / whole if step.state != State.DELETED else 0.0
        lasted = seconds(length) if number + 1 < len(steps) or call.end_ns else ""
        found.append(Phase(state.word, state.css, step.cause, step.at_ns, lasted if width else "", f"{x:.2f}%", f"{width:.2f}%" if width else ""))
        x += width
    return found
