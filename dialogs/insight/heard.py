"""One message of a call as the explanations and the ladder read it: where it was seen, when, and what it says. Knows SIP; knows no storage, no screen."""

from typing import NamedTuple

from dialogs.sip import Message


class Heard(NamedTuple):
    """A message on one hop."""

    number: int
    "Its place among the call's messages, from 1: what `#m12` on the call page means."

    at_ns: int
    source: str
    "host:port"

    destination: str
    transport: str
    message: Message | None
    "None for what is not SIP."

    data: bytes = b""
    "As it was on the wire."

    @property
    def summary(self) -> str:
        """The message in a few words."""
        return self.message.summary if self.message else "not SIP"

    @property
    def family(self) -> str:
        """The method that its transaction is about: an ACK and a CANCEL belong to their INVITE."""
        method = self.message.method if self.message else ""
        return "INVITE" if method in ("ACK", "CANCEL") else method

    def is_request(self, method: str) -> bool:
        """Return whether it is a request of this method."""
        return self.message is not None and not self.message.status and self.message.method == method

    def is_answer(self, method: str, low: int, high: int) -> bool:
        """Return whether it answers this method with a status of these bounds, both included."""
        return self.message is not None and low <= self.message.status <= high and self.message.method == method
