"""Calls as CSV for spreadsheets, streamed: exactly what the search found, in chunks, so that memory stays flat. Knows rows; knows no page.

A cell that begins with = + - @ (also their full-width forms), TAB, CR or LF is a formula to a spreadsheet, and a stranger's display name must not be
one: such a cell gets a leading apostrophe. That includes numbers like +49301234, which come out as '+49301234: a spreadsheet would
otherwise make a sum of it and lose the plus.
"""

import csv
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
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
    cell: Callable[[DialogRow], object]


class Line:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def iso(at_ns: int) -> str:
    """Return a time as ISO 8601 UTC with milliseconds, "" for what has not happened."""
    if not at_ns:
        return ""
    return datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at_ns // 10**6 % 1000:03d}Z"


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
    Column("call", lambda row: row.uid),
    Column("call_id", lambda row: row.call_id),
    Column("state", lambda row: state_name(row.state)),
    Column("caller", lambda row: row.from_user),
    Column("callee", lambda row: row.to_user),
    Column("from_uri", lambda row: row.from_uri),
    Column("to_uri", lambda row: row.to_uri),
    Column("begun", lambda row: iso(row.init_ns)),
    Column("rang", lambda row: iso(row.ring_ns)),
    Column("answered", lambda row: iso(row.start_ns)),
    Column("ended", lambda row: iso(row.end_ns)),
    Column("setup_seconds", lambda row: seconds(row.init_ns, row.start_ns)),
    Column("talk_seconds", lambda row: seconds(row.start_ns, row.end_ns)),
    Column("total_seconds", lambda row: seconds(row.init_ns, row.end_ns)),
    Column("code", lambda row: row.end_code or ""),
    Column("reason", lambda row: row.end_reason),
    Column("ended_by", lambda row: row.ended_by),
    Column("evidence", lambda row: words(row.evidence)),
    Column("path", lambda row: row.path),
    Column("profiles", lambda row: members(row.profiles)),
    Column("messages", lambda row: row.messages),
    Column("tap", lambda row: row.tap),
    Column("node", lambda row: row.node),
    Column("recorded", lambda row: "yes" if row.recorded else "no"),
)


def safe(value: object) -> str:
    """Return a cell's text, never a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def csv_pages(calls: DialogQuerySet, policy: Policy = CLEAR) -> Iterator[str]:
    """Return the file piece by piece: a heading, then a call a line, newest first, CHUNK calls a piece (RFC 4180). For a StreamingHttpResponse."""
    writer = csv.writer(Line())
    yield writer.writerow([column.title for column in COLUMNS])
    calls = calls.defer("detail", "engine", "frames")
    place = None
    while rows := list(after(calls, place)[:CHUNK]):
        yield "".join(writer.writerow([safe(column.cell(row)) for column in COLUMNS]) for row in policy.rows(rows))
        place = (rows[-1].init_ns, rows[-1].uid)


async def by_and_by(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Yield pieces, each made on the request's own thread: the event loop, which also reads the taps, does not wait for the database."""
    while (piece := await sync_to_async(lambda: next(pieces, None))()) is not None:
        yield piece
