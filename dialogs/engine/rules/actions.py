"""What rules can do. Knows moments; what it means for a table is the table's own (`Hands`).

Adding an action is one function and one line in ACTIONS. A function takes the arguments as the configuration has them and
returns what to do at a moment; it raises RuleError for arguments that make no sense.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from dialogs.engine.rules.errors import RuleError, nearest
from dialogs.engine.rules.moment import TIMEOUT_BYE, Moment, Subject
from dialogs.engine.rules.variables import compile_template

FLAGS = 32
VARIABLES_MAX = 64
TEXT_MAX = 1024
SIDES = ("caller", "callee", "both")
KIND_WORDS = {str: "text", int: "number", bool: "true or false"}


class Hands(Protocol):
    """What a table of dialogs offers to the actions."""

    def enter_profile(self, subject: Any, name: str, value: str | None) -> None:
        """Enter a dialog into a profile."""
        ...

    def leave_profile(self, subject: Any, name: str, value: str | None) -> None:
        """Take a dialog out of a profile once."""
        ...

    def set_timeout(self, subject: Any, seconds: int, now_ns: int) -> None:
        """Give a dialog this lifetime from now on."""
        ...

    def say(self, subject: Any, kind: str, text: str, now_ns: int) -> None:
        """Tell whoever listens to the engine: kind is log, alert, webhook or terminate."""
        ...

    def ignore(self, subject: Any) -> None:
        """Do not track this dialog."""
        ...


Action = Callable[[Moment, Hands], None]


def _set_profile(name: str, value: str | None = None) -> Action:
    if value is None:
        return lambda moment, hands: hands.enter_profile(moment.subject, name, None)
    template = compile_template(value)

    def enter(moment: Moment, hands: Hands) -> None:
        if filled := template(moment):  # a value is mandatory: one that came out empty enters nothing (reference 3)
            hands.enter_profile(moment.subject, name, filled)

    return enter


def _unset_profile(name: str, value: str | None = None) -> Action:
    template = compile_template(value) if value is not None else None
    return lambda moment, hands: hands.leave_profile(moment.subject, name, template(moment) if template else None)


def set_variable(subject: Subject, name: str, value: str) -> bool:
    """Set `$dlg_var(name)`; False when the dialog has too many already."""
    if name not in subject.variables and len(subject.variables) >= VARIABLES_MAX:
        return False
    subject.variables[name] = value[:TEXT_MAX]
    return True


def _set_var(name: str, value: str) -> Action:
    template = compile_template(value)
    return lambda moment, _hands: void(set_variable(moment.subject, name, template(moment) or ""))


def _unset_var(name: str) -> Action:
    return lambda moment, _hands: void(moment.subject.variables.pop(name, None))


def void(_result: object) -> None:
    """Drop a result: a lambda must return something."""


def _set_timeout(seconds: int) -> Action:
    if seconds <= 0:
        raise RuleError(f"set_timeout: expected seconds above 0, got {seconds}")
    return lambda moment, hands: hands.set_timeout(moment.subject, seconds, moment.packet.at_ns)


def _flag(number: int) -> int:
    if not 0 <= number < FLAGS:
        raise RuleError(f"expected a flag from 0 to {FLAGS - 1}, got {number}")
    return 1 << number


def set_flag(subject: Subject, bit: int) -> None:
    """Set a flag of a dialog; `bit` is its mask."""
    subject.sflags |= bit


def reset_flag(subject: Subject, bit: int) -> None:
    """Reset a flag of a dialog; `bit` is its mask."""
    subject.sflags &= ~bit


def _set_flag(number: int) -> Action:
    bit = _flag(number)
    return lambda moment, _hands: set_flag(moment.subject, bit)


def _reset_flag(number: int) -> Action:
    bit = _flag(number)
    return lambda moment, _hands: reset_flag(moment.subject, bit)


def _set_timeout_bye(yes: bool) -> Action:
    return lambda moment, _hands: set_timeout_bye(moment.subject, on=yes)


def set_timeout_bye(subject: Subject, *, on: bool) -> None:
    """Say whether the proxy ends this dialog itself when its lifetime is over."""
    subject.iflags = subject.iflags | TIMEOUT_BYE if on else subject.iflags & ~TIMEOUT_BYE


def _terminate(side: str = "both", reason: str = "") -> Action:
    if side not in SIDES:
        raise RuleError(f"terminate: expected {', '.join(SIDES)}, got {side!r}")
    template = compile_template(reason)
    return lambda moment, hands: hands.say(moment.subject, "terminate", f"{side}: {template(moment) or ''}"[:TEXT_MAX], moment.packet.at_ns)


def _ignore(yes: bool) -> Action:
    return lambda moment, hands: hands.ignore(moment.subject) if yes else None


def _saying(kind: str) -> Callable[[str], Action]:
    def compiled(text: str) -> Action:
        template = compile_template(text)
        return lambda moment, hands: hands.say(moment.subject, kind, (template(moment) or "")[:TEXT_MAX], moment.packet.at_ns)

    return compiled


ACTIONS: dict[str, tuple[Callable[..., Action], tuple[type, ...], int]] = {
    "set_profile": (_set_profile, (str, str), 1),
    "unset_profile": (_unset_profile, (str, str), 1),
    "set_var": (_set_var, (str, str), 2),
    "unset_var": (_unset_var, (str,), 1),
    "set_timeout": (_set_timeout, (int,), 1),
    "set_timeout_bye": (_set_timeout_bye, (bool,), 1),
    "set_flag": (_set_flag, (int,), 1),
    "reset_flag": (_reset_flag, (int,), 1),
    "terminate": (_terminate, (str, str), 0),
    "ignore": (_ignore, (bool,), 1),
    "log": (_saying("log"), (str,), 1),
    "alert": (_saying("alert"), (str,), 1),
    "webhook": (_saying("webhook"), (str,), 1),
}
"Name -> (what makes the action, types of its arguments in order, how many must be there)."


def compile_action(name: str, arguments: Sequence[Any]) -> Action:
    """Return an action as the configuration has it. Raises RuleError."""
    if name not in ACTIONS:
        raise RuleError(f"{name} is not known{nearest(name, ACTIONS)}")
    make, types, fewest = ACTIONS[name]
    wanted = f"{name} takes {', '.join(KIND_WORDS[kind] for kind in types)}"
    if not fewest <= len(arguments) <= len(types):
        raise RuleError(f"{wanted}, not {len(arguments)} of them")
    if any(type(argument) is not kind for argument, kind in zip(arguments, types, strict=False)):
        raise RuleError(f"{wanted}, not {list(arguments)!r}")
    return make(*arguments)
