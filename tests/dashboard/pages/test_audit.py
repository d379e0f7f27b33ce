"""The audit log's page and files: for administrators, filtered, whole, and never a formula."""

import csv
import io
import json

import pytest
from django.test import AsyncClient, Client

from dashboard.models import AuditEvent
from dashboard.orders import audit
from dashboard.pages.audit import PAGE, TITLES
from tests.dashboard.live.people import NOW, call, person

pytestmark = pytest.mark.django_db
UID = call(1).uid
SECOND = 10**9


@pytest.fixture
def administrator() -> Client:
    client = Client()
    client.force_login(person("administrator"))
    return client


def some() -> None:
    given = {"reason": "fraud", "request": "end", "before": "CONFIRMED"}
    audit.record("ann", "end requested", address="192.0.2.7", dialog_uid=UID, text="4417 -> 5000: fraud", at_ns=NOW, **given)
    audit.record("ann", "end closed", dialog_uid=UID, text="4417 -> 5000", at_ns=NOW + SECOND, outcome="both legs released", after="DELETED")
    audit.record("bob", "token made", text="=cmd|' /C calc'!A0 <b>", at_ns=NOW + 2 * SECOND)


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()


@pytest.mark.parametrize("address", ["/audit/", "/audit/events.csv", "/audit/events.json"])
@pytest.mark.parametrize(("role", "status"), [("administrator", 200), ("operator", 403), ("viewer", 403)])
def test_log_is_for_administrators_and_who_is_not_is_written_down(address, role, status):
    client = Client()
    client.force_login(person(role))
    assert client.get(address).status_code == status
    refused = AuditEvent.objects.filter(action="refused").values_list("username", "request")
    assert list(refused) == ([(role, f"GET {address}")] if status == 403 else [])


def test_nobody_without_a_login_sees_it():
    assert Client().get("/audit/").status_code == 302


@pytest.mark.parametrize("address", ["/audit/", "/audit/events.csv"])
def test_log_takes_no_post(administrator, address):
    assert administrator.post(address, {"text": "x"}).status_code == 405


def test_page_shows_who_what_whence_why_and_what_came_of_it(administrator):
    some()
    text = text_of(administrator, "/audit/")
    shown = ["192.0.2.7", f'href="/call/{UID}/"', "fraud", "CONFIRMED", "→ DELETED", "both legs released", "&lt;b&gt;", '<option value="token made">']
    assert [words in text for words in shown] == [True] * len(shown)
    assert 'href="/audit/"' in text


def test_page_of_an_empty_log_says_so(administrator):
    assert "Nothing has been done yet" in text_of(administrator, "/audit/")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["token made", "end closed", "end requested"]),
        ("user=bob", ["token made"]),
        ("action=end closed", ["end closed"]),
        (f"call={UID}", ["end closed", "end requested"]),
        ("q=BOTH LEGS", ["end closed"]),
        ("q=fraud&user=ann", ["end requested"]),
        ("since=2026-11-21T20:58:38", ["token made", "end closed"]),
        ("until=2026-11-21T20:58:38", ["end closed", "end requested"]),
        ("user=nobody", []),
    ],
)
def test_filters_find_the_same_on_the_page_and_in_the_files(administrator, query, found):
    some()
    files = json.loads(text_of(administrator, f"/audit/events.json?{query}"))
    assert [event["action"] for event in files if event["action"] != "audit exported"] == found
    page = text_of(administrator, f"/audit/?{query}")
    assert [f"<td>{action}</td>" in page for action in ("token made", "end closed", "end requested")] == [
        action in found for action in ("token made", "end closed", "end requested")
    ]


def test_question_that_is_wrong_is_answered_in_words(administrator):
    answer = administrator.get("/audit/events.csv?since=yesterday")
    assert (answer.status_code, "Enter a valid date/time" in answer.content.decode()) == (400, True)


def test_csv_is_whole_and_never_a_formula(administrator):
    some()
    lines = list(csv.reader(io.StringIO(text_of(administrator, "/audit/events.csv"))))
    assert lines[0] == list(TITLES)
    assert lines[1][2:5] == ["administrator", "127.0.0.1", "audit exported"]  # that it was taken is an event too
    assert [line[1:] for line in lines[2:]] == [
        ["2026-11-21T20:58:39.000Z", "bob", "", "token made", "", "", "", "", "", "", "'=cmd|' /C calc'!A0 <b>"],
        ["2026-11-21T20:58:38.000Z", "ann", "", "end closed", UID, "", "", "both legs released", "", "DELETED", "4417 -> 5000"],
        ["2026-11-21T20:58:37.000Z", "ann", "192.0.2.7", "end requested", UID, "fraud", "end", "", "CONFIRMED", "", "4417 -> 5000: fraud"],
    ]


def test_json_of_what_is_not_there_is_an_empty_list(administrator):
    assert json.loads(text_of(administrator, "/audit/events.json?user=nobody")) == []


def test_pages_and_files_have_every_event_once(administrator):
    AuditEvent.objects.bulk_create(AuditEvent(at_ns=NOW, username="ann", action=f"a{number}") for number in range(2500))
    first = text_of(administrator, "/audit/")
    oldest = AuditEvent.objects.order_by("-pk")[PAGE - 1].pk
    assert (first.count("<tr>"), f"at={oldest}" in first) == (PAGE + 1, True)
    second = text_of(administrator, f"/audit/?at={oldest}")
    assert (second.count("<tr>"), "<td>a2399</td>" in second, "<td>a2400</td>" in second) == (PAGE + 1, True, False)
    assert [event["action"] for event in json.loads(text_of(administrator, "/audit/events.json"))[1:]] == [f"a{number}" for number in range(2499, -1, -1)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_file_comes_piece_by_piece_under_asgi():
    from asgiref.sync import sync_to_async  # noqa: PLC0415 -- this test only

    await sync_to_async(some)()
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(person)("administrator"))
    answer = await client.get("/audit/events.csv")
    pieces = [piece async for piece in answer.streaming_content]
    assert (answer.is_async, len(pieces), b"".join(pieces).count(b"\r\n")) == (True, 2, 5)
