"""What is wrong with a tap, or worth knowing, in words: worst first. Knows stored reports and configured peers; knows no tap and no page.

A row of CHECKS is one kind of finding; what it says first is what the chip says.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.conf import settings

from dashboard.models import TapStatus
from dialogs.insight import PeerNames
from dialogs.taps.addresses import OTHERS
from dialogs.taps.health import Report, decode

STOPPED_NS = 5_000_000_000
"The ingest writes every second; silence of this length means that it does not run."

SECOND_NS = 1_000_000_000
SKEW_NS = 2 * SECOND_NS
"A clock that is further off than this puts messages into a wrong order."

BOTH_BY_HEP = "have the agent send what comes in and what goes out (Kamailio: trace_mode 1)."

TONES = ("bad", "warn", "note")
"Blind; something is missing; worth knowing."


class Item(NamedTuple):
    """One peer, cause or agent that a finding is about."""

    label: str
    figure: str
    query: str = ""
    "What finds its calls on the live page; empty where nothing does."


class Finding(NamedTuple):
    """One thing that is found."""

    tone: str
    words: str
    advice: str = ""
    "What it means, or what to do."

    items: tuple[Item, ...] = ()


class Looked(NamedTuple):
    """A tap as it was last reported, and what is needed to judge it."""

    status: TapStatus
    report: Report
    peers: PeerNames
    now_ns: int


def look(status: TapStatus, now_ns: int) -> Looked:
    """Return a tap's stored report with the configuration's names."""
    return Looked(status, decode(status.detail), PeerNames(settings.DIALTAP.peer), now_ns)


def findings(seen: Looked) -> list[Finding]:
    """Return everything found, worst first, never more than one of a kind."""
    found = [finding for check in CHECKS if (finding := check(seen)) is not None]
    return sorted(found, key=lambda finding: TONES.index(finding.tone))


def spoken_seconds(duration_ns: int) -> str:
    """Return a silence as "75 s" or "12 min"."""
    seconds = duration_ns // SECOND_NS
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def counted(count: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {one if count == 1 else many}"


def _error(seen: Looked) -> Finding | None:
    if not seen.status.error:
        return None
    away = "Nothing is seen until it is back; it is looked for every 2 seconds." if seen.report.health.down_ns else ""
    return Finding("bad", seen.status.error, away)


def _stopped(seen: Looked) -> Finding | None:
    if seen.now_ns - seen.status.at_ns <= STOPPED_NS:
        return None
    return Finding("bad", "stopped", f"The ingest on {seen.status.node} has not reported for {spoken_seconds(seen.now_ns - seen.status.at_ns)}.")


def _dropped(seen: Looked) -> Finding | None:
    if not seen.status.dropped:
        return None
    if seen.status.name.startswith("engine:"):
        return Finding("warn", f"{seen.status.dropped:,} lost", "Calls or messages that did not fit in memory or were not taken by the database.")
    advice = "Thrown away unread because they came faster than they could be fetched. A larger [tap] buffer_mb survives longer bursts."
    return Finding("warn", f"{seen.status.dropped:,} dropped", advice)


def _quiet(seen: Looked) -> Finding | None:
    after_ns = int(settings.DIALTAP.tap.quiet_seconds * SECOND_NS)
    if not after_ns or not seen.report.heard:
        return None
    since = {name: heard_ns or seen.report.since_ns for name, heard_ns in seen.report.heard.items()}
    silent = sorted((at_ns, name) for name, at_ns in since.items() if seen.now_ns - at_ns > after_ns)
    if not silent:
        return None
    (at_ns, first), *others = silent
    more = f" and {len(others)} more" if others else ""
    items = tuple(Item(name, f"{spoken_seconds(seen.now_ns - at)}{'' if seen.report.heard[name] else ', never'}", name) for at, name in silent)
    return Finding("warn", f"no SIP from {first} for {spoken_seconds(seen.now_ns - at_ns)}{more}", "Is it down, or does the tap not see it any more?", items)


def _gaps(seen: Looked) -> Finding | None:
    gaps = seen.report.health.tcp_gaps
    return Finding("warn", counted(gaps, "gap in TCP", "gaps in TCP"), "Bytes of a stream were never seen: the messages there are missing.") if gaps else None


def _evicted(seen: Looked) -> Finding | None:
    count = seen.report.health.tcp_evicted
    advice = "There were more TCP connections than are followed at once: a flood, or a port that is not SIP. Narrow [tap] ports or filter."
    return Finding("warn", counted(count, "TCP connection forgotten", "TCP connections forgotten"), advice) if count else None


def _incomplete(seen: Looked) -> Finding | None:
    count = seen.report.health.incomplete
    advice = "A fragment of a large message was never seen: the message is missing. Does the mirror port leave out fragments?"
    return Finding("warn", counted(count, "fragmented message incomplete", "fragmented messages incomplete"), advice) if count else None


def _one_way(seen: Looked) -> Finding | None:
    counts = seen.report.health.one_way
    if not counts:
        return None
    known = any(seen.peers.peer(address) for address in counts)
    words = f"only one direction of {_some(seen, counts)}"
    advice = BOTH_BY_HEP if seen.status.name.startswith("hep:") else "mirror both directions of the port."
    return Finding("warn" if known else "note", words, f"Answers or requests are missing: {advice}", _peers(seen, counts))


def _one_way_agents(seen: Looked) -> Finding | None:
    agents = [agent for agent in seen.report.health.agents if agent.one_way]
    if not agents:
        return None
    words = f"one direction only from {agents[0].name if len(agents) == 1 else f'{len(agents)} agents'}"
    items = tuple(Item(agent.name, f"{agent.packets:,}") for agent in agents)
    return Finding("warn", words, f"No host that it reports both sends and receives: {BOTH_BY_HEP}", items)


def _misdated(seen: Looked) -> Finding | None:
    agents = [agent for agent in seen.report.health.agents if agent.misdated]
    words = f"{counted(sum(agent.misdated for agent in agents), 'message', 'messages')} dated by arrival"
    advice = "The agent's clock is more than a minute off and was not believed: set it by NTP."
    return Finding("warn", words, advice, tuple(Item(agent.name, f"{agent.misdated:,}") for agent in agents)) if agents else None


def _agents(seen: Looked) -> Finding | None:
    agents = seen.report.health.agents
    items = tuple(Item(agent.name, f"{agent.packets:,}, clock {round(agent.skew_ns / SECOND_NS, 1) + 0.0:+,.1f} s") for agent in agents)
    return Finding("note", f"HEP from {counted(len(agents), 'agent', 'agents')}", "Messages, and how far the clock is from ours.", items) if agents else None


def _skew(seen: Looked) -> Finding | None:
    off = [agent for agent in seen.report.health.agents if abs(agent.skew_ns) > SKEW_NS]
    if not off:
        return None
    items = tuple(Item(agent.name, f"{abs(agent.skew_ns) / SECOND_NS:,.1f} s {'ahead' if agent.skew_ns > 0 else 'behind'}") for agent in off)
    words = f"clock of {off[0].name} {items[0].figure}" if len(off) == 1 else f"clocks of {len(off)} agents are off"
    return Finding("warn", words, "Times and order of its messages are wrong: set its clock by NTP.", items)


def _proxy(seen: Looked) -> Finding | None:
    report, at_ns = seen.report, seen.report.proxy_down_ns
    if report.proxy_error:
        return Finding(
            "warn", f"the proxy does not answer for {spoken_seconds(seen.now_ns - at_ns)}", f"{report.proxy_error}. Its table is not compared with ours."
        )
    counts = {kind: count for kind, count in report.disagreeing.items() if count}
    if not counts:
        return None
    items = tuple(Item(kind, f"{count:,}") for kind, count in counts.items())
    total = sum(counts.values())
    return Finding("warn", f"{total:,} {'call' if total == 1 else 'calls'} not as the proxy has them", "Reconcile (from the live page) lists them.", items)


def _refused(seen: Looked) -> Finding | None:
    counts = seen.report.health.refused
    advice = "HEP that was sent here and not taken: see [tap] hep_allow, and the agent's key."
    return Finding("warn", f"{sum(counts.values()):,} refused", advice, _causes(counts)) if counts else None


def _encrypted(seen: Looked) -> Finding | None:
    counts = seen.report.health.encrypted
    advice = (
        'Calls of these peers cannot be read from the wire. docs/hep.md, "HEP: what a mirror port cannot show", says how their server sends a copy. '
        "IPsec is never opened, also where it does not encrypt (NULL)."
    )
    return Finding("note", "encrypted: feed it by HEP", advice, _peers(seen, counts)) if counts else None


def _unreachable(seen: Looked) -> Finding | None:
    counts = seen.report.health.unreachable
    advice = "These hosts answered SIP with an ICMP error: what was sent there did not arrive."
    return Finding("note", f"ICMP unreachable from {_some(seen, counts)}", advice, _peers(seen, counts)) if counts else None


def _undecodable(seen: Looked) -> Finding | None:
    count = seen.status.undecodable
    return (
        Finding("note", f"{count:,} not readable", "Frames or datagrams that no reader understands.", _causes(seen.report.health.undecodable))
        if count
        else None
    )


def _duplicates(seen: Looked) -> Finding | None:
    count = seen.status.duplicates
    return Finding("note", counted(count, "duplicate", "duplicates"), "Mirrored twice; each was counted once.") if count else None


CHECKS: tuple[Callable[[Looked], Finding | None], ...] = (
    _error, _stopped, _dropped, _quiet, _gaps, _evicted, _incomplete, _one_way, _one_way_agents, _skew, _misdated, _proxy, _refused, _encrypted,
    _unreachable, _undecodable, _duplicates, _agents,
)  # fmt: skip


def _causes(counts: dict[str, int]) -> tuple[Item, ...]:
    return tuple(Item(cause, f"{count:,}") for cause, count in counts.items())


def _peers(seen: Looked, counts: dict[str, int]) -> tuple[Item, ...]:
    return tuple(Item(seen.peers.name(address), f"{count:,}", "" if address == OTHERS else seen.peers.name(address)) for address, count in counts.items())


def _some(seen: Looked, addresses: Iterable[str]) -> str:
    """Return the first address by its name, and how many there are beside it."""
    first, *others = (seen.peers.name(address) for address in addresses)
    return f"{first} and {len(others)} more" if others else first
