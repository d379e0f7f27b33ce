"""What each ingest measures of itself: read beside the taps once a second, stored with its report. Knows the ingest's parts; counts nothing itself.

Every reader takes the ingest (`dashboard.ingest.loop.Ingest`) and gives numbers that are there already. A label whose values are known begins at 0, for
Prometheus sees no increase in a series that was not there before.
"""

import os
import resource
from collections.abc import Iterable, Iterator
from typing import Any

from dashboard.metrics.metric import OTHERS, Kind, Metric
from dashboard.orders.closing import CLOSED
from dialogs.engine.listing import active_by_state, statistics
from dialogs.engine.states import State
from dialogs.insight.totals import SETUP_BOUNDS, TALK_BOUNDS, WORK_BOUNDS

COUNTER, GAUGE, HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
SECOND = 1e9
PAGE = os.sysconf("SC_PAGESIZE")
PEERS_MAX = 200
"Peers of the configuration with a line of their own; the rest is summed up."

STATES = {"setting_up": State.UNCONFIRMED, "ringing": State.EARLY, "no_ack": State.CONFIRMED_NA, "in_call": State.CONFIRMED}
CODES = range(300, 700)
"Final answers that refuse; any other number is no answer of SIP."


def calls_by_state(node: Any) -> dict[str, float]:
    """Return the live calls."""
    return {name: node.engine.calls.by_state[state] for name, state in STATES.items()}


def dialogs_by_state(node: Any) -> dict[str, float]:
    """Return the live dialogs as dlg.stats_active has them."""
    return {name: count for name, count in active_by_state(node.engine.records).items() if name != "all"}


def final_codes(node: Any) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield (class, code), attempts that ended so."""
    for first in (3, 4, 5, 6):
        yield (f"{first}xx", f"{first}00"), 0
    for code, count in list(node.sampling.tally.totals.codes.counts.items()):
        if code:
            yield ((f"{code // 100}xx", str(code)) if code in CODES else ("other", "other")), count


def profile_calls(node: Any) -> dict[str, float]:
    """Return the size of each profile."""
    return {name: sum(values.values()) for name, values in node.named.sizes()}


def profile_values(node: Any) -> dict[str, float]:
    """Return how many values each profile has now."""
    return {name: len(values) for name, values in node.named.sizes()}


def lost(node: Any) -> dict[str, float]:
    """Return what was lost, by what it was and why."""
    recorder, pending = node.recorder, node.pending
    return {
        "calls_memory": node.engine.evicted,
        "calls_waiting": recorder.dropped,
        "calls_rejected": recorder.rejected,
        "messages_memory": pending.messages_lost,
        "messages_disk": recorder.messages_lost,
        "notices": pending.notices_lost,
        "limit_events": node.limits.lost,
    }


def forgotten(node: Any) -> dict[str, float]:
    """Return what a bounded store let go of: figures are less exact, no call is missing."""
    return {
        "callers": node.engine.calls.callers.forgotten,
        "peers": node.traffic.forgotten,
        "profile_values": node.engine.calls.profiles.refused,
        "profile_minutes": node.trend.lost,
        "key_figures": node.sampling.tally.forgotten,
        "message_budgets": node.recorder.budget.forgotten,
    }


def queues(node: Any) -> dict[str, float]:
    """Return what waits, by queue."""
    return {"tick": node.pending.waiting, "recorder": len(node.recorder.waiting), "orders": node.orders.under_way, "limit_events": node.limits.waiting}


def peers(node: Any) -> Iterator[tuple[str, str, int, Any]]:
    """Yield (name, kind, calls now, totals) of each peer of the configuration."""
    for place, (name, kind, live, totals) in enumerate(node.traffic.named()):
        yield (name, kind, live, totals) if place < PEERS_MAX else (OTHERS, "", live, totals)


def peer_failures(node: Any) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Yield (peer, kind, class), attempts that ended so."""
    for name, kind, _, totals in peers(node):
        yield from (((name, kind, f"{first}xx"), count) for first, count in list(totals.failed.counts.items()) if 3 <= first <= 6)


def peer_silences(node: Any) -> Iterator[tuple[tuple[str], float]]:
    """Yield each watched peer and the seconds since SIP of it was seen, since the start for never."""
    now_ns, since_ns = node.clock(), node.status.since_ns
    for name, heard_ns in node.status.heard.last.items():
        yield (name,), max(0, now_ns - (heard_ns or since_ns)) / SECOND


def proxies(node: Any) -> Iterable[tuple[tuple[str, str], float]]:
    """Return (proxy, side), live calls when its table was last compared with ours."""
    return [((one.label, side), count) for one in node.proxies.each for side, count in zip(("ours", "theirs"), one.totals, strict=True)]


def findings(node: Any) -> Iterable[tuple[tuple[str, str], float]]:
    """Return (proxy, kind), calls on which its table and ours do not agree."""
    return [((one.label, kind), count) for one in node.proxies.each for kind, count in one.counts.items()]


def rpc(node: Any) -> dict[str, float]:
    """Return what came to the ingest's door."""
    door = node.door
    return {"requests": door.requests, "faults": door.faults, "malformed": door.malformed, "connections": door.connections, "refused": door.refused}


def cpu_seconds(_: Any) -> float:
    """Return the processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_bytes(_: Any) -> float:
    """Return the memory of this process; 0 where the kernel does not tell it so."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 -- once a second
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0


NODE = (
    Metric("dialtap_calls", GAUGE, "Live calls on the wire, by state.", ("node", "state"), calls_by_state),
    Metric("dialtap_calls_begun_total", COUNTER, "Calls that began.", ("node",), lambda n: n.sampling.tally.totals.begun),
    Metric("dialtap_calls_answered_total", COUNTER, "Calls that were answered.", ("node",), lambda n: n.sampling.tally.totals.answered),
    Metric("dialtap_calls_expired_total", COUNTER, "Calls of which nothing was seen for too long.", ("node",), lambda n: n.engine.calls.expired),
    Metric("dialtap_calls_joined_late_total", COUNTER, "Calls whose INVITE was not seen.", ("node",), lambda n: n.engine.calls.late_joins),
    Metric("dialtap_anomalies_total", COUNTER, "Messages that are impossible in their call's state.", ("node",), lambda n: n.engine.calls.anomalies),
    Metric("dialtap_final_responses_total", COUNTER, "Attempts that failed, by final answer.", ("node", "class", "code"), final_codes),
    Metric("dialtap_setup_seconds", HISTOGRAM, "From the INVITE to the answer.", ("node",), lambda n: n.sampling.tally.totals.setup, SETUP_BOUNDS),
    Metric("dialtap_talk_seconds", HISTOGRAM, "From the answer to the end.", ("node",), lambda n: n.sampling.tally.totals.talk, TALK_BOUNDS),
    Metric("dialtap_dialogs", GAUGE, "Live dialogs as Kamailio's dlg.stats_active counts them.", ("node", "state"), dialogs_by_state),
    Metric("dialtap_dialogs_processed_total", COUNTER, "Kamailio's processed_dialogs.", ("node",), lambda n: statistics(n.engine.records)["processed_dialogs"]),
    Metric("dialtap_dialogs_failed_total", COUNTER, "Kamailio's failed_dialogs.", ("node",), lambda n: statistics(n.engine.records)["failed_dialogs"]),
    Metric("dialtap_dialogs_expired_total", COUNTER, "Kamailio's expired_dialogs.", ("node",), lambda n: statistics(n.engine.records)["expired_dialogs"]),
    Metric("dialtap_profile_calls", GAUGE, "Calls in a profile.", ("node", "profile"), profile_calls),
    Metric("dialtap_profile_values", GAUGE, "Values that a profile has now.", ("node", "profile"), profile_values),
    Metric(
        "dialtap_profile_value_calls", GAUGE, "Calls of a profile's greatest values, of all others together.", ("node", "profile", "value"),
        lambda n: n.named.named(), numbers=True,
    ),
    Metric("dialtap_engine_packets_total", COUNTER, "Packets that the engine was given.", ("node",), lambda n: n.engine.packets),
    Metric("dialtap_engine_messages_total", COUNTER, "SIP messages among them.", ("node",), lambda n: n.engine.messages),
    Metric("dialtap_engine_not_sip_total", COUNTER, "Packets that are no SIP.", ("node",), lambda n: n.engine.not_sip),
    Metric("dialtap_engine_outside_total", COUNTER, "SIP messages that belong to no call.", ("node",), lambda n: n.engine.outside),
    Metric("dialtap_engine_duplicates_total", COUNTER, "SIP messages that a mirror gave twice.", ("node",), lambda n: n.engine.mirrored),
    Metric("dialtap_engine_lag_seconds", HISTOGRAM, "From capture to engine, of the newest packet of each read.", ("node",), lambda n: n.lag, WORK_BOUNDS),
    Metric("dialtap_tick_seconds", HISTOGRAM, "What a tick takes: collecting, writing, orders.", ("node",), lambda n: n.ticks, WORK_BOUNDS),
    Metric("dialtap_queue_length", GAUGE, "What waits.", ("node", "queue"), queues),
    Metric("dialtap_pending_bytes", GAUGE, "Bytes of messages that wait for the next tick.", ("node",), lambda n: n.pending.bytes),
    Metric("dialtap_recorder_up", GAUGE, "1 while the recorder can write.", ("node",), lambda n: not n.recorder.error),
    Metric("dialtap_recorder_batch_rows", GAUGE, "Calls of its next transaction: fewer when the database is slow.", ("node",), lambda n: n.recorder.batch),
    Metric("dialtap_lost_total", COUNTER, "Calls, messages and notices that were lost.", ("node", "what"), lost),
    Metric("dialtap_forgotten_total", COUNTER, "What a bounded store of figures let go of.", ("node", "what"), forgotten),
    Metric("dialtap_orders_closed_total", COUNTER, "Orders that are closed, by what the wire proved.", ("node", "outcome"), lambda _: CLOSED),
    Metric("dialtap_peer_live_calls", GAUGE, "Live calls through a peer.", ("node", "peer", "kind"), lambda n: [((p, k), c) for p, k, c, _ in peers(n)]),
    Metric(
        "dialtap_peer_begun_total", COUNTER, "Calls in which a peer had a part.", ("node", "peer", "kind"),
        lambda n: [((p, k), told.begun) for p, k, _, told in peers(n)],
    ),
    Metric(
        "dialtap_peer_answered_total", COUNTER, "Of these, answered.", ("node", "peer", "kind"),
        lambda n: [((p, k), told.answered) for p, k, _, told in peers(n)],
    ),
    Metric("dialtap_peer_failed_total", COUNTER, "Of these, refused, by class of the final answer.", ("node", "peer", "kind", "class"), peer_failures),
    Metric("dialtap_peer_silence_seconds", GAUGE, "Since SIP of a watched peer was seen.", ("node", "peer"), peer_silences),
    Metric("dialtap_proxy_up", GAUGE, "1 while a proxy tells its table.", ("node", "proxy"), lambda n: {one.label: not one.error for one in n.proxies.each}),
    Metric("dialtap_proxy_calls", GAUGE, "Live calls through a proxy, ours and its own.", ("node", "proxy", "side"), proxies),
    Metric("dialtap_proxy_findings", GAUGE, "Calls on which its table and ours do not agree.", ("node", "proxy", "kind"), findings),
    Metric("dialtap_rpc_total", COUNTER, "What came to the ingest's door for programs.", ("node", "what"), rpc),
    Metric("dialtap_ingest_cpu_seconds_total", COUNTER, "Processor time of the ingest's process.", ("node",), cpu_seconds),
    Metric("dialtap_ingest_resident_bytes", GAUGE, "Memory of the ingest's process.", ("node",), resident_bytes),
)  # fmt: skip
