"""How many live calls pass each of some filters, kept by what changed: a wall asks every second. Knows filters and the table; knows no tile, no request.

A filter is asked for all live calls once; after that only for the calls that were written since, so that a second costs what happens in it and not what
there is. Filters that speak of durations are asked anew, because time brings calls into them, for one twentieth of the time at most.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable

from dashboard.live.changes import newest_revision
from dashboard.live.filter import CallFilter
from dashboard.live.matching import Matcher
from dashboard.models import DialogRow
from dialogs.engine.states import State

FRESH_NS = 1_000_000_000
"How long a count is as good as new, for all walls of this process."

FORGOTTEN_NS = 60_000_000_000
"A filter that nobody asked for so long is dropped."

MOST = 200
"Filters that are kept; the one unused longest goes first."

MOST_CHANGED = 2000
"Calls that changed at once; beyond, everything is asked anew."

SHARE = 20
"Asking everything anew may take one part in this many of the time."

POINT_NS = 10_000_000_000
POINTS = 360
"An hour."


class Gauge:
    """One filter's live calls."""

    def __init__(self) -> None:
        self.calls: set[str] | None = None
        "By name; None: to be asked anew."

        self.past: deque[int] = deque(maxlen=POINTS)
        "Counts, one each POINT_NS since somebody looks, the oldest first."

        self.since_ns = 0
        "When the oldest of them was."

        self.used_ns = 0
        self._rest_until = 0
        self._next_ns = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.calls or ())

    def ask(self, chosen: CallFilter) -> None:
        """Ask for all live calls."""
        begun = time.perf_counter_ns()
        self.calls = set(chosen.apply(DialogRow.objects.live()).values_list("pk", flat=True))
        ended = time.perf_counter_ns()
        self._rest_until = ended + SHARE * (ended - begun)

    def due(self, chosen: CallFilter) -> bool:
        """Return whether all live calls have to be asked for."""
        return self.calls is None or (chosen.timed and time.perf_counter_ns() >= self._rest_until)

    def follow(self, changed: set[str], passed: set[str]) -> None:
        """Take over what changed: `passed` are those of `changed` that are live and pass the filter."""
        self.calls = ((self.calls or set()) - changed) | passed

    def note(self, now_ns: int) -> None:
        """Keep the count for the trend when it is time."""
        if now_ns >= self._next_ns:
            self.past.append(self.count)
            self.since_ns = max(self.since_ns or now_ns, now_ns - POINTS * POINT_NS)
            self._next_ns = now_ns + POINT_NS


class Gauges:
    """All filters that walls ask for; one for each process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[CallFilter, Gauge] = OrderedDict()
        self._revision = 0
        self._read_ns = 0
        self._matcher = Matcher()

    def read(self, wanted: Iterable[CallFilter], now_ns: int) -> dict[CallFilter, Gauge]:
        """Return the gauges of these filters, at most FRESH_NS old."""
        wanted = list(dict.fromkeys(wanted))
        with self._lock:
            fresh = 0 <= now_ns - self._read_ns < FRESH_NS
            for chosen in wanted:
                gauge = self._kept.setdefault(chosen, Gauge())
                gauge.used_ns = now_ns
                self._kept.move_to_end(chosen)
            if not fresh:
                self._follow(now_ns)
            for chosen in wanted:
                if self._kept[chosen].calls is None:
                    self._kept[chosen].ask(chosen)
                self._kept[chosen].note(now_ns)
            found = {chosen: self._kept[chosen] for chosen in wanted}
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
            return found

    def forget(self) -> None:
        """Ask everything anew: another database may use the same revisions."""
        with self._lock:
            self._kept.clear()
            self._revision = self._read_ns = 0

    def _follow(self, now_ns: int) -> None:
        """Bring all gauges up to date."""
        for chosen in [chosen for chosen, gauge in self._kept.items() if now_ns - gauge.used_ns > FORGOTTEN_NS]:
            del self._kept[chosen]
        before, self._revision = self._revision, newest_revision()
        self._read_ns = now_ns
        found = DialogRow.objects.changed_since(before).filter(revision__lte=self._revision)
        rows = list(found.values_list("pk", "state")[: MOST_CHANGED + 1]) if 0 < before < self._revision else []
        if before == 0 or self._revision < before or len(rows) > MOST_CHANGED:  # nobody looked for a while, or the database was emptied below us
            for gauge in self._kept.values():
                gauge.calls = None
            return
        changed, live = {uid for uid, _ in rows}, {uid for uid, state in rows if state < State.DELETED}
        for chosen, gauge in self._kept.items():
            if gauge.due(chosen):
                gauge.ask(chosen)
            elif changed:
                gauge.follow(changed, live & self._matcher.changed(chosen, before, self._revision) if chosen and live else live)
