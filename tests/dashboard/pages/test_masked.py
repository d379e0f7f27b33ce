"""Who may not see numbers: every address of the pages, every file, what a search tells, and what is written down of it."""

import json
import re
import time
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from dashboard.history.messages import StoredMessage
from dashboard.live.boards import link_of
from dashboard.live.wall import Tile
from dashboard.models import Alert, AuditEvent, Board, Bulk, DeadLetter, DialogRow, Order, ProxyTable, SavedView, TapStatus
from dashboard.privacy.sealed import seal
from dashboard.urls import urlpatterns
from dialogs.config import Control, Privacy
from dialogs.taps import CaptureFile
from dialogs.taps.health import Report, encode
from tests.dashboard.live.people import NOW, call, person, record

pytestmark = pytest.mark.django_db
CALLER, CALLEE, NAME = "ann44179", "+15551234567", "Onym"
UID, OTHER = call(1).uid, call(9).uid
SECRETS = (CALLER, CALLEE, CALLEE[1:], "Onym", CALLEE.replace("+", "%2B"))
INVITE = (
    f"INVITE sip:{CALLEE}@example.net SIP/2.0\r\n"
    f'From: "Ann {NAME}" <sip:{CALLER}@example.net>;tag=a\r\n'
    f"To: <sip:{CALLEE}@example.net>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nX-Who: {CALLER}\r\n\r\n"
)

PAGES = {
    "kpis": "/kpis/",
    "kpis_data": "/kpis/data",
    "kpis_calls": "/kpis/calls?name=ser&at=1000&step=10",
    "live": "/",
    "welcome": "/welcome/",
    "profiles": "/profiles/",
    "profile": f"/profiles/value/?{urlencode({'profile': seal(f'caller=sip:{CALLER}@example.net')})}",
    "peers": "/peers/",
    "wall": "/wall/?board=1",
    "boards": "/wall/boards/",
    "wall_link": f"/wall/{link_of(Board(pk=1, created_ns=NOW))}/",
    "callers": "/callers/",
    "alerts": "/alerts/",
    "history": "/history/",
    "download": "/history/calls.csv",
    "query_offers": "/history/offers/?q=sta",
    "files": "/files/",
    "orders": "/orders/",
    "order": "/orders/1/",
    "reconcile": "/reconcile/",
    "bulk": "/bulk/1/",
    "audit": "/audit/",
    "audit_download": "/audit/events.json",
    "feeds": "/feeds/",
    "taps": "/taps/",
    "call": f"/call/{UID}/?m=1",
    "call_message": f"/call/{UID}/message/1/",
    "call_difference": f"/call/{UID}/diff/1/1/",
    "call_text": f"/call/{UID}/ladder.txt",
    "call_svg": f"/call/{UID}/ladder.svg",
    "call_pcap": f"/call/{UID}/pcap/",
    "call_menu": f"/call/{UID}/menu/",
    "end_form": f"/call/{UID}/end/form",
    "transfer_form": f"/call/{UID}/transfer/form",
    "join_form": f"/call/{UID}/join/form",
    "release_form": f"/call/{UID}/release/form",
    "connect_form": "/connect/form",
    "change_form": f"/call/{UID}/change/form",
}
POSTS = {
    "view_keep": ("/views/keep/", {"name": "mine", "query": f"state=4&caller={seal(CALLER)}"}),
    "view_drop": ("/views/1/drop/", {}),
    "board_withdraw": ("/wall/boards/1/withdraw/", {}),
    "alerts_seen": ("/alerts/seen/", {"newest": "1"}),
    "bulk_ask": ("/bulk/", {"uid": UID}),
    "bulk_start": ("/bulk/start/", {"uids": UID, "key": "k"}),
    "bulk_stop": ("/bulk/1/stop/", {}),
    "end": (f"/call/{UID}/end/", {"reason": "."}),
    "transfer": (f"/call/{UID}/transfer/", {"reason": "."}),
    "join": (f"/call/{UID}/join/", {"reason": "."}),
    "release": (f"/call/{UID}/release/", {"reason": "."}),
    "connect": ("/connect/", {"reason": "."}),
    "change": (f"/call/{UID}/change/", {"what": "set_var", "key": "", "value": "1"}),
    "order_retry": ("/orders/1/retry/", {}),
    "feed_retry": ("/feeds/retry/", {"receiver": "webhook:noc", "number": "1"}),
    "feed_drop": ("/feeds/drop/", {"receiver": "webhook:noc", "number": "1"}),
}
NUMBERLESS = {"file", "file_close", "tokens", "token_revoke", "rpc", "login", "logout", "metrics", "healthz", "readyz", "styles", None}
"""Opened captures, pages of people who administer tokens, the programs' doors (who has a token sees numbers), pages without a call;
without a name: Django's admin (users only) and the icon."""


@pytest.fixture
def world(settings) -> Client:
    """A network in which every text that can hold a number holds one, and an operator who may not see it."""
    settings.DIALTAP = msgspec.structs.replace(
        settings.DIALTAP, privacy=Privacy(mask=("operator",)), control=Control(controller="sip", allow=("192.0.2.0/24",))
    )
    told = f"{CALLER} rang {CALLEE}"
    plain = call(1, caller=CALLER, callee=CALLEE)
    caller = msgspec.structs.replace(plain.caller, name=f"Ann {NAME}")
    texts = {"call_id": f"{CALLEE[1:]}@x", "end_reason": told, "last_event": told, "user_agent": told, "variables": (("who", CALLEE),)}
    profiles = (("caller", f"sip:{CALLER}@example.net"), ("callee", CALLEE))
    stored = (StoredMessage(NOW, "192.0.2.7:5060", "192.0.2.1:5060", "udp", repeat=False, data=INVITE.encode()),)
    snapshot = msgspec.structs.replace(plain, caller=caller, profiles=profiles, incomplete=(told,), request_uri=f"sip:{CALLEE}@x", **texts)
    row = record(snapshot, messages=stored, evidence=(("warn", told),))[0]
    shared = {"call_text": f"{CALLER} → {CALLEE}", "node": "n1", "username": "eve"}
    details = {"reason": told, "detail": told, "evidence": json.dumps([[NOW, told]]), "steps": [[NOW, "bye", "done", told]], "arguments": {"to": CALLEE}}
    Order.objects.create(
        pk=1, dialog=row, dialog_uid=row.uid, outcome="one leg only: callee not confirmed", phase="verified", requested_ns=NOW, **shared, **details
    )
    bulk = Bulk.objects.create(pk=1, key="b", username="eve", reason=f"for {CALLEE}", query=urlencode({"q": CALLEE}), asked=1, requested_ns=NOW, moved_ns=NOW)
    bulk.items.create(dialog_uid=row.uid, call_text=shared["call_text"], node="n1", words=told, state="left out")
    Alert.objects.create(at_ns=NOW, kind="alert", text=told, dialog_uid=row.uid, node="n1")
    Alert.objects.create(at_ns=NOW, kind="limit", text=told, node="n1", limit="x", subject=f"caller=sip:{CALLER}@example.net", severity="warn")
    AuditEvent.objects.create(at_ns=NOW, username="eve", action="end requested", dialog_uid=row.uid, text=shared["call_text"], reason=f"wanted by {CALLEE}")
    finding = ["stuck", UID, [f"{CALLEE[1:]}@x", "a"], 5, 4, 1, 7, 9]
    ProxyTable.objects.create(node="n1", at_ns=time.time_ns(), proxy="http://x", detail=json.dumps({"findings": [finding], "counts": {"stuck": 1}}))
    report = Report(calls=("", 1, 0, 0, 1, 0), callers=((f"sip:{CALLER}@example.net", 1, 0, 0, 1, 0),), callers_known=1)
    SavedView.objects.create(
        owner=person("viewer"), name=f"others of {CALLEE}", query=urlencode({"profile": f"caller=sip:{CALLER}@example.net", "sort": "age"}), shared=True
    )
    TapStatus.objects.create(name="engine:n1", node="n1", at_ns=time.time_ns(), detail=encode(report))
    given = {"node": "n1", "receiver": "webhook:noc", "revision": 1, "event": "alert", "body": "{}", "tries": 8, "first_ns": 1, "at_ns": 2, "error": "x"}
    DeadLetter.objects.create(uid=UID, **given)
    user = person("operator")
    user.user_permissions.add(*Permission.objects.filter(codename__in=["read_audit", "add_board"]))
    tile = Tile(f"Calls of {CALLER} to {CALLEE}", query=urlencode({"q": f"from = {CALLER} and to = {CALLEE}"}))
    Board.objects.create(pk=1, name=f"Calls to {CALLEE}", tiles=msgspec.json.encode([tile]).decode(), created_by="eve", created_ns=NOW)
    client = Client()
    client.force_login(user)
    return client


def said(response) -> str:
    """Return everything that a response tells."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode("latin-1") + json.dumps(dict(response.headers))


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_every_address_is_looked_at():
    assert {getattr(pattern, "name", None) for pattern in urlpatterns} == PAGES.keys() | POSTS.keys() | NUMBERLESS


def test_no_page_shows_a_number(world):
    found = {}
    for name, address in PAGES.items():
        response = world.get(address)
        found[name] = (response.status_code, leaks(said(response)), leaks(said(world.get(address, HTTP_HX_REQUEST="true"))))
    assert found == dict.fromkeys(PAGES, (200, [], [])) | {"kpis_calls": (302, [], [])}


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson", "pcapng"])
def test_no_download_shows_a_number(world, settings, kind):
    address = f"/history/calls.{kind}?columns=callid"
    told = said(world.get(address))
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy())
    assert (leaks(told), CALLER in said(world.get(address))) == ([], True)


def test_no_answer_shows_a_number(world):
    found = {name: leaks(said(world.post(address, form, HTTP_HX_REQUEST="true"))) for name, (address, form) in POSTS.items()}
    assert {name: told for name, told in found.items() if told} == {}


def test_same_pages_show_it_without_a_mask(world, settings):
    """Otherwise the tests above prove nothing."""
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy())
    bare = {name for name, address in PAGES.items() if CALLER not in said(world.get(address))}
    assert bare == {"welcome", "taps", "peers", "connect_form", "query_offers", "files", "kpis", "kpis_data", "kpis_calls", "wall_link"}


def test_number_is_shown_in_part(world):
    text = said(world.get("/"))
    assert ("ann4xxxx" in text, "+155xxxxxxxx" in text) == (True, True)


def test_capture_file_is_masked_and_readable(world, tmp_path):
    path = tmp_path / "call.pcapng"
    path.write_bytes(b"".join(world.get(PAGES["call_pcap"]).streaming_content))
    shown = INVITE.replace(CALLER, "ann4xxxx").replace(CALLEE, "+155xxxxxxxx").replace(f"Ann {NAME}", "xxx xxxx")
    assert [packet.data.decode() for packet in CaptureFile(path)] == [shown]


LINKS = [
    ("/", 'href="(/\\?profile=[^"]+)"'),
    ("/profiles/", 'href="(/profiles/value/\\?profile=[^"]+)"'),
    ("/profiles/", 'href="(/\\?profile=[^"]+)"'),
    ("/callers/", 'href="(/\\?caller=[^"]+)"'),
    ("/alerts/", 'href="(/\\?profile=[^"]+)"'),
    (f"/call/{UID}/menu/", 'href="(/\\?caller=[^"]+)"'),
    (f"/call/{UID}/menu/", 'href="(/history/\\?caller=[^"]+)"'),
    (f"/call/{UID}/", 'href="(/\\?profile=[^"]+)"'),
]


def test_link_still_opens_exactly_its_calls(world):
    addresses = [re.findall(link, said(world.get(page)).encode("latin-1").decode())[0].replace("&amp;", "&") for page, link in LINKS]
    record(call(2))
    texts = [said(world.get(address)) for address in addresses]
    assert [(f"/call/{UID}/" in text, call(2).uid in text, leaks(text)) for text in texts] == [(True, False, [])] * len(LINKS)
    assert AuditEvent.objects.filter(action="number searched").count() == 0


SEARCHES = [
    ("/", "q", CALLEE, True),
    ("/", "q", CALLEE[:-1], False),
    ("/", "q", "1555", False),
    ("/", "q", "192.0.2", False),  # of a URI: only its whole is found
    ("/", "q", f"sip:{CALLER}@example.net", True),
    ("/", "caller", CALLER, True),
    ("/", "caller", CALLER[:-1], False),
    ("/", "profile", f"callee={CALLEE}", True),
    ("/history/", "q", CALLEE, True),
    ("/history/", "q", f"{CALLEE[:4]}*", False),
    ("/history/", "q", f"sip:{CALLEE[:4]}", False),
    ("/history/", "q", "@example.net", False),
    ("/history/", "callee", CALLEE, True),
    ("/history/", "callee", f"{CALLEE[:4]}*", False),
    ("/history/", "caller", f"sip:{CALLER}@example.net", True),
    (f"/call/{OTHER}/join/form", "q", CALLEE, True),
    (f"/call/{OTHER}/join/form", "q", CALLEE[:-1], False),
]


def test_number_is_found_by_its_whole_only_and_that_is_written_down(world):
    record(call(9))
    answers = []
    for page, field, text, _ in SEARCHES:
        answers.append(UID in said(world.get(f"{page}?{urlencode({field: text})}")))
        world.get(f"{page}?{urlencode({field: text})}")  # once more is the same search
    assert answers == [found for *_, found in SEARCHES]
    written = AuditEvent.objects.filter(action="number searched", username="operator").values_list("request", flat=True).order_by("pk")
    assert list(written) == list(dict.fromkeys(f"{field}={text}" for _, field, text, _ in SEARCHES))


def test_same_search_finds_more_for_who_may_see_numbers(world):
    client = Client()
    client.force_login(User.objects.get(username="viewer"))
    found = [UID in said(client.get(f"/history/?{urlencode({'callee': '+1555*'})}")), UID in said(client.get("/?q=1555"))]
    assert (found, AuditEvent.objects.filter(action="number searched").count()) == ([True, True], 0)


@pytest.mark.parametrize("address", ["/", "/history/"])
def test_numbers_tell_nothing_by_their_order(world, settings, address):
    record(call(2, caller="0"), call(3, caller="zzz"), *(call(4, caller="5", state=5, end_ns=NOW),))
    usual = re.findall(r'href="/call/([0-9a-f]{16})/"', said(world.get(address)))
    assert [re.findall(r'href="/call/([0-9a-f]{16})/"', said(world.get(f"{address}?sort={sort}"))) == usual for sort in ("caller", "-caller")] == [True, True]
    assert re.findall(r"sort=-?(caller|callee)\b", said(world.get(address))) == []
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy())
    assert re.findall(r'href="/call/([0-9a-f]{16})/"', said(world.get(f"{address}?sort=caller"))) != usual


def test_prefix_is_refused_in_words(world):
    response = world.get("/history/?callee=1555*")
    assert (response.status_code, "numbers are masked for you: ask for the whole number with =" in said(response)) == (400, True)


def test_shared_view_of_a_number_opens_its_calls(world):
    record(call(2))
    address = re.findall(r'href="(/\?[^"]+)"><bdi>others[^<]*</bdi>', said(world.get("/")))[0].replace("&amp;", "&")
    text = said(world.get(address))
    assert (f"/call/{UID}/" in text, call(2).uid in text, "sort=age" in address, leaks(text)) == (True, False, True, [])


def test_token_of_a_link_is_not_shown_as_a_number(world):
    text = said(world.get(f"/?{urlencode({'caller': seal(CALLER)})}"))
    socket = dict(parse_qsl(re.findall(r'hx-ws:connect="[^?]*\?([^"]+)"', text)[0].replace("&amp;", "&")))
    assert (leaks(text), "ann4xxxx" in text, socket["caller"]) == ([], True, seal(CALLER))


def test_order_of_who_may_not_see_is_for_the_whole_number(world):
    world.post(f"/call/{UID}/end/", {"reason": "stuck call"})
    order = Order.objects.latest("pk")
    assert (order.dialog_uid, CALLEE in order.call_text, DialogRow.objects.get().to_user) == (UID, True, CALLEE)
