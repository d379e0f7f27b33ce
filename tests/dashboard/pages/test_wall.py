"""The wallboard: for people, and for a screen that has nothing but a link."""

import html
import re
import time

import msgspec
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.test import AsyncClient, Client

from dashboard.asgi import application
from dashboard.live import wall
from dashboard.live.boards import link_of, make
from dashboard.live.gauges import Gauges
from dashboard.live.wall import Figures, Tile
from dashboard.models import AuditEvent, Board, SavedView, TapStatus
from dashboard.urls import urlpatterns
from dialogs.config import Privacy
from tests.dashboard.live.people import call, person, record
from tests.dashboard.live.test_consumers import HOST, ORIGIN
from tests.dashboard.pages.test_masked import PAGES
from tests.dashboard.rpc.asking import QUESTION

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)> \"'&\u202e +49301234567"
TILE = re.compile(r'<(a|div)(?: href="([^"]*)")? class="kpi (\w*)" id="tile-\d"><span class="k"><bdi>(.*?)</bdi></span><b class="v">(.*?)</b>')


@pytest.fixture(autouse=True)
def afresh(monkeypatch):
    """No figure of the test before, and an ingest that writes."""
    monkeypatch.setattr(wall, "figures", Figures())
    monkeypatch.setattr(wall, "gauges", Gauges())
    TapStatus.objects.create(name="interface:any", node="n1", at_ns=time.time_ns())


@pytest.fixture
def maker() -> Client:
    """Somebody who may make links."""
    user = person("operator")
    user.user_permissions.add(Permission.objects.get(codename="add_board"))
    client = Client()
    client.force_login(user)
    return client


def tiles(response) -> list[tuple[str, ...]]:
    """Return each tile's element, address, tone, title, figure."""
    return TILE.findall(response.content.decode())


def saved(name="mine", query="state=4", owner="viewer", **fields):
    return SavedView.objects.create(owner=User.objects.get(username=owner), name=name, query=query, **fields)


def test_usual_wall_has_figures_and_ones_own_views_each_with_a_link(viewer):
    record(call(1), call(2, state=2))
    saved("In call, long", "state=4&sort=age")
    found = tiles(viewer.get("/wall/"))
    assert [(element, title) for element, _, _, title, _ in found] == [
        ("a", title) for title in ("Live calls", "Calls a second", "Answered, %", "Failures a second", "In call, long", "In call", "Ringing", "No ACK")
    ]
    assert (found[0][1], found[0][4], found[4][1], found[4][4]) == ("/", "2", "/?state=4&amp;sort=age", "1")


def test_page_asks_for_the_fragment_at_its_own_address(viewer):
    text = viewer.get("/wall/?kiosk").content.decode()
    fragment = viewer.get("/wall/?kiosk", HTTP_HX_REQUEST="true").content.decode()
    assert ('hx-get="/wall/?kiosk" hx-trigger="every 1s"' in text, "<html" in fragment, fragment.count('id="tile-')) == (True, False, 8)


def test_kiosk_has_no_bar_and_no_socket(viewer):
    with_bar, without = (viewer.get(address).content.decode() for address in ("/wall/", "/wall/?kiosk"))
    assert [[part in text for part in ('class="top"', "hx-ws:connect", 'class="foot"')] for text in (with_bar, without)] == [[True] * 3, [False] * 3]


def test_fragment_says_that_nothing_is_captured_when_the_ingest_is_silent(viewer):
    fresh = viewer.get("/wall/", HTTP_HX_REQUEST="true").content.decode()
    TapStatus.objects.update(at_ns=time.time_ns() - 8 * 10**9)
    wall.figures.forget()
    old = viewer.get("/wall/", HTTP_HX_REQUEST="true").content.decode()
    assert ['class="late"' in fresh, "No news since" in fresh, 'class="late bad"' in old, "Nothing is captured since" in old] == [True] * 4
    assert re.findall(r'id="(late-\d+)"', fresh) != re.findall(r'id="(late-\d+)"', old)  # another element each time: its animation begins anew


def test_screen_whose_login_has_ended_says_so_in_the_wall(viewer):
    viewer.logout()
    page, fragment = viewer.get("/wall/?kiosk"), viewer.get("/wall/?kiosk", HTTP_HX_REQUEST="true")
    assert (page.status_code, page.url, fragment.status_code, "Signed out" in fragment.content.decode()) == (302, "/login/?next=/wall/%3Fkiosk", 200, True)


def test_board_is_made_with_two_clicks_and_its_link_opens_it_for_anybody(maker):
    record(call(1))
    form = maker.get("/wall/boards/").content.decode()
    chosen = [re.findall(r'<option value="([^"]*)" selected>', box)[0] for box in re.findall(r'<select name="what".*?</select>', form)]
    answer = maker.post("/wall/boards/", {"name": "NOC", "days": "90", "what": chosen})
    address = html.unescape(re.findall(r'data-copy="http://testserver(/wall/[^"]+)"', answer.content.decode())[0])
    stranger = Client()
    shown = stranger.get(address)
    assert (shown.status_code, [(element, link) for element, link, *_ in tiles(shown)], stranger.cookies.keys()) == (200, [("div", "")] * 8, set())
    assert [tile[3] for tile in tiles(shown)] == [tile[3] for tile in tiles(maker.get("/wall/"))]
    assert list(AuditEvent.objects.values_list("username", "action")) == [("operator", "wallboard link made")]


def test_public_wall_has_no_link_at_all_even_for_who_is_signed_in(maker):
    address = f"/wall/{link_of(make('x', [Tile('Mine', query='state=4')], by='ann'))}/"
    for client in (Client(), maker):
        text = client.get(address).content.decode()
        assert re.findall(r'<a\b|href="(?!/static/)[^"]*"|hx-ws:|<form', text) == []


def test_link_opens_nothing_else():
    """The same client, with the link's address and nothing more, at every address that there is."""
    link = link_of(make("x", [Tile("Mine")], by="ann"))
    client = Client()
    assert client.get(f"/wall/{link}/").status_code == 200
    open_to_all = {"healthz", "login", "wall_link"}
    answers = {name: client.get(f"{address}{'&' if '?' in address else '?'}board={link}") for name, address in PAGES.items() if name not in open_to_all}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 302)
    assert {answer.url.partition("?")[0] for answer in answers.values()} == {"/login/"}
    assert client.get(f"/wall/{link}/call/").status_code == 404
    assert {getattr(pattern, "name", None) for pattern in urlpatterns} >= answers.keys()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_link_opens_neither_the_socket_nor_rpc():
    link = link_of(await sync_to_async(make)("x", [Tile("Mine")], by="ann"))
    referer = (b"referer", f"http://localhost:8000/wall/{link}/".encode())
    socket = WebsocketCommunicator(application, f"/ws/live/?page=live&board={link}", headers=[HOST, ORIGIN, referer])
    await socket.connect(timeout=60)
    closed = await socket.receive_output(timeout=60)
    await socket.disconnect()
    bearer = {"authorization": f"Bearer {link}"}
    answer = await AsyncClient().post("/RPC", QUESTION, "application/json", headers=bearer)
    assert (closed["type"], closed["code"], answer.status_code) == ("websocket.close", 4403, 401)


def test_withdrawn_and_expired_links_say_so_and_show_nothing(maker):
    boards = [make(name, [Tile("Mine")], by="ann", days=1) for name in ("a", "b")]
    Board.objects.filter(pk=boards[1].pk).update(expires_ns=time.time_ns() - 1)
    before = Client().get(f"/wall/{link_of(boards[0])}/").status_code
    assert maker.post(f"/wall/boards/{boards[0].pk}/withdraw/").url == "/wall/boards/"
    answers = [Client().get(f"/wall/{link_of(board)}/", HTTP_HX_REQUEST=htmx) for board in boards for htmx in ("", "true")]
    texts = [re.findall(r"<h2>(.*?)</h2>", answer.content.decode()) for answer in answers]
    assert (before, texts) == (200, [["This link was withdrawn"]] * 2 + [["This link has expired"]] * 2)
    assert [('id="tile' in answer.content.decode()) for answer in answers] == [False] * 4
    assert (maker.get("/wall/boards/").content.decode().count("Withdraw the link"), maker.get(f"/wall/?board={boards[0].pk}").status_code) == (1, 410)


def test_wrong_link_is_not_found():
    assert [Client().get(f"/wall/{text}/").status_code for text in ("1-1.x", "x", "1" * 500)] == [404] * 3


@pytest.mark.parametrize(("role", "status"), [("operator", 403), ("viewer", 403), ("stranger", 403), ("anonymous", 302)])
def test_links_are_made_and_withdrawn_by_who_may_only(role, status):
    client = Client()
    if role != "anonymous":
        client.force_login(person(role))
    number = make("x", [Tile("Mine")], by="ann").pk
    answers = [client.get("/wall/boards/"), client.post("/wall/boards/", {"name": "y", "what": "live"}), client.post(f"/wall/boards/{number}/withdraw/")]
    assert ([answer.status_code for answer in answers], Board.objects.filter(withdrawn_ns=0).count()) == ([status] * 3, 1)


def test_administrators_may_make_links():
    client = Client()
    client.force_login(person("administrator"))
    assert client.get("/wall/boards/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "give it a name"),
        ({"what": []}, "choose 1 to 8 tiles"),
        ({"what": ["nonsense"]}, "a view that was chosen is no longer there"),
        ({"warn": ["-1"]}, "a threshold is a number such as 40 or 2.5, not &quot;-1&quot;"),
        ({"warn": ["nan"]}, "a threshold is a number"),
        ({"warn": ["1e5"]}, "a threshold is a number"),
        ({"warn": ["²"]}, "a threshold is a number"),
        ({"warn": ["9999999999"]}, "a threshold is a number"),
        ({"warn": ["9"], "critical": ["5"]}, "critical comes below the warning"),
        ({"warn": ["5"], "critical": ["9"], "side": ["below"]}, "critical comes above the warning"),
        ({"days": "soon"}, "days are 0"),
    ],
)
def test_mistake_is_said_and_the_form_stays_filled_in(maker, fields, words):
    answer = maker.post("/wall/boards/", {"name": "Screen", "what": ["live"], "days": "7"} | fields)
    text = answer.content.decode()
    assert (answer.status_code, words in text, Board.objects.count()) == (400, True, 0)
    assert [f'value="{value}"' in text for value in fields.get("warn", [])] == [True] * len(fields.get("warn", []))


def test_thresholds_are_shown_with_a_word_and_an_icon(maker):
    record(call(1), call(2))
    fields = {"name": "x", "what": ["live", "in_call"], "side": ["above", "above"], "warn": ["2", "1"], "critical": ["", "1.5"]}
    maker.post("/wall/boards/", fields)
    text = Client().get(f"/wall/{link_of(Board.objects.get())}/").content.decode()
    assert re.findall(r'<span class="tag (\w+)"><span aria-hidden="true">(.)</span> (.*?)</span>', text) == [
        ("s3", "▲", "warning ≥ 2"),
        ("sf", "◆", "critical ≥ 2"),
    ]


def test_number_in_a_name_full_of_html_is_text_and_masked(maker):
    saved(HOSTILE[:64], "q=%3Cb%3E%2B49301234567", "operator")
    view = SavedView.objects.get()
    wall_text = maker.get("/wall/").content.decode()
    form = maker.get("/wall/boards/").content.decode()
    maker.post("/wall/boards/", {"name": HOSTILE, "what": [f"view-{view.pk}"]})
    maker.post("/wall/boards/", {"name": "safe", "what": [f"view-{view.pk}"]})
    board = Board.objects.get()  # the first name has a mark that cannot be printed
    public = Client().get(f"/wall/{link_of(board)}/").content.decode()
    assert [text.count("<img") for text in (wall_text, form, public)] == [0, 0, 0]
    assert [("&lt;img src=x onerror=alert(1)&gt;" in text, "+49301234567" in text) for text in (wall_text, form, public)] == [
        (True, True),
        (True, True),
        (True, False),
    ]
    assert "+493xxxxxxxx" in public


def test_view_that_has_a_mistake_is_left_out(viewer):
    saved("broken", "q=nofield+%3D+1")
    assert "broken" not in [title for *_, title, _ in tiles(viewer.get("/wall/"))]


def test_what_was_put_on_a_wall_stays_when_the_view_changes(maker):
    saved("mine", "state=4", "operator")
    view = SavedView.objects.get()
    maker.post("/wall/boards/", {"name": "x", "what": [f"view-{view.pk}"]})
    view.delete()
    assert [tile[3] for tile in tiles(Client().get(f"/wall/{link_of(Board.objects.get())}/"))] == ["mine"]


def test_another_persons_private_view_cannot_be_put_on_a_wall(maker):
    person("viewer")
    view = saved("secret", "state=4")
    answer = maker.post("/wall/boards/", {"name": "x", "what": [f"view-{view.pk}"]})
    assert (answer.status_code, "secret" in answer.content.decode()) == (400, False)


def test_who_may_not_see_numbers_does_not_count_them_digit_by_digit(viewer, settings):
    """Neither on the usual wall nor by a link; a whole number is counted, and that is written down."""
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy(mask=("viewer",)))
    record(call(1, callee="+15551234567"))
    saved("prefix", "q=callee+startswith+%2B1555", shared=True)
    saved("whole", "q=callee+%3D+%2B15551234567")
    found = {title: figure for *_, title, figure in tiles(viewer.get("/wall/"))}
    assert ("prefix" in found, found["whole"]) == (False, "1")
    assert list(AuditEvent.objects.values_list("action", "request")) == [("number searched", "q=callee = +15551234567")]
    clear = Client()
    clear.force_login(person("operator"))
    assert "prefix" not in {title for *_, title, _ in tiles(clear.get("/wall/"))}  # it is its owner's question


def test_public_wall_doubts_without_saying_what_is_captured():
    TapStatus.objects.update(at_ns=time.time_ns() - 60 * 10**9, error="eth7: gone")
    text = Client().get(f"/wall/{link_of(make('x', [Tile('Mine')], by='ann'))}/").content.decode()
    assert ("Numbers may be wrong" in text, "eth7" in text, "interface" in text) == (True, False, False)
