"""Who asks, and what they may: a token of the API, a program of this machine, who owns the database. Knows rights; knows no request and no call."""

import getpass
import os
import time
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from dashboard.orders import audit
from dashboard.privacy import Policy, policy_of

SEE = frozenset({"dashboard.view_dialogrow", "dashboard.view_order", "dashboard.view_bulk", "dashboard.view_alert"})
CONTROL = frozenset({"dashboard.end_call", "dashboard.change_dialogrow", "dashboard.change_alert", "dashboard.open_capture"})
"What scope `control` adds. Protected numbers are nobody's here: as by RPC, only an administrator's on the page."

OWNER = frozenset({"dashboard.see_numbers", "dashboard.read_audit", "dashboard.open_capture", "dashboard.add_apitoken"})
"What who can read the database file sees anyway."


class Program(AnonymousUser):
    """Whom orders are put down to and who is shown numbers: a program, or a person at a command line. Nobody can sign in as it."""

    def __init__(self, name: str, rights: frozenset[str]) -> None:
        super().__init__()
        self.name = name
        self.rights = rights

    def get_username(self) -> str:
        """Return the name for the audit log."""
        return self.name

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Return whether this right was given."""
        del obj
        return perm in self.rights


class Asker(NamedTuple):
    """Who asks, from where, and when."""

    user: Program
    address: str
    now_ns: int

    @property
    def policy(self) -> Policy:
        """What numbers they see."""
        return policy_of(self.user)

    def note(self, action: str, request: str) -> None:
        """Write down what they did, or tried to do."""
        audit.record(self.user.get_username(), action, address=self.address, request=request)


def program(name: str, address: str, *, control: bool, rights: frozenset[str]) -> Asker:
    """Return who a call of the API came from."""
    return Asker(Program(name, SEE | rights | (CONTROL if control else frozenset())), address, time.time_ns())


def owner() -> Asker:
    """Return who sits at the command line: may order what the ingest's socket would let them order, and sees what the database holds."""
    return Asker(Program(f"{getpass.getuser()} (command line)", SEE | OWNER | (CONTROL if may_order() else frozenset())), "", time.time_ns())


def may_order() -> bool:
    """Return whether the ingest's socket is ours, as `./dialtap dlg end` needs it."""
    socket = Path(settings.VAR) / settings.DIALTAP.rpc.socket if settings.DIALTAP.rpc.socket else None
    return socket is not None and os.access(socket, os.R_OK | os.W_OK)
