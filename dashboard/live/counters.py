"""The figures above the table: one aggregate for all browsers. Knows the table of calls; knows no view and no socket.

Average and longest duration are sent as the moment they count from, so that the browser's clock can tick them: they change
only when a call comes or goes.
"""

import time
from typing import Any

from django.db.models import Avg, Count, Min, Q
from django.template.loader import render_to_string

from dashboard.live import frames
from dashboard.live.kpis import HOUR_NS, Hour, Latest
from dashboard.live.proxies import MOST, standing
from dashboard.models import DialogRow
from dialogs.engine.states import State

MINUTE_NS = 60_000_000_000
SHARE = 20
"The aggregate may take one part in this many of the time."

IDLE_NS = 1_000_000_000
"Calls per minute fall while nothing moves."

BY_STATE = {"setting_up": State.UNCONFIRMED, "ringing": State.EARLY, "no_ack": State.CONFIRMED_NA, "in_call": State.CONFIRMED}
"Every live call is in one of them."


def count_calls(now_ns: int) -> dict[str, Any]:
    """Return the figures of this moment: calls by state, mean and oldest start of the answered ones (ns), the oldest without ACK, calls of the last minute.

    Also, of each proxy whose table is compared with ours, what `proxies.standing` says: the first few, and how many more there are.
    """
    answered = Q(state__in=(State.CONFIRMED_NA, State.CONFIRMED), start_ns__gt=0)
    figures = DialogRow.objects.live().aggregate(  # of columns that the index of live calls holds
        **{name: Count("state", filter=Q(state=state)) for name, state in BY_STATE.items()},
        mean_ns=Avg("start_ns", filter=answered),
        oldest_ns=Min("start_ns", filter=answered),
        no_ack_ns=Min("start_ns", filter=Q(state=State.CONFIRMED_NA)),
    )
    per_minute = DialogRow.objects.filter(init_ns__gt=now_ns - MINUTE_NS).count()
    found = standing(now_ns)
    proxies = {"proxies": found[:MOST], "more_proxies": len(found[MOST:])} if found else {}
    return {name: int(value or 0) for name, value in figures.items()} | {"per_minute": per_minute} | proxies


def strip_context(figures: dict[str, Any], hour: Hour, now_ns: int) -> dict[str, object]:
    """Return what the strip says; page and push share it."""
    return {"figures": figures, "hour": hour, "per_second": figures["per_minute"] / 60, "now_ns": now_ns, "hour_ns": now_ns - HOUR_NS}


class Counters:
    """The figures as last sent, and whether they changed."""

    def __init__(self) -> None:
        self.fragment = ""
        self.changed = False
        self._figures: dict[str, Any] = {}
        self._latest = Latest()
        self._hour: Hour | None = None
        self._rest_until = 0
        self._idle_until = 0

    def read(self, now_ns: int, *, moved: bool) -> None:
        """Count again when calls moved or a second passed, unless counting would take more than its share of the time."""
        self.changed = False
        begun = time.perf_counter_ns()
        if begun < (self._rest_until if moved else self._idle_until):
            return
        figures, hour = count_calls(now_ns), self._latest.read(now_ns)
        ended = time.perf_counter_ns()
        self._rest_until = ended + SHARE * (ended - begun)
        self._idle_until = max(self._rest_until, ended + IDLE_NS)
        self.changed = (figures, hour) != (self._figures, self._hour)
        self._figures, self._hour = figures, hour
        if self.changed:
            self.fragment = frames.fill("#counters", render_to_string("live/_counters.html", strip_context(figures, hour, now_ns)))
