"""What called phones and gateways do, each as one sipp scenario that serves any number of calls. Knows the callee's messages; knows no process."""

from collections.abc import Iterator

from .sippxml import SDP, SDP_ON_HOLD, Milliseconds, goto, header, label, pause, request, response, scenario, send

_TAG = "[pid]t[call_number]"
_TALKING, _REINVITED, _ANSWERING, _HUNG_UP, _OVER, _ANSWERED_AGAIN = 1, 2, 3, 4, 9, 10
_INVITED = request(
    "INVITE",
    remember=header("From", "from") + header("To", "to") + header("CSeq", "cseq") + header("Record-Route", "record_route")
    + header("Via", "proxy_via") + header("Via", "caller_via", 2),
)  # fmt: skip
_INVITED_ECHO = ("Via:[$proxy_via]", "Via:[$caller_via]", "From:[$from]")
"The INVITE's own headers, for an answer that is sent after another request came in."


class Callee:
    """One called device: its messages, signed with its product name."""

    def __init__(self, agent: str = "Lab Gateway 1.0", user: str = "line") -> None:
        self._agent = f"Server: {agent}"
        self._contact = f"Contact: <sip:{user}@[local_ip]:[local_port]>"

    def answers(self, before: Milliseconds, ring: Milliseconds) -> str:
        """Rings, answers, talks until the caller hangs up; puts up with re-INVITEs."""
        return scenario("callee answers", *self._rings(before), pause(ring), self._answer(), *self._talks())

    def answers_then(self, before: Milliseconds, ring: Milliseconds, *ending: str) -> str:
        """Rings, answers, then what is given."""
        return scenario("callee answers, then", *self._rings(before), pause(ring), self._answer(), request("ACK"), *ending, pause(100))

    def hangs_up(self, before: Milliseconds, ring: Milliseconds, hold: Milliseconds) -> str:
        """Rings, answers, talks, hangs up."""
        return scenario("callee hangs up", *self._rings(before), pause(ring), self._answer(), request("ACK"), pause(hold), *self._bye())

    def is_not_acknowledged(self, before: Milliseconds, ring: Milliseconds, patience_ms: int) -> str:
        """Rings, answers again and again; no ACK comes, so it hangs up when the caller has not done so in that time."""
        answers = ""
        for place, gap_ms in enumerate(_answer_gaps_ms(patience_ms), _ANSWERED_AGAIN):  # sipp's own repetition would keep the BYE back
            answers += self._answer(repeated=False) + request("BYE", goto=_HUNG_UP, within_ms=gap_ms, otherwise=place) + label(place)
        ending = (*self._bye(), goto(_OVER), label(_HUNG_UP), self._reply("200 OK"), label(_OVER), pause(100))
        return scenario("callee without ACK", *self._rings(before), pause(ring), answers, *ending)

    def refuses(self, status: str, before: Milliseconds, ring: Milliseconds = 0) -> str:
        """Answers with a final "486 Busy Here" or the like, after ringing when `ring` is given."""
        ringing = (*self._rings(before), pause(ring)) if ring else (_INVITED, self._trying(), pause(before))
        return scenario("callee refuses", *ringing, self._reply(status, tagged=True, retransmit=True), request("ACK"))

    def rings_for_ever(self, before: Milliseconds) -> str:
        """Rings until the caller cancels."""
        return scenario("callee rings", *self._rings(before), request("CANCEL"), *self._cancelled())

    def answers_or_is_cancelled(self, before: Milliseconds, ring_ms: int) -> str:
        """One branch of a fork: answers after a while, unless another branch was faster."""
        ringing = request("CANCEL", within_ms=ring_ms, otherwise=_ANSWERING)
        answering = (label(_ANSWERING), self._answer(late=True), *self._talks())
        return scenario("callee of a fork", *self._rings(before), ringing, *self._cancelled(), goto(_OVER), *answering)

    def challenges(self, before: Milliseconds, ring: Milliseconds) -> str:
        """Asks for credentials first, then rings and answers."""
        ask = 'Proxy-Authenticate: Digest realm="lab.example", nonce="4f3a9c11d2", algorithm=MD5, qop="auth"'
        refusal = self._reply("407 Proxy Authentication Required", ask, tagged=True, retransmit=True)
        asked = (_INVITED, self._trying(), pause(before), refusal, request("ACK"))
        return scenario("callee challenges", *asked, *self._rings(before), pause(ring), self._answer(), *self._talks())

    def wants_prack(self, before: Milliseconds, ring: Milliseconds | None) -> str:
        """Rings reliably (RFC 3262), waits for the PRACK, answers, talks until a BYE comes; without `ring` it rings until it is cancelled."""
        rings = self._reply("180 Ringing", self._contact, "Require: 100rel", "RSeq: 1", tagged=True, retransmit=True)
        asked = (_INVITED, self._trying(), pause(before), rings, request("PRACK"), self._reply("200 OK"))
        if ring is None:
            return scenario("callee wants PRACK, rings", *asked, request("CANCEL"), *self._cancelled())
        return scenario("callee wants PRACK", *asked, pause(ring), self._answer(late=True), *self._talks())

    def reinvites(self, before: Milliseconds, ring: Milliseconds, hold: Milliseconds) -> str:
        """Rings, answers, puts the call on hold with a re-INVITE of its own, talks until a BYE comes."""
        reinvite = self._in_dialog("INVITE", 1, self._contact, body=SDP_ON_HOLD)
        media = (pause(hold), reinvite, response(100, optional=True), response(200), self._in_dialog("ACK", 1))
        return scenario("callee re-INVITEs", *self._rings(before), pause(ring), self._answer(), request("ACK"), *media, *self._hears_bye())

    def declines(self, before: Milliseconds, ring: Milliseconds) -> str:
        """Rings, answers, declines to be transferred, talks until the other side hangs up."""
        declined = (request("REFER"), self._reply("603 Decline"))
        return scenario("callee declines a transfer", *self._rings(before), pause(ring), self._answer(), request("ACK"), *declined, *self._hears_bye())

    def never_rings(self) -> str:
        """Takes the INVITE, says no more than 100, until the proxy or the caller has had enough."""
        return scenario("callee never rings", _INVITED, self._trying(), request("CANCEL"), *self._cancelled())

    def _rings(self, before: Milliseconds) -> tuple[str, ...]:
        return (_INVITED, self._trying(), pause(before), self._reply("180 Ringing", self._contact, tagged=True))

    def _trying(self) -> str:
        return send("SIP/2.0 100 Trying", "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]", self._agent)

    def _answer(self, *, late: bool = False, repeated: bool = True) -> str:
        """Answer the INVITE. `late`: it may not be the last request received any more. `repeated`: until something comes."""
        if not late:
            return self._reply("200 OK", self._contact, tagged=True, body=SDP, retransmit=repeated)
        to = f"To:[$to];tag={_TAG}"
        return send("SIP/2.0 200 OK", *_INVITED_ECHO, to, "Record-Route:[$record_route]", "Call-ID: [call_id]", "CSeq:[$cseq]", self._contact, self._agent,
                    body=SDP, retransmit=True)  # fmt: skip

    def _talks(self) -> tuple[str, ...]:
        return (
            request("ACK"), label(_TALKING), request("ACK", optional=True, goto=_TALKING), request("INVITE", optional=True, goto=_REINVITED),
            request("BYE"), self._reply("200 OK"), goto(_OVER),
            label(_REINVITED), self._reply("200 OK", self._contact, body=SDP, retransmit=True), request("ACK"), goto(_TALKING),
            label(_OVER), pause(100),
        )  # fmt: skip

    def _hears_bye(self) -> tuple[str, ...]:
        return (request("BYE"), self._reply("200 OK"), pause(100))

    def _bye(self) -> tuple[str, ...]:
        return (self._in_dialog("BYE", 1), response(200))

    def _in_dialog(self, method: str, cseq: int, *headers: str, body: str = "") -> str:
        return send(f"{method} [next_url] SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]", "[routes]", f"From:[$to];tag={_TAG}",
                    "To:[$from]", "Call-ID: [call_id]", f"CSeq: {cseq} {method}", "Max-Forwards: 70", self._agent, *headers,
                    body=body, retransmit=method != "ACK")  # fmt: skip

    def _cancelled(self) -> tuple[str, ...]:
        ended = send("SIP/2.0 487 Request Terminated", *_INVITED_ECHO, f"To:[$to];tag={_TAG}", "Call-ID: [call_id]", "CSeq:[$cseq]", self._agent,
                     retransmit=True)  # fmt: skip
        return (self._reply("200 OK"), ended, request("ACK"))

    def _reply(self, status: str, *headers: str, tagged: bool = False, body: str = "", retransmit: bool = False) -> str:
        to = "[last_To:]" + (f";tag={_TAG}" if tagged else "")
        return send(f"SIP/2.0 {status}", "[last_Via:]", "[last_Record-Route:]", "[last_From:]", to, "[last_Call-ID:]", "[last_CSeq:]", self._agent, *headers,
                    body=body, retransmit=retransmit)  # fmt: skip


def _answer_gaps_ms(patience_ms: int) -> Iterator[int]:
    """Yield the times between the copies of a 200 that gets no ACK (RFC 3261, 13.3.1.4), up to the end of patience."""
    gap_ms = 500
    while patience_ms > 0:
        yield min(gap_ms, patience_ms)
        patience_ms -= gap_ms
        gap_ms = min(gap_ms * 2, 4000)
