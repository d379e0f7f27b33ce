"""Everything with one Call-ID, and one live call as a restart gets it back. Knows calls and records as values; moves neither."""

import msgspec

from dialogs.engine.call import Call
from dialogs.engine.record import Record
from dialogs.engine.transaction import Copies
from dialogs.packet import NEVER

BLOB_VERSION = 1


class Family:
    """Everything with one Call-ID."""

    __slots__ = ("calls", "copies", "due_ns", "entry", "late", "records")

    def __init__(self, entry: int) -> None:
        """`entry`: the Call-ID's slot."""
        self.entry = entry
        self.calls: list[Call] = []
        self.records: list[Record] = []
        self.copies = Copies()
        self.due_ns = NEVER
        self.late = False
        "No INVITE was seen of it so far."


class Blob(msgspec.Struct, array_like=True):
    """A live call with its records."""

    version: int
    call: Call
    records: list[Record]


def pack(call: Call, records: list[Record]) -> bytes:
    """Return them as a versioned blob."""
    return msgspec.msgpack.encode(Blob(BLOB_VERSION, call, records))


def unpack(blob: bytes) -> Blob | None:
    """Return what is in `pack`'s blob; None for one of another version."""
    try:
        held = msgspec.msgpack.decode(blob, type=Blob)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return held if held.version == BLOB_VERSION else None
