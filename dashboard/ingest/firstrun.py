"""What the first start does once: the tables, the roles, the first administrator. Knows the database; knows no tap."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

ADMINISTRATOR = "admin"


def prepare(*, administrator: bool = True) -> str:
    """Bring the database up to date; returns the password of an administrator made just now, "" otherwise.

    DIALTAP_ADMIN_PASSWORD chooses it; it is then not returned, for whoever set it knows it. Pages and ingest may start at the same moment: one waits.
    """
    with alone():
        call_command("migrate", verbosity=0, interactive=False)
        return first_administrator() if administrator else ""


def first_administrator() -> str:
    """Make the administrator unless there is one; returns the generated password, "" when there is none to tell."""
    users = get_user_model()
    if users.objects.filter(is_superuser=True).exists():
        return ""
    chosen = os.environ.get("DIALTAP_ADMIN_PASSWORD", "")
    password = chosen or secrets.token_urlsafe(12)
    users.objects.create_superuser(username=ADMINISTRATOR, password=password)
    return "" if chosen else password


@contextmanager
def alone() -> Iterator[None]:
    """Keep other processes on the same folder out; the lock goes with the process that holds it."""
    settings.VAR.mkdir(mode=0o750, parents=True, exist_ok=True)
    with (settings.VAR / "first-run.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
