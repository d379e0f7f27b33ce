"""Peers as the page shows them: their figures, and what is wrong with one, in words. Knows stored reports; knows no request and no engine."""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from django.utils import timezone

from dashboard.live.health import taps
from dialogs.insight.why import CODES
from dialogs.taps.health import PeerCounted

FEW = 3
"Calls that failed in the same way before it is called a fault of the peer."

SHARE = 0.3
"And the part of the decided calls that they are at least."

CODES_SHOWN = 4
SLOW_NS = 4 * 10**9
"A mean set-up time that people notice."


class Badge(NamedTuple):
    """What is wrong with a peer."""

    tone: str
    "Colour class."

    words: str


class Code(NamedTuple):
    """A final code and how often it came."""

    code: int
    words: str
    calls: int


class PeerRow(NamedTuple):
    """One peer of one node."""

    node: str
    counted: PeerCounted
    codes: list[Code]
    badges: list[Badge]
    rate: int
    "Answered of a hundred decided calls; -1 while none is decided."

    heard_ns: int
    "When SIP of it was last seen; 0 for never."


class Peers(NamedTuple):
    """What the page shows."""

    rows: list[PeerRow]
    nodes: int
    since_ns: int
    known: int
    forgotten: int

    @property
    def since_time(self) -> str:
        """The beginning of the figures as people read it."""
        return self.since.rpartition("T")[2]

    @property
    def since(self) -> str:
        """The beginning of the figures as History's form takes it, in the site's zone."""
        return timezone.localtime(datetime.fromtimestamp(self.since_ns // 10**9, UTC)).strftime("%Y-%m-%dT%H:%M")


def peers(now_ns: int = 0) -> Peers:
    """Return the peers of all nodes: those with a fault first, then the busiest."""
    seen = [tap.seen for tap in taps(now_ns or time.time_ns()) if tap.seen.report.calls is not None]
    rows = [row_of(one.status.node, counted, one.report.heard.get(counted.name, 0)) for one in seen for counted in one.report.peers]
    rows.sort(key=lambda row: (-len([badge for badge in row.badges if badge.tone == "sf"]), -row.counted.live, -row.counted.begun, row.counted.name))
    reports = [one.report for one in seen]
    return Peers(
        rows,
        len(seen),
        max((report.peers_since_ns for report in reports), default=0),
        sum(report.peers_known for report in reports),
        sum(report.peers_forgotten for report in reports),
    )


def row_of(node: str, counted: PeerCounted, heard_ns: int) -> PeerRow:
    """Return a peer with its judgement."""
    codes = [Code(code, CODES.get(code, ""), count) for code, count in counted.codes.items() if code]
    decided = counted.answered + counted.failed
    rate = round(100 * counted.answered / decided) if decided else -1
    return PeerRow(node, counted, codes[:CODES_SHOWN], badges(counted), rate, max(heard_ns, counted.last_ns))


def badges(counted: PeerCounted) -> list[Badge]:
    """Return what is wrong with a peer: its servers fail, or its calls take long to ring."""
    found = [
        Badge("sf", f"{code} {CODES.get(code, 'server error')}: {count:,} of {counted.begun:,} calls")
        for code, count in counted.codes.items()
        if (500 <= code < 600 or code == 408) and count >= FEW and count >= SHARE * (counted.answered + counted.failed)
    ]
    return [*found, *([Badge("s3", f"slow set-up: {counted.setup_ns / 1e9:.1f} s")] if counted.setup_ns > SLOW_NS else [])]
