"""A whole scrape of a real ingest with real calls: what is in it, what is not, and that it is documented."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from dashboard.metrics.gathered import METRICS
from dashboard.metrics.metric import Kind
from dashboard.models import Alert, DeadLetter, FeedReceiver, Order, TapStatus
from dashboard.orders.closing import CLOSED
from dashboard.rpc.tokens import make
from dialogs.taps.health import Agent, Health, Report, encode
from tests.dashboard.ingest.test_loop import until
from tests.dashboard.metrics.scraping import NOWHERE, Series, get, running, series, value

pytestmark = [pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| `(dialtap_\w+)` \| (\w+) \| (.+?) \| (.{6,}) \|$", re.MULTILINE)
SECOND = 10**9
NOC = {"node": "elsewhere", "receiver": "webhook:noc"}


async def scrape(token: str) -> Series:
    answer = await get("/metrics", Authorization=f"Bearer {token}")
    assert answer.status == 200
    return series(answer.text)


async def reporting(token: str, wanted, seconds: float = 10.0) -> Series:
    """Return the first scrape that holds what is wanted: name, labels, value."""
    end = time.monotonic() + seconds
    while True:
        found = await scrape(token)
        missing = [(name, labels, told) for name, labels, number in wanted if (told := value(found, name, **labels)) != number]
        if not missing:
            return found
        assert time.monotonic() < end, missing
        await asyncio.sleep(0.1)


def other_node() -> None:
    """Have another machine's ingest report what is hard to have here, and a third one nothing for a while."""
    now_ns = time.time_ns()
    health = Health(undecodable={"HEP": 2}, skipped={"fragments": 4}, refused={"key": 3}, encrypted={"192.0.2.1": 5, "192.0.2.2": 6}, tcp_gaps=7)
    health = health.__class__(**{**{name: getattr(health, name) for name in health.__struct_fields__}, "agents": (Agent("a", 1, -3 * SECOND),)})
    for node, at_ns in (("other", now_ns + 600 * SECOND), ("gone", now_ns - 60 * SECOND), ("forgotten", now_ns - 2 * 86400 * SECOND)):
        TapStatus.objects.create(name=f"engine:{node}", node=node, at_ns=at_ns, detail=encode(Report(since_ns=at_ns - SECOND)))
        TapStatus.objects.create(name=f"hep:{node}", node=node, at_ns=at_ns, dropped=9, error="away", detail=encode(Report(health=health)))


def fed() -> None:
    """Have fed two receivers, of which one is away for a minute."""
    away = {"failures": 5, "queued": 13, "evicted": 3, "dead": 1, "failing_ns": time.time_ns() - 60 * SECOND}
    FeedReceiver.objects.create(node="elsewhere", name="webhook:noc", sent=7, **away)
    FeedReceiver.objects.create(node="elsewhere", name="file", sent=9)
    DeadLetter.objects.create(node="elsewhere", receiver="webhook:noc", revision=1, event="alert", body="{}", tries=8, first_ns=1, at_ns=2, error="x")


@pytest.mark.asyncio
async def test_scrape_says_what_happened_and_every_metric_is_in_it(tmp_path):
    token = (await sync_to_async(make)("prometheus", "read", by="ann"))[1]
    await sync_to_async(other_node)()
    await sync_to_async(fed)()
    await sync_to_async(Alert.objects.create)(at_ns=time.time_ns(), kind="limit", text="", node="elsewhere", limit="x", severity="critical")
    await sync_to_async(Order.objects.create)(call_text="a -> b", node="elsewhere", username="ann", reason="x", requested_ns=1)
    async with running(tmp_path) as here:
        here.answered("c1")
        here.send(1, 2, "INVITE", callid="c2")
        here.send(2, 3, "INVITE branch=p2", callid="c2")
        here.send(3, 2, "503 branch=p2", callid="c2")
        here.send(2, 1, "503", callid="c2")
        here.agent.sendto(b"HEP3\0\1", ("127.0.0.1", here.port))
        node, gw_3 = {"node": "node"}, {"node": "node", "peer": "gw-3", "kind": "trunk"}
        found = await reporting(
            token,
            [
                ("dialtap_calls", node | {"state": "in_call"}, 1),
                ("dialtap_calls_begun_total", node, 2),
                ("dialtap_calls_answered_total", node, 1),
                ("dialtap_final_responses_total", node | {"class": "5xx", "code": "503"}, 1),
                ("dialtap_final_responses_total", node | {"class": "5xx", "code": "500"}, 0),
                ("dialtap_setup_seconds_count", node, 1),
                ("dialtap_talk_seconds_count", node, 0),
                ("dialtap_dialogs", node | {"state": "ongoing"}, 1),
                ("dialtap_dialogs_processed_total", node, 2),
                ("dialtap_dialogs_failed_total", node, 1),
                ("dialtap_profile_calls", node | {"profile": "caller"}, 1),
                ("dialtap_profile_value_calls", node | {"profile": "caller", "value": "sip:alice@example.org"}, 1),
                ("dialtap_peer_begun_total", gw_3, 2),
                ("dialtap_peer_live_calls", gw_3, 1),
                ("dialtap_peer_answered_total", gw_3, 1),
                ("dialtap_peer_failed_total", gw_3 | {"class": "5xx"}, 1),
                ("dialtap_peer_failed_total", gw_3 | {"class": "4xx"}, 0),
                ("dialtap_tap_messages_total", node | {"tap": f"hep:127.0.0.1:{here.port}"}, 10),
                ("dialtap_tap_undecodable_total", node | {"tap": f"hep:127.0.0.1:{here.port}", "cause": "HEP"}, 1),
                ("dialtap_proxy_up", node | {"proxy": NOWHERE}, 0),
                ("dialtap_alerts_open", {"severity": "critical"}, 1),
                ("dialtap_orders_open", {"phase": "requested"}, 1),
                ("dialtap_feed_sent_total", NOC, 7),
                ("dialtap_feed_failures_total", NOC, 5),
                ("dialtap_feed_dropped_total", NOC, 3),
                ("dialtap_feed_waiting", NOC, 2),
                ("dialtap_feed_dead_letters", NOC, 1),
                ("dialtap_feed_failing_seconds", NOC | {"receiver": "file"}, 0),
                ("dialtap_database_up", {}, 1),
                ("dialtap_hub_clients", {}, 0),
            ],
        )
        assert 60 <= (value(found, "dialtap_feed_failing_seconds", **NOC) or 0) < 120
        lag, taps = value(found, "dialtap_engine_lag_seconds_count", **node), f"hep:127.0.0.1:{here.port}"
        age = value(found, "dialtap_tap_newest_packet_age_seconds", node="node", tap=taps)
        assert (lag or 0) > 0
        assert age is not None
        assert 0 <= age < 60
        there = {"node": "other", "tap": "hep:other"}
        assert [value(found, name, **there) for name in ("dialtap_tap_up", "dialtap_tap_dropped_total", "dialtap_tap_encrypted_total")] == [0, 9, 11]
        assert value(found, "dialtap_tap_clock_skew_seconds", **there) == 3
        assert {name: value(found, "dialtap_ingest_up", node=name) for name in ("node", "other", "gone", "forgotten")} == {
            "node": 1, "other": 1, "gone": 0, "forgotten": None,
        }  # fmt: skip
        assert [name for (name, labels) in found if ("node", "gone") in labels] == [
            "dialtap_ingest_up",
            "dialtap_ingest_report_age_seconds",
            "dialtap_ingest_start_time_seconds",
        ]
        names = {re.sub(r"_(bucket|sum|count)$", "", name) if ("_seconds" in name) else name for name, _ in found if name.startswith("dialtap_")}
        assert names == {metric.name for metric in METRICS}
        labels = {metric.name: set(metric.labels) for metric in METRICS}
        told = {(re.sub(r"_(bucket|sum|count)$", "", name), frozenset(key for key, _ in pairs if key != "le")) for name, pairs in found if name in labels}
        assert [(name, keys) for name, keys in told if labels[name] != keys] == []


@pytest.mark.asyncio
async def test_order_that_is_closed_counts_by_its_outcome(tmp_path):
    before = dict(CLOSED)
    async with running(tmp_path):
        order = {"kind": Order.Kind.END, "call_text": "a -> b", "node": "node", "username": "ann", "reason": "x"}
        await sync_to_async(Order.objects.create)(requested_ns=time.time_ns(), **order)
        await until(lambda: Order.objects.exclude(phase__in=Order.OPEN).first())
    assert {outcome: count - before[outcome] for outcome, count in CLOSED.items() if count != before[outcome]} == {"already ended": 1}


def test_metrics_page_lists_every_metric_as_it_is():
    page = (ROOT / "docs" / "metrics.md").read_text()
    listed = [(name, kind, labels) for name, kind, labels, _ in ROW.findall(page)]
    assert sorted(listed) == sorted((metric.name, metric.kind.value, ", ".join(f"`{label}`" for label in metric.labels) or "-") for metric in METRICS)


def test_names_follow_prometheus_rules():
    names = [metric.name for metric in METRICS]
    counters = {metric.name for metric in METRICS if metric.kind == Kind.COUNTER}
    assert len(set(names)) == len(names)
    assert counters == {name for name in names if name.endswith("_total")}
    assert {name.removesuffix("_total") for name in counters} & set(names) == set()
    assert [metric.name for metric in METRICS if (metric.kind == Kind.HISTOGRAM) != bool(metric.bounds)] == []
