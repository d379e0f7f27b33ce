"""Figures of the past: samples of all nodes -> the strip's last hour, the charts' series. Knows samples; knows no page, no socket."""

import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from dashboard.models import KpiSample
from dialogs.insight.kpi import BEGUN_WHEN, BY_NAME, CHARTS, KPIS, Figures, Kpi, percentile, total

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
PERIOD_NS = 10 * SECOND_NS
FRESH_NS = 5 * SECOND_NS
"How long the last hour is believed before it is read again."

MOST_POINTS = 360
WIDE, HIGH = 360, 46
"The strip's drawing."

decoder = msgspec.json.Decoder(Figures)


class Point(NamedTuple):
    """The figures of all nodes in one step."""

    at_ns: int
    "The step's end."

    figures: Figures


def read(since_ns: int, until_ns: int, most: int = MOST_POINTS) -> list[Point]:
    """Return the figures between two moments in at most so many steps, oldest first."""
    step_ns = step_of(since_ns, until_ns, most)
    steps: dict[int, dict[str, list[Figures]]] = {}
    found = KpiSample.objects.filter(at_ns__gt=since_ns, at_ns__lte=until_ns).order_by("at_ns").values_list("at_ns", "node", "figures")
    for at_ns, node, text in found.iterator(chunk_size=2000):
        steps.setdefault(-(-at_ns // step_ns), {}).setdefault(node, []).append(decoder.decode(text))
    return [Point(number * step_ns, total(map(total, nodes.values()), beside=True)) for number, nodes in steps.items()]


def step_of(since_ns: int, until_ns: int, most: int = MOST_POINTS) -> int:
    """Return how long a step is, a multiple of the samples' period."""
    return max(1, -(-(until_ns - since_ns) // (most * PERIOD_NS))) * PERIOD_NS


class Hour(NamedTuple):
    """What the strip says of the last hour."""

    figures: Figures
    peak: int = 0
    "Most calls that were answered at a time."

    peak_ns: int = 0
    line: str = ""
    "An SVG path of the live calls."

    area: str = ""
    "What lies below it."

    @property
    def answered(self) -> float | None:
        """Share of the attempts that were answered, in per cent."""
        return BY_NAME["ser"].of(self.figures)

    @property
    def setup95(self) -> float | None:
        """Seconds from INVITE to answer that a twentieth of the calls passed."""
        return percentile(self.figures.setup, 0.95)

    @property
    def ring(self) -> float | None:
        """Seconds to the first ringing, median."""
        return percentile(self.figures.ring, 0.5)


def last_hour(now_ns: int) -> Hour:
    """Return the last hour until this moment."""
    points = read(now_ns - HOUR_NS, now_ns)
    best = max(points, key=lambda point: point.figures.live[3], default=Point(0, Figures()))
    return Hour(total(point.figures for point in points), best.figures.live[3], best.at_ns, *drawn(points, now_ns))


def drawn(points: list[Point], now_ns: int) -> tuple[str, str]:
    """Return the SVG paths of the live calls in the last hour: the line, and the area below it; empty for less than two points."""
    most = max((sum(point.figures.live) for point in points), default=0) or 1
    places = [(WIDE * (1 - (now_ns - at_ns) / HOUR_NS), HIGH - (HIGH - 4) * sum(figures.live) / most) for at_ns, figures in points]
    if len(places) < 2:
        return "", ""
    way = "M" + " ".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return way, f"{way}V{HIGH + 2}H{places[0][0]:.1f}Z"


class Latest:
    """The last hour, read again when it is no longer fresh."""

    def __init__(self) -> None:
        self._hour = Hour(Figures())
        self._until = 0.0

    def read(self, now_ns: int) -> Hour:
        """Return the last hour, at most some seconds old."""
        if time.monotonic() >= self._until:
            self._hour = last_hour(now_ns)
            self._until = time.monotonic() + FRESH_NS / SECOND_NS
        return self._hour


def charts(since_ns: int, until_ns: int) -> list[dict[str, Any]]:
    """Return what the charts draw: for each its KPIs with a value a step."""
    points = read(since_ns, until_ns)
    shared = {"at": [point.at_ns // SECOND_NS for point in points], "step": step_of(since_ns, until_ns) // SECOND_NS}
    return [{**shared, "name": chart, "title": title, "series": [line(kpi, points) for kpi in KPIS if kpi.chart == chart]} for chart, title in CHARTS.items()]


def line(kpi: Kpi, points: list[Point]) -> dict[str, Any]:
    """Return one KPI as a line."""
    values = [kpi.of(point.figures) for point in points]
    rounded = [None if value is None else round(value, 3) for value in values]
    return {"name": kpi.name, "title": kpi.title, "unit": kpi.unit, "tone": kpi.tone, "values": rounded}


def calls_behind(name: str, until_ns: int, step_ns: int) -> str:
    """Return the query for the calls behind a KPI's value in the step that ends at `until_ns`; "" for a KPI that there is not."""
    if name not in BY_NAME:
        return ""
    query = BY_NAME[name].calls or BEGUN_WHEN
    return query.replace("WHEN", span_words(until_ns - step_ns, until_ns)).replace("AT", iso(until_ns))


def span_words(begin_ns: int, end_ns: int) -> str:
    """Return a span of time as the query language takes it: both ends belong to it."""
    return f"{iso(begin_ns)}..{iso(max(begin_ns, end_ns - SECOND_NS))}"


def iso(at_ns: int) -> str:
    """Return a moment, to the second, that means the same in every zone."""
    return datetime.fromtimestamp(at_ns // SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
