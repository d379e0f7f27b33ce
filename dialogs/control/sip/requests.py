"""Requests as bytes (RFC 3261, 7 and 8.1): drafts inside and outside of dialogs, and what they become on a hop. Pure: no clock, no chance, no socket.

A draft says everything but the hop. `Draft.prepare` adds Via and Contact for a hop and a branch and gives the bytes that leave: they are
stored before they are sent, and after a crash the very same bytes are sent again.
"""

import msgspec

from dialogs.control.sip.dialog import CSEQ_END, Dialog
from dialogs.control.sip.hops import Hop, bracketed
from dialogs.control.sip.syntax import Unsendable, extra_lines, header_text, header_uri, reason_value, uri_text, without_headers, word
from dialogs.sip import Request, Response, parse

COOKIE = b"z9hG4bK"
"How every branch begins (RFC 3261, 8.1.1.7)."

MAX_FORWARDS = 70
CONTACT_USER = "dialtap"
ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY"
HELD_SDP = (
    b"v=0\r\no=kamailio-bridge 0 0 IN IP4 0.0.0.0\r\ns=kamailio\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
)
"What `dlg_bridge` offers: nobody hears anything until the REFER has done its work."

BRIDGE_CSEQ = 10
"As `dlg_bridge` begins."


class Identity(msgspec.Struct, frozen=True):
    """Who we are in our requests."""

    user_agent: str = "Dialtap"
    controller: str = "sip:controller@kamailio.org"
    "Our URI in a dialog of our own, and Referred-By (Kamailio: bridge_controller)."

    contact: str = ""
    "Contact URI where it is not made of the local address (Kamailio: bridge_contact)."

    extra: tuple[str, ...] = ()
    'Header lines of every request, "Name: value" (Kamailio: dlg_extra_hdrs).'


class Prepared(msgspec.Struct, frozen=True):
    """A request as it leaves, with what is stored of it before its first byte leaves."""

    data: bytes
    method: str
    branch: bytes
    cseq: int
    hop: Hop
    "The resolved address that it is sent to."

    name: str = ""
    "The host that was resolved: what a certificate must be for."


class Draft(msgspec.Struct, frozen=True):
    """A request without Via: what it says, and where it is to go."""

    method: str
    uri: str
    to: bytes
    from_: bytes
    call_id: bytes
    cseq: int
    next_hop: str
    "URI of the next hop."

    routes: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    'Further lines, "Name: value", checked.'

    contact: str | None = None
    'None: no Contact. "": made of the address that it is sent from.'

    credentials: tuple[str, ...] = ()
    "Authorization and Proxy-Authorization lines."

    content_type: str = ""
    body: bytes = b""

    def again(self, cseq: int, credentials: tuple[str, ...]) -> "Draft":
        """Return the draft that follows a challenge: a higher CSeq, and credentials (RFC 3261, 22.2)."""
        return msgspec.structs.replace(self, cseq=cseq, credentials=credentials)

    def prepare(self, hop: Hop, local: tuple[str, int], branch: bytes, name: str = "") -> Prepared:
        """Return the bytes for a resolved hop. local: host and port at which we are reached. branch: unique, without the cookie."""
        token = word("branch", COOKIE + branch)
        sent_by = f"{bracketed(local[0])}:{local[1]}"
        lines = [
            f"{self.method} {uri_text('Request-URI', self.uri)} SIP/2.0".encode("utf-8", "surrogateescape"),
            f"Via: SIP/2.0/{hop.transport.upper()} {sent_by};rport;branch=".encode() + token,
            *(line("Route", entry) for entry in self.routes),
            b"Max-Forwards: %d" % MAX_FORWARDS,
            b"To: " + self.to,
            b"From: " + self.from_,
            b"Call-ID: " + word("Call-ID", self.call_id),
            f"CSeq: {self.cseq} {self.method}".encode(),
            *([self._contact(hop, sent_by)] if self.contact is not None else []),
            *(encoded(text) for text in (*self.credentials, *self.headers)),
            *([line("Content-Type", self.content_type)] if self.body else []),
            b"Content-Length: %d" % len(self.body),
        ]
        return Prepared(b"\r\n".join(lines) + b"\r\n\r\n" + self.body, self.method, token, self.cseq, hop, name)

    def _contact(self, hop: Hop, sent_by: str) -> bytes:
        transport = "" if hop.transport == "udp" else f";transport={hop.transport}"
        return line("Contact", f"<{self.contact or f'sip:{CONTACT_USER}@{sent_by}{transport}'}>")


def encoded(text: str) -> bytes:
    """Return a line's bytes; Unsendable when it holds a line break after all."""
    return header_text("header", text).encode("utf-8", "surrogateescape")


def line(name: str, value: str) -> bytes:
    """Return one header line."""
    return encoded(f"{name}: {value}")


def bye(dialog: Dialog, identity: Identity, reason: str = "") -> Draft:
    """Return the BYE to the dialog's remote party, with Reason (RFC 3326) for words."""
    headers = (f"Reason: {reason_value(reason)}",) if reason.strip() else ()
    return inside(dialog, "BYE", identity, headers)


def refer(dialog: Dialog, identity: Identity, to: str, *, replaced: Dialog | None = None) -> Draft:
    """Return the REFER (RFC 3515) that sends the remote party to a URI.

    replaced: the dialog that it is to take over (RFC 3891), as seen toward the party at `to`. A phone that does not know Replaces must refuse, not ring.
    """
    target = header_uri("Refer-To", to)
    if replaced is not None:
        target += f"{'&' if '?' in target else '?'}Replaces={replaced.replaces()}&Require=replaces"
    headers = (f"Referred-By: <{header_uri('Referred-By', identity.controller)}>", f"Refer-To: <{target}>")
    return inside(dialog, "REFER", identity, headers, contact=identity.contact)


def inside(dialog: Dialog, method: str, identity: Identity, headers: tuple[str, ...] = (), *, contact: str | None = None, cseq: int = 0) -> Draft:
    """Return any request inside a dialog; `cseq`: that of an ACK, otherwise the dialog's next."""
    path = dialog.path()
    return Draft(
        method=method,
        uri=path.uri,
        to=dialog.to_value(),
        from_=dialog.from_value(),
        call_id=word("Call-ID", dialog.call_id),
        cseq=cseq or dialog.next_cseq(),
        next_hop=path.next_hop,
        routes=path.routes,
        headers=(f"User-Agent: {header_text('User-Agent', identity.user_agent)}", *headers, *extra_lines(identity.extra)),
        contact=contact and header_uri("Contact", contact) if contact is not None else None,
    )


def held_invite(to: str, identity: Identity, call_id: bytes, tag: bytes, outbound: str = "") -> Draft:
    """Return the INVITE with held SDP that a bridge begins with (Kamailio: dlg_bridge). outbound: URI of the next hop."""
    target = without_headers(uri_text("bridge", to))
    return Draft(
        method="INVITE",
        uri=target,
        to=f"<{target}>".encode("utf-8", "surrogateescape"),
        from_=f"<{header_uri('From', identity.controller)}>;tag=".encode("utf-8", "surrogateescape") + word("tag", tag),
        call_id=word("Call-ID", call_id),
        cseq=BRIDGE_CSEQ,
        next_hop=uri_text("outbound proxy", outbound) if outbound else target,
        headers=(f"User-Agent: {header_text('User-Agent', identity.user_agent)}", f"Allow: {ALLOW}", *extra_lines(identity.extra)),
        contact=identity.contact and header_uri("Contact", identity.contact),
        content_type="application/sdp",
        body=HELD_SDP,
    )


def acknowledge(dialog: Dialog, identity: Identity, invite: int) -> Draft:
    """Return the ACK of a 2xx (RFC 3261, 13.2.2.4): a request of its own, with the INVITE's number."""
    return inside(dialog, "ACK", identity, cseq=invite)


def cancel(invite: bytes) -> bytes:
    """Return the CANCEL of an INVITE (RFC 3261, 9.1): our own, or one seen on a hop, which is cancelled where it was sent to.

    It must look as if sent by the INVITE's sender. Its answer goes to us only where the INVITE's Via asks for rport.
    """
    return _of_invite(invite, "CANCEL", None)


def acknowledge_refusal(invite: bytes, refusal: Response) -> bytes:
    """Return the ACK of a 300 to 699 (RFC 3261, 17.1.1.3), part of the INVITE's transaction."""
    return _of_invite(invite, "ACK", refusal)


def _of_invite(invite: bytes, method: str, answer: Response | None) -> bytes:
    """Return a request on the INVITE's own branch: Request-URI, topmost Via, Route, From, Call-ID and number are the INVITE's."""
    asked = parse(invite)
    if not isinstance(asked, Request) or asked.method != "INVITE" or not 0 <= asked.cseq < CSEQ_END or not asked.items(b"via"):
        raise Unsendable(f"{method}: needs a whole INVITE")
    to = (answer or asked).values(b"to")
    lines = [
        f"{method} ".encode() + invite.lstrip(b"\r\n").partition(b"\n")[0].strip().partition(b" ")[2],
        b"Via: " + asked.items(b"via")[0],
        *(b"Route: " + value for value in asked.values(b"route")),
        b"Max-Forwards: %d" % MAX_FORWARDS,
        b"To: " + (to[0] if to else b""),
        *(b"From: " + value for value in asked.values(b"from")[:1]),
        b"Call-ID: " + asked.call_id,
        f"CSeq: {asked.cseq_text} {method}".encode(),
        b"Content-Length: 0",
    ]
    return b"\r\n".join(value.replace(b"\r", b" ") for value in lines) + b"\r\n\r\n"  # the parser breaks lines at LF only, others at CR too
