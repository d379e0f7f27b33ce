"""The alerts page and the count beside its name."""

import re

import msgspec
import pytest
from django.test import Client

from dashboard.live.health import TapMeter, unseen
from dashboard.models import Alert, AuditEvent, TapStatus
from dashboard.pages import alerts as page_of_alerts
from dashboard.query import cost
from dialogs.config import Privacy
from dialogs.taps.health import Report, encode
from tests.dashboard.live.people import NOW, call, person, record

pytestmark = pytest.mark.django_db


def client_of(role):
    client = Client()
    client.force_login(person(role))
    return client


def alert(text="58 calls", kind="alert", uid=f"{1:016x}", at_ns=NOW, **fields):
    return Alert.objects.create(at_ns=at_ns, kind=kind, text=text, dialog_uid=uid, node="n1", **fields)


def test_alerts_are_listed_newest_first_with_their_call():
    record(call(1))
    alert("<b>older", uid="f" * 16)
    alert("newer", kind="terminate", at_ns=NOW + 1)
    text = client_of("viewer").get("/alerts/").content.decode()
    assert text.index("newer") < text.index("&lt;b&gt;older")
    assert [words in text for words in (f'href="/call/{call(1).uid}/"', "4417 → 5000", f"/call/{'f' * 16}/", ">terminate<", "<b>older")] == [
        True,
        True,
        False,
        True,
        False,
    ]


def test_page_asks_again_and_gets_its_list_only():
    alert()
    client = client_of("viewer")
    whole, part = client.get("/alerts/").content.decode(), client.get("/alerts/", headers={"HX-Request": "true"}).content.decode()
    assert ('hx-get="/alerts/?page=1"' in whole, "<html" in whole, "<html" in part, "58 calls" in part) == (True, True, False, True)


def test_pages_hold_fifty():
    for number in range(51):
        alert(f"alert {number}.")
    client = client_of("viewer")
    first, second = (client.get(f"/alerts/?page={page}").content.decode() for page in (1, 2))
    assert ("alert 0." in first, "alert 0." in second, first.count("<tr id="), "?page=2" in first) == (False, True, 50, True)


@pytest.mark.parametrize(("role", "status", "button"), [("viewer", 403, False), ("operator", 302, True), ("stranger", 403, None)])
def test_who_may_end_calls_may_take_note(role, status, button):
    newest = alert()
    client = client_of(role)
    if button is not None:
        assert ("Mark all as seen" in client.get("/alerts/").content.decode()) is button
    assert client.post("/alerts/seen/", {"newest": newest.pk}).status_code == status
    assert Alert.objects.get().seen is (status == 302)


def test_only_what_the_page_showed_is_taken_note_of():
    shown = alert()
    alert("came meanwhile")
    client = client_of("operator")
    for newest in ("", "x", "9" * 30, str(shown.pk)):
        client.post("/alerts/seen/", {"newest": newest})
    assert (list(Alert.objects.filter(seen=True)), unseen()) == ([shown], "1")


def test_only_a_post_takes_note():
    assert client_of("operator").get("/alerts/seen/").status_code == 405


def test_page_without_alerts_says_what_raises_them():
    assert "No rule has raised an alert, no limit was passed" in client_of("viewer").get("/alerts/").content.decode()


def test_alerts_that_were_too_many_are_said():
    TapStatus.objects.create(name="engine:n1", node="n1", at_ns=1 << 62, detail=encode(Report(notices_lost=1234)))
    assert "1,234 more" in client_of("viewer").get("/alerts/").content.decode()


@pytest.mark.parametrize(("count", "words"), [(0, ""), (1, "1"), (99, "99"), (100, "99+"), (130, "99+")])
def test_unseen_alerts_are_counted_up_to_a_hundred(count, words):
    Alert.objects.bulk_create(Alert(at_ns=NOW, kind="alert", text="x", dialog_uid="", node="n1", seen=number >= count) for number in range(count + 3))
    assert unseen() == words


def test_count_is_pushed_to_every_page():
    meter = TapMeter()
    meter.read(NOW)
    alert()
    meter.read(NOW + 2 * 10**9)
    assert (meter.changed, re.findall(r'not seen yet">(\d+)<', meter.fragment)) == (True, ["1"])


def test_alerts_of_limits_say_how_bad_and_until_when():
    limit = {"kind": "limit", "limit": "calls", "subject": "caller=sip:4417@example.net", "uid": ""}
    alert("calls: 9 calls", severity="critical", **limit)
    alert("calls: 6 calls", severity="warn", cleared_ns=NOW, seen=True, **limit)
    text = client_of("viewer").get("/alerts/").content.decode()
    assert [text.count(words) for words in ('"tag sf">critical<', '"tag s5">warn<', ">now<", ">until ", "profile=caller%3Dsip%3A4417%40example.net")] == [
        1,
        1,
        1,
        1,
        2,
    ]


LIMIT = {"kind": "limit", "limit": "many calls", "subject": "caller=sip:4417@example.net", "uid": ""}
ASKED = [
    ("", ["rule", "hook", "open", "cleared"]),
    ("kind = alert", ["rule"]),
    ("kind in (webhook, limit)", ["hook", "open", "cleared"]),
    ("severity = critical", ["open"]),
    ("state = open", ["open"]),
    ("state = cleared", ["cleared"]),
    ("state = unseen and kind = limit", ["open"]),
    ("seen = true", ["cleared"]),
    ('limit = "many calls"', ["open", "cleared"]),
    ("subject ~ 4417", ["open", "cleared"]),
    ("from = 4417", ["rule"]),
    ("callee != 5000", ["hook", "open", "cleared"]),
    ('begun = "2026-11-21 20:58"', ["rule", "hook", "open", "cleared"]),
    ("ended >= 2026-11-21", ["cleared"]),
    ('begun < "2026-11-21 20:58"', []),
    (f"call = {1:016x}", ["rule"]),
    ("node = n1 and not (kind = limit)", ["rule", "hook"]),
    ("hook", ["hook"]),
    ("HOOK*", ["hook"]),
    ("4417", ["rule", "open", "cleared"]),
    ("many 2026-11-21", ["open", "cleared"]),
    ("nothing like it", []),
]


@pytest.fixture
def some():
    """An alert of each kind, one of them of a call."""
    record(call(1))
    alert("rule said")
    alert("hook said", kind="webhook", uid="f" * 16)
    alert("open now", severity="critical", **LIMIT)
    alert("cleared again", severity="warn", cleared_ns=NOW + 1, seen=True, **LIMIT)


def shown(text):
    """Return the first words of the alerts on a page, in the order of `some`."""
    words = re.findall(r'<bdi(?: class="who")?>(\w+) (?:said|now|again)<', text)
    return sorted(words, key=["rule", "hook", "open", "cleared"].index)


def test_query_box_finds_alerts_by_the_same_language(some):
    client = client_of("viewer")
    assert [shown(client.get("/alerts/", {"q": text}).content.decode()) for text, _ in ASKED] == [words for _, words in ASKED]


def test_pages_and_the_list_that_comes_by_itself_keep_the_query():
    for number in range(120):
        alert(f"x {number}", kind="terminate" if number % 2 else "alert")
    client = client_of("operator")
    text = client.get("/alerts/?q=kind+%3D+alert&page=1").content.decode()
    again = client.get("/alerts/?q=kind+%3D+alert&page=2", headers={"HX-Request": "true"}).content.decode()
    assert ['hx-get="/alerts/?q=kind+%3D+alert&amp;page=1"' in text, 'href="?q=kind+%3D+alert&amp;page=2"' in text] == [True, True]
    assert (text.count("<tr id="), again.count("<tr id="), 's3">terminate<' in text + again, "Mark these as seen" in text) == (50, 10, False, True)


def test_only_what_the_query_finds_is_taken_note_of(some):
    answer = client_of("operator").post("/alerts/seen/", {"newest": "99999", "q": "kind = webhook"})
    assert (answer.url, list(Alert.objects.filter(seen=False).values_list("kind", flat=True).order_by("pk"))) == (
        "/alerts/?q=kind+%3D+webhook",
        ["alert", "limit"],
    )


def test_mistake_is_shown_where_it_is_and_nothing_is_taken_note_of(some):
    client = client_of("operator")
    answer = client.get("/alerts/", {"q": 'duration > 60 and <b>"'})
    text = answer.content.decode()
    assert (answer.status_code, shown(text), 'role="alert"' in text, "<b>&quot;" in text) == (400, [], True, False)
    assert "no field is called duration" in client.get("/alerts/", {"q": "duration > 60"}).content.decode()
    client.post("/alerts/seen/", {"newest": "99999", "q": "duration > 60"})
    assert Alert.objects.filter(seen=False).count() == 3


def test_question_that_takes_too_long_is_given_up(some, monkeypatch):
    monkeypatch.setattr(page_of_alerts, "PATIENCE", 0.0)
    monkeypatch.setattr(cost, "STEPS", 1)
    text = client_of("viewer").get("/alerts/", {"q": "text ~ x"}).content.decode()
    assert ("This question takes too long" in text, shown(text)) == (True, [])


def test_what_could_stand_next_is_of_alerts():
    client = client_of("viewer")
    offered = [re.findall(r'data-take="([^"]*)"', client.get("/history/offers/", {"q": "sev", "of": of}).content.decode()) for of in ("alerts", "calls")]
    assert offered == [["severity "], []]


def test_who_may_not_see_numbers_finds_alerts_by_the_whole_number_and_is_written_down(some, settings):
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, privacy=Privacy(mask=("viewer",)))
    client = client_of("viewer")
    found = [
        shown(client.get("/alerts/", {"q": text}).content.decode())
        for text in ("4417", "441", "sip:4417@example.net", "subject ~ 44", "from = 4417", "state = open")
    ]
    assert found == [["rule"], [], ["rule", "open", "cleared"], [], ["rule"], ["open"]]
    written = list(AuditEvent.objects.filter(action="number searched").values_list("request", flat=True).order_by("pk"))
    assert written == ["q=4417", "q=441", "q=sip:4417@example.net", "q=subject ~ 44", "q=from = 4417", "q=state = open"]
