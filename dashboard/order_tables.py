"""The tables of orders; `dashboard.models` has them too, for Django looks there. Knows no engine, no loop, no page.

Times are integer nanoseconds UTC, 0 = has not happened.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Order(models.Model):
    """What somebody asked to be done to a call, and what came of it. The table is the queue and the log."""

    class Phase(models.TextChoices):
        REQUESTED = "requested"
        SENT = "sent"
        ACCEPTED = "accepted"
        REFUSED = "refused"
        VERIFIED = "verified"

    class Outcome(models.TextChoices):
        NONE = ""
        BOTH_LEGS = "both legs released"
        CALLER_ONLY = "one leg only: callee not confirmed"
        CALLEE_ONLY = "one leg only: caller not confirmed"
        CALLER_RELEASED = "caller released"
        CALLEE_RELEASED = "callee released"
        CANCELLED = "cancelled while ringing"
        NOT_CONFIRMED = "not confirmed"
        ALREADY_ENDED = "already ended"
        CONNECTED = "connected"
        DECLINED = "refused by the phone"
        NO_ANSWER = "no answer"
        HUNG_UP = "hung up half-way"
        STOPPED = "stopped"
        LET_GO = "let go by the proxy"
        REFUSED = "refused"

    class Kind(models.TextChoices):
        END = "end"
        TRANSFER = "transfer"
        BRIDGE = "bridge"
        JOIN = "join"
        RELEASE = "release"

    OPEN: ClassVar[tuple[str, ...]] = (Phase.REQUESTED, Phase.SENT, Phase.ACCEPTED)

    dialog = models.ForeignKey("dashboard.DialogRow", on_delete=models.SET_NULL, null=True, related_name="orders")
    dialog_uid = models.CharField(max_length=16, default="", blank=True)  # stays when retention drops the row; "" for a bridge
    call_text = models.TextField()  # "4417 -> +1555..." as the operator saw it
    node = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.END)
    side = models.CharField(max_length=8, default="both")  # caller, callee, both
    # by kind: "to"; "first", "second"; "other", "other_side"; "retries"; "proxy", "h_entry", "h_id", "key", "state" (of a release, as the proxy had them)
    arguments = models.JSONField(default=dict, blank=True)
    once = models.CharField(max_length=64, default="", blank=True)  # what is open once: a double click is one order
    via = models.CharField(max_length=16, default="", blank=True)  # who carries it out: kamailio, sip, dryrun
    steps = models.JSONField(default=list, blank=True)  # progress: [at_ns, step, state, words], see dialogs.control.sip.Progress
    legs = models.JSONField(default=dict, blank=True)  # by side, what it answered to us: {"outcome", "status", "words", "cseq"}
    username = models.CharField(max_length=150)
    reason = models.TextField()
    phase = models.CharField(max_length=16, choices=Phase, default=Phase.REQUESTED)
    outcome = models.CharField(max_length=64, choices=Outcome, default=Outcome.NONE, blank=True)
    detail = models.TextField(default="", blank=True)  # the controller's own words, or why it was refused
    evidence = models.TextField(default="[]")  # JSON list of [at_ns, words]: what the tap saw
    requested_ns = models.BigIntegerField()
    sent_ns = models.BigIntegerField(default=0)
    answered_ns = models.BigIntegerField(default=0)
    closed_ns = models.BigIntegerField(default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["node", "phase"], name="order_queue"),  # the ingest: what is to be done
            models.Index(fields=["-requested_ns"], name="order_page"),  # the orders page
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["once"],
                condition=Q(phase__in=["requested", "sent", "accepted"]) & ~Q(once=""),
                name="order_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.call_text} by {self.username}: {self.outcome or self.phase}"


class OrderRequest(models.Model):
    """A SIP request of ours, whole, committed before its first byte left: after a crash these very bytes are sent again."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="requests")
    dialog_uid = models.CharField(max_length=16, default="", blank=True)
    leg = models.CharField(max_length=8)  # caller, callee; first: the party that a bridge calls
    method = models.CharField(max_length=16)
    branch = models.CharField(max_length=128)
    cseq = models.BigIntegerField()
    hop = models.CharField(max_length=128)  # "udp:192.0.2.1:5060"
    name = models.CharField(max_length=255, default="", blank=True)  # the host that was resolved
    data = models.BinaryField()  # as sent; without its credentials once the order is closed
    at_ns = models.BigIntegerField()

    class Meta:
        default_permissions = ()  # shown with its order only
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["dialog_uid", "leg"], name="order_request_leg")]  # the highest CSeq that we have used

    def __str__(self) -> str:
        return f"{self.method} {self.cseq} to the {self.leg} by {self.hop}"
