"""Commands that people at a terminal need and Kamailio lacks: what they name a call by, which profiles there are. Knows records; knows no transport.

What they answer has one shape, whatever `[dialog] kamailio_exact` says: no script of Kamailio's asks them.
"""

import re
from collections.abc import Iterator

from dialogs.engine.lookup import call_of, records_of
from dialogs.engine.record import Record
from dialogs.engine.record_listing import record_listing
from dialogs.rpc.commands.acting import NOT_FOUND
from dialogs.rpc.commands.profiles import known
from dialogs.rpc.host import Host
from dialogs.rpc.registry import PAUSE, Loose, Value, command
from dialogs.rpc.walk import by_number, listed, wire_call
from dialogs.sip import text

NUMBER = re.compile(r"([0-9]{1,10}):([0-9]{1,10})")


@command("dlg.find", permission="read", array=True, lists=True)
def find_call(host: Host, call: Loose) -> Iterator[Value]:
    """Print the dialogs that are meant by a Call-ID, a uid or h_entry:h_id.

    As `dlg.list` has them, the uid of their call before that; oldest first.
    """
    found = [*_by_uid(host, call), *records_of(host.engine, call.encode("utf-8", "surrogateescape"))]
    number = NUMBER.fullmatch(call)
    if number and not found:
        for record in by_number(host, int(number[1]), int(number[2])):
            if record is PAUSE:
                yield PAUSE
            elif record is not None:
                found.append(record)
    yield from (named(host, record) for record in found)
    if not found:
        yield from _by_shown_call_id(host, call)


def named(host: Host, record: Record) -> dict[str, Value]:
    """Return a dialog with the uid of its call, null when the call is not kept any more."""
    call = wire_call(host, record)
    return {"uid": None if call is None else call.uid, **record_listing(record, host.now_ns())}


def _by_uid(host: Host, uid: str) -> list[Record]:
    call = call_of(host.engine, uid)
    return [] if call is None else [record for record in records_of(host.engine, call.call_id) if wire_call(host, record) is call]


def _by_shown_call_id(host: Host, call_id: str) -> Iterator[Value]:
    """Yield the dialogs whose Call-ID is shown so: what is unprintable in it is an escape there. Raises Fault."""
    silent = True
    for value in listed(host, lambda record: text(record.call_id) == call_id, named):
        silent = silent and value is PAUSE
        yield value
    if silent:
        raise NOT_FOUND


@command("dlg.profiles", permission="read")
def profiles(host: Host, profile: Loose | None = None) -> dict[str, int]:
    """Lists the profiles with their numbers of dialogs, or the values of one with theirs."""
    if profile is not None:
        return {value: number for value, number in known(host, profile).items() if value is not None}
    held = host.engine.records.profiles
    return {name: held.size(name, None) or 0 for name in held.sizes}
