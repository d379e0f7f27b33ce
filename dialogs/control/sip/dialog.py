"""A dialog as the party holds it for whom we speak (RFC 3261, 12): what every request inside it is made of. Knows snapshots; sends nothing.

We are a third party: toward the caller we speak as the callee, toward the callee as the caller. So the From of a request is the *other*
leg's URI and tag, and its CSeq continues the other leg's numbers, for these are what the party has seen.
"""

from typing import NamedTuple

import msgspec

from dialogs.control.sip.syntax import (
    Unsendable,
    escaped,
    header_text,
    header_uri,
    route_uri,
    uri_parameters,
    uri_text,
    wire_bytes,
    without_headers,
    without_parameters,
    word,
)
from dialogs.engine.snapshot import CallSnapshot, LegView
from dialogs.sip import URI, Response
from dialogs.sip.address import split_address

CSEQ_END = 2**31
"CSeq numbers are below this (RFC 3261, 8.1.1.5)."

WEB = ("ws", "wss")
ALIAS_TRANSPORTS = {"1": "udp", "2": "tcp", "3": "tls"}
"Numbers of transports in Kamailio's `alias=ip~port~proto` that we speak; 5 and 6 are ws and wss."

WEB_NUMBERS = {"ws": "5", "wss": "6"}


class Path(NamedTuple):
    """Where a request goes: its Request-URI, its Route entries, and the URI of the next hop."""

    uri: str
    routes: tuple[str, ...]
    next_hop: str


class Dialog(msgspec.Struct, frozen=True):
    """A dialog toward one party. Tags and Call-ID are the wire's bytes."""

    call_id: bytes
    local_uri: str
    "URI of the party that we speak for; of our own in a dialog of ours."

    local_tag: bytes
    remote_uri: str
    remote_tag: bytes
    target: str
    "Remote target: the URI of the party's newest Contact."

    route_set: tuple[str, ...] = ()
    "Route entries, first hop first."

    cseq: int = 0
    "Highest CSeq number that the party has seen."

    @classmethod
    def toward(cls, call: CallSnapshot, side: str, *, call_id: bytes = b"", cseq: int = 0) -> "Dialog":
        """Return the dialog toward one side ("caller" or "callee") of an observed call.

        call_id: its bytes, where the snapshot's text does not tell them. cseq: the highest number that we have sent to this side.
        Unsendable when something is missing that no request can do without.
        """
        party, other = (call.caller, call.callee) if side == "caller" else (call.callee, call.caller)
        if not party.tag or not other.tag:
            raise Unsendable("there is no dialog: nobody has answered with a tag")
        return cls(
            call_id=call_id or wire_bytes("Call-ID", call.call_id),
            local_uri=other.uri,
            local_tag=wire_bytes("tag", other.tag),
            remote_uri=party.uri,
            remote_tag=wire_bytes("tag", party.tag),
            target=_target(party, side),
            route_set=_route_set(call, side),
            cseq=max(other.cseq, cseq, 0),
        )

    @classmethod
    def of_answer(cls, answer: Response, local_uri: str, local_tag: bytes, cseq: int) -> "Dialog":
        """Return the dialog that a 2xx to an INVITE of ours made (RFC 3261, 12.1.2); Unsendable for one without Contact."""
        contacts = answer.items(b"contact")
        if not contacts:
            raise Unsendable("Contact: the answer has none")
        return cls(
            call_id=answer.call_id,
            local_uri=local_uri,
            local_tag=local_tag,
            remote_uri=answer.to.uri,
            remote_tag=answer.to_tag,
            target=split_address(contacts[0])[1].decode("utf-8", "surrogateescape"),
            route_set=tuple(answer.record_route[::-1]),
            cseq=cseq,
        )

    def next_cseq(self) -> int:
        """Return the number of the next request; Unsendable where there is none left."""
        if self.cseq + 1 >= CSEQ_END:
            raise Unsendable(f"CSeq: no number is left above {self.cseq}")
        return self.cseq + 1

    def from_value(self) -> bytes:
        """Return the From of our requests."""
        return _name_addr("From", self.local_uri, self.local_tag)

    def to_value(self) -> bytes:
        """Return the To of our requests."""
        return _name_addr("To", self.remote_uri, self.remote_tag)

    def path(self) -> Path:
        """Return where requests go, with loose and strict routing (RFC 3261, 12.2.1.1)."""
        target = without_headers(uri_text("remote target", self.target))
        routes = tuple(header_text("Route", entry) for entry in self.route_set)
        if not routes:
            return _direct(target)
        first = route_uri(routes[0])
        if "lr" in uri_parameters(first):
            return Path(target, routes, _first_spoken(routes))
        return Path(without_headers(first), (*routes[1:], f"<{target}>"), first)

    def replaces(self) -> str:
        """Return the escaped value of `Replaces` that names this dialog to its remote party (RFC 3891): its own tag is the to-tag."""
        call_id, to_tag, from_tag = word("Call-ID", self.call_id), word("tag", self.remote_tag), word("tag", self.local_tag)
        return escaped(call_id + b";to-tag=" + to_tag + b";from-tag=" + from_tag)


def _name_addr(name: str, uri: str, tag: bytes) -> bytes:
    return b"<" + header_uri(name, uri).encode("utf-8", "surrogateescape") + b">" + (b";tag=" + word("tag", tag) if tag else b"")


def _route_set(call: CallSnapshot, side: str) -> tuple[str, ...]:
    """Return the way to a side as its peer goes it.

    The callee's is that of the 2xx, and so is the caller's, from its other end: the INVITE was seen before the proxies behind it had added
    themselves. Without an answer there is only what the INVITE brought.
    """
    routes = call.callee.route_set
    return routes if side == "callee" else routes[::-1] or call.caller.route_set


def _target(party: LegView, side: str) -> str:
    """Return the remote target; a WebSocket client's with the alias by which its proxy finds the connection (Kamailio: add_contact_alias)."""
    if not party.contact:
        raise Unsendable(f"no Contact of the {side} was seen")
    parameters = uri_parameters(party.contact)
    number = WEB_NUMBERS.get(parameters.get("transport", "").lower())
    if number is None or "alias" in parameters or not party.address:
        return party.contact
    host, _, port = party.address.rpartition(":")
    return f"{party.contact};alias={host}~{port}~{number}"


def _direct(target: str) -> Path:
    """Return the way without a route set: Kamailio's `alias` is the next hop then, and no part of the Request-URI (dlg_req_within)."""
    host, _, rest = uri_parameters(target).get("alias", "").partition("~")
    port, _, number = rest.partition("~")
    if not host or not port.isdigit() or number not in ALIAS_TRANSPORTS:
        return Path(target, (), target)
    return Path(without_parameters(target, ("alias",)), (), f"sip:{host}:{port};transport={ALIAS_TRANSPORTS[number]}")


def _first_spoken(routes: tuple[str, ...]) -> str:
    """Return the URI of the next hop: the first entry, or the second half of a proxy's double Record-Route whose first is WebSocket.

    A proxy between two transports writes both, marked `r2=on` (Kamailio: enable_double_rr), and takes both off when it meets itself.
    """
    first = route_uri(routes[0])
    if uri_parameters(first).get("transport", "").lower() not in WEB or uri_parameters(first).get("r2") != "on" or len(routes) < 2:
        return first
    second = route_uri(routes[1])
    return second if uri_parameters(second).get("r2") == "on" and URI.parse(second).host == URI.parse(first).host else first
