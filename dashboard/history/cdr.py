"""Call records as files: CSV, JSON, NDJSON, with our column names or Kamailio's. Knows rows and files; knows no page.

Streamed: a chunk of calls is in memory, however many there are. Kamailio's names are those of its acc module: the table `acc_cdrs` (start_time, end_time,
duration) with `cdr_start_on_confirmed` set, so that duration is what is billed; then those of `acc`, and the extra columns of its default script. A call
that was not answered begins and ends at its INVITE and lasts 0, as there.
"""

import csv
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from tempfile import NamedTemporaryFile

from dashboard.history.export import COLUMNS, Column, Line, chunks, safe
from dashboard.models import DialogQuerySet, DialogRow
from dashboard.privacy import CLEAR, Policy
from dialogs.packet import SECOND
from dialogs.sip import URI

FORMATS = ("csv", "json", "ndjson")


def datetime_of(at_ns: int, zone: tzinfo) -> str:
    """Return a time as databases write it, to the second and in a zone; "" for what has not happened."""
    return datetime.fromtimestamp(at_ns // SECOND, zone).strftime("%Y-%m-%d %H:%M:%S") if at_ns else ""


def begun(row: DialogRow) -> int:
    """Return when an answered call was answered, when any other began."""
    return row.start_ns or row.init_ns


def over(row: DialogRow) -> int:
    """Return when a call ended; one that was not answered at its beginning."""
    return row.end_ns if row.start_ns else row.init_ns


def billed(row: DialogRow) -> str:
    """Return the seconds that a call was up, to the millisecond."""
    return f"{(row.end_ns - row.start_ns) / SECOND:.3f}" if row.start_ns and row.end_ns else "0.000"


def code(row: DialogRow) -> object:
    """Return the final answer: 200 for a call that was answered."""
    return row.end_code or (200 if row.start_ns else "")


KAMAILIO = (
    Column("start_time", lambda row, zone: datetime_of(begun(row), zone)),
    Column("end_time", lambda row, zone: datetime_of(over(row), zone)),
    Column("duration", lambda row, _zone: billed(row)),
    Column("caller", lambda row, _zone: row.from_uri),
    Column("callee", lambda row, _zone: row.to_uri),
    Column("method", lambda _row, _zone: "INVITE"),
    Column("from_tag", lambda row, _zone: row.from_tag),
    Column("to_tag", lambda row, _zone: row.to_tag),
    Column("callid", lambda row, _zone: row.call_id),
    Column("sip_code", lambda row, _zone: code(row)),
    Column("sip_reason", lambda row, _zone: row.end_reason if row.end_code else "OK" if row.start_ns else ""),
    Column("time", lambda row, zone: datetime_of(row.init_ns, zone)),
    Column("src_user", lambda row, _zone: row.from_user),
    Column("src_domain", lambda row, _zone: URI.parse(row.from_uri).host),
    Column("dst_user", lambda row, _zone: row.to_user),
    Column("dst_domain", lambda row, _zone: URI.parse(row.to_uri).host),
)
NAMES: dict[str, tuple[Column, ...]] = {"": COLUMNS, "kamailio": KAMAILIO}
"Name of a choice of columns -> the columns."


def columns_of(names: str) -> tuple[Column, ...]:
    """Return the columns of a choice; ours for one that does not exist."""
    return NAMES.get(names, COLUMNS)


type Pages = Callable[[DialogQuerySet, tzinfo, Policy, tuple[Column, ...]], Iterator[str]]


def csv_pages(calls: DialogQuerySet, zone: tzinfo = UTC, policy: Policy = CLEAR, columns: tuple[Column, ...] = COLUMNS) -> Iterator[str]:
    """Return the file piece by piece: a heading, then a call a line, newest first (RFC 4180). For a StreamingHttpResponse."""
    writer = csv.writer(Line())
    yield writer.writerow([column.title for column in columns])
    for rows in chunks(calls, policy):
        yield "".join(writer.writerow([safe(column.cell(row, zone)) for column in columns]) for row in rows)


def _objects(calls: DialogQuerySet, zone: tzinfo, policy: Policy, columns: tuple[Column, ...]) -> Iterator[list[str]]:
    for rows in chunks(calls, policy):
        yield [json.dumps({column.title: column.cell(row, zone) for column in columns}) for row in rows]


def json_pages(calls: DialogQuerySet, zone: tzinfo = UTC, policy: Policy = CLEAR, columns: tuple[Column, ...] = COLUMNS) -> Iterator[str]:
    """Return the file piece by piece: one list, a call a line, the same columns and texts as in CSV, but none changed for spreadsheets."""
    before = "[\n"
    for objects in _objects(calls, zone, policy, columns):
        yield before + ",\n".join(objects)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def ndjson_pages(calls: DialogQuerySet, zone: tzinfo = UTC, policy: Policy = CLEAR, columns: tuple[Column, ...] = COLUMNS) -> Iterator[str]:
    """Return the file piece by piece: an object a line."""
    for objects in _objects(calls, zone, policy, columns):
        yield "\n".join(objects) + "\n"


PAGES: dict[str, Pages] = {"csv": csv_pages, "json": json_pages, "ndjson": ndjson_pages}


def write_file(path: Path, pieces: Iterator[str]) -> None:
    """Write a file that is there as a whole or not at all. Raises OSError."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8", newline="") as draft:
        try:
            draft.writelines(pieces)
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).chmod(0o640)
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
