"""Ending many calls from the pages: picking, the question, the answer, progress, stopping."""

import re

import msgspec
import pytest
from django.conf import settings
from django.test import Client

from dashboard.models import AuditEvent, Bulk, BulkItem, Order
from dashboard.orders.bulk import Wish, request_bulk
from dialogs.config import Control
from tests.dashboard.live.people import NOW, call, person, record

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=Control(controller="dryrun", bulk_max=10)))


def fields(text: str) -> dict[str, str]:
    """Return the hidden fields of a question."""
    return dict(re.findall(r'<input type="hidden" name="(key|query|uids)" value="([^"]*)"', text))


def posted(client: Client, address: str, given: dict[str, object], **more: object) -> tuple[int, str]:
    answer = client.post(address, given, **more)
    return answer.status_code, answer.content.decode()


def bulk_of(calls: int = 1) -> Bulk:
    return request_bulk(record(*(call(number) for number in range(1, calls + 1))), person("administrator"), Wish("k", "fraud", str(calls), ""))


def test_live_page_has_boxes_and_buttons_for_who_may_end(operator, viewer):
    record(call(1), call(2))
    pages = [client.get("/").content.decode() for client in (operator, viewer)]
    assert ["data-picked" in page for page in pages] == [True, False]
    boxes = re.findall(r'<input type="checkbox" name="uid" value="(\w+)" form="bulk" aria-label="([^"]+)"', pages[0])
    assert boxes == [(call(2).uid, "Pick the call of 4417 to 5000"), (call(1).uid, "Pick the call of 4417 to 5000")]


def test_question_lists_picked_calls_and_what_is_left_out(operator):
    record(call(1, caller="ann"), call(2, callee="112", caller="bob"), call(3, caller="cyd-who-was-not-picked"))
    status, text = posted(operator, "/bulk/", {"which": "picked", "uid": [call(1).uid, call(2).uid, "nonsense"]}, **HTMX)
    assert (status, "<html" in text, "End 1 call?" in text, "Left out: 1" in text) == (200, False, True, True)
    assert ["ann" in text, "bob" in text, "cyd-who" in text, "protected number" in text, 'name="typed"' in text] == [True, True, False, True, False]
    assert fields(text)["uids"].split() == [call(1).uid]
    assert (Bulk.objects.count(), AuditEvent.objects.count()) == (0, 0)
    assert re.search(r"<a [^>]*data-close[^>]*autofocus>Cancel</a>", text)


def test_question_of_all_that_match(operator):
    record(*(call(number, caller="ann") for number in range(1, 8)), call(8, caller="bob"), call(9, caller="ann", state=5, end_ns=NOW))
    _, text = posted(operator, "/bulk/", {"which": "all", "filter": "caller=ann"}, **HTMX)
    assert (len(fields(text)["uids"].split()), fields(text)["query"], "Type 7 to confirm" in text) == (7, "caller=ann", True)


def test_question_without_a_filter_says_that_it_is_all_calls(operator):
    record(call(1), call(2))
    _, text = posted(operator, "/bulk/", {"which": "all", "filter": ""}, **HTMX)
    assert (len(fields(text)["uids"].split()), fields(text)["query"]) == (2, "all calls")


@pytest.mark.parametrize(
    ("calls", "which", "words"),
    [
        (0, "picked", "Refused: none of these calls can be ended"),
        (11, "all", "Refused: 11 calls, at most 10 at once ([control] bulk_max)"),
        (11, "picked", "Refused: 11 calls, at most 10 at once ([control] bulk_max)"),
    ],
)
def test_question_that_cannot_be_answered_has_no_button(operator, calls, which, words):
    record(*(call(number) for number in range(1, calls + 1)))
    _, text = posted(operator, "/bulk/", {"which": which, "uid": [call(number).uid for number in range(1, calls + 1)]})
    assert (words in text, "danger solid" in text, "<html" in text) == (True, False, True)


def test_answer_becomes_one_bulk_and_shows_its_progress(operator):
    record(*(call(number) for number in range(1, 8)))
    _, question = posted(operator, "/bulk/", {"which": "all"}, **HTMX)
    given = fields(question) | {"reason": "toll fraud", "typed": "7"}
    answers = [posted(operator, "/bulk/start/", given, **HTMX) for _ in range(2)]
    assert [(status, "Ending 7 calls" in text, "0 requested / 0 both legs released / 7 waiting" in text) for status, text in answers] == [(200, True, True)] * 2
    assert list(Bulk.objects.values_list("asked", "query", "address", "username")) == [(7, "all calls", "127.0.0.1", "operator")]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"reason": " "}, "Give a reason of 3 to 200 characters"),
        ({"typed": "8"}, "Type 7 to confirm"),
        ({"key": ""}, "This question is not known: look again."),
    ],
)
def test_wrong_answer_is_asked_again_and_keeps_the_calls(operator, given, words):
    record(*(call(number) for number in range(1, 8)))
    question = fields(posted(operator, "/bulk/", {"which": "all"}, **HTMX)[1])
    status, text = posted(operator, "/bulk/start/", question | {"reason": "toll fraud", "typed": "7"} | given, **HTMX)
    assert (status, words in text, fields(text)["uids"], Bulk.objects.count()) == (400, True, question["uids"], 0)


def test_progress_asks_again_until_all_is_decided(viewer):
    bulk = bulk_of()
    open_, whole = (viewer.get(f"/bulk/{bulk.pk}/", **extra).content.decode() for extra in (HTMX, {}))
    order = Order.objects.create(
        dialog_uid=call(1).uid,
        call_text="4417 -> 5000",
        node="n1",
        username="ann",
        reason="why",
        phase="verified",
        outcome=Order.Outcome.CALLER_ONLY,
        requested_ns=NOW,
    )
    BulkItem.objects.update(state="ordered", order=order)
    Bulk.objects.update(state="done")
    closed = viewer.get(f"/bulk/{bulk.pk}/", **HTMX).content.decode()
    again = f'hx-get="/bulk/{bulk.pk}/"'
    assert (again in open_, "<html" in whole, again in closed, "Stop" in open_) == (True, True, False, False)
    assert ("Done: 1 call" in closed, f'href="/orders/{order.pk}/"' in closed, "1 requested / 0 both legs released / 1 one leg only" in closed) == (True,) * 3


def test_stop_button_stops(operator):
    bulk = bulk_of(2)
    assert "Stop" in operator.get(f"/bulk/{bulk.pk}/", **HTMX).content.decode()
    status, text = posted(operator, f"/bulk/{bulk.pk}/stop/", {}, **HTMX)
    assert (status, "Stopped by operator" in text, "2 left out" in text, Bulk.objects.get().state) == (200, True, True, "stopped")


ACTIONS = ["/bulk/", "/bulk/start/", "/bulk/1/stop/"]


@pytest.mark.parametrize("address", ACTIONS)
def test_get_on_an_action_is_not_allowed(operator, address):
    assert operator.get(address).status_code == 405


@pytest.mark.parametrize("address", ACTIONS)
def test_action_without_its_token_is_refused(address):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("operator"))
    assert client.post(address).status_code == 403


@pytest.mark.parametrize("address", [*ACTIONS, f"/call/{call(1).uid}/end/"])
def test_who_has_no_right_is_refused_and_written_down(viewer, address):
    assert viewer.post(address).status_code == 403
    event = AuditEvent.objects.get()
    assert (event.username, event.action, event.address, event.request) == ("viewer", "refused", "127.0.0.1", f"POST {address}")
    assert event.dialog_uid == (call(1).uid if "call" in address else "")


def orders() -> None:
    row = record(call(1))[0]
    given = {"dialog": row, "dialog_uid": row.uid, "call_text": "4417 -> 5000", "node": "n1", "reason": "why", "requested_ns": NOW, "phase": "verified"}
    for number, (user, outcome) in enumerate([("ann", "both legs released"), ("bob", Order.Outcome.CALLEE_ONLY), ("ann", "not confirmed")], 1):
        proof = f'[[{NOW + 1}, "sent"], [{NOW}, "BYE"]]'
        Order.objects.create(pk=number, username=user, outcome=outcome, sent_ns=NOW + 1, closed_ns=NOW + 9, evidence=proof, **given)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["3", "2", "1"]),
        ("state=one leg", ["2"]),
        ("user=ann", ["3", "1"]),
        ("user=ann&state=both legs", ["1"]),
        ("state=nonsense", ["3", "2", "1"]),
        ("bulk=1", ["2"]),
        ("bulk=x", ["3", "2", "1"]),
        ("state=refused", []),
    ],
)
def test_orders_are_narrowed_by_state_user_and_bulk(viewer, query, found):
    orders()
    bulk = Bulk.objects.create(pk=1, key="k", username="ann", reason="fraud", asked=1, requested_ns=NOW, moved_ns=NOW)
    BulkItem.objects.create(bulk=bulk, dialog_uid=call(1).uid, call_text="x", node="n1", order_id=2)
    text = viewer.get(f"/orders/?{query}").content.decode()
    assert re.findall(r'<tr id="order-(\d+)"', text) == found
    assert ("ann ends 1 call" in text, "No order matches" in text) == (True, not found)


def test_evidence_leads_to_the_message_itself(viewer):
    from tests.dashboard.pages.test_call import EVE, stored  # noqa: PLC0415 -- a message for this test only

    record(call(1), messages=stored(EVE))
    orders()
    text = viewer.get("/orders/").content.decode()
    assert set(re.findall(r'href="(/call/\w+/\?at=\d+#raw)">(\w+)</a>', text)) == {(f"/call/{call(1).uid}/?at={NOW}#raw", "BYE")}
    shown, other = (viewer.get(f"/call/{call(1).uid}/?at={at}").content.decode() for at in (NOW, NOW - 1))
    assert ('"p-b">INVITE sip:5000' in shown, '"p-b">INVITE sip:5000' in other) == (True, False)


def one_leg(**changes: object) -> Order:
    row = record(call(1, **changes))[0]
    given = {"dialog": row, "dialog_uid": row.uid, "call_text": "4417 -> 5000", "node": "n1", "username": "ann", "reason": "why", "requested_ns": NOW}
    return Order.objects.create(phase="verified", outcome=Order.Outcome.CALLER_ONLY, **given)


def test_leg_that_was_left_is_tried_again_once(operator, viewer):
    left = one_leg()
    pages = [client.get(f"/orders/{left.pk}/", **HTMX).content.decode() for client in (operator, viewer)]
    assert (["End the callee's leg again" in page.replace("&#x27;", "'") for page in pages], "Retry…" in operator.get("/orders/").content.decode()) == (
        [True, False],
        True,
    )
    answers = [posted(operator, f"/orders/{left.pk}/retry/", {}, **HTMX)[0] for _ in range(2)]
    assert (answers, list(Order.objects.exclude(pk=left.pk).values_list("side", "reason", "username"))) == ([200, 200], [("callee", "why", "operator")])


def test_leg_of_a_protected_call_is_not_tried_again_with_one_click(operator):
    left = one_leg(callee="112")
    status, text = posted(operator, f"/orders/{left.pk}/retry/", {}, **HTMX)
    assert (status, "Refused: protected number" in text, Order.objects.count()) == (409, True, 1)


def test_protected_call_is_ended_singly_with_its_number_typed():
    client = Client()
    client.force_login(person("administrator"))
    record(call(1, callee="112"))
    address = f"/call/{call(1).uid}/end/"
    assert "type 112 to confirm" in client.get(f"{address}form", **HTMX).content.decode()
    answers = [posted(client, address, {"reason": "drill", "confirmed": typed}, **HTMX)[0] for typed in ("", "113", "112")]
    assert (answers, Order.objects.count()) == ([400, 400, 200], 1)
