"""What calling phones do, each as one sipp scenario. Knows the caller's messages; knows no process and no callee."""

from dataclasses import dataclass

from .sippxml import SDP, SDP_ON_HOLD, Milliseconds, goto, label, pause, request, response, scenario, send

ACK_DELAY_MS = 400
"How long a test phone thinks before its ACK, so that a watcher sees the state in between."

BYE_OK_DELAY_MS = 150
"""How long a caller thinks before it answers a BYE. Kamailio's dlg.terminate_dlg writes its BYE to the caller first; when the answer to that
is there before the BYE to the callee is built, the callee gets none."""


@dataclass(frozen=True)
class Line:
    """Who calls whom: what the caller writes into its messages."""

    number: str
    "The called number."

    user: str = "alice.meier"
    name: str = "Alice Meier"
    domain: str = "lab.example"
    agent: str = "Lab Phone 1.0"
    tag: str = "[pid]c[call_number]"
    cseq: int = 1
    ack_delay_ms: int = ACK_DELAY_MS

    @property
    def target(self) -> str:
        """The called URI, in the Request-URI and in To."""
        return f"sip:{self.number}@{self.domain}"


_RINGING, _ENOUGH = 1, 2
_VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
_CALL_ID = "Call-ID: [call_id]"
_FORWARDS = "Max-Forwards: 70"
_ANSWERED = response(200)
_PROVISIONAL = response(100, optional=True) + "".join(response(code, optional=True) for code in (180, 183, 180))
_ECHO = ("[last_Via:]", "[last_Record-Route:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]")
_OK = send("SIP/2.0 200 OK", *_ECHO)


def hangs_up(line: Line, hold: Milliseconds) -> str:
    """Calls, is answered, talks, hangs up."""
    return scenario("caller hangs up", *_answered(line), pause(hold), *_bye(line, 1))


def waits_for_bye(line: Line) -> str:
    """Calls, is answered, talks until the other side, or the network, hangs up."""
    return scenario("caller waits for BYE", *_answered(line), *_hears_bye())


def never_answers_bye(line: Line) -> str:
    """Calls, is answered, talks, and has nothing to say to a BYE."""
    return scenario("caller never answers a BYE", *_answered(line), request("BYE"), pause(90_000))


def gives_up(line: Line, ring_ms: int) -> str:
    """Calls, hears it ring (at several places, perhaps), cancels."""
    cancel = send(f"CANCEL {line.target} SIP/2.0", "[last_Via:]", _from(line), _to(line), _CALL_ID, f"CSeq: {line.cseq} CANCEL", _FORWARDS, retransmit=True)
    begins = response(100, optional=True) + response(183, optional=True) + response(180)
    rings = label(_RINGING) + response(180, within_ms=ring_ms, otherwise=_ENOUGH) + goto(_RINGING) + label(_ENOUGH)
    return scenario("caller gives up", _invite(line, 0), begins, rings, cancel, response(200), response(487), _ack_refusal(line, 0))


def is_refused(line: Line, code: int) -> str:
    """Calls and gets a final answer that is no."""
    return scenario("caller is refused", _invite(line, 0), _PROVISIONAL, response(code), _ack_refusal(line, 0))


def never_acknowledges(line: Line, hold: Milliseconds) -> str:
    """Calls, is answered, never sends the ACK, hangs up."""
    return scenario("caller never acknowledges", _invite(line, 0), _PROVISIONAL, _ANSWERED, pause(hold), *_bye(line, 1))


def never_acknowledges_and_waits(line: Line) -> str:
    """Calls, is answered, never sends the ACK; the other side hangs up."""
    return scenario("caller never acknowledges, waits", _invite(line, 0), _PROVISIONAL, _ANSWERED, request("BYE"), _OK)


def answers_challenge(line: Line, hold: Milliseconds) -> str:
    """Calls, is asked for its password by the callee, calls again in the same dialogue of messages, hangs up at last."""
    credentials = "[authentication username=lab password=secret]"
    return scenario(
        "caller answers a challenge",
        _invite(line, 0), response(100, optional=True), response(407, challenge=True), _ack_refusal(line, 0),
        _invite(line, 1, credentials), _PROVISIONAL, _ANSWERED, pause(line.ack_delay_ms), _ack(line, 1),
        pause(hold), *_bye(line, 2),
    )  # fmt: skip


def changes_media(line: Line, hold: Milliseconds) -> str:
    """Calls, is answered, puts the call on hold with a re-INVITE, hangs up."""
    reinvite = _in_dialog(line, "INVITE", 1, _contact(line), body=SDP_ON_HOLD, retransmit=True)
    return scenario(
        "caller changes the media",
        *_answered(line), pause(hold),
        reinvite, response(100, optional=True), _ANSWERED, pause(line.ack_delay_ms), _ack(line, 1),
        pause(hold), *_bye(line, 2),
    )  # fmt: skip


def changes_media_and_waits(line: Line, hold: Milliseconds) -> str:
    """Calls, is answered, puts the call on hold with a re-INVITE, talks until the other side, or the network, hangs up."""
    reinvite = _in_dialog(line, "INVITE", 1, _contact(line), body=SDP_ON_HOLD, retransmit=True)
    media = (pause(hold), reinvite, response(100, optional=True), _ANSWERED, pause(line.ack_delay_ms), _ack(line, 1))
    return scenario("caller changes the media, waits", *_answered(line), *media, *_hears_bye())


def is_reinvited(line: Line) -> str:
    """Calls, is answered, is put on hold by the other side's re-INVITE, talks until the network hangs up."""
    ok = send("SIP/2.0 200 OK", *_ECHO, _contact(line), body=SDP, retransmit=True)
    return scenario("caller is re-INVITEd", *_answered(line), request("INVITE"), ok, request("ACK"), *_hears_bye())


def acknowledges_ringing(line: Line, refused: int = 0) -> str:
    """Calls, acknowledges the ringing with a PRACK (RFC 3262), is answered, talks until the network hangs up; or gets a final answer that is no."""
    invite = _invite(line, 0, "Supported: 100rel")
    prack = _in_dialog(line, "PRACK", 1, f"RAck: 1 {line.cseq} INVITE", retransmit=True)
    rings = (response(100, optional=True), response(180, routed=True), prack, response(200))
    if refused:
        return scenario("caller acknowledges the ringing, is refused", invite, *rings, response(refused), _ack_refusal(line, 0))
    return scenario("caller acknowledges the ringing", invite, *rings, _ANSWERED, pause(line.ack_delay_ms), _ack(line, 0), *_hears_bye())


def _hears_bye() -> tuple[str, ...]:
    return (request("BYE"), pause(BYE_OK_DELAY_MS), _OK)


def _answered(line: Line) -> tuple[str, ...]:
    return (_invite(line, 0), _PROVISIONAL, _ANSWERED, pause(line.ack_delay_ms), _ack(line, 0))


def _bye(line: Line, later: int) -> tuple[str, ...]:
    return (_in_dialog(line, "BYE", later, retransmit=True), _ANSWERED)


def _invite(line: Line, later: int, *headers: str) -> str:
    return send(
        f"INVITE {line.target} SIP/2.0", _VIA, _from(line), _to(line), _CALL_ID, f"CSeq: {line.cseq + later} INVITE", _contact(line), _FORWARDS,
        "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE", f"User-Agent: {line.agent}", *headers, body=SDP, retransmit=True,
    )  # fmt: skip


def _in_dialog(line: Line, method: str, later: int, *headers: str, body: str = "", retransmit: bool = False) -> str:
    return send(
        f"{method} [next_url] SIP/2.0", _VIA, "[routes]", _from(line), _to(line) + "[peer_tag_param]", _CALL_ID, f"CSeq: {line.cseq + later} {method}",
        _FORWARDS, f"User-Agent: {line.agent}", *headers, body=body, retransmit=retransmit,
    )  # fmt: skip


def _ack(line: Line, later: int) -> str:
    return _in_dialog(line, "ACK", later)


def _ack_refusal(line: Line, later: int) -> str:
    return send(f"ACK {line.target} SIP/2.0", "[last_Via:]", _from(line), "[last_To:]", _CALL_ID, f"CSeq: {line.cseq + later} ACK", _FORWARDS)


def _from(line: Line) -> str:
    name = f'"{line.name}" ' if line.name else ""
    return f"From: {name}<sip:{line.user}@{line.domain}>;tag={line.tag}"


def _to(line: Line) -> str:
    return f"To: <{line.target}>"


def _contact(line: Line) -> str:
    return f"Contact: <sip:{line.user}@[local_ip]:[local_port]>"
