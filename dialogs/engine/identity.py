"""Kamailio's names for a dialog: the hash of the Call-ID, the `did` cookie; and ours, the uid. Knows bytes and numbers; knows no message."""

from hashlib import blake2b

HEX = b"0123456789abcdef"


def h_entry(call_id: bytes, hash_size: int) -> int:
    """Return the slot of a Call-ID (Kamailio: core_hash, hashes.h); `hash_size` is a power of two."""
    h = 0
    whole = len(call_id) & ~3
    for i in range(0, whole, 4):
        v = int.from_bytes(call_id[i : i + 4], "big")
        h += v ^ (v >> 3)
    v = int.from_bytes(call_id[whole:], "big")
    h = (h + (v ^ (v >> 3))) & 0xFFFFFFFF
    h = (h + (h >> 11) + (h >> 13) + (h >> 23)) & 0xFFFFFFFF
    return h & (hash_size - 1)


def parse_did(cookie: bytes) -> tuple[int, int] | None:
    """Return (h_entry, h_id) of a `did` value: two hex numbers with their digits reversed; None when it is none."""
    entry, dot, serial = cookie.partition(b".")
    if not dot or not entry or not serial or len(cookie) > 18:
        return None
    if entry.strip(HEX) or serial.strip(HEX):
        return None
    return int(entry[::-1], 16), int(serial[::-1], 16)


def format_did(entry: int, serial: int) -> str:
    """Return the `did` value of a dialog (Kamailio: dlg_req_within.c, add_dlg_rr_param)."""
    return f"{entry:x}"[::-1] + "." + f"{serial:x}"[::-1]


def find_did(record_route: bytes, parameter: bytes) -> tuple[int, int] | None:
    """Return (h_entry, h_id) from the first Record-Route element that carries the cookie."""
    start = record_route.find(b";" + parameter + b"=")
    if start < 0:
        return None
    start += len(parameter) + 2
    end = start
    while end < len(record_route) and record_route[end] in b"0123456789abcdef.":
        end += 1
    return parse_did(record_route[start:end])


def serial_of(record_routes: list[bytes], parameter: bytes, entry: int) -> int | None:
    """Return the h_id that the topmost Record-Route gives a dialog of this slot; None without a cookie, or with another proxy's."""
    did = find_did(record_routes[0], parameter) if record_routes else None
    return did[1] if did is not None and did[0] == entry else None


def uid(node: str, call_id: bytes, from_tag: bytes, cseq: int, at_ns: int) -> str:
    """Return the 16 hex digits that name a call for ever: on this node, this Call-ID, From-tag and CSeq, first seen then."""
    key = b"\0".join((node.encode("utf-8", "surrogateescape"), call_id, from_tag, b"%d" % cseq, b"%d" % at_ns))
    return blake2b(key, digest_size=8).hexdigest()
