"""The health of the capture: one chip a tap in the top bar of every page. Knows what the ingest wrote of its taps; knows no tap."""

from typing import NamedTuple

from django.template.loader import render_to_string

from dashboard.live import frames
from dashboard.models import TapStatus

STOPPED_NS = 5_000_000_000
"The ingest writes every second; silence of this length means that it does not run."

FORGOTTEN_NS = 600_000_000_000
MOST = 3
"Chips shown; more taps are counted in a word."


class TapHealth(NamedTuple):
    """One tap as it is shown."""

    name: str
    tone: str
    '"good", "warn" or "bad".'

    words: str
    rate: int | None
    "SIP messages per second, None while unknown."

    newest_ns: int
    "Capture time of its newest packet."


def short_name(status: TapStatus) -> str:
    """Return the tap's name for a chip: "interface:any" -> "any", "file:/a/b.pcap" -> "b.pcap"."""
    kind, colon, rest = status.name.partition(":")
    if kind == "hep":
        return f"HEP {rest}"
    return (rest.rsplit("/", 1)[-1] or rest or kind) if colon else kind


def judge(status: TapStatus, now_ns: int, rate: int | None) -> TapHealth:
    """Return what to say of a tap."""
    tone, words = "good", "0 dropped"
    if status.recorded:
        words = "recording"
    if status.dropped:
        tone, words = "warn", f"{status.dropped:,} dropped"
    if status.error:
        tone, words = "bad", status.error[:80]
    elif now_ns - status.at_ns > STOPPED_NS:
        tone, words = "bad", "stopped"
    return TapHealth(short_name(status)[:40], tone, words, rate, status.newest_ns)


class TapMeter:
    """Reads the taps once a second and knows their rates."""

    def __init__(self) -> None:
        self.fragment = ""
        self.changed = False
        self._before: dict[str, tuple[int, int]] = {}  # name -> (at_ns, messages)
        self._rates: dict[str, int] = {}
        self._due_ns = 0

    def read(self, now_ns: int) -> None:
        """Look at the taps when a second has passed."""
        self.changed = False
        if 0 < self._due_ns - now_ns <= 1_000_000_000:  # a clock that was set back does not stop the look
            return
        self._due_ns = now_ns + 1_000_000_000
        fragment = frames.fill("#taps", render_to_string("live/_taps.html", chips(self.taps(now_ns), now_ns)))
        self.changed = fragment != self.fragment
        self.fragment = fragment

    def taps(self, now_ns: int) -> list[TapHealth]:
        """Return the taps that were alive in the last minutes, with their rates."""
        found = list(TapStatus.objects.filter(at_ns__gt=now_ns - FORGOTTEN_NS).order_by("name"))
        for status in found:
            at_ns, messages = self._before.get(status.name, (status.at_ns, status.messages))
            if status.at_ns > at_ns and status.messages >= messages:
                self._rates[status.name] = round((status.messages - messages) * 1e9 / (status.at_ns - at_ns))
            self._before[status.name] = (status.at_ns, status.messages)
        judged = ((status, judge(status, now_ns, self._rates.get(status.name))) for status in found)
        # The engine's own row repeats what its taps say, unless it has lost something or cannot write.
        return [health for status, health in judged if health.tone != "good" or not status.name.startswith("engine:")]


def chips(taps: list[TapHealth], now_ns: int) -> dict[str, object]:
    """Return the template's context: the worst taps first, the rest as a count."""
    order = ("bad", "warn", "good")
    ranked = sorted(taps, key=lambda tap: order.index(tap.tone))
    return {"taps": ranked[:MOST], "more": max(0, len(ranked) - MOST), "now_ns": now_ns}
