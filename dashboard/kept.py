"""The tables of what the live page keeps: views that people saved, figures of the past. Knows no call."""

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
