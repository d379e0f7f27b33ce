"""What the two tables of dialogs share: profiles, and rules that run over their dialogs. Knows rules and profiles; knows no call and no record."""

from abc import ABC, abstractmethod
from typing import Any

from dialogs.config import Config
from dialogs.engine.profiles import Profiles
from dialogs.engine.rules import Moment, run_rules
from dialogs.engine.rules.compiled import Rules
from dialogs.engine.rules.faked import NOWHERE, faked
from dialogs.packet import Packet
from dialogs.sip import Message

FAKED = "BYE {to_uri} SIP/2.0\r\nFrom: <{from_uri}>;tag={from_tag}\r\nTo: <{to_uri}>;tag={to_tag}\r\nCall-ID: {callid}\r\nCSeq: 0 BYE\r\n"


class Ruled(ABC):
    """The hands of the rules (`rules.Hands`): subclasses say what differs between a wire call and a record."""

    def __init__(self, config: Config, rules: Rules) -> None:
        self.config = config.dialog
        self.rules = rules
        self.sends_bye = self.config.send_bye or self.config.flavour == "ims_dialog"
        "Whether the proxy ends a dialog itself when its lifetime is over, until a rule says otherwise of one."

        self.profiles = Profiles(self.config.profiles_with_value, self.config.profiles_no_value)

    @abstractmethod
    def answered(self) -> int:
        """Return how many dialogs are answered and not ended."""

    def run(self, on: str, subject: Any, message: Message, packet: Packet, *, downstream: bool = True) -> None:
        """Run the rules of a moment over a dialog."""
        rules = self.rules.get(on)
        if rules:
            run_rules(rules, Moment(message, packet, subject, self.profiles, self.answered(), int(subject.state), downstream), self)

    def run_without_message(self, on: str, subject: Any, now_ns: int) -> None:
        """Run the rules of a moment that no message caused, a time-out, over a faked BYE of the caller, as the original does."""
        if on in self.rules:
            fields = {key: str(subject.field(key) or "") for key in ("from_uri", "from_tag", "to_uri", "to_tag", "callid")}
            bye = faked(FAKED, fields)
            self.run(on, subject, bye, Packet(now_ns, NOWHERE, NOWHERE, "", bye.data))

    def enter_profile(self, subject: Any, name: str, value: str | None) -> None:
        """Enter a dialog into a profile."""
        self.profiles.add(subject.profiles, name, value)

    def leave_profile(self, subject: Any, name: str, value: str | None) -> None:
        """Take a dialog out of a profile once: equal memberships count each (reference 9.7)."""
        self.profiles.remove(subject.profiles, name, value)

    def set_timeout(self, subject: Any, seconds: int, now_ns: int) -> None:
        """Give a dialog this lifetime from now on."""
        del now_ns
        subject.lifetime = seconds

    def ignore(self, subject: Any) -> None:
        """Do not track this dialog: it is let go as soon as the moment that made it is over."""
        subject.ignored = True

    @abstractmethod
    def say(self, subject: Any, kind: str, text: str, now_ns: int) -> None:
        """Tell whoever listens to the engine."""
