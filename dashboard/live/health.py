"""The health of the capture: one chip a tap in the top bar of every page, and a line that doubts the figures. Knows what the ingest wrote of its taps."""

from typing import NamedTuple

from django.template.loader import render_to_string

from dashboard.live import frames
from dashboard.live.findings import Finding, Looked, findings, look
from dashboard.models import Alert, DialogRow, TapStatus

FORGOTTEN_NS = 600_000_000_000
DOUBT_NS = 60_000_000_000
"After a loss the figures are doubtful for this long at least."

MOST = 3
"Chips shown; more taps are counted in a word."

WORDS_MAX = 80
RULE_WORDS = {"alert": "a rule speaks of a call", "webhook": "a rule reports a call", "terminate": "a rule asks to end a call"}
UNSEEN = 100
"Alerts that are counted; more are said as 99+."


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

    title: str
    "The tap's name where there is room."

    seen: Looked
    found: list[Finding]


class Doubt(NamedTuple):
    """Why the figures of a page may be wrong."""

    words: str
    lost_ns: int = 0
    "When something was last lost; 0 while nothing is seen at all."


def short_name(status: TapStatus) -> str:
    """Return the tap's name for a chip: "interface:any" -> "any", "file:/a/b.pcap" -> "b.pcap"."""
    kind, colon, rest = status.name.partition(":")
    if kind == "hep":
        return f"HEP {rest}"
    return (rest.rsplit("/", 1)[-1] or rest or kind) if colon else kind


def title(status: TapStatus) -> str:
    """Return the tap's name for a heading: "Interface any", "Recording b.pcap"."""
    kind = status.name.partition(":")[0]
    if kind == "engine":
        return "Engine"
    name = short_name(status)
    return name if kind == "hep" else f"Recording {name}" if status.recorded else f"{kind.capitalize()} {name}"


def judge(status: TapStatus, now_ns: int) -> TapHealth:
    """Return what to say of a tap: its worst finding, if it is more than a note."""
    seen = look(status, now_ns)
    found = findings(seen)
    tone, words = "good", "recording" if status.recorded else "0 lost" if status.name.startswith("engine:") else "0 dropped"
    if found and found[0].tone != "note":
        tone, words = found[0].tone, found[0].words
    rate, name = seen.report.messages_rate, short_name(status)[:40]
    words = words.removeprefix(f"{name}: ")[:WORDS_MAX]
    return TapHealth(name, tone, words, round(rate) if rate >= 0 else None, status.newest_ns, title(status), seen, found)


def taps(now_ns: int) -> list[TapHealth]:
    """Return the taps that were alive in the last minutes, and the engines."""
    return [judge(status, now_ns) for status in TapStatus.objects.filter(at_ns__gt=now_ns - FORGOTTEN_NS).order_by("name")]


def doubts(judged: list[TapHealth], now_ns: int) -> list[Doubt]:
    """Return why the figures may be wrong: a tap is blind, or has lost something that calls of this moment may have needed."""
    if not judged:
        return [Doubt("no tap is running")]
    found = [Doubt(f"{tap.name}: {tap.words}") for tap in judged if tap.tone == "bad"]
    for tap in judged:
        lost_ns = tap.seen.report.lost_ns
        if tap.tone != "bad" and lost_ns and (now_ns - lost_ns < DOUBT_NS or DialogRow.objects.live().filter(init_ns__lt=lost_ns).exists()):
            found.append(Doubt(f"{loss_words(tap)} on {tap.name}", lost_ns))
    return found


def loss_words(tap: TapHealth) -> str:
    """Return what a tap has lost, all kinds in one line."""
    health = tap.seen.report.health
    kinds = ((tap.seen.status.dropped, "dropped"), (health.tcp_gaps, "missing in TCP"), (health.incomplete, "incomplete"))
    return ", ".join(f"{count:,} {kind}" for count, kind in kinds if count)


def unseen() -> str:
    """Return how many alerts nobody has seen, "" for none; looks at a hundred."""
    count = Alert.objects.filter(seen=False)[:UNSEEN].count()
    return f"{UNSEEN - 1}+" if count >= UNSEEN else str(count or "")


class Newest(NamedTuple):
    """The newest alert, as everybody may hear of it."""

    pk: int
    words: str
    "What it is, without its text: that may hold numbers, and this goes to all browsers alike."


def newest_alert() -> Newest:
    """Return the newest alert; number 0 while there is none."""
    found = Alert.objects.order_by("-pk").only("pk", "kind", "severity", "limit").first()
    if found is None:
        return Newest(0, "")
    return Newest(found.pk, f"{found.severity or 'passed'}, {found.limit}" if found.limit else RULE_WORDS.get(found.kind, found.kind))


class TapMeter:
    """Reads the taps and the alerts once a second and knows the fragments of them that every page shows."""

    def __init__(self) -> None:
        self.fragment = ""
        self.changed = False
        self._due_ns = 0

    def read(self, now_ns: int) -> None:
        """Look at the taps when a second has passed."""
        self.changed = False
        if 0 < self._due_ns - now_ns <= 1_000_000_000:  # a clock that was set back does not stop the look
            return
        self._due_ns = now_ns + 1_000_000_000
        judged = taps(now_ns)
        chip_texts = render_to_string("live/_taps.html", chips(judged, now_ns))
        alerts = frames.fill("#alert-count", render_to_string("live/_alerts.html", {"unseen": unseen(), "newest": newest_alert()}).strip())
        doubt = frames.fill("#doubt", render_to_string("live/_doubt.html", {"doubts": doubts(judged, now_ns)}))
        fragment = frames.fill("#taps", chip_texts) + doubt + alerts
        self.changed = fragment != self.fragment
        self.fragment = fragment


def chips(judged: list[TapHealth], now_ns: int) -> dict[str, object]:
    """Return the template's context: the worst taps first, the rest as a count."""
    # The engine's own row repeats what its taps say, unless it has lost something, cannot write, or waits for a peer.
    shown = [tap for tap in judged if tap.tone != "good" or not tap.seen.status.name.startswith("engine:")]
    ranked = sorted(shown, key=lambda tap: ("bad", "warn", "good").index(tap.tone))
    return {"taps": ranked[:MOST], "more": max(0, len(ranked) - MOST), "now_ns": now_ns}
