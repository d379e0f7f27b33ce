"""What the pages show."""

import re

import msgspec
import pytest
from django.conf import settings
from django.test import Client

from dashboard.live.changes import Reader
from dashboard.live.counters import Counters
from dashboard.live.filter import CallFilter
from dashboard.live.render import Renderer
from dashboard.live.table import LiveTable
from dashboard.models import AuditEvent, Order
from dashboard.pages.live import FIRST
from dialogs.config import Control
from dialogs.engine import SessionView
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
UID = call(1).uid


@pytest.fixture
def dryrun(monkeypatch) -> None:
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=Control(controller="dryrun")))


def text_of(client: Client, address: str, **extra) -> str:
    return client.get(address, **extra).content.decode()


def rows_in(text: str) -> list[int]:
    return [int(uid, 16) for uid in re.findall(r'<tr id="call-([0-9a-f]{16})"', text)]


def test_live_page_shows_live_calls_newest_first(viewer):
    record(call(1), call(2), call(3, state=5, end_ns=NOW))
    assert rows_in(text_of(viewer, "/")) == [2, 1]


def test_live_page_brings_a_screen_of_rows_and_the_push_those_below_it(viewer):
    record(*(call(number) for number in range(1, FIRST + 6)))
    answer = text_of(viewer, "/")
    table = LiveTable(CallFilter(), Renderer(), Counters(), met=tuple(re.search(r"&amp;rows=([0-9a-f,]+)", answer)[1].split(",")))
    pushed = "".join(table.snapshot(Reader().read(NOW), NOW, "connect").updates)
    newest_first = list(range(FIRST + 5, 0, -1))
    assert (rows_in(answer), rows_in(pushed), f"{FIRST + 5} calls" in answer) == (newest_first[:FIRST], newest_first, True)


def test_live_page_opens_its_socket_with_its_filter(viewer):
    record(call(1), call(2, caller="ann"))
    text = text_of(viewer, "/?q=ann&state=4")
    assert (rows_in(text), re.findall(r'hx-ws:connect="([^"]+)&amp;at=\d+&amp;rows=[0-9a-f]{16}"', text)) == (
        [2],
        ["/ws/live/?page=live&amp;q=ann&amp;state=4"],
    )


def test_empty_live_page_offers_the_demo(viewer):
    text = text_of(viewer, "/")
    assert ("./dialtap run --demo" in text, "./dialtap run --demo" in text_of(viewer, "/?q=x")) == (True, False)


def test_first_page_says_what_is_kept_until_it_is_put_away(viewer):
    words = "SIP messages for 7 days or 5 GB, records of calls for 90 days. Authorization values are never stored."
    before = words in text_of(viewer, "/")
    assert viewer.post("/welcome/").url == "/"
    assert (before, words in text_of(viewer, "/"), "7 days, at most 5 GB" in text_of(viewer, "/welcome/")) == (True, False, True)


def test_hostile_text_is_escaped_on_every_page(viewer):
    evil = "<script>alert(1)</script>\u202e" + "x" * 10_000
    leg = msgspec.structs.replace(call(1).caller, uri=f"sip:{evil}@x", name=evil, tag=evil, contact=evil)
    record(call(1, caller=leg, call_id=evil, last_event=evil, end_reason=evil, user_agent=evil, profiles=(("caller", evil),), incomplete=(evil,)), path=evil)
    pages = [text_of(viewer, address) for address in ("/", "/profiles/", "/history/", f"/call/{UID}/", f"/call/{UID}/menu/")]
    assert ["<script>alert" in page for page in pages] == [False] * 5
    assert ["&lt;script&gt;alert(1)" in page for page in pages] == [True] * 5


TIMERS = {
    "none": (None, []),
    "declined": (SessionView(0, "", 90, NOW, 0, 0), []),
    "expected": (SessionView(1800, "callee", 0, NOW, NOW + 1800 * 10**9, 0), ["Session timer", "Refresh due in"]),
    "of nobody": (SessionView(1800, "", 0, 0, 0, 0), ["Session timer"]),
    "missing": (SessionView(1800, "caller", 0, NOW, 0, NOW + 1800 * 10**9), ["Session timer", "Refresh"]),
}


@pytest.mark.parametrize(("timer", "terms"), TIMERS.values(), ids=TIMERS)
def test_call_page_tells_the_session_timer_and_what_was_not_seen(viewer, timer, terms):
    record(call(1, session=timer, incomplete=("the INVITE was not seen: joined late", "only answers were seen")))
    text = text_of(viewer, f"/call/{UID}/")
    assert re.findall(r"<dt>(Session timer|Refresh[^<]*|Missing)</dt>", text) == [*terms, "Missing", "Missing"]
    assert ("1800 s, refreshed by the callee" in text) is (timer is not None and timer.refresher == "callee")


def test_profiles_count_calls_of_a_caller(viewer):
    minute = 60 * 10**9
    record(call(1), call(2), call(3, caller="ann", profiles=(("caller", "sip:ann@example.net"),)), call(4, state=5, end_ns=NOW + minute))
    text = text_of(viewer, "/profiles/")
    found = re.findall(r"<bdi>sip:(\w+)@example.net</bdi></a></td><td class=\"num\"><a class=\"who\" href=\"/\?profile=([^\"]+)\">(\d+)</a>", text)
    assert found == [("4417", "caller%3Dsip%3A4417%40example.net", "2"), ("ann", "caller%3Dsip%3Aann%40example.net", "1")]


def test_profiles_without_calls_say_so(viewer):
    assert "No call is in a profile now" in text_of(viewer, "/profiles/")


def test_history_finds_pages_and_downloads(viewer):
    record(*(call(number, caller="ann" if number % 2 else "bob") for number in range(1, 121)))
    first = text_of(viewer, "/history/?caller=ann")
    older = re.findall(r'rel="next" href="\?([^"]+)"', first)[0].replace("&amp;", "&")
    pages = [re.findall(r'<tr id="call-([0-9a-f]{16})"', text) for text in (first, text_of(viewer, f"/history/?{older}"))]
    lines = b"".join(viewer.get("/history/calls.csv?caller=ann").streaming_content).decode().splitlines()
    assert ([len(page) for page in pages], int(pages[0][0], 16), int(pages[1][-1], 16), len(lines)) == ([50, 10], 119, 1, 61)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("code=9", 400, "Ensure this value is greater than or equal to 300."),
        ("since=2026-02-02T00:00&until=2026-01-01T00:00", 400, "This is before the beginning of the range."),
        ("at=nonsense", 400, "This request makes no sense"),
        ("caller=nobody", 200, "No call was found"),
        ("", 200, "No call has been seen yet"),
    ],
)
def test_history_answers_bad_questions_in_words(viewer, query, status, words):
    response = viewer.get(f"/history/?{query}")
    assert (response.status_code, words in response.content.decode()) == (status, True)


def test_menu_offers_the_end_to_who_may(operator, viewer):
    record(call(1))
    assert ["End call" in text_of(client, f"/call/{UID}/menu/") for client in (operator, viewer)] == [True, False]


def test_end_asks_first_and_names_the_call(operator, dryrun):
    record(call(1))
    page, part = (text_of(operator, f"/call/{UID}/end/form", **extra) for extra in ({}, HTMX))
    assert ("<html" in page, "<html" in part) == (True, False)
    assert ["4417" in part, "5000" in part, "Cancel" in part, 'name="csrfmiddlewaretoken"' in part] == [True] * 4


def test_end_becomes_one_order_and_shows_its_progress(operator, dryrun):
    record(call(1))
    answers = [operator.post(f"/call/{UID}/end/", {"reason": "stuck call"}, **HTMX) for _ in range(2)]
    orders = list(Order.objects.values_list("dialog_uid", "username", "reason", "phase"))
    assert ([answer.status_code for answer in answers], orders) == ([200, 200], [(UID, "operator", "stuck call", "requested")])
    assert ("Waiting for the proof" in answers[0].content.decode(), AuditEvent.objects.get().address) == (True, "127.0.0.1")


def test_end_without_a_reason_asks_again(operator, dryrun):
    record(call(1))
    answer = operator.post(f"/call/{UID}/end/", {"reason": " "}, **HTMX)
    assert (answer.status_code, "Give a reason of 3 to 200 characters" in answer.content.decode(), Order.objects.count()) == (400, True, 0)


def test_refused_end_says_why(operator, dryrun):
    record(call(1, state=5, end_ns=NOW))
    answer = operator.post(f"/call/{UID}/end/", {"reason": "stuck call"}, **HTMX)
    assert (answer.status_code, "Refused: already ended" in answer.content.decode(), Order.objects.count()) == (409, True, 0)


@pytest.mark.parametrize(
    ("phase", "outcome", "words", "asks"),
    [
        ("sent", "", "Ending the call", True),
        ("verified", Order.Outcome.BOTH_LEGS, "Ended by ann: both legs released", False),
        ("refused", Order.Outcome.REFUSED, "refused", False),
    ],
)
def test_progress_is_followed_until_the_order_is_closed(viewer, phase, outcome, words, asks):
    order = Order.objects.create(
        dialog_uid=UID, call_text="4417 -> 5000", node="n1", username="ann", reason="why", phase=phase, outcome=outcome, requested_ns=NOW
    )
    text = text_of(viewer, f"/orders/{order.pk}/", **HTMX)
    assert (words in text, f'data-order="{order.pk}"' in text) == (True, asks)


def test_orders_page_lists_who_did_what(viewer):
    row = record(call(1))[0]
    Order.objects.create(
        dialog=row,
        dialog_uid=UID,
        call_text="4417 -> 5000",
        node="n1",
        username="ann",
        reason="<i>why</i>",
        phase="verified",
        outcome=Order.Outcome.BOTH_LEGS,
        evidence='[[1, "BYE"]]',
        requested_ns=NOW,
    )
    text = text_of(viewer, "/orders/")
    assert [words in text for words in ("Ended by ann: both legs released", "4417 -&gt; 5000", "&lt;i&gt;why&lt;/i&gt;", "BYE")] == [True] * 4


def test_orders_page_without_orders_says_so(viewer):
    assert "Nobody has ended a call" in text_of(viewer, "/orders/")
