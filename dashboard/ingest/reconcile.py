"""The proxies' own tables beside ours: asks them, compares, writes down what came of it.

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
from dashboard.pause import pause
from dialogs.config import Config, Proxy
from dialogs.control.asking import Asking, Unanswered
from dialogs.control.reconcile import DIFFERS, MISSING, STUCK, Ended, Finding, Held, Key, Reconciler, Stored, Wire
from dialogs.engine import Engine
from dialogs.engine.engine import EVICTED
from dialogs.engine.snapshot import CallSnapshot
from dialogs.engine.sockets import Sockets, split_address
from dialogs.engine.states import DELETED
from dialogs.packet import SECOND, Endpoint

SOON = 0.5
"Seconds between totals that differ and the next look."

SHOWN = 100
"Findings of a kind that are written; all are counted."

LOOKED_UP = 2000
"Dialogs that only the proxy has: so many are looked up in the history."

CHUNK = 500
WATCHED_NS = 10 * SECOND
"While somebody waits for a dialog to go, a table is listed at least this often."

FORGOTTEN_NS = 5 * SECOND
"Nobody waits any more for a dialog that was not asked for in this time."

InWriter = Callable[..., Awaitable[Any]]

logger = structlog.get_logger(__name__)


class Proxies:
    """One node and the proxies whose tables are compared with its calls: those of `[[proxy]]`, or the one of `[control] kamailio_url`."""

    def __init__(self, config: Config, engine: Engine, recorded: Callable[[str], bool], clock: Callable[[], int]) -> None:
        """`recorded`: whether a tap's calls are a recording's; `clock`: epoch nanoseconds. ValueError for an address that cannot be one."""
        control = config.control
        places = config.proxy or ((Proxy("", control.kamailio_url, ()),) if control.kamailio_url else ())
        self.each = [Reconciling(place, config, engine, clock) for place in places] if control.reconcile_seconds else []
        self.engine = engine
        self._recorded = recorded

    # Our side, where the engine lives

    def begin(self) -> None:
        """Take the calls that a restart brought back, and forget tables that are not looked at any more."""
        ProxyTable.objects.filter(node=self.engine.node).exclude(name__in=[one.name for one in self.each]).delete()
        if self.each:
            self._take(self.engine.view(call) for call in self.engine.all_calls())

    def take(self, changes: Iterable[Change]) -> None:
        """Take the calls that changed in this tick; the engine stands still meanwhile."""
        if self.each:
            self._take(change.snapshot for change in changes)

    def _take(self, calls: Iterable[CallSnapshot]) -> None:
        for call in calls:
            if not self._recorded(call.tap):
                self._note(call)
        for one in self.each:
            one.reconciler.told(self.engine.calls.by_state)

    def _note(self, call: CallSnapshot) -> None:
        """Tell each proxy's comparison of a call. Of a cookie nobody knows which of several proxies it is of, unless the call went through one only."""
        hosts = {split_address(host) for host in call.hosts}
        through = [one.passes(call, hosts) for one in self.each]
        since_ns = call.transitions[-1].at_ns if call.transitions else call.last_ns
        known = call.did_seen and sum(through) == 1
        wire = Wire(call.uid, (call.call_id, call.caller.tag), int(call.state), since_ns, known)
        for one, goes in zip(self.each, through, strict=True):
            one.reconciler.note(wire, through=goes)

    # What others ask

    def report(self) -> dict[str, Any]:
        """Return what the node's report says of its proxies."""
        away = [one for one in self.each if one.error]
        counts = counted(finding for one in self.each for finding in one.reconciler.findings)
        error = "; ".join(f"{one.name}: {one.error}" if one.name else one.error for one in away)
        return {"proxy_error": error, "proxy_down_ns": min((one.since_ns for one in away), default=0), "disagreeing": counts}

    def held(self, proxy: str, key: Key, since_ns: int) -> bool | None:
        """Return whether a proxy has had a dialog since a moment, None as long as nobody looked; it is looked at soon then."""
        return next((one.held(key, since_ns) for one in self.each if one.name == proxy), None)

    async def run(self, in_writer: InWriter) -> None:
        """Look until cancelled; nothing is asked when nothing is configured."""
        await asyncio.gather(*(one.run(in_writer) for one in self.each))

    async def close(self) -> None:
        """Let the connections go."""
        for one in self.each:
            await one.asking.close()


class Reconciling:
    """The comparison with one proxy."""

    def __init__(self, place: Proxy, config: Config, engine: Engine, clock: Callable[[], int]) -> None:
        """ValueError for an address that cannot be one."""
        self.name = place.name
        self.period = config.control.reconcile_seconds
        self.asking = Asking(place.url, config.control.timeout)
        self.reconciler = Reconciler()
        self.error = ""
        "Why the proxy does not say."

        self.since_ns = 0
        self.engine = engine
        self._clock = clock
        self._sockets = Sockets(config)
        self._hosts = {split_address(socket.partition(":")[2]) for socket in place.sockets}
        self._complete = True
        self.totals = (0, 0)
        "Live calls when it was last looked: ours through this proxy, its own."

        self._listed_ns = 0
        self._watched: dict[Key, int] = {}
        "Dialogs that somebody waits for to go, and when they last asked."

        self._had: dict[Key, tuple[int, bool]] = {}
        "Of those, when the newest listing was begun, and whether it had them."

        self._wake = asyncio.Event()

    @property
    def label(self) -> str:
        """Its name; of the only one, which has none, its address without credentials."""
        return self.name or self.asking.shown

    @property
    def counts(self) -> dict[str, int]:
        """How many calls its table and ours do not agree on, by kind."""
        return counted(self.reconciler.findings)

    def passes(self, call: CallSnapshot, hosts: set[tuple[str, int]]) -> bool:
        """Return whether the wire shows that a call goes through this proxy: one of its sockets, or the cookie of the only one."""
        if self.name:
            return not self._hosts.isdisjoint(hosts)
        return call.did_seen or (bool(self._sockets) and any(self._sockets.receives(Endpoint(*host)) for host in hosts))

    def held(self, key: Key, since_ns: int) -> bool | None:
        """Return whether a listing that was begun after a moment had a dialog, None while there is none."""
        if key not in self._watched:
            self._wake.set()
        self._watched[key] = self._clock()
        listed_ns, had = self._had.get(key, (0, True))
        return had if listed_ns > since_ns else None

    # Rounds

    async def run(self, in_writer: InWriter) -> None:
        """Look until cancelled."""
        while True:
            wait = await self.round(self.asking, in_writer)
            try:
                await in_writer(self._store)
            except DatabaseError as error:
                logger.warning("database", error=str(error))
            await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        self._wake.clear()
        await pause(self._wake, seconds)

    async def round(self, asking: Asking, in_writer: InWriter) -> float:
        """Look once, and list when that is due; returns the seconds until the next look."""
        try:
            before = self.reconciler.now(self.engine.calls.by_state)
            totals = await asking.totals()
            after = self.reconciler.now(self.engine.calls.by_state)
            self.totals = (sum(after), sum(totals))
            next_step = self.reconciler.look(totals, before, after, self._clock())
            if next_step == "list" or self._awaited():
                await self._list(asking, sum(totals), in_writer)
        except Unanswered as error:
            self._down(str(error))
            return self.period
        self._up()
        return min(SOON, self.period) if next_step == "again" or self.reconciler.waiting or self._watched else self.period

    def _awaited(self) -> bool:
        """Return whether somebody has waited long enough for a dialog to go."""
        forgotten_ns = self._clock() - FORGOTTEN_NS
        self._watched = {key: asked_ns for key, asked_ns in self._watched.items() if asked_ns > forgotten_ns}
        self._had = {key: had for key, had in self._had.items() if key in self._watched}
        return bool(self._watched) and self._clock() - self._listed_ns >= WATCHED_NS

    async def _list(self, asking: Asking, total: int, in_writer: InWriter) -> None:
        self._listed_ns = self._clock()
        listed, self._complete = await asking.listing(total)
        self._saw({held.key for held in listed if held.state < DELETED} if self._watched else set())
        difference = self.reconciler.compare(listed, complete=self._complete)
        ended = await in_writer(ended_of, difference.extra[:LOOKED_UP]) if difference.extra else {}
        self.reconciler.settle(difference, ended, self._clock())

    def _saw(self, alive: set[Key]) -> None:
        """Note which of the awaited dialogs a listing had; one that is not complete does not tell that they are gone."""
        for key in self._watched:
            if key in alive or self._complete:
                self._had[key] = (self._listed_ns, key in alive)

    def _down(self, words: str) -> None:
        if not self.error:
            self.since_ns = self._clock()
            logger.warning("proxy does not answer", error=words)
        self.error = words
        self.reconciler.lost()

    def _up(self) -> None:
        if self.error:
            logger.info("proxy answers again", proxy=self.asking.shown)
        self.error, self.since_ns = "", 0

    def _store(self) -> None:
        found = self.reconciler.findings
        shown = tuple(finding for kind in (STUCK, MISSING, DIFFERS) for finding in [one for one in found if one.kind == kind][:SHOWN])
        ours, theirs = self.totals
        ProxyTable.objects.update_or_create(
            node=self.engine.node,
            name=self.name,
            defaults={
                "at_ns": self._clock(),
                "proxy": self.asking.shown,
                "ours": ours,
                "theirs": theirs,
                "error": clean(self.error),
                "since_ns": self.since_ns,
                "detail": msgspec.json.encode(Stored(shown, counted(found), self.reconciler.unseen, self._complete)).decode(),
            },
        )


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
