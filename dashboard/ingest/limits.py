"""Limits at work: feeds them with what moved in a tick, writes their breaches as alerts, has orders asked for. Knows the engine and the tables; judges nothing.

`take` runs where the engine lives, `write` on the writer's thread.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import structlog
from django.db import DatabaseError, transaction

from dashboard.history.events import ALERT, Happening, alert_event, stored_call
from dashboard.history.outbox import outbox
from dashboard.history.rows import MAX_KEY, Change, clean
from dashboard.models import Alert
from dashboard.orders.limits import end_beyond, end_lasting
from dialogs.config import Config, Limit
from dialogs.engine import Engine
from dialogs.engine.limits import Condition
from dialogs.engine.lookup import call_of
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.states import State
from dialogs.insight.limits import CHANGED, CLEARED, OPENED, Breach, Event, Limits, Over, Spoken
from dialogs.packet import SECOND

KIND = "limit"
BATCH = 200
"Alerts written in one transaction."

WAITING_MAX = 10_000
"Events that wait for a database that does not answer; the oldest goes first, counted."

logger = structlog.get_logger(__name__)


class Due(NamedTuple):
    """What a tick leaves to be done on the writer's thread."""

    events: list[Event]
    over: list[Over]
    now_ns: int


class LimitWatch:
    """The limits of one node. Without any configured it does nothing."""

    def __init__(self, config: Config, engine: Engine, *, recorded: bool = False) -> None:
        """`recorded`: all calls here are from recordings."""
        self.engine = engine
        self.recorded = recorded
        self.node = engine.node
        self.lost = 0
        "Events that no database took."

        self._by_name = {limit.name: limit for limit in config.limit}
        self._conditions = {limit.name: Condition(limit) for limit in config.limit}
        self.limits = Limits(config.limit, self._concerns)
        self._now_ns = self._second = 0
        self._waiting: list[Event] = []
        self._alerts: dict[tuple[str, str], int] = {}
        "(limit, subject) of open breaches -> the alert's row."

        self._before: dict[tuple[str, str], int] = {}
        "Those that were open when this node stopped."

        engine.calls.profiles.watch(self.limits.profiles)

    def _concerns(self, limit: Limit, uid: str) -> bool:
        call = call_of(self.engine, uid)
        return call is not None and self._conditions[limit.name].holds(call, self.engine.calls, self._now_ns)

    # Beside the engine

    def begin(self) -> None:
        """Take the calls and alerts of before the restart; runs on the writer's thread, before anything else does."""
        if not self._by_name:
            return
        self.engine.calls.profiles.watch(self.limits.profiles)
        for call in self.engine.all_calls():
            if call.answered:
                self.limits.answered(Spoken(call.uid, call.start_ns))
        found = Alert.objects.filter(node=self.node, cleared_ns=0).exclude(limit="")
        self._before = {(limit, subject): pk for pk, limit, subject in found.values_list("pk", "limit", "subject")}

    def take(self, changes: Iterable[Change], now_ns: int) -> Due:
        """Judge what moved in this tick."""
        if not self._by_name:
            return Due([], [], now_ns)
        self._now_ns = now_ns
        events = [event for change in changes for event in self._changed(change.snapshot, now_ns)]
        events += self.limits.sizes(self.engine.calls.profiles.moved(), now_ns)
        events += self.limits.step(now_ns)
        if now_ns // SECOND == self._second:
            return Due(events, [], now_ns)
        self._second = now_ns // SECOND
        return Due(events, self.limits.over(), now_ns)

    def _changed(self, call: CallSnapshot, now_ns: int) -> Iterable[Event]:
        if call.state in (State.CONFIRMED_NA, State.CONFIRMED):
            self.limits.answered(Spoken(call.uid, call.start_ns))
        elif call.state == State.DELETED:
            yield from self.limits.ended(call.uid, now_ns)
            if call.ended_by == "timeout" and not call.end_code:
                yield from self.limits.expired(call.uid, now_ns)

    @property
    def waiting(self) -> int:
        """How many events the database has not taken yet."""
        return len(self._waiting)

    # Beside the database

    def write(self, due: Due) -> None:
        """Write alerts, and ask for the orders that limits with `end` or `send_bye` want. Raises DatabaseError; what was not written comes again."""
        self._waiting += due.events
        if (beyond := len(self._waiting) - WAITING_MAX) > 0:
            del self._waiting[:beyond]
            self.lost += beyond
        while batch := list(islice(self._waiting, BATCH)):
            alerts, before = dict(self._alerts), dict(self._before)
            try:
                with transaction.atomic():
                    for event in batch:
                        self._write(event)
            except DatabaseError:
                self._alerts, self._before = alerts, before
                raise
            del self._waiting[: len(batch)]
            for event in batch:
                self._tell(event)
        if self._before:
            Alert.objects.filter(pk__in=list(self._before.values())).update(cleared_ns=due.now_ns)
            self._before = {}
        for over in due.over:
            end_beyond(over, self.node)

    def _write(self, event: Event) -> None:
        breach = event.breach
        key = breach.limit, subject_of(self._by_name[breach.limit], breach)
        said = {"text": clean(self.words(breach)), "severity": breach.severity}
        if event.what == OPENED:
            if (known := self._before.pop(key, None)) is not None:  # it was open before the restart
                self._alerts[key] = known
                return
            alert = Alert.objects.create(at_ns=event.at_ns, kind=KIND, dialog_uid=breach.uid, node=self.node, limit=key[0], subject=key[1], **said)
            self._alerts[key] = alert.pk
            self._told(alert, event)
        elif (pk := self._alerts.get(key)) is not None:
            over = {"cleared_ns": event.at_ns} if event.what == CLEARED else {"seen": False}
            Alert.objects.filter(pk=pk).update(**said, **over)
            if changed := Alert.objects.filter(pk=pk).first():
                self._told(changed, event)
            if event.what == CLEARED:
                del self._alerts[key]

    def _told(self, alert: Alert, event: Event) -> None:
        def happened() -> Happening:
            call, recorded = stored_call(alert.dialog_uid)
            return alert_event(alert, event.what, call, event.at_ns, recorded=recorded or self.recorded)

        outbox().tell(self.node, happened, ALERT)

    def _tell(self, event: Event) -> None:
        """Log it, and have a call that lasts too long ended where that is wanted: once its alert is committed."""
        breach = event.breach
        limit = self._by_name[breach.limit]
        log = logger.warning if event.what in (OPENED, CHANGED) else logger.info
        log("limit", limit=breach.limit, what=event.what, severity=breach.severity, text=self.words(breach))
        if event.what == OPENED and limit.send_bye:
            end_lasting(limit, breach.uid)

    def words(self, breach: Breach) -> str:
        """Return a breach for people."""
        limit = self._by_name[breach.limit]
        if limit.expiry:
            return f"{limit.name}: {breach.most} {'call' if breach.most == 1 else 'calls'} expired: nothing was seen for too long"
        if limit.duration_seconds:
            return f"{limit.name}: a call lasts longer than {limit.duration_seconds} s"
        allowed = limit.critical if breach.severity == "critical" else limit.warn
        return f"{limit.name}: {subject_of(limit, breach)} has {breach.most} calls, more than {allowed}"


def subject_of(limit: Limit, breach: Breach) -> str:
    """Return what breaches, as rows and pages name it: "caller=sip:4417@example.com", "total", a call's uid, "" for calls that expire."""
    if not limit.profile:
        return breach.subject or ""
    return f"{limit.profile}={clean(breach.subject, MAX_KEY)}" if breach.subject else limit.profile
