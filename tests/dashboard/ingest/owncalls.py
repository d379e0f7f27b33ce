"""Calls between two parties of a test on loopback, reported by HEP: a running ingest may end them by its own SIP. Their parties are `peers`."""

import time

from tests.dialogs.control.sip.peers import Peer


def hep(source: str, destination: str, data: bytes) -> bytes:
    """Return a HEPv3 datagram of a message between two loopback addresses."""
    now_ns = time.time_ns()
    (from_host, from_port), (to_host, to_port) = (address.rsplit(":", 1) for address in (source, destination))
    chunks = {1: bytes([2]), 2: bytes([17]), 3: packed(from_host), 4: packed(to_host), 7: int(from_port).to_bytes(2), 8: int(to_port).to_bytes(2)}
    chunks |= {9: (now_ns // 10**9).to_bytes(4), 10: (now_ns % 10**9 // 1000).to_bytes(4), 11: bytes([1]), 15: data}
    body = b"".join(bytes(2) + kind.to_bytes(2) + (6 + len(value)).to_bytes(2) + value for kind, value in chunks.items())
    return b"HEP3" + (6 + len(body)).to_bytes(2) + body


def packed(host: str) -> bytes:
    return bytes(int(part) for part in host.split("."))


def answered(call_id: str, caller: Peer, callee: Peer, *, called: str = "bob", answer: bool = True) -> list[bytes]:
    """Return the datagrams that report a call between two peers: until its ACK, or until it rings."""
    said = [(caller, callee, message("INVITE", call_id, caller, callee, called)), (callee, caller, message("180 Ringing", call_id, caller, callee, called))]
    if answer:
        said += [(callee, caller, message("200 OK", call_id, caller, callee, called)), (caller, callee, message("ACK", call_id, caller, callee, called))]
    return [hep(source.address, destination.address, data) for source, destination, data in said]


def message(what: str, call_id: str, caller: Peer, callee: Peer, called: str) -> bytes:
    """Return a message of the call's beginning; "INVITE", "ACK", or a status line."""
    request = not what[0].isdigit()
    by = caller if request else callee
    lines = [
        f"{what} sip:{called}@{callee.address} SIP/2.0" if request else f"SIP/2.0 {what}",
        f"Via: SIP/2.0/UDP {caller.address};branch=z9hG4bK{'a' if what == 'ACK' else 'i'}{call_id}",
        f"From: <sip:alice@{caller.address}>;tag=at",
        f"To: <sip:{called}@{callee.address}>" + (";tag=bt" if what != "INVITE" else ""),
        f"Call-ID: {call_id}",
        f"CSeq: 7 {what if request else 'INVITE'}",
        f"Contact: <sip:party@{by.address}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
