"""The tests' own `flush` against Django's."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.core.management.commands.flush import Command

from tests.dashboard.live.people import person


def state() -> tuple[object, ...]:
    """Return who may what, and who there is."""
    permissions = Permission.objects.values_list("content_type__app_label", "content_type__model", "codename")
    return sorted(permissions), sorted(Group.objects.values_list("name", "permissions__codename")), User.objects.count()


@pytest.mark.django_db(transaction=True)
def test_flush_leaves_what_djangos_own_leaves() -> None:
    states = []
    for command in ("flush", "flush", Command()):  # the first may be Django's own
        person("operator")
        Group.objects.filter(name="viewer").delete()
        call_command(command, interactive=False, verbosity=0)
        states.append(state())
    assert states[0] == states[1] == states[2]
    assert states[0][2] == 0
