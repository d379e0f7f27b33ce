"""The proxy's own table beside ours: asks it, compares, writes down what came of it.

Knows the loop, the engine and the tables; decides nothing (`dialogs.control.reconcile`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import structlog
from django.db import DatabaseError

from dashboard.history.recorder import LOST_REASON
from dashboard.history.rows import Change, clean
from dashboard.models import DialogRow, ProxyTable
from dialogs.config import Config
from dialogs.control.asking import Asking, Unanswered
from dialogs.control.reconcile import DIFFERS, MISSING, STUCK, Ended, Finding, Held, Key, Reconciler, Stored, Wire
from dialogs.engine import Engine
from dialogs.engine.engine import EVICTED
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.sockets import Sockets, split_address
from dialogs.packet import Endpoint

SOON = 0.5
"Seconds between totals that differ and the next look."

SHOWN = 100
"Findings of a kind that are written; all are counted."

LOOKED_UP = 2000
"Dialogs that only the proxy has: so many are looked up in the history."

CHUNK = 500

InWriter = Callable[..., Awaitable[Any]]

logger = structlog.get_logger(__name__)


class Reconciling:
    """One node and the Kamailio of its `[control]`."""

    def __init__(self, config: Config, engine: Engine, recorded: Callable[[str], bool], clock: Callable[[], int]) -> None:
        """`recorded`: whether a tap's calls are a recording's; `clock`: epoch nanoseconds. ValueError for an address that cannot be one."""
        control = config.control
        self.period = control.reconcile_seconds if control.kamailio_url else 0
        self.asking = Asking(control.kamailio_url, control.timeout) if self.period else None
        self.shown = self.asking.shown if self.asking else ""
        self.reconciler = Reconciler()
        self.error = ""
        "Why the proxy does not say."

        self.since_ns = 0
        self.engine = engine
        self._recorded = recorded
        self._clock = clock
        self._sockets = Sockets(config)
        self._complete = True
        self._totals = (0, 0)

    # Our side, where the engine lives

    def begin(self) -> None:
        """Take the calls that a restart brought back."""
        if self.asking is not None:
            self._take(self.engine.view(call) for call in self.engine.all_calls())

    def take(self, changes: Iterable[Change]) -> None:
        """Take the calls that changed in this tick; the engine stands still meanwhile."""
        if self.asking is not None:
            self._take(change.snapshot for change in changes)

    def _take(self, calls: Iterable[CallSnapshot]) -> None:
        for call in calls:
            if not self._recorded(call.tap):
                since_ns = call.transitions[-1].at_ns if call.transitions else call.last_ns
                self.reconciler.note(Wire(call.uid, (call.call_id, call.caller.tag), int(call.state), since_ns, call.did_seen), through=self._passes(call))
        self.reconciler.told(self.engine.calls.by_state)

    def _passes(self, call: CallSnapshot) -> bool:
        """Return whether the wire shows that a call goes through the proxy: its cookie, or one of its sockets."""
        return call.did_seen or (bool(self._sockets) and any(self._sockets.receives(Endpoint(*split_address(host))) for host in call.hosts))

    def report(self) -> dict[str, Any]:
        """Return what the node's report says of the proxy."""
        counts = counted(self.reconciler.findings)
        return {"proxy_error": self.error, "proxy_down_ns": self.since_ns, "disagreeing": counts}

    # Rounds

    async def run(self, in_writer: InWriter) -> None:
        """Look until cancelled; nothing is asked when nothing is configured."""
        while self.asking is not None:
            wait = await self.round(self.asking, in_writer)
            try:
                await in_writer(self._store)
            except DatabaseError as error:
                logger.warning("database", error=str(error))
            await asyncio.sleep(wait)

    async def round(self, asking: Asking, in_writer: InWriter) -> float:
        """Look once, and list when that is due; returns the seconds until the next look."""
        try:
            before = self.reconciler.now(self.engine.calls.by_state)
            totals = await asking.totals()
            after = self.reconciler.now(self.engine.calls.by_state)
            self._totals = (sum(after), sum(totals))
            next_step = self.reconciler.look(totals, before, after, self._clock())
            if next_step == "list":
                await self._list(asking, sum(totals), in_writer)
        except Unanswered as error:
            self._down(str(error))
            return self.period
        self._up()
        return min(SOON, self.period) if next_step == "again" or self.reconciler.waiting else self.period

    async def _list(self, asking: Asking, total: int, in_writer: InWriter) -> None:
        listed, self._complete = await asking.listing(total)
        difference = self.reconciler.compare(listed, complete=self._complete)
        ended = await in_writer(ended_of, difference.extra[:LOOKED_UP]) if difference.extra else {}
        self.reconciler.settle(difference, ended, self._clock())

    def _down(self, words: str) -> None:
        if not self.error:
            self.since_ns = self._clock()
            logger.warning("proxy does not answer", error=words)
        self.error = words
        self.reconciler.lost()

    def _up(self) -> None:
        if self.error:
            logger.info("proxy answers again", proxy=self.shown)
        self.error, self.since_ns = "", 0

    def _store(self) -> None:
        found = self.reconciler.findings
        shown = tuple(finding for kind in (STUCK, MISSING, DIFFERS) for finding in [one for one in found if one.kind == kind][:SHOWN])
        ours, theirs = self._totals
        ProxyTable.objects.update_or_create(
            node=self.engine.node,
            defaults={
                "at_ns": self._clock(),
                "proxy": self.shown,
                "ours": ours,
                "theirs": theirs,
                "error": clean(self.error),
                "since_ns": self.since_ns,
                "detail": msgspec.json.encode(Stored(shown, counted(found), self.reconciler.unseen, self._complete)).decode(),
            },
        )

    async def close(self) -> None:
        """Let the connection go."""
        if self.asking is not None:
            await self.asking.close()


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings there are of each kind."""
    counts = dict.fromkeys((STUCK, MISSING, DIFFERS), 0)
    for finding in findings:
        counts[finding.kind] += 1
    return counts


def ended_of(extra: list[Held]) -> dict[Key, Ended]:
    """Return of dialogs that only the proxy has those whose end the wire showed: what we merely lost sight of is none."""
    found: dict[Key, Ended] = {}
    call_ids = list({held.key[0] for held in extra})
    for first in range(0, len(call_ids), CHUNK):
        rows = DialogRow.objects.ended().filter(call_id__in=call_ids[first : first + CHUNK], recorded=False)
        told = rows.exclude(end_reason__in=(LOST_REASON, EVICTED)).order_by("init_ns").values_list("uid", "call_id", "from_tag", "end_ns")
        found |= {(call_id, tag): Ended(uid, end_ns) for uid, call_id, tag, end_ns in told}
    return found
