"""A telephone that follows REFER and honours Replaces (RFC 3515, 3891), which neither sipp nor baresip does. One UDP socket on the test's own loop.

Knows the messages of a user agent; knows nothing of Dialtap but its parser.
"""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import unquote

from dialogs.sip import URI, Request, Response, parse
from dialogs.sip.address import split_address

from .phone import host_port

PROXY_PORT = 5060
SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8\r\n"
"Nobody is heard there; what matters is that it can be agreed upon."

OFFER = "Content-Type: application/sdp"


@dataclass
class Leg:
    """One dialog, as this phone holds it."""

    call_id: str
    ours: str
    "Our own From or To, with its tag."

    theirs: str
    target: str
    routes: list[str]
    cseq: int = 0
    up: bool = True


@dataclass
class Told:
    """What became of a request of this phone's."""

    leg: Leg
    final: asyncio.Future[Response] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ReplacingPhone(asyncio.DatagramProtocol):
    """Answers every call, follows every REFER; `knows_replaces` false: it says 420 to who requires that, as RFC 3261, 8.2.2.3 wants."""

    def __init__(self, user: str, address: tuple[str, int], proxy: tuple[str, int], *, knows_replaces: bool = True) -> None:
        self.user = user
        self.address = address
        self.uri = f"sip:{user}@{host_port(*address)}"
        self.legs: list[Leg] = []
        self._proxy = proxy
        self._knows_replaces = knows_replaces
        self._asked: dict[bytes, Told] = {}
        self._answers: dict[tuple[bytes, str], bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "ReplacingPhone":
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, self.address)
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        self._transport.close()

    # Calling

    async def call(self, target: str, call_id: str, *headers: str, to: tuple[str, int] | None = None) -> Response:
        """Call an address, acknowledge its answer; returns the final answer. `to`: where the INVITE goes, else to the proxy."""
        leg = Leg(call_id, f"<{self.uri}>;tag={self.user}{len(self.legs)}", f"<{target}>", target, [])
        asked = self._request(leg, "INVITE", *headers, OFFER, to=to or self._proxy, body=SDP.format(self.address[0]))
        answer = await asked.final
        if answer.status < 300:
            leg.theirs = answer.values(b"to")[0].decode()
            leg.routes = [route.strip() for value in answer.values(b"record-route") for route in value.decode().split(",")][::-1]
            leg.target = split_address(answer.items(b"contact")[0])[1].decode()
            self.legs.append(leg)
            self._request(leg, "ACK")
        return answer

    def _request(self, leg: Leg, method: str, *headers: str, to: tuple[str, int] | None = None, body: str = "") -> Told:
        leg.cseq += method != "ACK"
        branch = f"z9hG4bK{self.user}{len(self._asked)}{method}"
        lines = (
            f"{method} {leg.target} SIP/2.0", f"Via: SIP/2.0/UDP {host_port(*self.address)};branch={branch}",
            *(f"Route: {route}" for route in leg.routes),
            f"From: {leg.ours}", f"To: {leg.theirs}", f"Call-ID: {leg.call_id}", f"CSeq: {leg.cseq} {method}",
            f"Contact: <{self.uri}>", "Max-Forwards: 70", *headers, f"Content-Length: {len(body)}",
        )  # fmt: skip
        told = self._asked[branch.encode()] = Told(leg)
        self._transport.sendto("\r\n".join((*lines, "", body)).encode(), to or self._next_hop(leg))
        return told

    @staticmethod
    def _next_hop(leg: Leg) -> tuple[str, int]:
        found = URI.parse(split_address(leg.routes[0].encode())[1].decode() if leg.routes else leg.target)
        return found.host, found.port or PROXY_PORT

    # Being called

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        """Take a message."""
        message = parse(data)
        if isinstance(message, Response):
            told = self._asked.get(message.branch)
            if told is not None and message.status >= 200 and not told.final.done():
                told.final.set_result(message)
        elif isinstance(message, Request) and message.method != "ACK":
            key = (message.branch, message.method)
            if key not in self._answers:
                self._answers[key] = self._answer(message)
            self._transport.sendto(self._answers[key], source)

    def _answer(self, asked: Request) -> bytes:
        leg = next((leg for leg in self.legs if leg.up and self._belongs(asked, leg)), None)
        if asked.method == "INVITE" and leg is None:
            return self._invited(asked)
        if leg is None:
            return self._reply(asked, "481 Call/Transaction Does Not Exist")
        if asked.method == "BYE":
            leg.up = False
        if asked.method == "REFER":
            leg.target = split_address(asked.items(b"contact")[0])[1].decode()  # the newest Contact is the remote target
            self._begin(self._follow(leg, asked))
            return self._reply(asked, "202 Accepted")
        return self._reply(asked, "200 OK")

    @staticmethod
    def _belongs(asked: Request, leg: Leg) -> bool:
        return asked.call_id.decode() == leg.call_id and leg.ours.endswith(f";tag={asked.to_tag.decode()}")

    def _invited(self, asked: Request) -> bytes:
        replaced = None
        if replaces := asked.header("replaces"):
            if not self._knows_replaces:
                return self._reply(asked, "420 Bad Extension", "Unsupported: replaces")
            replaced = self._named(replaces)
            if replaced is None:
                return self._reply(asked, "481 Call/Transaction Does Not Exist")
        ours = f"{asked.values(b'to')[0].decode()};tag={self.user}{len(self.legs)}"
        routes = [route.strip() for value in asked.values(b"record-route") for route in value.decode().split(",")]
        theirs, target = asked.values(b"from")[0].decode(), split_address(asked.items(b"contact")[0])[1].decode()
        self.legs.append(Leg(asked.call_id.decode(), ours, theirs, target, routes))
        if replaced is not None:
            replaced.up = False
            self._request(replaced, "BYE")
        return self._reply(asked, "200 OK", OFFER, tagged=ours, body=SDP.format(self.address[0]))

    def _named(self, replaces: str) -> Leg | None:
        """Return the dialog that a Replaces header names: its to-tag is ours (RFC 3891, 3)."""
        call_id, *parameters = (part.strip() for part in replaces.split(";"))
        tags = dict(parameter.split("=", 1) for parameter in parameters)
        mine = (leg for leg in self.legs if leg.up and leg.call_id == call_id and leg.ours.endswith(f";tag={tags['to-tag']}"))
        return next((leg for leg in mine if leg.theirs.endswith(f";tag={tags['from-tag']}")), None)

    # Being referred

    def _begin(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)

    async def _follow(self, leg: Leg, refer: Request) -> None:
        target, _, inside = split_address(refer.values(b"refer-to")[0])[1].decode().partition("?")
        headers = [f"{name}: {unquote(value)}" for name, _, value in (header.partition("=") for header in inside.split("&"))]
        self._tell(leg, "SIP/2.0 100 Trying", "active;expires=60")
        found = URI.parse(target)
        answer = await self.call(target, f"referred-{self.user}@lab.example", *headers, to=(found.host, found.port or PROXY_PORT))
        self._tell(leg, f"SIP/2.0 {answer.status} {answer.reason}", "terminated;reason=noresource")

    def _tell(self, leg: Leg, fragment: str, state: str) -> None:
        kind = "Content-Type: message/sipfrag;version=2.0"
        self._request(leg, "NOTIFY", "Event: refer", f"Subscription-State: {state}", kind, body=f"{fragment}\r\n")

    def _reply(self, asked: Request, status: str, *headers: str, tagged: str = "", body: str = "") -> bytes:
        to = tagged or asked.values(b"to")[0].decode() + ("" if asked.to_tag else f";tag={self.user}x")
        lines = (
            f"SIP/2.0 {status}", *(f"Via: {via.decode()}" for via in asked.values(b"via")),
            *(f"Record-Route: {route.decode()}" for route in asked.values(b"record-route")),
            f"From: {asked.values(b'from')[0].decode()}", f"To: {to}", f"Call-ID: {asked.call_id.decode()}", f"CSeq: {asked.cseq} {asked.method}",
            f"Contact: <{self.uri}>", "Supported: replaces", *headers, f"Content-Length: {len(body)}", "", body,
        )  # fmt: skip
        return "\r\n".join(lines).encode()
