"""How a profile's values went, for pages: sums over nodes, peaks, rates, and lines to draw. Knows stored minutes; knows no request and no engine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from dashboard.models import ProfileMinute

MINUTE_NS = 60 * 10**9
HOUR = 60
RATE_MINUTES = 5
"Minutes that a rate is the mean of."

WIDTH, HEIGHT = 100.0, 30.0
"Of a line's drawing; the page stretches it."


@dataclass(slots=True)
class Trend:
    """One value's minutes, oldest first."""

    peaks: list[int] = field(default_factory=list)
    rate: float = 0.0
    "Calls begun a second."

    answered: int = -1
    "Of a hundred that ended; -1 when none did."

    @property
    def peak(self) -> int:
        """The greatest size."""
        return max(self.peaks, default=0)


def line(sizes: Sequence[float], most: float) -> str:
    """Return the points of an SVG polyline, its top `most`."""
    if len(sizes) < 2:
        return ""
    step = WIDTH / (len(sizes) - 1)
    return " ".join(f"{number * step:.1f},{HEIGHT - HEIGHT * min(size, most) / max(most, 1):.1f}" for number, size in enumerate(sizes))


def trends(name: str, now_ns: int, minutes: int = HOUR) -> dict[str, Trend]:
    """Return value -> its trend over the last whole minutes, for the values of a profile that moved in them. Read once a minute by a process."""
    return _trends(name, now_ns // MINUTE_NS, minutes, None)


def trend(name: str, value: str, now_ns: int, minutes: int = HOUR) -> Trend:
    """Return one value's trend; a flat one for a value that did not move."""
    return _trends(name, now_ns // MINUTE_NS, minutes, value).get(value) or Trend([before(name, value, now_ns, minutes)] * minutes)


def forget() -> None:
    """Read anew: another database may hold other minutes."""
    _trends.cache_clear()


def before(name: str, value: str, now_ns: int, minutes: int) -> int:
    """Return a value's size when these minutes began, of all nodes that have told of it."""
    first_ns = (now_ns // MINUTE_NS - minutes) * MINUTE_NS
    found: dict[str, int] = {}
    for node, last in ProfileMinute.objects.filter(name=name, value=value, at_ns__lt=first_ns).order_by("-at_ns").values_list("node", "last")[:HOUR]:
        found.setdefault(node, last)
    return sum(found.values())


@lru_cache(64)
def _trends(name: str, minute: int, minutes: int, value: str | None) -> dict[str, Trend]:
    first = minute - minutes
    rows = ProfileMinute.objects.filter(name=name, at_ns__gte=first * MINUTE_NS, at_ns__lt=minute * MINUTE_NS)
    rows = rows if value is None else rows.filter(value=value)
    by_value: dict[str, dict[str, dict[int, tuple[int, ...]]]] = defaultdict(lambda: defaultdict(dict))
    for node, each, at_ns, *figures in rows.values_list("node", "value", "at_ns", "peak", "last", "begun", "ended", "answered"):
        by_value[each][node][at_ns // MINUTE_NS - first] = tuple(figures)
    return {each: _sum(list(nodes.values()), minutes) for each, nodes in by_value.items()}


def _sum(nodes: list[dict[int, tuple[int, ...]]], minutes: int) -> Trend:
    """Return the trend of a value whose minutes, by node, are (peak, last, begun, ended, answered)."""
    peaks, begun, ended, answered = [0] * minutes, 0, 0, 0
    for rows in nodes:
        first = rows[min(rows)]
        last = max(0, first[1] - first[2] + first[3])  # what it was before its first minute here
        for number in range(minutes):
            if (row := rows.get(number)) is None:
                peaks[number] += last
                continue
            peaks[number] += row[0]
            last = row[1]
            begun += row[2] if number >= minutes - RATE_MINUTES else 0
            ended, answered = ended + row[3], answered + row[4]
    return Trend(peaks, begun / (60 * RATE_MINUTES), round(100 * answered / ended) if ended else -1)
