"""The three roles after migrate."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

pytestmark = pytest.mark.django_db

VIEWS = {"view_alert", "view_bulk", "view_deadletter", "view_dialogrow", "view_feedreceiver", "view_order", "view_profileentry", "view_tapstatus"}


def permissions(role: str) -> set[str]:
    return set(Group.objects.get(name=role).permissions.values_list("codename", flat=True))


def test_viewer_and_operator_may_what_their_names_say() -> None:
    assert permissions("viewer") == VIEWS
    assert permissions("operator") == VIEWS | {"end_call", "change_alert", "change_deadletter", "change_dialogrow", "open_capture"}


def test_administrator_may_all_but_edit_the_log() -> None:
    models = ("alert", "dialogrow", "profileentry", "tapstatus", "apitoken", "user", "group")
    changes = {f"{verb}_{model}" for verb in ("add", "change", "delete") for model in models}
    accounts = {"view_user", "view_group", "view_apitoken"}
    assert permissions("administrator") == VIEWS | changes | accounts | {
        "change_deadletter",
        "delete_deadletter",
        "end_call",
        "end_protected_call",
        "open_capture",
        "read_audit",
        "see_numbers",
        "add_board",
    }


def test_migrate_again_adds_what_is_missing_and_keeps_the_rest() -> None:
    viewer = Group.objects.get(name="viewer")
    viewer.permissions.set(Permission.objects.filter(codename__in=["view_order", "add_user"]))
    call_command("migrate", verbosity=0)
    assert permissions("viewer") == VIEWS | {"add_user"}
    assert Group.objects.count() == 3
