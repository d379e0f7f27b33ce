"""The tables of feeds: what happened, who is told of it, what nobody took. `models` has them too. Knows no call's table, no loop, no page.

Times are integer nanoseconds UTC (0 = has not happened).
"""

from typing import ClassVar

from django.db import models


class FeedEvent(models.Model):
    """One thing that happened, as programs hear of it: written in the transaction of what it tells of. Its number is its revision, which only grows."""

    node = models.CharField(max_length=64)
    event = models.CharField(max_length=16)  # dialog:start, alert, order, ...
    uid = models.CharField(max_length=16, default="")  # the call; "" for what is about none
    key = models.CharField(max_length=16)  # events of one key are told in their order
    at_ns = models.BigIntegerField()
    wanted = models.TextField(default="")  # receivers by name, a line each: "\nwebhook:noc\n"
    body = models.TextField()  # JSON, see dashboard.history.events

    class Meta:
        default_permissions = ()  # no page shows it

    def __str__(self) -> str:
        return f"{self.pk} {self.event} {self.uid}"


class FeedReceiver(models.Model):
    """One receiver of a node's events, and how far it has got: the feeds' process writes it, pages read it."""

    NIGHTLY = "cdr"
    "The receiver of each day's records: its position is a day, and nothing waits for it."

    node = models.CharField(max_length=64)
    name = models.CharField(max_length=64)  # "webhook:noc", "file", "call_end", "cdr"
    position = models.BigIntegerField(default=0)  # everything up to this revision is settled; of "cdr": the ordinal of the last day
    settled = models.TextField(default="[]")  # JSON list of revisions above it that are settled too
    queued = models.BigIntegerField(default=0)  # events that it was to be told of, ever
    sent = models.BigIntegerField(default=0)
    dead = models.BigIntegerField(default=0)  # given up, ever: they became dead letters
    evicted = models.BigIntegerField(default=0)  # gone before they were sent: too many waited
    failures = models.BigIntegerField(default=0)  # tries that failed, ever
    failing_ns = models.BigIntegerField(default=0)  # since when nothing is taken; 0 while all is well
    error = models.TextField(default="")
    sent_ns = models.BigIntegerField(default=0)  # when something was taken last
    at_ns = models.BigIntegerField(default=0)  # when this row was last written

    class Meta:
        verbose_name = "feed"
        default_permissions = ("view",)
        constraints: ClassVar[list[models.BaseConstraint]] = [models.UniqueConstraint(fields=["node", "name"], name="receiver_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.node}: {self.waiting} waiting"

    @property
    def waiting(self) -> int:
        """How many events it has still to be told of."""
        return max(0, self.queued - self.sent - self.dead - self.evicted)


class DeadLetter(models.Model):
    """An event that a receiver did not take, kept until somebody has it sent again or drops it."""

    node = models.CharField(max_length=64)
    receiver = models.CharField(max_length=64)
    revision = models.BigIntegerField()
    event = models.CharField(max_length=16)
    uid = models.CharField(max_length=16, default="")
    body = models.TextField()
    tries = models.IntegerField()
    first_ns = models.BigIntegerField()  # when it was first tried
    at_ns = models.BigIntegerField()  # when it was last tried
    error = models.TextField()
    again = models.BooleanField(default=False)  # somebody asked for another try

    class Meta:
        default_permissions = ("view", "change", "delete")
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["node"], name="dead_again", condition=models.Q(again=True))]  # asked each second
        constraints: ClassVar[list[models.BaseConstraint]] = [models.UniqueConstraint(fields=["receiver", "node", "revision"], name="dead_once")]

    def __str__(self) -> str:
        return f"{self.event} {self.revision} for {self.receiver}: {self.error}"
