"""Goes through the engine's records, with pauses, and finds single ones. Knows records; knows no command and no reply."""

from collections.abc import Callable, Iterator
from typing import Any

from dialogs.engine import Engine
from dialogs.engine.call import Call
from dialogs.engine.identity import h_entry
from dialogs.engine.lookup import calls_of, families, records_of
from dialogs.engine.record import Record
from dialogs.engine.states import DELETED
from dialogs.rpc.errors import Fault
from dialogs.rpc.host import Host
from dialogs.rpc.registry import PAUSE, Value
from dialogs.rpc.shapes import shown
from dialogs.sip import text

PORTION = 2000
"Call-IDs that are looked at between two pauses."

BUCKETS = 16
"Of one profile (Kamailio: PROFILE_HASH_SIZE)."


def walk(host: Host) -> Iterator[Record | None]:
    """Yield every record in the order of `dlg.list`: by slot, oldest first; None is a pause."""
    slots: dict[int, list[Record]] = {}
    for number, family in enumerate(families(host.engine), 1):
        for record in family.records:
            slots.setdefault(record.h_entry, []).append(record)
        if not number % PORTION:
            yield None
    for entry in sorted(slots):
        yield from sorted(slots[entry], key=_age)
        yield None


def _age(record: Record) -> tuple[int, int]:
    return record.init_ns, record.h_id


def listed(host: Host, keep: Callable[[Record], bool], make: Callable[[Host, Record], Value] = shown) -> Iterator[Value]:
    """Yield the dialogs that are to be kept, in the shape of a listing."""
    for record in walk(host):
        if record is None:
            yield PAUSE
        elif keep(record):
            yield make(host, record)


def members(host: Host, profile: str, value: str | None) -> Iterator[Value]:
    """Yield the dialogs of a profile as the original finds them: by hash bucket of the value (or the Call-ID), newest last, once a membership."""
    buckets: list[list[Record]] = [[] for _ in range(BUCKETS)]
    for number, family in enumerate(families(host.engine), 1):
        for record in family.records:
            for name, held in record.profiles:
                if name == profile and value in (None, held):
                    key = record.call_id if held is None else held.encode("utf-8", "replace")
                    buckets[h_entry(key, BUCKETS)].append(record)
        if not number % PORTION:
            yield PAUSE
    for bucket in buckets:
        for record in sorted(bucket, key=_age):
            yield shown(host, record)
        yield PAUSE


def by_call_id(host: Host, callid: str, ftag: str | None = None) -> list[Record]:
    """Return the records of a Call-ID and, if one is given, of a caller's tag, oldest first."""
    return [record for record in _spelled(host, callid, records_of) if not ftag or text(record.caller_tag) == ftag]


def _spelled[Dialog](host: Host, callid: str, held: Callable[[Engine, bytes], list[Dialog]]) -> list[Dialog]:
    """Return what is held of a Call-ID, which a listing may have shown in either encoding."""
    return held(host.engine, callid.encode("utf-8", "replace")) or held(host.engine, callid.encode("latin-1", "replace"))


def by_tags(host: Host, callid: str, ftag: str, ttag: str, otherwise: Fault) -> Record:
    """Return the record that a request with these tags would belong to, in either direction (Kamailio: get_dlg, reference 14.1). Raises `otherwise`."""
    if (found := _tagged([(record.caller_tag, record.callee_tag, record) for record in by_call_id(host, callid)], (ftag, ttag))) is None:
        raise otherwise
    return found


def _tagged[Dialog](held: list[tuple[bytes, bytes, Dialog]], tags: tuple[str, str]) -> Dialog | None:
    """Return the first with both tags; or else the first that has no callee yet and one of them."""
    loose = None
    for caller, callee, dialog in held:
        own = text(caller), text(callee)
        if callee and tags in (own, own[::-1]):
            return dialog
        if not callee and own[0] in tags:
            loose = loose or dialog
    return loose


def living(host: Host, callid: str, ftag: str, ttag: str) -> list[Record | Call]:
    """Return the live record that these tags name and its wire call; where there is none, the live wire call alone; [] where neither is."""
    records = [record for record in by_call_id(host, callid) if record.state is not DELETED]
    record = _tagged([(one.caller_tag, one.callee_tag, one) for one in records], (ftag, ttag))
    if record is not None:
        return _both(host, record)
    calls = [call for call in _spelled(host, callid, calls_of) if call.state is not DELETED]
    call = _tagged([(one.caller.tag, one.callee.tag, one) for one in calls], (ftag, ttag))
    return [] if call is None else [call]


def _both(host: Host, record: Record) -> list[Record | Call]:
    call = wire_call(host, record)
    return [record] if call is None or call.state is DELETED else [record, call]


def living_by_number(host: Host, entry: int, serial: int) -> Iterator[Any]:
    """Yield PAUSE while looking, then what `living` returns or, when there is nothing, None.

    Wire calls without a record often have no number but 0: one that several have names none of them.
    """
    alone: list[Call] = []
    for number, family in enumerate(families(host.engine), 1):
        for record in family.records:
            if (record.h_entry, record.h_id) == (entry, serial) and record.state is not DELETED:
                yield _both(host, record)
                return
        if family.entry == entry:
            alone += [call for call in family.calls if call.h_id == serial and call.state is not DELETED]
        if not number % PORTION:
            yield PAUSE
    yield [*alone] if len(alone) == 1 else None


def by_number(host: Host, entry: int, serial: int) -> Iterator[Any]:
    """Yield PAUSE while looking, then the record h_entry:h_id or, when there is none, None."""
    for number, family in enumerate(families(host.engine), 1):
        for record in family.records:
            if (record.h_entry, record.h_id) == (entry, serial):
                yield record
                return
        if not number % PORTION:
            yield PAUSE
    yield None


def wire_call(host: Host, record: Record) -> Call | None:
    """Return the wire call that is this record's, as the pages show it."""
    return next((call for call in reversed(calls_of(host.engine, record.call_id)) if call.caller.tag == record.caller_tag), None)
