"""People and calls for the tests of what is shown."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group, User

from dashboard.history.recorder import Recorder
from dashboard.models import DialogRow
from dialogs.engine.snapshot import CallSnapshot
from tests.dashboard.history.calls import NOW, call, change, never

PEOPLE = ("operator", "viewer", "stranger")
"Who may end, who may only look, who may do nothing. The fourth, anonymous, has no account."


def person(role: str) -> User:
    """Return a user in this role; a stranger is in none."""
    user = User.objects.create_user(role, password="correct horse")
    user.groups.set(Group.objects.filter(name=role))
    return user


def record(*snapshots: CallSnapshot, now_ns: int = NOW, **fields: object) -> list[DialogRow]:
    """Write the calls as the recorder does, in one tick, and return their rows."""
    recorder = Recorder("n1", never, Path(settings.VAR) / "messages")
    recorder.write([change(snapshot, **fields) for snapshot in snapshots], now_ns)
    recorder.close()
    return [DialogRow.objects.get(pk=snapshot.uid) for snapshot in snapshots]


def uids(snapshots: Iterable[CallSnapshot]) -> list[str]:
    """Return the calls' names on the page."""
    return [snapshot.uid for snapshot in snapshots]


__all__ = ["NOW", "PEOPLE", "call", "person", "record", "uids"]
