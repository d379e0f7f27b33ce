"""Dialogs, messages and replies for the tests of the user agent, and a loop without sockets that plays an operation."""

from collections.abc import Iterable

from dialogs.control.sip.dialog import Dialog
from dialogs.control.sip.hops import Hop
from dialogs.control.sip.operations import Answer, Ask, Heard, Listen, Operation, Progress, Reply, Step, Tell
from dialogs.control.sip.requests import Draft, Identity, Prepared
from dialogs.sip import Request, Response, parse

US = ("192.0.2.9", 5060)
UDP = Hop("udp", "192.0.2.1", 5060)
IDENTITY = Identity(user_agent="Dialtap test")
TO_CALLEE = Dialog(
    call_id=b"one@lab",
    local_uri="sip:alice@example.org",
    local_tag=b"a1",
    remote_uri="sip:bob@example.org",
    remote_tag=b"b2",
    target="sip:bob@192.0.2.1:5070",
    cseq=41,
)


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def response(data: bytes) -> Response:
    message = parse(data)
    assert isinstance(message, Response)
    return message


def answer_to(asked: Prepared, status: str, *headers: str, tag: str = "b2", body: str = "") -> Response:
    """Return an answer as the party would make it from the request's bytes."""
    message = request(asked.data)
    to = message.values(b"to")[0] + (b"" if message.to_tag else f";tag={tag}".encode())
    lines = [
        f"SIP/2.0 {status}".encode(),
        *(b"Via: " + via for via in message.values(b"via")),
        b"To: " + to,
        b"From: " + message.values(b"from")[0],
        b"Call-ID: " + message.call_id,
        b"CSeq: " + message.values(b"cseq")[0],
        *(header.encode() for header in headers),
        b"Content-Length: %d" % len(body),
    ]
    return response(b"\r\n".join(lines) + b"\r\n\r\n" + body.encode())


def prepared(draft: Draft, branch: bytes = b"1", hop: Hop = UDP) -> Prepared:
    return draft.prepare(hop, US, branch)


def notify(fragment: str, state: str = "active", cseq: int = 1) -> Request:
    """Return a NOTIFY of a REFER; only what is looked at."""
    lines = ["NOTIFY sip:us@192.0.2.9 SIP/2.0", f"CSeq: {cseq} NOTIFY", f"Subscription-State: {state}", f"Content-Length: {len(fragment)}"]
    return request(("\r\n".join(lines) + f"\r\n\r\n{fragment}").encode())


class Play:
    """Plays an operation against what a party would say, in order: "200 OK", ("401 Unauthorized", header...), an Answer, a Heard, a Request, or None."""

    def __init__(self, script: Iterable[object]) -> None:
        self.script = iter(script)
        self.sent: list[Prepared] = []
        self.told: list[Prepared] = []
        self.shown: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.waited: list[float] = []

    def run[Result](self, operation: Operation[Result]) -> Result:
        reply: Reply = None
        try:
            while True:
                reply = self._do(operation.send(reply))
        except StopIteration as end:
            result: Result = end.value
        assert next(self.script, "all said") == "all said"
        return result

    def _do(self, step: Step) -> Reply:
        match step:
            case Ask(asked):
                self.sent.append(asked if isinstance(asked, Prepared) else prepared(asked, b"%d" % len(self.sent)))
                return self._answer(next(self.script), self.sent[-1])
            case Tell(draft):
                self.told.append(prepared(draft, b"ack"))
            case Listen(seconds):
                self.waited.append(seconds)
                said = next(self.script)
                return said if isinstance(said, Heard) else Heard(said if isinstance(said, Request) else None)
            case Progress(name, state, words):
                self.shown.append((name, state))
                self.words.append(words)
        return None

    @staticmethod
    def _answer(said: object, asked: Prepared) -> Answer:
        if isinstance(said, Answer):
            return said
        status, *headers = (said,) if isinstance(said, str) else said if isinstance(said, tuple) else ()
        return Answer(answer_to(asked, status, *headers), words=status, cseq=asked.cseq)
