"""The peers page: what it says, and that a number opens exactly its calls."""

import re
import shutil
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from django.conf import settings as django_settings

from dashboard.history.recorder import Recorder
from dashboard.ingest.pending import Pending
from dashboard.live.peers import Badge, badges
from dashboard.models import DialogRow, TapStatus
from dialogs.config import Config, Peer
from dialogs.engine import Engine
from dialogs.insight import PeerNames
from dialogs.insight.traffic import PeerTraffic
from dialogs.taps import CaptureFile
from dialogs.taps.health import PeerCounted, Report, encode
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
MESSAGES = Path(django_settings.VAR) / "messages"
SINCE = 1_795_294_500 * 10**9  # 2026-11-21 20:55 UTC, before the calls of `call`


def node(*peers: PeerCounted, name: str = "n1", **fields) -> None:
    now_ns = time.time_ns()
    report = Report(calls=("", 1, 0, 0, 0, 0), peers=peers, peers_since_ns=SINCE, peers_known=1300, **fields)
    TapStatus.objects.create(name=f"engine:{name}", node=name, at_ns=now_ns, newest_ns=now_ns, detail=encode(report))


def peer(name: str, kind: str = "trunk", **fields) -> PeerCounted:
    return msgspec.structs.replace(PeerCounted(name, kind, 0, 0, 0, 0, 0, {}, 0), **fields)


def linked(text: str, name: str) -> dict[str, str]:
    """Return number -> address of a peer's row."""
    row = next(row for row in text.split("<tr>") if f"<bdi>{name}</bdi>" in row)
    plain = re.sub(r"</?b[^>]*>", "", row).replace("&amp;", "&")
    return {words: address for address, words in re.findall(r'href="([^"]+)"[^>]*>([^<]+)</a>', plain)}


def test_each_number_opens_exactly_its_calls(viewer, settings):
    hosts = ("192.0.2.7:5060", "192.0.2.2:5060")
    record(call(1, hosts=hosts), call(2, hosts=hosts), peers=("phones", "gw-2"))
    record(*(call(number, state=5, end_code=503, end_ns=NOW + 10**10) for number in (3, 4, 5)), peers=("gw-2",))
    record(call(6, state=5, end_code=486, end_ns=NOW + 10**10), peers=("gw-2",))
    record(call(7), call(8, state=5, end_code=503, end_ns=NOW + 10**10), peers=("gw-22", "192.0.2.1"))
    node(peer("gw-2", live=2, begun=6, answered=2, failed=4, codes={503: 3, 486: 1}))
    links = linked(viewer.get("/peers/").content.decode(), "gw-2")
    found = {words: re.findall(r'href="/call/([0-9a-f]{16})/"', viewer.get(address).content.decode()) for words, address in links.items()}
    counts = {words: len(set(uids)) for words, uids in found.items()}
    assert counts == {"2": 2, "6": 6, "4": 4, "503 ×3": 3, "486 ×1": 1} | {"gw-2": 2}


def test_trunk_with_a_fault_comes_first_and_says_it_in_words(viewer):
    node(
        peer("busy", live=90, begun=90),
        peer("gw-2", begun=20, answered=6, failed=14, codes={503: 14}),
        peer("edge", "proxy", begun=90, answered=75, failed=15, codes={503: 15}),
    )
    text = viewer.get("/peers/").content.decode()
    names = re.findall(r'<a class="who" href="/\?peer=[^"]+"><bdi>([^<]+)</bdi>', text)
    assert (names, "503 service unavailable: 14 of 20 calls" in text, "15 of 90" in text, "30 %" in text) == (["gw-2", "busy", "edge"], True, False, True)


@pytest.mark.parametrize(
    ("counted", "found"),
    [
        (peer("x", begun=3, failed=3, codes={503: 3}), [Badge("sf", "503 service unavailable: 3 of 3 calls")]),
        (peer("x", begun=2, failed=2, codes={503: 2}), []),
        (peer("x", begun=9, answered=7, failed=3, codes={503: 3}), [Badge("sf", "503 service unavailable: 3 of 9 calls")]),
        (peer("x", begun=99, answered=8, failed=3, codes={503: 3}), []),
        (peer("x", begun=9, failed=9, codes={486: 9}), []),
        (peer("x", begun=9, failed=9, codes={408: 9}), [Badge("sf", "408 no answer from the network: 9 of 9 calls")]),
        (peer("x", begun=9, failed=9, codes={599: 9}), [Badge("sf", "599 server error: 9 of 9 calls")]),
        (peer("x", begun=1, answered=1, setup_ns=6_240_000_000), [Badge("s3", "slow set-up: 6.2 s")]),
    ],
)
def test_fault_is_said_when_it_is_one(counted, found):
    assert badges(counted) == found


def test_page_shows_nodes_when_there_are_several_and_what_made_room(viewer):
    node(peer("gw-1"))
    node(peer("<b>gw"), name="n2", peers_forgotten=7)
    text = viewer.get("/peers/").content.decode()
    assert [words in text for words in (">n2<", "&lt;b&gt;gw", "<b>gw", "of 2,600 other addresses", "7 more made room", ">never<")] == [
        True,
        True,
        False,
        True,
        True,
        True,
    ]


def test_page_asks_again_and_gets_its_list_only(viewer):
    node(peer("gw-1"))
    whole, part = (viewer.get("/peers/", **headers).content.decode() for headers in ({}, {"HTTP_HX_REQUEST": "true"}))
    assert ('hx-get="/peers/"' in whole, "<html" in whole, "<html" in part, "gw-1" in part) == (True, True, False, True)


def test_page_without_peers_says_so(viewer):
    assert "No peer has been seen yet" in viewer.get("/peers/").content.decode()


@pytest.mark.parametrize("name", ["busy", "trunk-auth407", "fork"])
def test_counts_of_a_recording_are_those_of_its_rows(name):
    """The counters in memory and the rows in the table agree at every moment, peer by peer."""
    names = PeerNames((Peer("caller", ("127.0.0.1:5061",)), Peer("proxy", ("127.0.0.1:5060",), "proxy")))
    engine, recorder = Engine(Config(), "n1"), Recorder("n1", lambda _: True, MESSAGES)
    pending, traffic = Pending(engine, names, lambda _: ""), PeerTraffic(names)
    compared = 0
    for number, packet in enumerate(CaptureFile(RECORDINGS / name / "capture.pcap")):
        pending.take(engine.expire(packet.at_ns))
        pending.take(engine.receive(packet))
        if number % 3:
            continue
        changes = pending.changes()
        recorder.write(changes, NOW)
        traffic.take(((change.snapshot, change.begun) for change in changes), packet.at_ns)
        for told in traffic.top(50, packet.at_ns):
            rows = DialogRow.objects.through(told.name)
            lately = rows.filter(init_ns__gte=traffic.since_ns(packet.at_ns))
            codes = [row.end_code for row in lately if row.state == 5 and row.end_code]
            assert (told.live, told.begun, sum(told.codes.values())) == (rows.live().count(), lately.count(), len(codes)), told
            compared += 1
    recorder.close()
    shutil.rmtree(MESSAGES, ignore_errors=True)
    assert compared > 2


def test_peer_filter_stays_in_the_links_of_the_live_page(viewer):
    text = viewer.get("/?peer=gw-2&state=4").content.decode()
    states = [dict(parse_qsl(urlsplit(link.replace("&amp;", "&")).query)) for link in re.findall(r'href="(/\?[^"]*state=[^"]*)"', text)]
    assert ({asked.get("peer") for asked in states if asked.keys() > {"state"}}, 'name="peer" value="gw-2"' in text) == ({"gw-2"}, True)
