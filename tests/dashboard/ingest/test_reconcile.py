"""The comparison with a proxy's table, as the ingest runs it: against a proxy that says what the test tells it to."""

import json

import pytest

from dashboard.ingest import reconcile as module
from dashboard.ingest.reconcile import Proxies, ended_of
from dashboard.live.proxies import compared, sections, standing
from dashboard.models import ProxyTable
from dialogs.config import Config, Control, Dialog
from dialogs.config import Proxy as Place
from dialogs.control.asking import Unanswered
from dialogs.control.reconcile import AGAIN_NS, GRACE_NS, Held
from dialogs.engine import Engine
from tests.dashboard.history.calls import change
from tests.dashboard.live.people import NOW, call, record
from tests.dialogs.ladder import START_NS, feed, packets

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:8060/RPC"


class Proxy:
    """Holds dialogs; asked instead of a Kamailio."""

    def __init__(self, *dialogs):
        self.dialogs = list(dialogs)
        self.away = self.listings = 0
        self.complete = True

    async def totals(self):
        if self.away:
            raise Unanswered("Kamailio is away")
        return tuple(sum(held.state == state for held in self.dialogs) for state in (1, 2, 3, 4))

    async def listing(self, _total):
        self.listings += 1
        return self.dialogs, self.complete


class Node:
    """A node without a loop: the test says when it looks."""

    def __init__(self, *calls, sockets=(), url=URL, proxy=()):
        self.now_ns = NOW
        self.engine = Engine(Config(), "n1")
        config = Config(dialog=Dialog(sockets=sockets), control=Control(kamailio_url=url), proxy=proxy)
        self.proxies = Proxies(config, self.engine, lambda tap: tap == "file:x", lambda: self.now_ns)
        self.proxy = Proxy()
        self.know(*calls)

    def know(self, *calls):
        for known in calls:
            self.engine.calls.by_state[known.state] += known.state < 5
        self.proxies.take([change(known) for known in calls])

    @property
    def reconciling(self):
        return self.proxies.each[0]

    async def look(self, times=1, after_ns=0):
        self.now_ns += after_ns
        for _ in range(times):
            wait = await self.reconciling.round(self.proxy, in_place)
        return wait


async def in_place(work, *arguments):
    return work(*arguments)


def held(snapshot, state=4):
    return Held((snapshot.call_id, snapshot.caller.tag), state, 7, 9)


@pytest.fixture
def direct(monkeypatch):
    """Let the history be asked in the test's own thread."""
    rows = {}
    monkeypatch.setattr(module, "ended_of", lambda extra: {one.key: rows[one.key] for one in extra if one.key in rows})
    return rows


def test_only_calls_that_the_wire_showed_to_end_are_ended():
    ended = {"state": 5, "end_ns": NOW}
    record(call(1, **ended), call(2), call(3, **ended, end_reason="not seen since restart"), call(4, **ended, end_reason="x"))
    assert {found.uid for found in ended_of([held(call(number)) for number in (1, 2, 3, 4, 5)]).values()} == {call(1).uid, call(4).uid}


@pytest.mark.asyncio
async def test_what_is_stuck_is_found_and_goes_when_the_proxy_lets_go(direct):
    node = Node(call(1))
    node.proxy.dialogs = [held(call(1)), held(call(2))]
    direct[held(call(2)).key] = module.Ended(call(2).uid, NOW - GRACE_NS)
    assert (await node.look(), await node.look(2)) == (module.SOON, module.SOON)
    assert (node.proxy.listings, node.reconciling.reconciler.findings) == (1, ())
    assert await node.look(after_ns=AGAIN_NS) == 10
    assert node.proxies.report()["disagreeing"] == {"stuck": 1, "missing": 0, "differs": 0}
    node.proxy.dialogs.pop()
    await node.look(3)
    assert (node.reconciling.reconciler.findings, node.proxy.listings) == ((), 3)
    assert (await node.look(), node.reconciling.reconciler.agreed) == (10, True)


@pytest.mark.asyncio
async def test_tables_that_agree_are_never_listed():
    node = Node(call(1))
    node.proxy.dialogs = [held(call(1))]
    assert (await node.look(5), node.proxy.listings) == (10, 0)


@pytest.mark.asyncio
async def test_a_proxy_that_is_away_is_said_once(caplog):
    node = Node()
    node.proxy.away = True
    assert await node.look(3) == 10
    assert (node.proxies.report()["proxy_error"], node.proxies.report()["proxy_down_ns"]) == ("Kamailio is away", NOW)
    node.proxy.away = False
    await node.look(2)
    assert (node.reconciling.error, node.reconciling.since_ns) == ("", 0)
    assert sum("answer" in line.getMessage() for line in caplog.records) == 2


@pytest.mark.parametrize(
    ("given", "sockets", "through"),
    [
        ({}, (), True),
        ({"did_seen": False}, (), False),
        ({"did_seen": False}, ("udp:192.0.2.1:5060",), True),
        ({"did_seen": False}, ("udp:192.0.2.99:5060",), False),
        ({"tap": "file:x"}, (), False),
    ],
    ids=["cookie", "no cookie", "socket", "another socket", "recording"],
)
def test_calls_through_the_proxy_are_compared(given, sockets, through):
    node = Node(call(1, **given), sockets=sockets)
    assert bool(node.reconciling.reconciler.ours) is through


def test_restored_calls_are_compared():
    node = Node()
    feed(node.engine, packets("alice -> bob INVITE\nbob -> alice 200\nalice -> bob ACK", START_NS))
    node.proxies.begin()
    assert [known.state for known in node.reconciling.reconciler.elsewhere.values()] == [4]


@pytest.mark.parametrize("node", [Node(url="")], ids=["no address"])
def test_nothing_is_asked_when_nothing_is_configured(node):
    node.know(call(1))
    node.proxies.begin()
    assert node.proxies.each == []


@pytest.mark.asyncio
async def test_loop_and_close_end_at_once_without_a_proxy():
    node = Node(url="")
    await node.proxies.run(in_place)
    await node.proxies.close()


def stored(node):
    """Write what a node found; return it as pages read it."""
    node.reconciling._store()
    (one,) = compared(node.now_ns)
    return one


def test_findings_are_stored_and_shown_with_their_evidence():
    record(call(1, state=5, end_ns=NOW, ended_by="caller", last_event="BYE"), call(2), call(3, state=5, end_ns=NOW, ended_by="timeout", end_reason="gone"))
    node = Node(call(2))
    reconciler = node.reconciling.reconciler
    ended = {held(call(number)).key: module.Ended(call(number).uid, 0) for number in (1, 3, 4)}
    for at_ns in (NOW + GRACE_NS * 10, NOW + GRACE_NS * 11):
        reconciler.settle(reconciler.compare([held(call(number)) for number in (1, 3, 4, 5)], complete=True), ended, at_ns)
    node.reconciling.totals = (1, 4)
    one = stored(node)
    assert (one.disagreeing, one.stored.unseen, standing(NOW)) == (4, 1, [("proxy", 1, 4, 4)])
    shown = [(section.kind, section.total, [found.evidence for found in section.found]) for section in sections(one)]
    assert shown == [
        ("stuck", 3, ["BYE by the caller", "ACK: gone", "no longer stored"]),
        ("missing", 1, ["ACK"]),
        ("differs", 0, []),
    ]
    assert sections(one)[0].found[0].states == "wire: Ended, proxy: In call"


def test_a_proxy_that_does_not_say_is_stored_as_such():
    node = Node()
    node.reconciling._down("Kamailio is away")
    assert (stored(node).table.error, standing(NOW)[0].theirs, standing(NOW + 3600 * 10**9)) == ("Kamailio is away", -1, [])


def test_what_another_version_stored_is_nothing():
    ProxyTable.objects.create(node="n1", at_ns=NOW, proxy=URL, detail="[1]")
    assert compared(NOW)[0].disagreeing == 0


# Several proxies

EDGES = tuple(Place(f"edge-{number}", URL, (f"udp:192.0.2.{number}:5060",)) for number in (1, 2))


def through(number, *hosts, **given):
    """Return a call that was seen at these addresses."""
    return call(number, hosts=(*hosts, "192.0.2.7:5060"), **given)


def test_each_proxy_is_compared_with_the_calls_that_went_through_it():
    first, second, both, neither = ("192.0.2.1:5060",), ("192.0.2.2:5060",), ("192.0.2.1:5060", "192.0.2.2:5060"), ()
    node = Node(through(1, *first), through(2, *second), through(3, *both), through(4, *neither), through(5, *first, did_seen=False), proxy=EDGES)
    found = [{wire.uid: wire.known for wire in one.reconciler.ours.values()} for one in node.proxies.each]
    assert found == [{call(1).uid: True, call(3).uid: False, call(5).uid: False}, {call(2).uid: True, call(3).uid: False}]


def test_findings_and_figures_name_their_proxy():
    node = Node(proxy=EDGES)
    for one, totals in zip(node.proxies.each, ((3, 4), (5, 5)), strict=True):
        one.totals = totals
        one._store()
    node.proxies.each[1]._down("Kamailio is away")
    node.proxies.each[1]._store()
    assert standing(NOW) == [("edge-1", 3, 4, 0), ("edge-2", 5, -1, 0)]
    assert node.proxies.report() == {
        "proxy_error": "edge-2: Kamailio is away",
        "proxy_down_ns": NOW,
        "disagreeing": {"stuck": 0, "missing": 0, "differs": 0},
    }


def test_tables_of_proxies_that_are_not_configured_any_more_are_forgotten():
    for node, name in (("n1", "edge-1"), ("n1", "edge-9"), ("n2", "edge-9")):
        ProxyTable.objects.create(node=node, name=name, at_ns=NOW, proxy=URL)
    Node(proxy=EDGES).proxies.begin()
    assert sorted(ProxyTable.objects.values_list("node", "name")) == [("n1", "edge-1"), ("n2", "edge-9")]


def test_of_many_proxies_those_that_disagree_stand_first():
    for number in range(6):
        detail = json.dumps({"counts": {"stuck": number}})
        ProxyTable.objects.create(node="n1", name=f"e{number}", at_ns=NOW, proxy=URL, detail=detail, error="away" if number == 1 else "")
    assert [one.name for one in standing(NOW)] == ["e1", "e5", "e4", "e3", "e2", "e0"]


# Waiting for a dialog to go


@pytest.mark.asyncio
async def test_awaited_dialog_is_gone_when_a_later_listing_does_not_have_it(direct):
    node = Node(proxy=EDGES)
    key = held(call(1)).key
    node.proxy.dialogs = [held(call(1))]
    ask = lambda: node.proxies.held("edge-1", key, NOW)  # noqa: E731 -- asked again and again
    node.now_ns += 1
    assert (ask(), await node.look(), ask()) == (None, module.SOON, True)
    node.proxy.dialogs = [held(call(1), state=5)]
    assert (await node.look(after_ns=module.FORGOTTEN_NS - 1), node.proxy.listings, ask()) == (module.SOON, 1, True)
    await node.look(after_ns=module.FORGOTTEN_NS - 1)
    await node.look(after_ns=2)
    assert (node.proxy.listings, ask(), node.proxies.held("nobody", key, 0)) == (2, False, None)


@pytest.mark.asyncio
async def test_nobody_waits_for_what_is_not_asked_for(direct):
    node = Node(proxy=EDGES)
    node.proxies.held("edge-1", held(call(1)).key, NOW)
    assert (await node.look(after_ns=module.FORGOTTEN_NS + 1), node.proxy.listings) == (10, 0)


@pytest.mark.asyncio
async def test_incomplete_listing_does_not_tell_that_a_dialog_is_gone(direct):
    node = Node(proxy=EDGES)
    node.proxy.complete = False
    node.now_ns += 1
    node.proxies.held("edge-1", held(call(1)).key, NOW)
    await node.look()
    assert (node.proxy.listings, node.proxies.held("edge-1", held(call(1)).key, NOW)) == (1, None)
