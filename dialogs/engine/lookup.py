"""Finds the engine's own records and calls for those who ask. Knows the engine's families; changes nothing but their deadlines.

What is returned is the engine's: look, and do not keep it beyond the next packet.
"""

from dialogs.engine.call import Call
from dialogs.engine.engine import Engine
from dialogs.engine.family import Family
from dialogs.engine.record import Record


def families(engine: Engine) -> list[Family]:
    """Return everything with one Call-ID, for every Call-ID, in no order.

    Quick, for packets wait: an OrderedDict's own iterator looks every key up again, a dict's does not.
    """
    return list(dict.values(engine._families))


def records_of(engine: Engine, call_id: bytes) -> list[Record]:
    """Return the records of a Call-ID, oldest first."""
    family = engine._families.get(call_id)
    return [] if family is None else list(family.records)


def calls_of(engine: Engine, call_id: bytes) -> list[Call]:
    """Return the wire calls of a Call-ID, oldest first."""
    family = engine._families.get(call_id)
    return [] if family is None else list(family.calls)


def call_of(engine: Engine, uid: str) -> Call | None:
    """Return the wire call of this uid."""
    held = engine._by_uid.get(uid)
    return None if held is None else held[1]


def reschedule(engine: Engine, call_id: bytes) -> None:
    """Look at the deadlines of a Call-ID anew, after a lifetime was changed from outside."""
    family = engine._families.get(call_id)
    if family is not None:
        engine._schedule(call_id, family)
