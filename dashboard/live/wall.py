"""The tiles of a wallboard: what each shows at this moment. Knows figures, gauges and thresholds; knows no request and no link's signature.

A tile is a KPI of `dialogs.insight.kpi`, or the live calls that a saved view's filter lets through. It carries its own title and query: what was put
on a wall stays as it was chosen, whatever becomes of the view.
"""

import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from dashboard.live.counters import count_calls
from dashboard.live.filter import CallFilter
from dashboard.live.gauges import Gauge, Gauges
from dashboard.live.health import doubts, taps
from dashboard.live.kpis import HOUR_NS, PERIOD_NS, SECOND_NS, Point, read
from dashboard.live.layout import Layout
from dashboard.live.trends import line
from dashboard.privacy import Policy, unseal
from dialogs.insight.kpi import BY_NAME, KPIS, Kpi, total

MOST = 8
"Tiles of a wall: more are not read from afar."

WINDOW_NS = 300 * SECOND_NS
"What a KPI that is not of this moment is made from."

OLD_NS = 5 * SECOND_NS
"Data older than this is shown grey."

FRESH_NS = SECOND_NS
POINTS = 60
"Of a line."

STATES = {"setting_up": "1", "ringing": "2", "no_ack": "3", "in_call": "4"}
FALLING = frozenset({"ser", "seer"})
"Where less is worse, unless somebody says otherwise."

WORD = re.compile(r"[\w+.-]+")
DIGITS_OF_A_NUMBER = 3
DIGITS = {"calls": 0, "/s": 1, "%": 1, "s": 1}
UNITS = {"calls": "", "/s": " a second", "%": ", %", "s": ", seconds"}
"They stand behind the title, so that the figure may be the larger."

MANY = 100_000
"From here on thousands are shown: what has more digits cannot be read from afar."


class Tile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tile as it is chosen and stored."""

    title: str
    kpi: str = ""
    query: str = ""
    "Of a view, as it stands in an address; empty: all live calls."

    whole: bool = False
    "Whether whoever wrote the query may ask for whole numbers only."

    warn: float | None = None
    critical: float | None = None
    below: bool = False
    "Whether the thresholds are passed downwards."

    @property
    def chosen(self) -> CallFilter:
        """The filter of a view's tile."""
        return CallFilter.parse(dict(parse_qsl(self.query)), whole=self.whole)

    @property
    def numbers(self) -> list[str]:
        """What may be somebody's number in the query: the title may hold it too."""
        chosen = self.chosen
        words = WORD.findall(" ".join(map(unseal, (chosen.q, chosen.caller, chosen.profile))))
        return [word for word in words if sum(map(str.isdigit, word)) >= DIGITS_OF_A_NUMBER]


class Shown(NamedTuple):
    """One tile as it is seen."""

    title: str
    value: str
    tone: str = ""
    '"warn", "bad", or empty.'

    words: str = ""
    "What is passed."

    note: str = ""
    line: str = ""
    link: str = ""


class Wall(NamedTuple):
    """What a wall shows."""

    tiles: list[Shown]
    at_ns: int
    "When the ingest last wrote anything; 0 for never."

    old: bool
    doubts: list[str]

    @property
    def time(self) -> str:
        """The same as people read it, in the site's zone."""
        return clock(self.at_ns) if self.at_ns else ""


class _Now(NamedTuple):
    """What all walls of a process look at: read once a second."""

    read_ns: int = 0
    counts: dict[str, int] = {}
    points: list[Point] = []
    at_ns: int = 0
    doubts: list[str] = []


class Figures:
    """The figures of this moment and of the last hour, at most a second old (the hour ten)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = _Now()
        self._hour_ns = 0

    def read(self, now_ns: int) -> _Now:
        """Return them."""
        with self._lock:
            if not 0 <= now_ns - self._now.read_ns < FRESH_NS:
                judged = taps(now_ns)
                points = self._now.points
                if not 0 <= now_ns - self._hour_ns < PERIOD_NS // 2:
                    points, self._hour_ns = read(now_ns - HOUR_NS, now_ns), now_ns
                newest = max((tap.seen.status.at_ns for tap in judged), default=0)
                self._now = _Now(now_ns, count_calls(now_ns), points, newest, [doubt.words for doubt in doubts(judged, now_ns)])
            return self._now

    def forget(self) -> None:
        """Read anew: another database may hold other figures."""
        self._now, self._hour_ns = _Now(), 0


figures = Figures()
gauges = Gauges()


def look(tiles: list[Tile], now_ns: int, policy: Policy, *, linked: bool) -> Wall:
    """Return what these tiles show, as somebody sees it; `linked`: whether they lead to their calls."""
    now = figures.read(now_ns)
    counted = gauges.read([tile.chosen for tile in tiles if not tile.kpi], now_ns)
    shown = []
    for tile in tiles:
        kpi = BY_NAME.get(tile.kpi)
        unit = kpi.unit if kpi else "calls"
        told = _kpi(kpi, now) if kpi else _gauge(tile.chosen, counted[tile.chosen], now)
        tone, words = judge(tile, told.value, unit)
        link = (_calls_of(kpi, now_ns) if kpi else _view(tile, policy)) if linked else ""
        shown.append(Shown(policy.text(tile.title, tile.numbers), spelled(told.value, unit), tone, words, told.note, drawn(told.past), link))
    return Wall(shown, now.at_ns, not 0 <= now_ns - now.at_ns <= OLD_NS, now.doubts)


class _Told(NamedTuple):
    """A figure, what it is about, and how it went."""

    value: float | None
    note: str
    past: Sequence[float]


def _kpi(kpi: Kpi, now: _Now) -> _Told:
    past = [value for point in now.points if (value := kpi.of(point.figures)) is not None]
    if kpi.name in STATES:
        return _moment(now.counts[kpi.name], past)
    if kpi.name == "rate":
        return _Told(now.counts["per_minute"] / 60, "in the last minute", past)
    last = [point.figures for point in now.points if point.at_ns > now.read_ns - WINDOW_NS]
    return _Told(kpi.of(total(last)) if last else None, "in the last 5 minutes", past)


def _gauge(chosen: CallFilter, gauge: Gauge, now: _Now) -> _Told:
    if not chosen:
        return _moment(gauge.count, [sum(point.figures.live) for point in now.points])
    return _moment(gauge.count, gauge.past, f"since {clock(gauge.since_ns)}")


def _moment(value: int, past: Sequence[float], when: str = "in an hour") -> _Told:
    every = [*past, value]
    return _Told(float(value), f"highest {max(every):,.0f} {when}", every)


def clock(at_ns: int) -> str:
    """Return a moment's time of day in the site's zone."""
    return timezone.localtime(datetime.fromtimestamp(at_ns // SECOND_NS, UTC)).strftime("%H:%M:%S")


def _calls_of(kpi: Kpi, now_ns: int) -> str:
    """Return where a KPI's calls are."""
    if kpi.name in STATES:
        return f"{reverse('live')}?state={STATES[kpi.name]}"
    step = 60 if kpi.name == "rate" else WINDOW_NS // SECOND_NS
    return f"{reverse('kpis_calls')}?{urlencode({'name': kpi.name, 'at': str(now_ns // SECOND_NS), 'step': str(step)})}"


def _view(tile: Tile, policy: Policy) -> str:
    """Return where a view's calls are; what may be a number goes as a token to who may not see it."""
    chosen, layout = tile.chosen, Layout.parse(dict(parse_qsl(tile.query)))
    query = "&".join(filter(None, ((chosen.sealed() if policy.masked else chosen).query, layout.query)))
    return f"{reverse('live')}?{query}" if query else reverse("live")


def judge(tile: Tile, value: float | None, unit: str) -> tuple[str, str]:
    """Return a value's tone and words: nothing is said of what passes no threshold, or of what is not known."""
    for tone, word, threshold in (("bad", "critical", tile.critical), ("warn", "warning", tile.warn)):
        if value is not None and threshold is not None and (value <= threshold if tile.below else value >= threshold):
            return tone, f"{word} {'\N{LESS-THAN OR EQUAL TO}' if tile.below else '\N{GREATER-THAN OR EQUAL TO}'} {spelled(threshold, unit)}"
    return "", ""


def spelled(value: float | None, unit: str) -> str:
    """Return a figure as it is read from afar."""
    if value is None:
        return "\N{EN DASH}"
    if value >= MANY:
        return f"{value / 1000:,.1f}k"
    return f"{value:,.{DIGITS[unit]}f}" if value != int(value) or DIGITS[unit] else f"{value:,.0f}"


def drawn(past: Sequence[float]) -> str:
    """Return a line of values as the points of an SVG polyline, the highest of some where there are too many."""
    step = max(1, -(-len(past) // POINTS))
    tops = [max(past[at : at + step]) for at in range(0, len(past), step)]
    return line(tops, max(tops, default=0))


def offered() -> dict[str, str]:
    """Return the KPIs that a tile can show, with their titles."""
    return {kpi.name: f"{kpi.title}{UNITS[kpi.unit]}" for kpi in KPIS}


def usual(views: list[Tile]) -> list[Tile]:
    """Return the wall that nobody has chosen: live calls, calls a second, answers, failures, then views, then what else tells of trouble."""
    known = offered()
    first = [Tile("Live calls"), *(Tile(known[name], kpi=name, below=name in FALLING) for name in ("rate", "ser", "failing"))]
    rest = [Tile(known[name], kpi=name, below=name in FALLING) for name in ("in_call", "ringing", "no_ack", "setup95")]
    return [*first, *views[: MOST - len(first)], *rest][:MOST]
