"""What makes each shipped alert fire, and from when: series as promtool writes them, a value each 15 s."""

from typing import NamedTuple

NODE = 'node="n1"'
TAP = f'{NODE},tap="interface:eth1"'
TRUNK = f'{NODE},peer="gw-2",kind="trunk"'
RECEIVER = f'{NODE},receiver="webhook:noc"'
LAG = f"dialtap_engine_lag_seconds_bucket{{{NODE},le="


class Case(NamedTuple):
    """One alert."""

    alert: str
    series: dict[str, str]
    quiet: str
    "When it does not fire yet, as the series are bad already or its `for` is not over."

    fires: str
    labels: str
    "Those that it fires with, beside its name and severity."


CASES = (
    Case("DialtapDown", {'up{job="dialtap",instance="a"}': "1 1 0x40"}, "2m15s", "2m30s", 'job="dialtap",instance="a"'),
    Case("DialtapIngestDown", {f"dialtap_ingest_up{{{NODE}}}": "1 1 0x40"}, "1m15s", "1m30s", NODE),
    Case("DialtapNoIngest", {"dialtap_database_up": "1x60"}, "4m45s", "5m", ""),
    Case("DialtapDatabaseDown", {'dialtap_database_up{instance="a"}': "1 1 0x40"}, "1m15s", "1m30s", 'instance="a"'),
    Case("DialtapTapDown", {f"dialtap_tap_up{{{TAP}}}": "1 1 0x40"}, "1m15s", "1m30s", TAP),
    Case("DialtapNoSip", {f"dialtap_tap_messages_total{{{TAP}}}": "0+9x40 360x200"}, "24m45s", "25m15s", NODE),
    Case("DialtapPeerSilent", {f'dialtap_peer_silence_seconds{{{NODE},peer="gw-2"}}': "0+15x80"}, "6m", "6m15s", f'{NODE},peer="gw-2"'),
    Case("DialtapCaptureDrops", {f"dialtap_tap_dropped_total{{{TAP}}}": "0x20 1x40"}, "5m", "5m15s", TAP),
    Case(
        "DialtapCaptureIncomplete",
        {f"dialtap_tap_tcp_gaps_total{{{TAP}}}": "0x20 8x80", f"dialtap_tap_incomplete_total{{{TAP}}}": "0x20 8x80"},
        "10m",
        "10m15s",
        TAP,
    ),
    Case("DialtapClockSkew", {f"dialtap_tap_clock_skew_seconds{{{TAP}}}": "0 3x80"}, "10m", "10m15s", TAP),
    Case(
        "DialtapTrunkFailing",
        {f"dialtap_peer_begun_total{{{TRUNK}}}": "0+1x80", f'dialtap_peer_failed_total{{{TRUNK},class="5xx"}}': "0x20 0+1x60"},
        "9m",
        "11m",
        f'{NODE},peer="gw-2"',
    ),
    Case(
        "DialtapTrunkUnanswered",
        {f"dialtap_peer_begun_total{{{TRUNK}}}": "0+1x200", f"dialtap_peer_answered_total{{{TRUNK}}}": "0x200"},
        "9m30s",
        "10m30s",
        f'{NODE},peer="gw-2"',
    ),
    Case("DialtapNoAck", {f'dialtap_calls{{{NODE},state="no_ack"}}': "5 6x40"}, "2m", "2m15s", NODE),
    Case("DialtapLimitPassed", {'dialtap_alerts_open{severity="critical"}': "0 1x40"}, "1m", "1m15s", ""),
    Case(
        "DialtapStuckCalls", {f'dialtap_proxy_findings{{{NODE},proxy="edge-1",kind="stuck"}}': "0 2x40"}, "5m", "5m15s", f'{NODE},proxy="edge-1",kind="stuck"'
    ),
    Case("DialtapOldCall", {"dialtap_oldest_call_seconds": "43200+15x80"}, "10m", "10m15s", ""),
    Case("DialtapProxySilent", {f'dialtap_proxy_up{{{NODE},proxy="edge-1"}}': "1 0x40"}, "5m", "5m15s", f'{NODE},proxy="edge-1"'),
    Case(
        "DialtapOrdersNotConfirmed",
        {f'dialtap_orders_closed_total{{{NODE},outcome="one leg only: callee not confirmed"}}': "0x4 1x40"},
        "1m",
        "1m15s",
        f'{NODE},outcome="one leg only: callee not confirmed"',
    ),
    Case("DialtapOrdersWaiting", {'dialtap_orders_open{phase="requested"}': "0 1x40"}, "1m", "1m15s", 'phase="requested"'),
    Case("DialtapFeedFailing", {f"dialtap_feed_failing_seconds{{{RECEIVER}}}": "0 0+15x80"}, "6m15s", "6m30s", RECEIVER),
    Case("DialtapFeedDead", {f"dialtap_feed_dead_letters{{{RECEIVER}}}": "0x4 1x40"}, "1m", "1m15s", RECEIVER),
    Case("DialtapFeedDropped", {f"dialtap_feed_dropped_total{{{RECEIVER}}}": "0x4 1x40"}, "1m", "1m15s", RECEIVER),
    Case("DialtapRecorderBehind", {f'dialtap_queue_length{{{NODE},queue="recorder"}}': "0 1001x40"}, "2m", "2m15s", f'{NODE},queue="recorder"'),
    Case("DialtapLosing", {f'dialtap_lost_total{{{NODE},what="messages_disk"}}': "0x4 1x40"}, "1m", "1m15s", f'{NODE},what="messages_disk"'),
    Case("DialtapEngineLag", {f'{LAG}"1.0"}}': "0x80", f'{LAG}"2.5"}}': "0+1x80", f'{LAG}"+Inf"}}': "0+1x80"}, "5m", "5m15s", NODE),
)

NEVER = {
    "one call of a trunk that fails": (
        "DialtapTrunkFailing",
        {f"dialtap_peer_begun_total{{{TRUNK}}}": "0x20 1x80", f'dialtap_peer_failed_total{{{TRUNK},class="5xx"}}': "0x20 1x80"},
    ),
    "a trunk whose people are busy": (
        "DialtapTrunkFailing",
        {f"dialtap_peer_begun_total{{{TRUNK}}}": "0+1x80", f'dialtap_peer_failed_total{{{TRUNK},class="4xx"}}': "0+1x80"},
    ),
    "a third of a trunk's calls": (
        "DialtapTrunkFailing",
        {f"dialtap_peer_begun_total{{{TRUNK}}}": "0+3x80", f'dialtap_peer_failed_total{{{TRUNK},class="5xx"}}': "0+1x80"},
    ),
    "a phone that is off": (
        "DialtapTrunkFailing",
        {
            f'dialtap_peer_begun_total{{{NODE},peer="p",kind="phone"}}': "0+1x80",
            f'dialtap_peer_failed_total{{{NODE},peer="p",kind="phone",class="5xx"}}': "0+1x80",
        },
    ),
    "an ingest that was started again": ("DialtapCaptureDrops", {f"dialtap_tap_dropped_total{{{TAP}}}": "7x20 0x40"}),
    "orders that worked": ("DialtapOrdersNotConfirmed", {f'dialtap_orders_closed_total{{{NODE},outcome="both legs released"}}': "0+1x80"}),
    "a second without SIP": ("DialtapNoSip", {f"dialtap_tap_messages_total{{{TAP}}}": "0+9x10 90x10 90+9x60"}),
}
"What must not fire an alert, in twenty minutes."
