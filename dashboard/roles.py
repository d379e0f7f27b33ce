"""The three roles and what each may do, created after every migrate. Knows permissions; knows no page.

Nothing is ever taken away from a role here, but what is missing is added again: for another mixture, make a group of another name.
"""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q
from django.db.models.signals import post_migrate

OURS = Q(content_type__app_label="dashboard")
ACCOUNTS = Q(content_type__app_label="auth", content_type__model__in=["user", "group"])
SEEN = Q(codename__startswith="view_") & ~Q(content_type__model__in=["apitoken", "auditevent"])
"What everybody may look at: who may call from outside, and the audit log, are the administrators' business."

WRITTEN_ONCE = Q(content_type__model__in=["auditevent", "bulk", "bulkitem", "order"]) & ~Q(codename__startswith="view_") & ~Q(codename="read_audit")
"Nobody is given the right to edit the log."

ROLES: dict[str, Q] = {
    "viewer": OURS & SEEN,
    "operator": OURS & (SEEN | Q(codename__in=["end_call", "change_dialogrow", "change_alert", "change_deadletter", "open_capture"])),
    "administrator": (OURS & ~WRITTEN_ONCE) | ACCOUNTS,
}


def create_roles(sender: AppConfig, using: str, **_: Any) -> None:
    """Create the groups and give each its permissions."""
    for label in ("auth", sender.label):  # Django makes them after migrate too, but perhaps after us
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    for name, permissions in ROLES.items():
        group = Group.objects.using(using).get_or_create(name=name)[0]
        group.permissions.add(*Permission.objects.using(using).filter(permissions))


def connect(app: AppConfig) -> None:
    """Have the roles created after each migrate of this application."""
    post_migrate.connect(create_roles, sender=app, dispatch_uid="dashboard.roles")
