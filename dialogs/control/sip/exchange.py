"""One client transaction on a link, with its timers in the event loop. Knows transactions and links; knows no dialog and no operation."""

import asyncio
from collections.abc import Callable

from dialogs.control.sip.links import Link
from dialogs.control.sip.operations import Answer
from dialogs.control.sip.streams import Stream
from dialogs.control.sip.transactions import Answered, Broken, ClientTransaction, Output, State, TimedOut, Transmit
from dialogs.packet import SECOND
from dialogs.sip import Response

ACKS_MAX = 32
"Forks of one INVITE that are acknowledged; phones do not fork further."


class Exchange:
    """Runs a transaction to its end, also after the final answer, as long as repetitions may come."""

    def __init__(self, transaction: ClientTransaction, link: Link, ended: Callable[["Exchange"], None]) -> None:
        """Nothing is sent before `start`. ended: told once, when nothing more can come."""
        self.transaction = transaction
        self.link = link
        self.final: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ringing = asyncio.Event()
        "Set by the first provisional answer: from then on an INVITE may be cancelled (RFC 3261, 9.1)."

        self.on_provisional: Callable[[Response], None] = lambda _: None
        self.on_fork: Callable[[Response], None] = lambda _: None
        "Told of a 2xx with another To-tag than the first."

        self.acks: dict[bytes, tuple[Link, bytes] | None] = {}
        "To-tag -> what acknowledges its 2xx; None until that is written."

        self._left = False
        "Whether anything was sent."

        self._ended = ended
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Send for the first time."""
        if isinstance(self.link, Stream):
            self.link.on_closed.add(self._broken)
        self._do(self.transaction.start(now_ns()))

    def receive(self, response: Response) -> None:
        """Take an answer with this transaction's key."""
        self._do(self.transaction.receive(response, now_ns()))

    def acknowledge(self, tag: bytes, link: Link, data: bytes) -> None:
        """Keep what acknowledges the 2xx with this To-tag, for its repetitions."""
        self.acks[tag] = (link, data)

    def close(self) -> None:
        """Give up without a word on the wire."""
        self._do(self.transaction.broken("our user agent was closed"))

    def _broken(self, words: str) -> None:
        self._do(self.transaction.broken(f"the connection failed: {words}"))

    def _expire(self) -> None:
        self._timer = None
        self._do(self.transaction.expire(now_ns()))

    def _do(self, outputs: list[Output]) -> None:
        for output in outputs:
            self._do_one(output)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.transaction.state is State.TERMINATED:
            if isinstance(self.link, Stream):
                self.link.on_closed.discard(self._broken)
            self._ended(self)
        elif (at := self.transaction.next_timeout()) is not None:
            self._timer = asyncio.get_running_loop().call_at(at / SECOND, self._expire)

    def _do_one(self, output: Output) -> None:
        cseq = self.transaction.request.cseq
        match output:
            case Transmit(data):
                self._send(data)
            case Answered(response) if response.status < 200:
                self.ringing.set()
                self.on_provisional(response)
            case Answered(response) if self.final.done():
                self._repeated(response)
            case Answered(response):
                self.acks[response.to_tag] = None
                self.final.set_result(Answer(response, words=words_of(response), cseq=cseq))
            case TimedOut():
                self._fail(f"no answer from {self.transaction.request.hop} in time")
            case Broken(words):
                self._fail(words)

    def _fail(self, words: str) -> None:
        if not self.final.done():
            self.final.set_result(Answer(None, "no answer" if self._left else "not sent", words, self.transaction.request.cseq))

    def _send(self, data: bytes) -> None:
        try:
            self.link.send(data)
            self._left = True
        except OSError as error:
            for output in self.transaction.broken(str(error)):
                self._do_one(output)

    def _repeated(self, response: Response) -> None:
        """Acknowledge a 2xx again; another fork's is somebody else's business."""
        if response.to_tag in self.acks:
            kept = self.acks[response.to_tag]
            if kept is not None:
                try:
                    kept[0].send(kept[1])
                except OSError as error:
                    self._broken(str(error))
        elif len(self.acks) < ACKS_MAX:
            self.acks[response.to_tag] = None
            self.on_fork(response)


def now_ns() -> int:
    """Return the loop's clock in nanoseconds: it never goes back."""
    return round(asyncio.get_running_loop().time() * SECOND)


def words_of(response: Response) -> str:
    """Return an answer in words: "486 Busy Here"."""
    return f"{response.status} {response.reason}".strip()
