"""The page of feeds: what it shows, to whom, and what may be done."""

import time

import pytest
from django.test import Client

from dashboard.models import AuditEvent, DeadLetter, FeedReceiver
from tests.dashboard.live.people import call, person, record

pytestmark = pytest.mark.django_db
SECOND = 10**9


@pytest.fixture
def letter() -> DeadLetter:
    now = time.time_ns()
    FeedReceiver.objects.create(node="n1", name="webhook:noc", queued=1200, sent=100, dead=1, evicted=7, failing_ns=now, error="<b>answered 503</b>", at_ns=now)
    FeedReceiver.objects.create(node="n1", name="file", queued=5, sent=4, at_ns=now - 60 * SECOND)
    FeedReceiver.objects.create(node="n1", name="call_end", queued=5, sent=5, at_ns=now)
    record(call(1))
    given = {"node": "n1", "receiver": "webhook:noc", "revision": 7, "event": "dialog:end", "uid": call(1).uid, "body": "{}", "tries": 8}
    return DeadLetter.objects.create(**given, first_ns=1, at_ns=now, error="answered 500")


def administrator() -> Client:
    client = Client()
    client.force_login(person("administrator"))
    return client


def test_page_shows_how_each_receiver_stands(viewer, letter):
    page = viewer.get("/feeds/").content.decode()
    for words in (
        "webhook:noc",
        "Takes nothing since",
        "&lt;b&gt;answered 503&lt;/b&gt;",
        "1,092",
        "Nobody sends.",
        "call_end",
        '<span class="dim">up</span>',
        "4417 → 5000",
        "answered 500",
    ):
        assert words in page
    assert ("<b>answered" in page, ">Retry<" in page, ">Drop<" in page) == (False, False, False)


def test_page_says_when_nobody_is_told(viewer):
    assert "Nobody is told of calls" in viewer.get("/feeds/").content.decode()


def test_operator_sends_again_and_does_not_drop(operator, letter):
    page = operator.get("/feeds/").content.decode()
    assert (">Retry<" in page, ">Drop<" in page) == (True, False)
    given = {"receiver": "webhook:noc", "number": str(letter.pk)}
    assert operator.post("/feeds/drop/", given).status_code == 403
    assert operator.post("/feeds/retry/", given, follow=True).redirect_chain == [("/feeds/", 302)]
    letter.refresh_from_db()
    assert letter.again
    assert "is sent again" in operator.get("/feeds/").content.decode()
    assert [(event.username, event.action) for event in AuditEvent.objects.order_by("pk")] == [("operator", "refused"), ("operator", "event sent again")]


def test_administrator_drops(letter):
    answer = administrator().post("/feeds/drop/", {"receiver": "webhook:noc", "number": str(letter.pk)}, follow=True)
    assert ("1 dropped." in answer.content.decode(), DeadLetter.objects.count()) == (True, 0)


def test_letter_that_is_gone_is_said(operator, letter):
    answer = operator.post("/feeds/retry/", {"receiver": "webhook:noc", "number": "0"}, follow=True)
    assert "This dead letter is gone already." in answer.content.decode()


def test_viewer_may_do_nothing(viewer, letter):
    given = {"receiver": "webhook:noc", "number": str(letter.pk)}
    assert [viewer.post(f"/feeds/{what}/", given).status_code for what in ("retry", "drop")] == [403, 403]
    assert not DeadLetter.objects.get().again


def test_table_comes_alone_for_htmx(viewer, letter):
    part = viewer.get("/feeds/", HTTP_HX_REQUEST="true").content.decode()
    assert (part.startswith('<section id="feed-list"'), "<html" in part) == (True, False)
