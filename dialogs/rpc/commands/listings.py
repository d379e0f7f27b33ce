"""Commands that list dialogs: `dlg.list` and its kin, the summary, the file (reference 5.2). Knows records and shapes; knows no transport."""

from collections.abc import Callable, Iterator
from typing import Any

import re2

from dialogs.engine.record import Record
from dialogs.engine.states import CONFIRMED
from dialogs.packet import SECOND
from dialogs.rpc.errors import Fault
from dialogs.rpc.host import Host
from dialogs.rpc.registry import PAUSE, Loose, Value, command
from dialogs.rpc.shapes import brief, line, shown
from dialogs.rpc.walk import by_call_id, by_tags, listed, walk
from dialogs.sip import text

INVALID = Fault(500, "Invalid parameters")
KEYS: dict[str, Callable[[Record], str]] = {
    "ruri": lambda record: record.request_uri,
    "furi": lambda record: record.from_uri,
    "turi": lambda record: record.to_uri,
    "callid": lambda record: text(record.call_id),
    "start_ts": lambda record: str(record.start_ns // SECOND),
}
OPERATORS = ("eq", "re", "sw", "gt", "lt")
NO_NUMBER = -1
REGEX_MEMORY = 1 << 20
DIGITS_MAX = 20
FILE_NAME = re2.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
DUMPED = 256
"Lines that are written to a dump at once."


@command("dlg.list", permission="read", array=True, lists=True)
def dlg_list_all(host: Host) -> Iterator[Value]:
    """Print all dialogs."""
    return listed(host, lambda _record: True)


@command("dlg.list_ctx", permission="read", array=True, lists=True)
def dlg_list_all_ctx(host: Host) -> Iterator[Value]:
    """Print all dialogs with associated context.

    No other module adds anything to it here.
    """
    return dlg_list_all(host)


@command("dlg.list_match", permission="read", array=True, lists=True, need=INVALID)
def dlg_list_match(host: Host, key: str, op: str, value: str, limit: int = 0) -> Iterator[Value]:
    """Print matching dialogs.

    Keys: ruri, furi, turi, callid, start_ts. Operators: eq, re (POSIX, extended), sw (begins with); of start_ts eq, gt, lt.
    """
    found = 0
    for one in listed(host, _matcher(key, op, value)):
        yield one
        found += one is not PAUSE
        if found and found == limit:
            return
    if not found:
        raise Fault(404, "Not found")


@command("dlg.list_match_ctx", permission="read", array=True, lists=True, need=INVALID)
def dlg_list_match_ctx(host: Host, key: str, op: str, value: str, limit: int = 0) -> Iterator[Value]:
    """Print matching dialogs with associated context."""
    return dlg_list_match(host, key, op, value, limit)


def _matcher(key: str, op: str, value: str) -> Callable[[Record], bool]:
    """Return what a record must hold; the checks come in the original's order."""
    field = KEYS.get(key)
    if field is None:
        raise Fault(500, "Invalid matching key parameter")
    if op not in OPERATORS:
        raise Fault(500, "Invalid matching operator parameter")
    if not value:
        raise Fault(500, "Invalid matching value parameter")
    pattern = _compiled(value) if op == "re" else None
    if key == "start_ts":
        return _by_time(op, value)
    if op in ("gt", "lt"):
        raise Fault(500, "Matching operator not supported")
    if pattern is not None:
        return lambda record: pattern.search(field(record)) is not None
    if op == "sw":
        return lambda record: field(record).startswith(value)
    return lambda record: field(record) == value


def _compiled(value: str) -> Any:
    """Return a pattern that takes linear time whatever is asked: the caller is a stranger, and the ingest waits."""
    options = re2.Options()
    options.posix_syntax = options.perl_classes = options.word_boundary = True
    options.case_sensitive = options.log_errors = False
    options.max_mem = REGEX_MEMORY
    try:
        return re2.compile(value, options=options)
    except re2.error as error:
        raise Fault(500, "Invalid matching value parameter") from error


def _by_time(op: str, value: str) -> Callable[[Record], bool]:
    if op in ("re", "sw"):
        raise Fault(500, "Matching operator not supported with start_ts key")
    number = int(value) if value.isascii() and value.isdigit() and len(value) < DIGITS_MAX else NO_NUMBER
    if number == NO_NUMBER:
        return lambda _record: False  # the original matches nothing by it
    if op == "eq":
        return lambda record: record.start_ns // SECOND == number
    if op == "gt":
        return lambda record: record.start_ns // SECOND > number
    return lambda record: record.start_ns // SECOND < number


@command("dlg.dlg_list", permission="read", lists=True)
def dlg_list_one(host: Host, callid: Loose, from_tag: Loose | None = None) -> Iterator[Value]:
    """Print dialog based on callid and optionally fromtag."""
    found = by_call_id(host, callid, from_tag)
    if not found and not host.config.dialog.kamailio_exact:
        raise Fault(404, "Dialog not found")
    return (shown(host, record) for record in found)


@command("dlg.dlg_list_ctx", permission="read", lists=True)
def dlg_list_one_ctx(host: Host, callid: Loose, from_tag: Loose | None = None) -> Iterator[Value]:
    """Print dialog with associated context based on callid and optionally fromtag."""
    return dlg_list_one(host, callid, from_tag)


@command("dlg.briefing", permission="read", array=True, insists=True)
def briefing(host: Host, letters: str = "ftcFT") -> Iterator[Value]:
    """List the summary of dialog records in memory.

    Letters, in the order wanted: f from_uri, t to_uri, c call-id, F from_tag, T to_tag, I init_ts, S start_ts, E end_ts, s state.
    """
    exact = host.config.dialog.kamailio_exact
    return listed(host, lambda _record: True, lambda _host, record: brief(record, letters, exact=exact))


@command("dlg.is_alive", permission="read", need=Fault(400, "Too few parameters (required callid, from-tag, to-tag)"))
def is_alive(host: Host, callid: Loose, ftag: Loose, ttag: Loose) -> str:
    """Check whether dialog is alive or not."""
    if by_tags(host, callid, ftag, ttag, Fault(404, "Dialog not found")).state != CONFIRMED:
        raise Fault(500, "Dialog not in confirmed state")
    return "Alive"


@command("dlg.dump_file", permission="control")
def dump_file(host: Host, filename: Loose) -> Iterator[Value]:
    """Print all dialogs to json file.

    A plain name: the file lies in the folder `dumps` of DIALTAP_VAR, and lines are added at its end.
    """
    if FILE_NAME.fullmatch(filename) is None:
        raise Fault(500, "Invalid file name: a plain one of letters, digits, . _ and -")
    lines: list[bytes] = []
    for record in walk(host):
        if record is not None:
            lines.append(line(record, host.now_ns()))
        else:
            yield PAUSE
        if len(lines) == DUMPED:
            host.dump(filename, lines)
            lines = []
    host.dump(filename, lines)
