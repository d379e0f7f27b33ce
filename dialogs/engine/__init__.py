"""The dialog engine with the semantics of Kamailio's dialog module. Knows SIP messages and packets; knows no I/O, no clock, no storage."""

from dialogs.engine.engine import Engine
from dialogs.engine.events import Anomaly, Called, Changed, Created, Event, Forgotten, Noted, Said, Seen
from dialogs.engine.rules import RuleError, compile_rules
from dialogs.engine.snapshot import Attempt, CallSnapshot, ForkView, LegView, SessionView, Transition
from dialogs.engine.states import TRANSITIONS, Input, State, next_state

__all__ = [
    "TRANSITIONS",
    "Anomaly",
    "Attempt",
    "CallSnapshot",
    "Called",
    "Changed",
    "Created",
    "Engine",
    "Event",
    "Forgotten",
    "ForkView",
    "Input",
    "LegView",
    "Noted",
    "RuleError",
    "Said",
    "Seen",
    "SessionView",
    "State",
    "Transition",
    "compile_rules",
    "next_state",
]
