"""What goes through each peer."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dialogs.config import Peer
from dialogs.insight import traffic
from dialogs.insight.peers import PeerNames
from dialogs.insight.traffic import SPAN_NS, PeerTraffic, Traffic
from tests.dashboard.history.calls import call

NOW = 1_000_000 * SPAN_NS + 5 * 10**9
PEERS = (Peer("edge-1", ("192.0.2.1",), "proxy"), Peer("gw-2", ("192.0.2.2:5060",), "trunk"))
PHONE, EDGE, GW = "192.0.2.7:5060", "192.0.2.1:5060", "192.0.2.2:5060"


def counting() -> PeerTraffic:
    return PeerTraffic(PeerNames(PEERS))


def one(number: int = 1, *, state: int = 4, hosts: tuple[str, ...] = (PHONE, EDGE, GW), at_ns: int = NOW, **fields: Any):
    times = {"init_ns": at_ns, "ring_ns": 0, "start_ns": at_ns + 2 * 10**9 if state in (3, 4) else 0, "last_ns": at_ns + 3}
    return call(number, state=state, hosts=hosts, **(times | fields))


def seen(found: PeerTraffic, now_ns: int = NOW) -> dict[str, tuple[Any, ...]]:
    """Return name -> (live, begun, answered, failed, codes) of the peers of which there is something to say."""
    told = {each.name: (each.live, each.begun, each.answered, each.failed, each.codes) for each in found.top(50, now_ns)}
    return {name: figures for name, figures in told.items() if any(figures)}


def test_every_peer_of_the_configuration_is_there_before_any_call():
    assert counting().top(50, NOW) == [Traffic("edge-1", "proxy", 0, 0, 0, 0, 0, {}, 0), Traffic("gw-2", "trunk", 0, 0, 0, 0, 0, {}, 0)]


def test_call_counts_with_all_who_have_a_part_in_it_once():
    found = counting()
    found.take([(one(hosts=(PHONE, EDGE, "192.0.2.1:5062", GW)), True)], NOW)
    assert seen(found) == dict.fromkeys(("edge-1", "gw-2", "192.0.2.7"), (1, 1, 1, 0, {}))


def test_peer_that_joins_later_has_the_call_from_its_beginning():
    found = counting()
    found.take([(one(state=1, hosts=(PHONE, EDGE)), True)], NOW)
    before = seen(found)
    found.take([(one(state=4), False)], NOW)
    assert (before, seen(found)) == (dict.fromkeys(("edge-1", "192.0.2.7"), (1, 1, 0, 0, {})), dict.fromkeys(("edge-1", "gw-2", "192.0.2.7"), (1, 1, 1, 0, {})))


def test_trunk_that_answers_503_is_told_from_the_proxy_before_it():
    found = counting()
    calls = [(one(number, state=5, end_code=503, hosts=(PHONE, EDGE, GW)), True) for number in range(3)]
    calls += [(one(number, hosts=(PHONE, EDGE)), True) for number in range(3, 10)]
    found.take(calls, NOW)
    assert {name: figures for name, figures in seen(found).items() if name != "192.0.2.7"} == {
        "edge-1": (7, 10, 7, 3, {503: 3}),
        "gw-2": (0, 3, 0, 3, {503: 3}),
    }


def test_call_that_ended_is_not_counted_again_when_something_more_is_seen_of_it():
    found = counting()
    found.take([(one(state=5, end_code=486), True)], NOW)
    found.take([(one(state=5, end_code=486), False)], NOW)
    assert seen(found)["gw-2"] == (0, 1, 0, 1, {486: 1})


def test_challenged_call_that_comes_back_has_not_failed():
    found = counting()
    found.take([(one(state=5, end_code=401), True)], NOW)
    refused = seen(found)["gw-2"]
    found.take([(one(state=1), False)], NOW)
    found.take([(one(state=4), False)], NOW)
    assert (refused, seen(found)["gw-2"]) == ((0, 1, 0, 1, {401: 1}), (1, 1, 1, 0, {}))


def test_call_of_before_a_restart_counts_as_live():
    found = counting()
    found.take([(one(at_ns=NOW - 9 * SPAN_NS), False)], NOW)
    live = seen(found)["gw-2"]
    found.take([(one(at_ns=NOW - 9 * SPAN_NS, state=5), False)], NOW)
    assert (live, seen(found)) == ((1, 0, 0, 0, {}), {})


def test_figures_are_of_the_last_two_spans_and_say_since_when():
    found = counting()
    shown = []
    for span in range(4):
        now_ns = NOW + span * SPAN_NS
        found.take([(one(span, at_ns=now_ns), True)], now_ns)
        shown.append((seen(found, now_ns)["gw-2"][:2], (now_ns - found.since_ns(now_ns)) // SPAN_NS))
    assert shown == [((1, 1), 1), ((2, 2), 1), ((3, 2), 1), ((4, 2), 1)]


def test_what_becomes_of_a_call_counts_where_it_began():
    found = counting()
    found.take([(one(state=2), True)], NOW)
    later = NOW + SPAN_NS
    found.take([(one(state=5, end_code=487), False)], later)
    gone = NOW + 2 * SPAN_NS
    assert (seen(found, later)["gw-2"], seen(found, gone)) == ((0, 1, 0, 1, {487: 1}), {})


def test_setup_time_is_the_mean_to_the_first_sign():
    found = counting()
    second = 10**9
    found.take([(one(1, ring_ns=NOW + second), True), (one(2, ring_ns=0, start_ns=NOW + 4 * second), True), (one(3, state=1), True)], NOW)
    assert [each.setup_ns for each in found.top(0, NOW)] == [2.5 * second, 2.5 * second]


def test_codes_are_capped_and_none_is_lost():
    found = counting()
    found.take([(one(number, state=5, end_code=400 + number), True) for number in range(40)], NOW)
    codes = {each.name: each.codes for each in found.top(0, NOW)}["gw-2"]
    assert (len(codes), sum(codes.values()), codes[0]) == (17, 40, 24)


def test_addresses_are_capped_counted_and_the_busiest_are_told(monkeypatch):
    monkeypatch.setattr(traffic, "OTHERS_MAX", 5)
    found = counting()
    found.take([(one(number, hosts=(f"198.51.100.{number}:5060", EDGE)), True) for number in range(8)], NOW)
    found.take([(one(number, state=5, hosts=(f"198.51.100.{number}:5060", EDGE)), False) for number in range(7)], NOW)
    told = [each.name for each in found.top(2, NOW)]
    assert (len(found), found.forgotten, told[:3], seen(found)["edge-1"][0]) == (5, 3, ["edge-1", "gw-2", "198.51.100.7"], 1)


def test_ended_calls_are_forgotten_beyond_a_cap(monkeypatch):
    monkeypatch.setattr(traffic, "ENDED_MAX", 2)
    found = counting()
    found.take([(one(number, state=5, end_code=401), True) for number in range(4)], NOW)
    found.take([(one(number, state=1), False) for number in range(4)], NOW)
    assert (seen(found)["gw-2"][0], seen(found)["gw-2"][4], len(found._ended)) == (4, {401: 2}, 0)


MOVES = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([1, 2, 4, 5]), st.sampled_from([0, 401, 503]), st.integers(1, 3), st.integers(0, 40)), max_size=40
)


@given(MOVES)
def test_live_is_what_is_live_whatever_happens(moves):
    found, known, now_ns = counting(), {}, NOW
    for number, state, code, hosts, seconds in moves:
        now_ns += seconds * 10**9
        told = one(number, state=state, end_code=code if state == 5 else 0, hosts=(PHONE, EDGE, GW)[: max(hosts, known.get(number, (0, 0))[1])])
        found.take([(told, number not in known)], now_ns)
        known[number] = (state, len(told.hosts))
    live = {name: sum(1 for state, hosts in known.values() if state < 5 and hosts > place) for place, name in enumerate(("192.0.2.7", "edge-1", "gw-2"))}
    assert {each.name: each.live for each in found.top(9, now_ns) if each.live} == {name: count for name, count in live.items() if count}
    assert all(min(each.begun, each.answered, each.failed, *each.codes.values(), 0) == 0 for each in found.top(9, now_ns))


def totals(found: PeerTraffic) -> dict[str, tuple[int, int, int, dict[int, int]]]:
    """Return name -> (live, begun, answered, failed that there are) of the configured peers."""
    return {
        name: (live, told.begun, told.answered, {kind: count for kind, count in told.failed.counts.items() if count}) for name, _, live, told in found.named()
    }


def test_totals_of_configured_peers_only_grow():
    found = counting()
    found.take([(one(1), True), (one(2, state=5, end_code=503), True), (one(3, state=5, end_code=407), True)], NOW)
    first = totals(found)
    found.take([(one(3), False)], NOW)  # with credentials
    second = totals(found)
    found.take([(one(3, state=5, end_code=487), False), (one(4, state=5, end_code=404, at_ns=NOW + 3 * SPAN_NS), True)], NOW + 3 * SPAN_NS)
    gw_2 = [told["gw-2"] for told in (first, second, totals(found))]
    assert gw_2 == [(1, 3, 1, {4: 1, 5: 1}), (2, 3, 2, {4: 1, 5: 1}), (1, 4, 2, {4: 2, 5: 1})]


def test_what_a_restart_brings_back_is_no_news_for_the_totals():
    found = counting()
    found.take([(one(1), False), (one(2, state=2), False)], NOW)
    found.take([(one(2), False), (one(1, state=5), False)], NOW)
    assert totals(found)["gw-2"] == (1, 0, 1, {})  # what it does from then on is
