"""Kamailio's names for a dialog: the hash of the Call-ID, the `did` cookie; and ours, the uid. Knows bytes and numbers; knows no message."""

import re
from hashlib import blake2b
from struct import unpack_from

DID = re.compile(rb"([0-9a-f]+)\.([0-9a-f]+)(?=[;>,?\s]|$)")
DID_MAX = 18


def h_entry(call_id: bytes, hash_size: int) -> int:
    """Return the slot of a Call-ID (Kamailio: core_hash, hashes.h); `hash_size` is a power of two."""
    words = len(call_id) >> 2
    h = 0
    for v in (*unpack_from(f"!{words}I", call_id), int.from_bytes(call_id[words << 2 :])):
        h += v ^ (v >> 3)
    h &= 0xFFFFFFFF
    h = (h + (h >> 11) + (h >> 13) + (h >> 23)) & 0xFFFFFFFF
    return h & (hash_size - 1)


def format_did(entry: int, serial: int) -> str:
    """Return the `did` value of a dialog (Kamailio: dlg_req_within.c, add_dlg_rr_param)."""
    return f"{entry:x}"[::-1] + "." + f"{serial:x}"[::-1]


def find_did(record_route: bytes, parameter: bytes) -> tuple[int, int] | None:
    """Return (h_entry, h_id) from the first Record-Route element that carries the cookie: two hex numbers with their digits reversed."""
    start = record_route.find(b";" + parameter + b"=")
    found = DID.match(record_route, start + len(parameter) + 2) if start >= 0 else None
    if found is None or len(found[0]) > DID_MAX:
        return None
    return int(found[1][::-1], 16), int(found[2][::-1], 16)


def serial_of(record_routes: list[bytes], parameter: bytes, entry: int) -> int | None:
    """Return the h_id that the topmost Record-Route gives a dialog of this slot; None without a cookie, or with another proxy's."""
    did = find_did(record_routes[0], parameter) if record_routes else None
    return did[1] if did is not None and did[0] == entry else None


def uid(node: str, call_id: bytes, from_tag: bytes, cseq: int, at_ns: int) -> str:
    """Return the 16 hex digits that name a call for ever: on this node, this Call-ID, From-tag and CSeq, first seen then."""
    key = b"\0".join((node.encode("utf-8", "surrogateescape"), call_id, from_tag, b"%d" % cseq, b"%d" % at_ns))
    return blake2b(key, digest_size=8).hexdigest()
