"""What is found wrong with a tap, in words."""

import pytest

from dashboard.live.findings import CHECKS, Finding, Item, findings, look, spoken_seconds
from dashboard.models import TapStatus
from dialogs.config import Config, Peer, Tap
from dialogs.taps.health import Agent, Health, Report, encode

NOW = 1_795_294_717 * 10**9
SECOND = 10**9
ONE_WAY = Agent("a", 20, 0, 0, one_way=True)
TWO = ("note", "HEP from 2 agents")
PEERS = (Peer("edge-1", ("192.0.2.1",), "proxy"), Peer("gw-2", ("192.0.2.2:5060",), "trunk"))


@pytest.fixture(autouse=True)
def configured(settings):
    settings.DIALTAP = Config(peer=PEERS, tap=Tap(quiet_seconds=60))


def found(report=None, **fields):
    """Return the findings of a tap with this report."""
    row = TapStatus(**({"name": "interface:eth1", "node": "n1", "at_ns": NOW, "newest_ns": NOW, "detail": encode(report or Report())} | fields))
    return findings(look(row, NOW))


def told(report=None, **fields):
    return [(finding.tone, finding.words) for finding in found(report, **fields)]


def health(**fields):
    return Report(health=Health(**fields))


CASES = {
    "nothing": (Report(), {}, []),
    "error": (Report(), {"error": "eth1: The interface went down"}, [("bad", "eth1: The interface went down")]),
    "stopped": (Report(), {"at_ns": NOW - 6 * SECOND}, [("bad", "stopped")]),
    "late, but there": (Report(), {"at_ns": NOW - 4 * SECOND}, []),
    "dropped": (Report(), {"dropped": 1234}, [("warn", "1,234 dropped")]),
    "engine lost": (Report(), {"name": "engine:n1", "dropped": 5}, [("warn", "5 lost")]),
    "quiet peer": (Report(heard={"edge-1": NOW - 75 * SECOND, "gw-2": NOW}), {}, [("warn", "no SIP from edge-1 for 75 s")]),
    "never heard": (Report(since_ns=NOW - 300 * SECOND, heard={"edge-1": 0, "gw-2": 0}), {}, [("warn", "no SIP from edge-1 for 5 min and 1 more")]),
    "just started": (Report(since_ns=NOW - 59 * SECOND, heard={"edge-1": 0}), {}, []),
    "evicted": (health(tcp_evicted=2), {}, [("warn", "2 TCP connections forgotten")]),
    "gaps": (health(tcp_gaps=12), {}, [("warn", "12 gaps in TCP")]),
    "incomplete": (health(incomplete=3), {}, [("warn", "3 fragmented messages incomplete")]),
    "known peer, one way": (health(one_way={"192.0.2.1": 30, "198.51.100.7": 20}), {}, [("warn", "only one direction of edge-1 and 1 more")]),
    "stranger, one way": (health(one_way={"198.51.100.7": 20}), {}, [("note", "only one direction of 198.51.100.7")]),
    "skew": (
        health(agents=(Agent("cap-7", 9, 12 * SECOND), Agent("cap-8", 9, SECOND))),
        {},
        [("warn", "clock of cap-7 12.0 s ahead"), TWO],
    ),
    "skews": (
        health(agents=(Agent("a", 1, -3 * SECOND), Agent("b", 1, 9 * SECOND))),
        {},
        [("warn", "clocks of 2 agents are off"), TWO],
    ),
    "agent, one way": (health(agents=(ONE_WAY,)), {}, [("warn", "one direction only from a"), ("note", "HEP from 1 agent")]),
    "agents, one way": (health(agents=(ONE_WAY, ONE_WAY)), {}, [("warn", "one direction only from 2 agents"), TWO]),
    "misdated": (health(agents=(Agent("a", 20, 0, 12),)), {}, [("warn", "12 messages dated by arrival"), ("note", "HEP from 1 agent")]),
    "proxy away": (Report(proxy_error="away", proxy_down_ns=NOW - 75 * SECOND), {}, [("warn", "the proxy does not answer for 75 s")]),
    "proxy differs": (Report(disagreeing={"stuck": 1, "missing": 0}), {}, [("warn", "1 call not as the proxy has them")]),
    "refused": (health(refused={"wrong key": 1200, "no key": 1}), {}, [("warn", "1,201 refused")]),
    "encrypted": (health(encrypted={"192.0.2.2": 7}), {}, [("note", "encrypted: feed it by HEP")]),
    "ICMP": (health(unreachable={"192.0.2.2": 7}), {}, [("note", "ICMP unreachable from 192.0.2.2")]),
    "unreadable": (health(undecodable={"cut short": 1234}), {"undecodable": 1234}, [("note", "1,234 not readable")]),
    "duplicates": (Report(), {"duplicates": 5}, [("note", "5 duplicates")]),
    "worst first": (health(tcp_gaps=1), {"error": "gone", "duplicates": 1}, [("bad", "gone"), ("warn", "1 gap in TCP"), ("note", "1 duplicate")]),
    "report of another version": (Report(), {"detail": "[]"}, []),
}


@pytest.mark.parametrize(("report", "fields", "expected"), CASES.values(), ids=CASES)
def test_tap_is_judged_in_words(report, fields, expected):
    assert told(report, **fields) == expected


def test_every_check_has_a_case():
    kinds = {words for _, _, expected in CASES.values() for _, words in expected}
    assert len(kinds) >= len(CHECKS)


def test_quiet_peers_are_named_with_their_silence():
    (quiet,) = found(Report(since_ns=NOW - 90 * 60 * SECOND, heard={"edge-1": NOW - 75 * SECOND, "gw-2": 0}))
    assert quiet.items == (Item("gw-2", "90 min, never", "gw-2"), Item("edge-1", "75 s", "edge-1"))


def test_nobody_is_quiet_when_it_is_switched_off(settings):
    settings.DIALTAP = Config(tap=Tap(quiet_seconds=0))
    assert told(Report(heard={"edge-1": NOW - 3600 * SECOND})) == []


def test_peers_are_called_by_name_and_found_by_it():
    (encrypted,) = found(health(encrypted={"192.0.2.1": 1200, "198.51.100.7": 3, "others": 2}))
    assert encrypted.items == (Item("edge-1", "1,200", "edge-1"), Item("198.51.100.7", "3", "198.51.100.7"), Item("others", "2"))


def test_agents_are_listed_with_their_messages_and_clocks():
    agents = (Agent("edge-1 (7) at 192.0.2.1", 12_345, -400_000_000), Agent("agent at 192.0.2.2", 1, 0))
    (listed,) = found(health(agents=agents), name="hep:127.0.0.1:9060")
    assert listed.items == (Item("edge-1 (7) at 192.0.2.1", "12,345, clock -0.4 s"), Item("agent at 192.0.2.2", "1, clock +0.0 s"))


@pytest.mark.parametrize(("tap", "words"), [("interface:eth1", "mirror both directions"), ("hep:127.0.0.1:9060", "trace_mode 1")])
def test_one_direction_is_mended_where_it_is_lost(tap, words):
    (missing,) = found(health(one_way={"192.0.2.1": 30}), name=tap)
    assert words in missing.advice


def test_interface_that_is_away_is_looked_for():
    (away,) = found(health(down_ns=NOW - SECOND), error="eth1: The interface went down")
    assert away == Finding("bad", "eth1: The interface went down", "Nothing is seen until it is back; it is looked for every 2 seconds.")


@pytest.mark.parametrize(("seconds", "words"), [(75, "75 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")])
def test_silence_is_spoken(seconds, words):
    assert spoken_seconds(seconds * SECOND) == words
