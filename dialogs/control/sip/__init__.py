"""Dialtap's own SIP user agent, which acts inside observed dialogs. Knows the wire; knows no order, no page, no storage and not whether it may."""

from dialogs.control.sip.agent import Settings, UserAgent
from dialogs.control.sip.bridging import ReferResult, Waits
from dialogs.control.sip.dialog import Dialog
from dialogs.control.sip.digest import Credentials
from dialogs.control.sip.hangup import Hangup
from dialogs.control.sip.hops import Allow, Hop, NotAllowed
from dialogs.control.sip.operations import HangupResult, LegResult, Progress
from dialogs.control.sip.requests import Identity, Prepared
from dialogs.control.sip.syntax import Unsendable
from dialogs.control.sip.transactions import Timers

__all__ = [
    "Allow",
    "Credentials",
    "Dialog",
    "Hangup",
    "HangupResult",
    "Hop",
    "Identity",
    "LegResult",
    "NotAllowed",
    "Prepared",
    "Progress",
    "ReferResult",
    "Settings",
    "Timers",
    "Unsendable",
    "UserAgent",
    "Waits",
]
