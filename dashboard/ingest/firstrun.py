"""What the first start does once: the tables, the roles, the first administrator. Knows the database; knows no tap."""

import os
import secrets

from django.contrib.auth import get_user_model
from django.core.management import call_command

ADMINISTRATOR = "admin"


def prepare(*, administrator: bool = True) -> str:
    """Bring the database up to date; returns the password of an administrator made just now, "" otherwise.

    DIALTAP_ADMIN_PASSWORD chooses it; it is then not returned, for whoever set it knows it.
    """
    call_command("migrate", verbosity=0, interactive=False)
    if not administrator:
        return ""
    users = get_user_model()
    if users.objects.filter(is_superuser=True).exists():
        return ""
    chosen = os.environ.get("DIALTAP_ADMIN_PASSWORD", "")
    password = chosen or secrets.token_urlsafe(12)
    users.objects.create_superuser(username=ADMINISTRATOR, password=password)
    return "" if chosen else password
