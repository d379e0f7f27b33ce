"""The tables of what people did: the audit log, and orders for many calls at once. Knows no call's row but by its name; decides nothing.

They stand apart from `dashboard.models`, which gives them on to all others.
"""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q


class AppendOnly(TypeError):
    """Somebody tried to change or delete an audit event."""

    def __init__(self) -> None:
        super().__init__("audit events are written once: they cannot be changed or deleted")


class AuditQuerySet(models.QuerySet["AuditEvent"]):
    """Reading and adding only."""

    def update(self, **kwargs: object) -> int:
        """Refuse: what was written stays as it is."""
        raise AppendOnly

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse: what was written stays."""
        raise AppendOnly


class AuditEvent(models.Model):
    """Who did what, when, from where. Written once, never changed: triggers of the database see to that too (migration 0007)."""

    at_ns = models.BigIntegerField()
    username = models.CharField(max_length=150)
    address = models.CharField(max_length=64, default="")
    action = models.CharField(max_length=64)
    dialog_uid = models.CharField(max_length=16, default="")
    text = models.TextField(default="")
    reason = models.TextField(default="")  # as the person gave it
    request = models.TextField(default="")  # what was asked for
    outcome = models.TextField(default="")  # what came of it
    before = models.TextField(default="")  # how the thing stood when it was asked for
    after = models.TextField(default="")  # how it stood afterwards

    objects = AuditQuerySet.as_manager()

    class Meta:
        default_permissions = ()  # nobody can be given the right to edit it
        permissions = [("read_audit", "May read the audit log")]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["-at_ns"], name="audit_page")]  # newest first

    def __str__(self) -> str:
        return f"{self.username} {self.action} {self.text}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the event; changing one raises AppendOnly."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: what was written stays."""
        raise AppendOnly


class Bulk(models.Model):
    """One wish to end many calls. Its calls are `BulkItem`s; each becomes one ordinary order in its turn."""

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        DONE = "done"

    key = models.CharField(max_length=32, unique=True)  # of the question that was answered: a double click is one
    username = models.CharField(max_length=150)
    address = models.CharField(max_length=64, default="")
    reason = models.TextField()
    query = models.TextField(default="")  # the filter as a query string; "" for calls that were picked
    asked = models.IntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    requested_ns = models.BigIntegerField()
    moved_ns = models.BigIntegerField()  # when one of its calls last had its turn
    closed_ns = models.BigIntegerField(default=0)
    closed_by = models.CharField(max_length=150, default="")  # who stopped it

    class Meta:
        default_permissions = ("view",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["id"], name="bulk_running", condition=Q(state="running")),  # the ingest: is there anything?
            models.Index(fields=["-requested_ns"], name="bulk_page"),
        ]

    def __str__(self) -> str:
        return f"end {self.asked} calls by {self.username}: {self.state}"


class BulkItem(models.Model):
    """One call of a bulk: waiting for its turn, ordered, or left out with the reason."""

    class State(models.TextChoices):
        WAITING = "waiting"
        ORDERED = "ordered"
        LEFT_OUT = "left out"

    bulk = models.ForeignKey(Bulk, on_delete=models.CASCADE, related_name="items")
    dialog_uid = models.CharField(max_length=16)
    call_text = models.TextField()
    node = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    words = models.TextField(default="")  # why it was left out
    order = models.ForeignKey("dashboard.Order", on_delete=models.SET_NULL, null=True, related_name="bulk_items")

    class Meta:
        default_permissions = ()  # seen with its bulk
        constraints: ClassVar[list[models.BaseConstraint]] = [models.UniqueConstraint(fields=["bulk", "dialog_uid"], name="bulk_call_once")]

    def __str__(self) -> str:
        return f"{self.call_text}: {self.words or self.state}"
