"""Commands that read and set what rules set: variables, flags, lifetimes; under the names of Kamailio's script functions. Knows dialogs; knows no transport.

What is set is set on the record and on the wire call: the pages show the second. Where there is no record any more, or none yet (the call was joined late),
it is set on the wire call alone.
"""

from collections.abc import Iterator
from typing import Any

from dialogs.engine.call import Call
from dialogs.engine.lookup import reschedule
from dialogs.engine.record import VARIABLES_CHANGED, Record
from dialogs.engine.rules.actions import FLAGS, TEXT_MAX, set_variable
from dialogs.rpc.commands.acting import NOT_FOUND
from dialogs.rpc.commands.listings import INVALID
from dialogs.rpc.errors import Fault
from dialogs.rpc.host import Host
from dialogs.rpc.registry import PAUSE, Loose, Value, command
from dialogs.rpc.walk import living, living_by_number

TIMEOUT_MAX = 10 * 365 * 24 * 3600
NEED_KEY = Fault(400, "Need the callid, from tag, to tag and key")
NEED_FLAG = Fault(400, "Need the callid, from tag, to tag and flag")


def _named(host: Host, callid: str, ftag: str, ttag: str) -> list[Record | Call]:
    """Return what these tags name: a live record and its wire call, or one of the two. Raises Fault."""
    if found := living(host, callid, ftag, ttag):
        return found
    raise NOT_FOUND


def _numbered(host: Host, h_entry: int, h_id: int) -> Iterator[Any]:
    """Yield PAUSE while looking, then what this number names, as `_named`. Raises Fault."""
    for found in living_by_number(host, h_entry, h_id):
        if found is None:
            raise NOT_FOUND
        yield found


def _told(host: Host, dialogs: list[Record | Call]) -> None:
    """Have what was changed written, and its deadline looked at anew."""
    for dialog in dialogs:
        if isinstance(dialog, Call):
            host.touched(dialog.uid)
    reschedule(host.engine, dialogs[0].call_id)


@command("dlg.get_var", permission="read", need=NEED_KEY)
def get_var(host: Host, callid: Loose, ftag: Loose, ttag: Loose, key: Loose) -> str:
    """Returns the value of a dialog's variable."""
    variables = _named(host, callid, ftag, ttag)[0].variables
    if key not in variables:
        raise Fault(404, "Variable not found")
    return variables[key]


@command("dlg.set_var", permission="control", need=NEED_KEY)
def set_var(host: Host, callid: Loose, ftag: Loose, ttag: Loose, key: Loose, value: Loose | None = None) -> str:
    """Sets a dialog's variable; without a value it is removed."""
    dialogs = _named(host, callid, ftag, ttag)
    if not key or len(key) > TEXT_MAX or len(value or "") > TEXT_MAX:
        raise INVALID
    for dialog in dialogs:
        if value is None:
            dialog.variables.pop(key, None)
        elif not set_variable(dialog, key, value):
            raise Fault(500, "Too many variables")
        if isinstance(dialog, Record):
            dialog.dflags |= VARIABLES_CHANGED
    _told(host, dialogs)
    return "Done"


@command("dlg.isflagset", permission="read", need=NEED_FLAG)
def is_flag_set(host: Host, callid: Loose, ftag: Loose, ttag: Loose, flag: int) -> int:
    """Returns 1 when a dialog has a flag, else 0."""
    return _named(host, callid, ftag, ttag)[0].sflags >> _flag(flag) & 1


@command("dlg.setflag", permission="control", need=NEED_FLAG)
def set_flag(host: Host, callid: Loose, ftag: Loose, ttag: Loose, flag: int) -> str:
    """Sets a dialog's flag, 0 to 31."""
    dialogs = _named(host, callid, ftag, ttag)
    for dialog in dialogs:
        dialog.sflags |= 1 << _flag(flag)
    _told(host, dialogs)
    return "Done"


@command("dlg.resetflag", permission="control", need=NEED_FLAG)
def reset_flag(host: Host, callid: Loose, ftag: Loose, ttag: Loose, flag: int) -> str:
    """Takes a dialog's flag away, 0 to 31."""
    dialogs = _named(host, callid, ftag, ttag)
    for dialog in dialogs:
        dialog.sflags &= ~(1 << _flag(flag))
    _told(host, dialogs)
    return "Done"


def _flag(number: int) -> int:
    if not 0 <= number < FLAGS:
        raise Fault(500, "Invalid flag value")
    return number


@command("dlg.get_timeout", permission="read", need=INVALID)
def get_timeout(host: Host, h_entry: int, h_id: int) -> Iterator[Value]:
    """Returns the lifetime of a dialog, seconds."""
    for found in _numbered(host, h_entry, h_id):
        yield PAUSE if found is PAUSE else found[0].lifetime


@command("dlg.set_timeout", permission="control", need=INVALID)
def set_timeout(host: Host, timeout: int, h_entry: int, h_id: int) -> Iterator[Value]:
    """Sets the lifetime of a dialog, seconds; of an answered one it counts from now."""
    if not 0 < timeout <= TIMEOUT_MAX:
        raise Fault(500, "Invalid timeout value")
    engine = host.engine
    for found in _numbered(host, h_entry, h_id):
        if found is PAUSE:
            yield PAUSE
            continue
        for dialog in found:
            if isinstance(dialog, Call):
                engine.calls.set_timeout(dialog, timeout, host.now_ns())
            else:
                engine.records.set_timeout(dialog, timeout, host.now_ns())
        _told(host, found)
        yield "Done"
