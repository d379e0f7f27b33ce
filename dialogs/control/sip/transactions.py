"""Client transactions (RFC 3261, 17.1; RFC 6026 for answered INVITEs). Time is passed in, bytes are passed out; knows no socket, no dialog.

Times are integer nanoseconds of any one clock. A transaction is started, given answers, and asked to expire what is due; each returns what is to
be done about it.

    INVITE       1xx           2xx        300-699      A              B         D, M
    CALLING      PROCEEDING    ACCEPTED   COMPLETED    send again     timeout
    PROCEEDING   PROCEEDING    ACCEPTED   COMPLETED
    COMPLETED                             ACK again                             TERMINATED
    ACCEPTED                   pass on                                          TERMINATED

    other        1xx           200-699                 E              F         K
    TRYING       PROCEEDING    COMPLETED               send again     timeout
    PROCEEDING   PROCEEDING    COMPLETED               send again     timeout
    COMPLETED                                                                   TERMINATED
"""

from abc import ABC, abstractmethod
from enum import Enum
from typing import NamedTuple

import msgspec

from dialogs.control.sip.requests import Prepared, acknowledge_refusal
from dialogs.packet import SECOND
from dialogs.sip import Response


class Timers(msgspec.Struct, frozen=True):
    """Estimates of RFC 3261, 17.1.1.1, in nanoseconds."""

    t1: int = SECOND // 2
    t2: int = 4 * SECOND
    t4: int = 5 * SECOND
    d: int = 32 * SECOND
    "Timer D: how long a refused INVITE's answer may come again over UDP."

    @property
    def give_up(self) -> int:
        """Timers B and F, and RFC 6026's M."""
        return 64 * self.t1


class State(Enum):
    """Where a transaction is."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    "RFC 6026: an INVITE was answered 2xx; repeated ones still come here, to be acknowledged again."

    COMPLETED = "completed"
    TERMINATED = "terminated"


class Transmit(NamedTuple):
    """These bytes are to be sent."""

    data: bytes


class Answered(NamedTuple):
    """An answer for the transaction's user: provisional, final, or a repeated 2xx."""

    response: Response


class TimedOut(NamedTuple):
    """No final answer came in time (timers B and F)."""


class Broken(NamedTuple):
    """The transport failed."""

    words: str


type Output = Transmit | Answered | TimedOut | Broken

OPEN = (State.CALLING, State.TRYING, State.PROCEEDING)


class ClientTransaction(ABC):
    """What both kinds share."""

    def __init__(self, request: Prepared, timers: Timers) -> None:
        """Take the request as it leaves; over UDP it is repeated."""
        self.request = request
        self.timers = timers
        self.reliable = request.hop.transport != "udp"
        self.state = State.CALLING
        self.again_at: int | None = None
        "When timer A or E fires."

        self.end_at: int | None = None
        "When timer B, D, F, K or M fires."

        self._interval = timers.t1

    @property
    def key(self) -> tuple[bytes, str]:
        """What an answer must have to belong here (RFC 3261, 17.1.3): the branch, and the method of its CSeq."""
        return self.request.branch, self.request.method

    @property
    def open(self) -> bool:
        """Whether a final answer may still come."""
        return self.state in OPEN

    def next_timeout(self) -> int | None:
        """Return when `expire` has something to do."""
        times = [at for at in (self.again_at, self.end_at) if at is not None]
        return min(times) if times else None

    def start(self, now: int) -> list[Output]:
        """Send for the first time."""
        self.again_at = None if self.reliable else now + self._interval
        self.end_at = now + self.timers.give_up
        return [Transmit(self.request.data)]

    @abstractmethod
    def receive(self, response: Response, now: int) -> list[Output]:
        """Take an answer that has this transaction's key."""

    def broken(self, words: str) -> list[Output]:
        """Take a failure of the transport (RFC 3261, 17.1.4)."""
        open_, self.state = self.open, State.TERMINATED
        self.again_at = self.end_at = None
        return [Broken(words)] if open_ else []

    def expire(self, now: int) -> list[Output]:
        """Do what is due at this time; a late call sends once, not once for each time missed, and the next is due as if it had not been late."""
        if self.end_at is not None and now >= self.end_at:
            open_, self.state = self.open, State.TERMINATED
            self.again_at = self.end_at = None
            return [TimedOut()] if open_ else []
        if self.again_at is not None and now >= self.again_at:
            self._interval = self._longer()
            self.again_at += self._interval
            if self.again_at <= now:
                self.again_at = now + self._interval
            return [Transmit(self.request.data)]
        return []

    @abstractmethod
    def _longer(self) -> int:
        """Return the interval after this one."""

    def _close(self, state: State, now: int, linger: int) -> None:
        """Enter a state after the final answer; it lasts `linger`, and over a reliable transport no time."""
        self.again_at = None
        self.state, self.end_at = (state, now + linger) if linger else (State.TERMINATED, None)


class InviteTransaction(ClientTransaction):
    """An INVITE's (RFC 3261, figure 5, with RFC 6026, figure 2)."""

    def receive(self, response: Response, now: int) -> list[Output]:
        """Take an answer."""
        status = response.status
        if self.state in (State.CALLING, State.PROCEEDING):
            if status < 200:
                self.state = State.PROCEEDING
                self.again_at = self.end_at = None
                return [Answered(response)]
            if status < 300:
                self._close(State.ACCEPTED, now, self.timers.give_up)
                return [Answered(response)]
            self._close(State.COMPLETED, now, 0 if self.reliable else self.timers.d)
            return [Transmit(acknowledge_refusal(self.request.data, response)), Answered(response)]
        if self.state is State.ACCEPTED and 200 <= status < 300:
            return [Answered(response)]
        if self.state is State.COMPLETED and status >= 300:
            return [Transmit(acknowledge_refusal(self.request.data, response))]
        return []

    def _longer(self) -> int:
        return self._interval * 2


class NonInviteTransaction(ClientTransaction):
    """That of any other request but ACK (RFC 3261, figure 6)."""

    def __init__(self, request: Prepared, timers: Timers) -> None:
        """Take the request as it leaves."""
        super().__init__(request, timers)
        self.state = State.TRYING

    def receive(self, response: Response, now: int) -> list[Output]:
        """Take an answer."""
        if not self.open:
            return []
        if response.status < 200:
            self.state = State.PROCEEDING
            return [Answered(response)]
        self._close(State.COMPLETED, now, 0 if self.reliable else self.timers.t4)
        return [Answered(response)]

    def _longer(self) -> int:
        return self.timers.t2 if self.state is State.PROCEEDING else min(self._interval * 2, self.timers.t2)


def transaction(request: Prepared, timers: Timers) -> ClientTransaction:
    """Return the transaction of a request."""
    return (InviteTransaction if request.method == "INVITE" else NonInviteTransaction)(request, timers)
