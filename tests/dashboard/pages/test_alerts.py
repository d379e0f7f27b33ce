"""The alerts page and the count beside its name."""

import re

import pytest
from django.test import Client

from dashboard.live.health import TapMeter, unseen
from dashboard.models import Alert, TapStatus
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
