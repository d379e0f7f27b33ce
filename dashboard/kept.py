"""The tables of what people keep to look at: saved views, wallboards, figures of the past. Knows no call."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A view of the live calls under a name: filter, columns, order, density, as they stand in its address."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=64)
    query = models.TextField(default="")  # a query string, without the question mark
    shared = models.BooleanField(default=False)  # everybody sees it; only its owner changes it

    class Meta:
        default_permissions = ()  # who may watch may keep views of their own
        ordering: ClassVar[list[str]] = ["name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [models.UniqueConstraint(fields=["owner", "name"], name="view_name_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.query or 'all calls'})"


class Board(models.Model):
    """A wallboard that a link opens for everybody who has it, until it expires or is withdrawn; never deleted, so that its link is never another's."""

    name = models.CharField(max_length=64)
    tiles = models.TextField()  # JSON list of dashboard.live.wall.Tile
    created_by = models.CharField(max_length=150)
    created_ns = models.BigIntegerField()
    expires_ns = models.BigIntegerField(default=0)  # 0: until it is withdrawn
    withdrawn_ns = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ("add",)  # who may make one may withdraw any

    def __str__(self) -> str:
        return f"{self.name} (wallboard {self.pk})"

    def holds(self, now_ns: int) -> bool:
        """Return whether its link opens it at this moment."""
        return not self.withdrawn_ns and not 0 < self.expires_ns <= now_ns


class KpiSample(models.Model):
    """What a node counted in one period; dialogs.insight.kpi makes figures of it."""

    node = models.CharField(max_length=64)
    at_ns = models.BigIntegerField()  # the end of the period
    figures = models.TextField()  # JSON of a dialogs.insight.kpi.Figures

    class Meta:
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [models.UniqueConstraint(fields=["at_ns", "node"], name="sample_once")]

    def __str__(self) -> str:
        return f"{self.node} {self.at_ns}"
