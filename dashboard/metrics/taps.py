"""What each tap says of itself, as the ingest writes it each second. Knows the stored row and its report; knows no tap."""

from collections.abc import Iterator
from typing import NamedTuple

from dashboard.metrics.metric import Kind, Metric
from dashboard.models import TapStatus
from dialogs.taps.health import Report

COUNTER, GAUGE = Kind.COUNTER, Kind.GAUGE
TAP = ("node", "tap")
SECOND = 1e9


class Seen(NamedTuple):
    """A tap as it was last reported."""

    row: TapStatus
    report: Report
    since_ns: int
    "When its ingest began."

    now_ns: int


def age(seen: Seen) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield how old the newest packet of a live tap is: since the start while there was none. A recording's times are its own."""
    if not seen.row.recorded:
        yield (), max(0, seen.now_ns - (seen.row.newest_ns or seen.since_ns)) / SECOND


def skew(seen: Seen) -> float:
    """Return how far the worst agent's clock is off."""
    return max((abs(agent.skew_ns) for agent in seen.report.health.agents), default=0) / SECOND


TAPS = (
    Metric("dialtap_tap_up", GAUGE, "1 while a tap works.", TAP, lambda s: not s.row.error),
    Metric("dialtap_tap_packets_total", COUNTER, "Packets that may be SIP.", TAP, lambda s: s.row.packets),
    Metric("dialtap_tap_messages_total", COUNTER, "SIP messages.", TAP, lambda s: s.row.messages),
    Metric("dialtap_tap_dropped_total", COUNTER, "Packets that the kernel or a socket threw away unread.", TAP, lambda s: s.row.dropped),
    Metric("dialtap_tap_duplicates_total", COUNTER, "SIP messages that were mirrored twice.", TAP, lambda s: s.row.duplicates),
    Metric("dialtap_tap_undecodable_total", COUNTER, "Frames that could not be read.", (*TAP, "cause"), lambda s: s.report.health.undecodable),
    Metric("dialtap_tap_skipped_total", COUNTER, "Frames of no interest, fragments among them.", (*TAP, "cause"), lambda s: s.report.health.skipped),
    Metric("dialtap_tap_incomplete_total", COUNTER, "Fragmented datagrams of which a piece never came.", TAP, lambda s: s.report.health.incomplete),
    Metric("dialtap_tap_tcp_gaps_total", COUNTER, "Places in TCP streams where bytes were missing.", TAP, lambda s: s.report.health.tcp_gaps),
    Metric("dialtap_tap_tcp_evicted_total", COUNTER, "TCP connections that were too many to follow.", TAP, lambda s: s.report.health.tcp_evicted),
    Metric("dialtap_tap_encrypted_total", COUNTER, "Packets of TLS, DTLS or IPsec.", TAP, lambda s: sum(s.report.health.encrypted.values())),
    Metric("dialtap_tap_unreachable_total", COUNTER, "ICMP errors about SIP.", TAP, lambda s: sum(s.report.health.unreachable.values())),
    Metric("dialtap_tap_refused_total", COUNTER, "HEP that was sent here and not taken.", (*TAP, "cause"), lambda s: s.report.health.refused),
    Metric("dialtap_tap_agents", GAUGE, "Senders of HEP.", TAP, lambda s: len(s.report.health.agents)),
    Metric("dialtap_tap_clock_skew_seconds", GAUGE, "How far the clock of a sender of HEP is off, at most.", TAP, skew),
    Metric("dialtap_tap_newest_packet_age_seconds", GAUGE, "Since the newest packet of a live tap.", TAP, age),
)
