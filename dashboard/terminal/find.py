"""Which calls a word on the command line means. Knows the door's commands for that; prints nothing."""

from dashboard.terminal.calls import Call, calls
from dashboard.terminal.door import Door, Reply
from dashboard.terminal.errors import Refused

AMBIGUOUS_SHOWN = 5


def find(door: Door, name: str) -> Reply:
    """Return the answer that holds the calls of a Call-ID, uid or H_ENTRY:H_ID; a fault when there is none."""
    return door.ask("dlg.find", name)


def the_one(door: Door, name: str) -> Call:
    """Return the only call meant; of several with one Call-ID the only live one. Raises Refused."""
    found = calls(find(door, name).result)
    live = [call for call in found if call.is_live]
    meant = live or found
    if len(meant) == 1:
        return meant[0]
    several = ", ".join(call.number for call in meant[:AMBIGUOUS_SHOWN])
    raise Refused(f"{len(meant)} calls are meant by that: name one by its number ({several})")
