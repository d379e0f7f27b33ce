"""What is sent to a browser at one moment, and how htmx wants it. Knows the envelope; knows no row and no socket.

htmx 4's hx-ws swaps the `content` of a JSON message. Each `<hx-partial>` in it becomes a `<template>` of its own, so table
rows and divisions live together in one frame (as plain siblings the HTML parser would drop the rows). A partial whose target is not on
the page does nothing. Messages without `content` are for our own script: live.js.
"""

import json
from dataclasses import dataclass, field


@dataclass(slots=True)
class Frame:
    """The fragments of one tick for one browser."""

    updates: list[str] = field(default_factory=list)
    "Replace what is there; nothing moves."

    moves: list[str] = field(default_factory=list)
    "Rows that come and go: the browser holds them back while somebody points at the table."

    new: int = 0
    "How many new calls there are, in the moves or on another page."

    gone: int = 0
    "How many of the moves take a call away."

    snapshot: str = ""
    'Why this frame replaces everything: "connect", "filter", "sort", "refresh", "gap", "overflow"; empty for an ordinary one.'

    def __bool__(self) -> bool:
        return bool(self.updates or self.moves or self.new or self.snapshot)

    def encode(self, number: int, at_ms: int) -> str:
        """Return the message: `n` counts a connection's frames from 1, `at` is the server's time in milliseconds."""
        message: dict[str, str | int] = {"n": number, "at": at_ms}
        if self.updates:
            message["content"] = "".join(self.updates)
        if self.moves:
            message["moves"] = "".join(self.moves)
        if self.new:
            message["new"] = self.new
        if self.snapshot:
            message["snapshot"] = self.snapshot
        return json.dumps(message)


def partial(target: str, swap: str, fragment: str = "") -> str:
    """Return a fragment with its address on the page; target and swap are ours, never text of the wire."""
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{fragment.strip()}</hx-partial>'


def replace(target: str, fragment: str) -> str:
    """Return the instruction to bring an element up to date, keeping focus and identity."""
    return partial(target, "outerMorph", fragment)


def fill(target: str, fragment: str) -> str:
    """Return the instruction to bring an element's content up to date."""
    return partial(target, "innerMorph", fragment)


def exchange(target: str, fragment: str) -> str:
    """Return the instruction to put a fragment in an element's place: another thing, not the same brought up to date."""
    return partial(target, "outerHTML", fragment)


def put_below(target: str, fragment: str) -> str:
    """Return the instruction to add a fragment after all others."""
    return partial(target, "beforeend", fragment)


def remove(target: str) -> str:
    """Return the instruction to take an element away."""
    return partial(target, "delete")
