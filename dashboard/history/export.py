"""The columns of exported calls, and the calls in chunks: exactly what the query found, and memory stays flat. `history.cdr` makes files of them.

Times are ISO 8601 in the page's zone, with its offset: no hour is there twice. Knows rows; knows no page.

A cell that begins with = + - @ (also their full-width forms), TAB, CR or LF is a formula to a spreadsheet, and a stranger's display name must not be
one: such a cell gets a leading apostrophe. That includes numbers like +49301234, which come out as '+49301234: a spreadsheet would
otherwise make a sum of it and lose the plus.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from asgiref.sync import sync_to_async

from dashboard.history.search import after
from dashboard.models import DialogQuerySet, DialogRow
from dashboard.privacy import CLEAR, Policy
from dialogs.engine.states import STATE_NAMES, State

CHUNK = 1000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Column(NamedTuple):
    """One column of the file."""

    title: str
    cell: Callable[[DialogRow, tzinfo], object]


class Line:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def iso(at_ns: int, zone: tzinfo = UTC) -> str:
    """Return a time as ISO 8601 with milliseconds and offset (Z for UTC), "" for what has not happened."""
    if not at_ns:
        return ""
    at = datetime.fromtimestamp(at_ns // 10**9, UTC).astimezone(zone)
    offset = at.strftime("%z")
    return at.strftime("%Y-%m-%dT%H:%M:%S") + f".{at_ns // 10**6 % 1000:03d}" + ("Z" if zone is UTC else f"{offset[:3]}:{offset[3:5]}")


def seconds(begin_ns: int, end_ns: int) -> str:
    """Return a duration as seconds with milliseconds, "" unless both ends have happened."""
    return f"{(end_ns - begin_ns) / 10**9:.3f}" if begin_ns and end_ns else ""


def state_name(state: int) -> str:
    """Return Kamailio's name of a state; the number itself for one that does not exist."""
    return STATE_NAMES[State(state)] if state in State else str(state)


def words(pairs: str) -> str:
    """Return the second members of a JSON list of pairs."""
    return "; ".join(pair[1] for pair in json.loads(pairs or "[]"))


def members(pairs: str) -> str:
    """Return a JSON list of profiles as `name=value; name`."""
    return "; ".join(f"{name}={value}" if value else name for name, value in json.loads(pairs or "[]"))


COLUMNS = (
    Column("call", lambda row, _zone: row.uid),
    Column("call_id", lambda row, _zone: row.call_id),
    Column("state", lambda row, _zone: state_name(row.state)),
    Column("caller", lambda row, _zone: row.from_user),
    Column("callee", lambda row, _zone: row.to_user),
    Column("from_uri", lambda row, _zone: row.from_uri),
    Column("to_uri", lambda row, _zone: row.to_uri),
    Column("begun", lambda row, zone: iso(row.init_ns, zone)),
    Column("rang", lambda row, zone: iso(row.ring_ns, zone)),
    Column("answered", lambda row, zone: iso(row.start_ns, zone)),
    Column("ended", lambda row, zone: iso(row.end_ns, zone)),
    Column("setup_seconds", lambda row, _zone: seconds(row.init_ns, row.start_ns)),
    Column("talk_seconds", lambda row, _zone: seconds(row.start_ns, row.end_ns)),
    Column("total_seconds", lambda row, _zone: seconds(row.init_ns, row.end_ns)),
    Column("code", lambda row, _zone: row.end_code or ""),
    Column("reason", lambda row, _zone: row.end_reason),
    Column("ended_by", lambda row, _zone: row.ended_by),
    Column("evidence", lambda row, _zone: words(row.evidence)),
    Column("path", lambda row, _zone: row.path),
    Column("profiles", lambda row, _zone: members(row.profiles)),
    Column("user_agent", lambda row, _zone: row.user_agent),
    Column("incomplete", lambda row, _zone: "yes" if row.incomplete else "no"),
    Column("messages", lambda row, _zone: row.messages),
    Column("tap", lambda row, _zone: row.tap),
    Column("node", lambda row, _zone: row.node),
    Column("recorded", lambda row, _zone: "yes" if row.recorded else "no"),
)


def safe(value: object) -> str:
    """Return a cell's text, never a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def chunks(calls: DialogQuerySet, policy: Policy = CLEAR, kept: tuple[str, ...] = ()) -> Iterator[list[DialogRow]]:
    """Yield the calls, newest first, CHUNK at a time, as somebody sees them; `kept`: heavy columns that are wanted all the same."""
    calls = calls.defer(*({"detail", "engine", "frames"} - set(kept)))
    place = None
    while rows := list(after(calls, place)[:CHUNK]):
        yield policy.rows(rows)
        place = (rows[-1].init_ns, rows[-1].uid)


async def by_and_by[Piece: (str, bytes)](pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    """Yield pieces, each made on the request's own thread: the event loop, which also reads the taps, does not wait for the database."""
    while (piece := await sync_to_async(lambda: next(pieces, None))()) is not None:
        yield piece
