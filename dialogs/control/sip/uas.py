"""Answers to requests that come to our sockets (RFC 3261, 8.2): the NOTIFY of a REFER, a party's BYE, strays. Knows no socket; time is passed in.

We take calls from nobody. What belongs to a dialog of ours is answered 200 and handed on; everything else is told that there is no such call.
"""

import re
from typing import NamedTuple

from dialogs.control.sip.hops import Hop
from dialogs.control.sip.requests import ALLOW
from dialogs.sip import Request

KEPT_MAX = 1024
"Answers that are kept for repetitions; the oldest goes first."

KEPT_NS = 32_000_000_000
"Timer J (RFC 3261, 17.2.2): for so long a request may be repeated."

INSIDE = {"NOTIFY": 200, "BYE": 200, "OPTIONS": 200, "INVITE": 488, "UPDATE": 488, "CANCEL": 481}
"Answers in a dialog of ours. We have no media: a re-INVITE is not acceptable. We let no INVITE wait: there is nothing to cancel."

PHRASES = {200: "OK", 400: "Bad Request", 405: "Method Not Allowed", 481: "Call/Transaction Does Not Exist", 488: "Not Acceptable Here"}
RPORT = re.compile(rb";\s*rport\s*(?==|;|$)(?:=\d*)?", re.IGNORECASE)
SENT_BY = re.compile(rb"SIP\s*/\s*2\.0\s*/\s*\w+\s+(\[[^\]]*\]|[^\s:;]+)(?:\s*:\s*(\d{1,5}))?", re.IGNORECASE)


class Handled(NamedTuple):
    """What a request led to."""

    response: bytes | None
    "None for an ACK."

    port: int
    "Where the answer goes on the host that asked, over UDP (RFC 3261, 18.2.2; RFC 3581)."

    new: bool
    "False for a repetition, and for what belongs to nobody: it is not handed on."


class Answers:
    """What was answered lately, so that a repeated request gets the same answer and counts once."""

    def __init__(self, server: str, tag: str) -> None:
        """server: our name, for people. tag: our To-tag in answers to strangers."""
        self._server = server
        self._tag = tag
        self._kept: dict[tuple[bytes, bytes, str, int], tuple[int, bytes]] = {}
        self.evicted = 0
        "Answers that had to go before their time."

    def handle(self, request: Request, known: bool, source: Hop, now: int) -> Handled:
        """Return the answer to a request; known: it belongs to a dialog of ours."""
        vias = request.items(b"via")
        port = _answer_port(vias[0] if vias else b"", source)
        if request.method == "ACK":
            return Handled(None, port, new=known)
        self._forget(now)
        key = (request.branch, request.call_id, request.method, request.cseq)
        if key in self._kept:
            return Handled(self._kept[key][1], port, new=False)
        response = self._response(request, vias, known, source)
        if len(self._kept) >= KEPT_MAX:
            self.evicted += 1
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (now + KEPT_NS, response)
        return Handled(response, port, new=known)

    def _forget(self, now: int) -> None:
        """Drop what is over; the oldest come first."""
        while self._kept and self._kept[oldest := next(iter(self._kept))][0] <= now:
            del self._kept[oldest]

    def _response(self, request: Request, vias: list[bytes], known: bool, source: Hop) -> bytes:
        code = _status(request, known)
        to = (request.values(b"to") or [b""])[0]
        lines = [
            f"SIP/2.0 {code} {PHRASES[code]}".encode(),
            *(b"Via: " + (_received(via, source) if not at else via) for at, via in enumerate(vias)),
            b"To: " + (to if request.to_tag else to + b";tag=" + self._tag.encode()),
            *(b"From: " + value for value in request.values(b"from")[:1]),
            b"Call-ID: " + request.call_id,
            b"CSeq: " + (request.values(b"cseq") or [b""])[0],
            f"Server: {self._server}".encode(),
            *([f"Allow: {ALLOW}".encode()] if code in (405, 488) or request.method == "OPTIONS" else []),
            b"Content-Length: 0",
        ]
        return b"\r\n".join(line.replace(b"\r", b" ") for line in lines) + b"\r\n\r\n"


def _status(request: Request, known: bool) -> int:
    """Return the code of the answer."""
    if request.cseq < 0 or not request.call_id or not request.from_tag:
        return 400
    if known:
        return INSIDE.get(request.method, 405)
    if request.to_tag or request.method in ("BYE", "CANCEL", "NOTIFY"):
        return 481
    return 200 if request.method == "OPTIONS" else 405


def _received(via: bytes, source: Hop) -> bytes:
    """Return the topmost Via with where the request came from (RFC 3261, 18.2.1; RFC 3581, 4)."""
    host = source.host.encode()
    if RPORT.search(via):
        return RPORT.sub(b";rport=%d" % source.port, via, count=1) + b";received=" + host
    sent = SENT_BY.match(via)
    return via if sent and sent[1].strip(b"[]") == host else via + b";received=" + host


def _answer_port(via: bytes, source: Hop) -> int:
    """Return the port that an answer goes to, on the host that the request came from and on no other."""
    if RPORT.search(via):
        return source.port
    sent = SENT_BY.match(via)
    port = int(sent[2]) if sent and sent[2] else 5060
    return port if 0 < port < 65536 else source.port
