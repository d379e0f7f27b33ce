"""How a call looks: the word, colour and icon of its state, its parties, its durations. Knows rows; knows no socket, no page, no query."""

import json
from datetime import UTC, datetime
from typing import NamedTuple

from django.utils import timezone

from dashboard.models import DialogRow
from dashboard.query.times import is_ambiguous
from dialogs.engine.states import State

NO_ACK_NS = 32_000_000_000
"How long a callee repeats an unacknowledged 200 before it gives up (RFC 3261, 13.3.1.4: 64 * T1)."

YOUNG = 0.95
'Seconds until which an age has tenths: after that it would be "1.0 s".'

TONES = {"good": "s4", "plain": "s1", "warn": "s3", "bad": "sf"}
"Tone of a piece of evidence (dialogs.insight.why) -> colour class."


class Shown(NamedTuple):
    """A state as people see it: never a bare number, never colour alone."""

    word: str
    css: str
    path: str
    "SVG path that fills the 14 x 14 ring."


class Party(NamedTuple):
    """One end of a call: what carries the weight, and what recedes."""

    user: str
    host: str
    "With its @, or empty."


SETTING_UP = Shown("Setting up", "s1", "M7 7V1.4A5.6 5.6 0 0 1 12.6 7Z")
RINGING = Shown("Ringing", "s2", "M7 1.4a5.6 5.6 0 0 1 0 11.2Z")
NO_ACK = Shown("No ACK", "s3", "M7 7V1.4A5.6 5.6 0 1 1 1.4 7Z")
IN_CALL = Shown("In call", "s4", "M7 1.4a5.6 5.6 0 1 0 0 11.2a5.6 5.6 0 1 0 0-11.2Z")
ENDED = Shown("Ended", "s5", "")
EXPIRED = Shown("Expired", "sx", "")

LIVE_STATES = {State.UNCONFIRMED: SETTING_UP, State.EARLY: RINGING, State.CONFIRMED_NA: NO_ACK, State.CONFIRMED: IN_CALL}


def shown(row: DialogRow) -> Shown:
    """Return how this call's state is shown."""
    if row.state in LIVE_STATES:
        return LIVE_STATES[State(row.state)]
    if row.end_code:
        return Shown(f"Failed {row.end_code}", "sf", "")
    return EXPIRED if row.ended_by == "timeout" else ENDED


def party(uri: str, user: str) -> Party:
    """Return the two halves of an address as the wire wrote it."""
    rest = uri.split(":", 1)[-1].split(";", 1)[0].split("?", 1)[0]
    name, at, host = rest.rpartition("@")
    return Party((user or name or host or uri)[:120], f"@{host}"[:120] if at else "")


def since_ns(row: DialogRow) -> int:
    """Return the moment from which this call's duration counts: answered, else set up."""
    return row.start_ns or row.init_ns


def duration_ns(row: DialogRow, now_ns: int) -> int:
    """Return how long the call has lasted, or did last."""
    return max(0, (row.end_ns or now_ns) - since_ns(row))


def evidence(row: DialogRow) -> list[tuple[str, str]]:
    """Return the row's evidence as (colour class, words)."""
    return [(TONES.get(tone, "s1"), words) for tone, words in json.loads(row.evidence or "[]")]


def first_profile(row: DialogRow) -> tuple[str, str] | None:
    """Return the first profile with a value: the one whose size the table shows."""
    return next(((name, value) for name, value in json.loads(row.profiles or "[]") if value), None)


def span_text(duration: int) -> str:
    """Return nanoseconds as "0:41", "14:22" or "1:02:10"; the browser's clock writes the same."""
    minutes, seconds = divmod(max(0, duration) // 1_000_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def ago_text(age: int) -> str:
    """Return nanoseconds as "0.4 s ago", "12 s ago" or "2:05 ago"; the browser's clock writes the same."""
    seconds = max(0, age) / 1_000_000_000
    if seconds < YOUNG:
        return f"{seconds:.1f} s ago"
    return f"{int(seconds + 1 - YOUNG)} s ago" if seconds < 100 else f"{span_text(age)} ago"


def moment_text(at_ns: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a time in the page's zone with milliseconds, or "" for a time that has not happened."""
    if not at_ns:
        return ""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    local = timezone.localtime(datetime.fromtimestamp(seconds, tz=UTC))
    offset = local.strftime("%z")
    which = f"{offset[:3]}:{offset[3:5]}" if is_ambiguous(local) else ""  # the hour that clocks show twice
    return f"{local.strftime(form)}.{rest // 1_000_000:03}{which}"


def relative_text(at_ns: int, start_ns: int) -> str:
    """Return "+6.204" seconds after the start; with hours and minutes it would no longer be read at a glance."""
    return f"{(at_ns - start_ns) / 1e9:+.3f}"
