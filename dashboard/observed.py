"""The tables of what is observed of taps, limits and proxies; `models` has them too. Knows no call's table, no loop, no page.

Times are integer nanoseconds UTC (0 = has not happened).
"""

from typing import ClassVar

import msgspec
from django.db import models
from django.db.models import Q

from dialogs.control.reconcile import Stored


class Alert(models.Model):
    """What a rule said of a call, or a limit that is passed: kept for a while, whatever becomes of the call.

    A rule's is of one moment. A limit's opens and clears: `severity` says how bad it was at its worst, `cleared_ns` is 0 while it is open.
    """

    at_ns = models.BigIntegerField()  # a limit's: when it was passed
    kind = models.CharField(max_length=16)  # alert, webhook, terminate; limit
    text = models.TextField()
    dialog_uid = models.CharField(max_length=16)  # "" of a limit that is about many calls
    node = models.CharField(max_length=64)
    seen = models.BooleanField(default=False)
    severity = models.CharField(max_length=8, default="", db_default="")  # warn, critical; "" of a rule's
    limit = models.CharField(max_length=64, default="", db_default="")  # the limit's name
    subject = models.TextField(default="", db_default="")  # "caller=sip:4417@example.com": what has too many calls
    cleared_ns = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-at_ns", "-id"], name="alert_page"),  # newest first, retention
            models.Index(fields=["id"], name="alert_unseen", condition=Q(seen=False)),  # the count on every page
            models.Index(fields=["node"], name="alert_open", condition=~Q(limit="") & Q(cleared_ns=0)),  # what is over its limit now
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"

    @property
    def over(self) -> bool:
        """Whether it is of the past: a limit's that is still passed is not."""
        return not self.limit or self.cleared_ns > 0

    @property
    def about(self) -> bool:
        """Whether it is about all calls of a profile's value."""
        return bool(self.subject) and self.subject != self.dialog_uid


class ProfileMinute(models.Model):
    """One minute of a profile's value on one node; a minute in which nothing moved has no row."""

    node = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    value = models.TextField(default="")
    at_ns = models.BigIntegerField()  # when the minute began
    peak = models.IntegerField()  # most calls at once
    last = models.IntegerField()  # calls at its end
    begun = models.IntegerField()
    ended = models.IntegerField()
    answered = models.IntegerField()  # of those that ended

    class Meta:
        default_permissions = ()  # shown with the profiles
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["name", "at_ns"], name="minute_of_profile"),  # the profiles page
            models.Index(fields=["name", "value", "-at_ns"], name="minute_of_value"),  # a value's page
            models.Index(fields=["at_ns"], name="minute_old"),  # retention
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}: {self.peak}"


class ProxyTable(models.Model):
    """What came of comparing a node's calls with the table of one of its proxies: the ingest writes it after each look."""

    node = models.CharField(max_length=64)
    name = models.CharField(max_length=64, default="", blank=True)  # of [[proxy]]; "" of the only one
    at_ns = models.BigIntegerField()  # when it was looked
    proxy = models.TextField()  # its address, without credentials
    ours = models.IntegerField(default=0)  # live calls through it, at that moment
    theirs = models.IntegerField(default=0)
    error = models.TextField(default="")  # why it does not say; "" while it does
    since_ns = models.BigIntegerField(default=0)  # since when it does not
    detail = models.TextField(default="{}")  # JSON, dialogs.control.reconcile.Stored

    class Meta:
        default_permissions = ()  # its page is everybody's, and no form writes it
        constraints: ClassVar[list[models.BaseConstraint]] = [models.UniqueConstraint(fields=["node", "name"], name="proxy_once")]

    def __str__(self) -> str:
        return f"{self.node}, {self.name or self.proxy}: ours {self.ours} / proxy {self.theirs}"

    @property
    def stored(self) -> Stored:
        """What was found; nothing of what another version wrote."""
        try:
            return msgspec.json.decode(self.detail, type=Stored)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return Stored()


class TapStatus(models.Model):
    """What a tap says of itself: the ingest writes it every second, the health chip reads it."""

    name = models.CharField(primary_key=True, max_length=128)
    node = models.CharField(max_length=64)
    at_ns = models.BigIntegerField()  # when this was written, wall clock of the ingest
    newest_ns = models.BigIntegerField(default=0)  # capture time of its newest packet
    packets = models.BigIntegerField(default=0)
    messages = models.BigIntegerField(default=0)  # SIP messages among them
    dropped = models.BigIntegerField(default=0)  # by the kernel or the socket
    undecodable = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    recorded = models.BooleanField(default=False)
    error = models.TextField(default="")  # "" while it works
    blind_ns = models.BigIntegerField(default=0)  # when it last did not work: calls that it saw before may have ended unseen
    detail = models.TextField(default="{}")  # JSON, dialogs.taps.health.Report

    def __str__(self) -> str:
        return self.name
