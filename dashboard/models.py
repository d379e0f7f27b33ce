"""The tables. Knows the engine's snapshots; knows no SIP bytes, no loop, no page.

Times are integer nanoseconds UTC (0 = has not happened), so that what the tap measured is what the screen shows.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

import msgspec
from django.db import models
from django.db.models import Q

from dashboard.deeds import AppendOnly, AuditEvent, Bulk, BulkItem
from dashboard.feed_tables import DeadLetter, FeedEvent, FeedReceiver
from dashboard.kept import Board, KpiSample, SavedView
from dashboard.observed import Alert, ProfileMinute, ProxyTable, TapStatus
from dashboard.order_tables import Order, OrderRequest
from dialogs.engine.snapshot import CallSnapshot, decode
from dialogs.engine.states import State

__all__ = [
    "Alert",
    "ApiToken",
    "AppendOnly",
    "AuditEvent",
    "Board",
    "Bulk",
    "BulkItem",
    "DeadLetter",
    "DialogQuerySet",
    "DialogRow",
    "FeedEvent",
    "FeedReceiver",
    "FollowedFile",
    "KpiSample",
    "Order",
    "OrderRequest",
    "ProfileEntry",
    "ProfileMinute",
    "ProxyTable",
    "SavedView",
    "TapStatus",
]


class DialogQuerySet(models.QuerySet["DialogRow"]):
    """All reading of calls starts here."""

    def through(self, peer: str) -> "DialogQuerySet":
        """Return the calls in which this peer, or the host of this address, had a part."""
        return self.filter(peers__contains=f"\n{peer}\n")

    def live(self) -> "DialogQuerySet":
        """Return the calls that have not ended."""
        return self.filter(state__lt=State.DELETED)

    def ended(self) -> "DialogQuerySet":
        """Return the calls that have ended."""
        return self.filter(state=State.DELETED)

    def changed_since(self, revision: int) -> "DialogQuerySet":
        """Return the calls written after this revision."""
        return self.filter(revision__gt=revision)


class Cover(Protocol):
    """What a masked row masks by; see `dashboard.privacy`."""

    def fields(self, row: "DialogRow", names: Iterable[str]) -> None:
        """Mask these columns where they are."""

    def snapshot(self, call: CallSnapshot) -> CallSnapshot:
        """Return the call masked."""
        ...

    def messages[Message: msgspec.Struct](self, messages: Iterable[Message]) -> tuple[Message, ...]:
        """Return SIP messages masked."""
        ...


class MaskedRow(TypeError):
    """Somebody tried to save what was made for eyes that may not see numbers."""

    def __init__(self) -> None:
        super().__init__("a masked row is for showing only: it cannot be saved")


class DialogRow(models.Model):
    """One call as the wire showed it, live or past: queried columns beside the engine's own snapshot."""

    seen_as: Cover | None = None
    "Set in the copies that people see who may not see whole numbers."

    uid = models.CharField(primary_key=True, max_length=16)
    revision = models.BigIntegerField()
    node = models.CharField(max_length=64)
    tap = models.CharField(max_length=128)
    recorded = models.BooleanField(default=False)  # from a file or the demo: no order may exist for it
    call_id = models.TextField()
    h_entry = models.IntegerField()
    h_id = models.BigIntegerField()
    state = models.SmallIntegerField()
    from_uri = models.TextField()
    from_user = models.TextField()
    from_tag = models.TextField()
    to_uri = models.TextField()
    to_user = models.TextField()
    to_tag = models.TextField()
    init_ns = models.BigIntegerField()
    ring_ns = models.BigIntegerField(default=0)
    start_ns = models.BigIntegerField(default=0)
    end_ns = models.BigIntegerField(default=0)
    last_ns = models.BigIntegerField()
    end_code = models.SmallIntegerField(default=0)
    end_reason = models.TextField(default="")
    ended_by = models.TextField(default="")  # caller, callee, proxy, timeout, or "operator:NAME"
    last_event = models.TextField(default="")
    path = models.TextField(default="")  # peer names in order: "alice -> edge-1 -> gw-2"
    peers = models.TextField(default="", db_default="")  # who had a part, a line each: "\nedge-1\n192.0.2.7\n"
    evidence = models.TextField(default="")  # JSON list of [tone, words], see dialogs.insight.why
    profiles = models.TextField(default="[]")  # JSON list of [name, value]
    messages = models.IntegerField(default=0)
    user_agent = models.TextField(db_default="")  # of the first INVITE
    incomplete = models.BooleanField(db_default=False)  # part of the call was not seen
    detail = models.BinaryField()  # dialogs.engine.snapshot.encode(CallSnapshot)
    frames = models.BinaryField(default=b"")  # where the messages lie, see dashboard.history.segments
    engine = models.BinaryField(null=True)  # the engine's own state while the call lives, else NULL

    objects = DialogQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["revision"], name="dialog_revision"),  # the hub: what changed since
            # The live page in its order, restore; with all that is counted of live calls in it: else each tick reads every live row. See dashboard.planner.
            models.Index(fields=["-init_ns", "uid", "state", "start_ns"], name="dialog_live", condition=Q(state__lt=5)),
            models.Index(fields=["-init_ns", "uid"], name="dialog_history"),  # history's keyset pages, retention
            models.Index(fields=["call_id"], name="dialog_call_id"),  # search by Call-ID
            models.Index(fields=["from_user", "-init_ns"], name="dialog_caller"),  # search by caller
            models.Index(fields=["to_user", "-init_ns"], name="dialog_callee"),  # search by callee
        ]
        permissions = [
            ("end_call", "May end calls"),
            ("end_protected_call", "May end protected (emergency) calls"),
            ("open_capture", "May open capture files"),
            ("see_numbers", "May see whole numbers, whatever [privacy] masks"),
        ]

    def __str__(self) -> str:
        return f"{self.from_user} -> {self.to_user} ({self.uid})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row; a masked one is for eyes only."""
        if self.seen_as:
            raise MaskedRow
        super().save(*args, **kwargs)

    @property
    def snapshot(self) -> CallSnapshot:
        """The call as the engine last told it, decoded once per row; masked when the row is."""
        if "_snapshot" not in self.__dict__:
            found = decode(bytes(self.detail))
            self.__dict__["_snapshot"] = self.seen_as.snapshot(found) if self.seen_as else found
        return self.__dict__["_snapshot"]

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read columns again, or one that was left out; a masked row masks what it reads."""
        super().refresh_from_db(*args, **kwargs)
        if self.seen_as:
            named = kwargs.get("fields") or [field.attname for field in self._meta.concrete_fields]
            self.seen_as.fields(self, [name for name in named if name in self.__dict__])


class ProfileEntry(models.Model):
    """A call's membership in a profile; outlives the call, so that history can be asked by profile."""

    dialog = models.ForeignKey(DialogRow, on_delete=models.CASCADE, related_name="profile_entries", db_index=True)
    name = models.CharField(max_length=64)
    value = models.TextField(default="")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["name", "value"], name="profile_value")]  # calls of a value
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["dialog", "name", "value"], name="profile_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.value else self.name


class FollowedFile(models.Model):
    """How far a file of a followed folder has been read and recorded: a restart goes on there (dialogs.taps.growing.Place)."""

    node = models.CharField(max_length=64)
    folder = models.CharField(max_length=512)
    inode = models.BigIntegerField()
    first_ns = models.BigIntegerField()
    frames = models.BigIntegerField()
    size = models.BigIntegerField()
    changed_ns = models.BigIntegerField()
    error = models.TextField(default="")

    class Meta:
        default_permissions = ()  # no page shows it
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["node", "folder", "inode"], name="followed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.folder}: {self.frames} frames"


class ApiToken(models.Model):
    """A key to `/RPC`. The token itself is never stored: `dashboard.rpc.tokens` makes it and shows it once."""

    class Scope(models.TextChoices):
        READ = "read"
        CONTROL = "control"

    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the token: it has 256 bits of chance, no salt is needed
    prefix = models.CharField(max_length=16)  # how it begins, so that people recognize theirs
    scope = models.CharField(max_length=8, choices=Scope, default=Scope.READ)
    rights = models.CharField(max_length=64, default="", db_default="", blank=True)  # words of dashboard.rpc.tokens.RIGHTS, with blanks between them
    created_by = models.CharField(max_length=150)
    created_ns = models.BigIntegerField()
    used_ns = models.BigIntegerField(default=0)  # to the minute
    expires_ns = models.BigIntegerField(default=0)
    revoked_ns = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name"], condition=Q(revoked_ns=0), name="token_name_once"),  # a revoked one's name is free again
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}..., {', '.join((self.scope, *self.rights.split()))})"

    def holds(self, now_ns: int) -> bool:
        """Return whether it opens anything at this moment."""
        return not self.revoked_ns and not 0 < self.expires_ns <= now_ns
