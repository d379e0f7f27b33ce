"""The questions before an order: who may ask, what is said before anything is sent, what becomes of the answer."""

import json
import re
import time
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.test import Client

from dashboard.models import AuditEvent, DialogRow, Order, ProxyTable
from dashboard.orders.words import asked_words
from dialogs.config import Control
from tests.dashboard.live.people import NOW, call, person, record
from tests.dashboard.pages.test_call import EVE, stored
from tests.dashboard.pages.test_pages import HTMX

pytestmark = pytest.mark.django_db
SIP = Control(controller="sip", allow=("192.0.2.0/24",), protect=("112",))
UID, OTHER, GONE = call(1).uid, call(2).uid, call(3).uid
REASON = {"reason": "wrong desk"}
ASKS: dict[str, dict[str, str]] = {
    f"/call/{UID}/end/": {"side": "callee"},
    f"/call/{UID}/transfer/": {"side": "callee", "to": "sip:bob@192.0.2.9"},
    f"/call/{UID}/join/": {"side": "callee", "other": OTHER, "other_side": "caller"},
    "/connect/": {"first": "sip:ann@192.0.2.8", "second": "sip:bob@192.0.2.9"},
    f"/call/{GONE}/release/": {"proxy": "edge"},
}
"Each order's address with answers that make one."

KINDS = dict(zip(ASKS, ("end", "transfer", "join", "bridge", "release"), strict=True))
CALLS = [address for address in ASKS if UID in address]


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)


def use(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=msgspec.structs.replace(SIP, **changes)))


def placed(monkeypatch: pytest.MonkeyPatch, address: str = "", **changes: Any) -> None:
    """Record the calls that the orders are about; a proxy still has the third. What no agent of ours can do, a proxy is there for."""
    record(call(1, **changes), call(2, caller="ann", callee="bob"), call(3, state=5, end_ns=NOW, ended_by="caller", last_event="BYE"))
    found = {"findings": [["stuck", GONE, ["c3", "a"], 5, 4, NOW, 7, 9]], "counts": {"stuck": 1}}
    ProxyTable.objects.create(node="n1", name="edge", at_ns=time.time_ns(), proxy="http://127.0.0.1:8060/RPC", ours=1, theirs=2, detail=json.dumps(found))
    if "release" in address:
        use(monkeypatch, controller="kamailio")


def client_of(role: str, **given: Any) -> Client:
    client = Client(**given)
    client.force_login(person(role))
    return client


def asked(client: Client, address: str, **extra: Any) -> tuple[int, str]:
    """Return status and text of a question."""
    answer = client.get(f"{address}form" + ("?proxy=edge" if "release" in address else ""), **HTMX, **extra)
    return answer.status_code, answer.content.decode()


def answered(client: Client, address: str, **given: str) -> tuple[int, str]:
    answer = client.post(address, ASKS[address] | REASON | given, **HTMX)
    return answer.status_code, answer.content.decode()


def fields(text: str) -> set[str]:
    return set(re.findall(r'<input [^>]*name="(\w+)"', text)) - {"csrfmiddlewaretoken"}


# What every order has in common


@pytest.mark.parametrize("address", ASKS)
def test_question_changes_nothing_and_the_answer_becomes_one_order(monkeypatch, operator, address):
    placed(monkeypatch, address)
    status, text = asked(operator, address)
    assert (status, "<html" in text, "Refused" in text, Order.objects.count(), AuditEvent.objects.count()) == (200, False, False, 0, 0)
    assert set(ASKS[address]) | {"reason"} <= fields(text)
    answers = [answered(operator, address) for _ in range(2)]
    assert [(status, f'data-order="{Order.objects.get().pk}"' in text) for status, text in answers] == [(200, True)] * 2
    order, event = Order.objects.get(), AuditEvent.objects.get()
    assert (order.kind, order.username, order.reason, event.action, event.address) == (
        KINDS[address],
        "operator",
        "wrong desk",
        f"{KINDS[address]} requested",
        "127.0.0.1",
    )


@pytest.mark.parametrize("address", ASKS)
def test_question_is_a_page_of_its_own_without_script(monkeypatch, operator, address):
    placed(monkeypatch, address)
    page = operator.get(f"{address}form?proxy=edge").content.decode()
    assert ("<html" in page, fields(page) >= set(ASKS[address])) == (True, True)


@pytest.mark.parametrize("address", ASKS)
def test_get_on_an_action_is_not_allowed(operator, address):
    assert operator.get(address).status_code == 405


@pytest.mark.parametrize("address", ASKS)
def test_action_without_its_token_is_refused(monkeypatch, address):
    placed(monkeypatch, address)
    assert answered(client_of("operator", enforce_csrf_checks=True), address)[0] == 403
    assert Order.objects.count() == 0


@pytest.mark.parametrize("address", ASKS)
def test_who_has_no_right_is_refused_and_written_down(monkeypatch, viewer, address):
    placed(monkeypatch, address)
    assert (answered(viewer, address)[0], asked(viewer, address)[0], Order.objects.count()) == (403, 403, 0)
    events = list(AuditEvent.objects.order_by("pk").values_list("username", "action", "request"))
    assert events == [("viewer", "refused", f"POST {address}"), ("viewer", "refused", f"GET {address}form")]


REFUSED = {
    "recorded": ({"tap": "file:demo"}, {}, "recorded call: nothing is sent"),
    "outside": ({}, {"allow": ("198.51.100.0/24",)}, "nothing is sent to 192.0.2.1: it is not in [control] allow"),
    "protected": ({"callee": "112"}, {}, "protected number: only an administrator may end this call"),
    "ended": ({"state": 5, "end_ns": NOW}, {}, "already ended"),
    "nobody": ({}, {"controller": "none"}, "no controller is configured: set [control] controller in dialtap.toml"),
}


@pytest.mark.parametrize("address", CALLS)
@pytest.mark.parametrize(("changes", "control", "words"), REFUSED.values(), ids=REFUSED)
def test_refusal_is_said_before_anything_is_sent_and_again_at_the_answer(monkeypatch, operator, address, changes, control, words):
    placed(monkeypatch, address, **changes)
    if changes.get("tap"):
        DialogRow.objects.filter(pk=UID).update(recorded=True)
    use(monkeypatch, **control)
    (before, question), (after, answer) = asked(operator, address), answered(operator, address)
    assert (before, after, Order.objects.count()) == (200, 409, 0)
    assert [f"Refused: {words}" in text for text in (question, answer)] == [True, True]
    assert ("reason" in fields(question), 'class="btn solid' in question) == (False, False)
    assert AuditEvent.objects.get().action == f"{KINDS[address]} refused"


WRONG: dict[str, tuple[dict[str, str], str]] = {
    f"/call/{UID}/end/": ({"reason": "x"}, "Give a reason of 3 to 200 characters"),
    f"/call/{UID}/transfer/": ({"to": "bob"}, "Address: expected a SIP URI, got &#x27;bob&#x27;"),
    f"/call/{UID}/join/": ({"other": "nonsense"}, "Pick the other call"),
    "/connect/": ({"first": "tel:110"}, "An address such as &quot;sip:bob@example.net&quot; is needed, not &quot;tel:110&quot;"),
    f"/call/{GONE}/release/": ({"reason": "\n"}, "Give a reason of 3 to 200 characters"),
}


@pytest.mark.parametrize("address", ASKS)
def test_wrong_answer_is_asked_again_and_stays_filled_in(monkeypatch, operator, address):
    placed(monkeypatch, address)
    given, words = WRONG[address]
    status, text = answered(operator, address, **given)
    assert (status, words in text, Order.objects.count()) == (400, True, 0)
    kept = {name: value for name, value in (ASKS[address] | REASON | given).items() if name in ("reason", "to", "first", "second", "proxy") and value.strip()}
    assert [name for name, value in kept.items() if f'value="{value}"' not in text] == []


@pytest.mark.parametrize("address", CALLS)
def test_protected_call_is_typed_by_an_administrator(monkeypatch, address):
    placed(monkeypatch, address, callee="112")
    client = client_of("administrator")
    assert "type 112 to confirm" in asked(client, address)[1]
    assert [answered(client, address, confirmed=typed)[0] for typed in ("", "113", "112")] == [400, 400, 200]


def test_connecting_is_kept_to_allowed_networks(monkeypatch, operator):
    status, text = answered(operator, "/connect/", first="sip:ann@203.0.113.9")
    assert (status, "Nothing is sent to 203.0.113.9: it is not in [control] allow" in text, Order.objects.count()) == (400, True, 0)


# What each question says


@pytest.mark.parametrize(
    ("controller", "disabled", "words"),
    [("sip", [], ""), ("kamailio, then sip", [], ""), ("kamailio", ["caller", "callee"], "Not possible here: a proxy ends both sides")],
)
def test_end_offers_the_sides_that_the_controller_can_end(monkeypatch, operator, controller, disabled, words):
    placed(monkeypatch)
    use(monkeypatch, controller=controller)
    text = asked(operator, f"/call/{UID}/end/")[1]
    assert re.findall(r'value="(\w+)" required disabled', text) == disabled
    assert (words in text, "caller 4417" in text, "data-since-ns=" in text) == (True, True, True)
    assert re.search(r"<a [^>]*data-close[^>]*autofocus>Cancel</a>", text)


CANCEL = "A CANCEL goes to udp:192.0.2.1:5060, where its INVITE went"
KAMAILIO = "The proxy is asked by tm.cancel"


@pytest.mark.parametrize(
    ("controller", "said"), [("sip", [True, False]), ("kamailio", [False, True]), ("kamailio, then sip", [True, True]), ("dryrun", [False, False])]
)
def test_end_says_what_the_wire_allows_for_a_ringing_call(monkeypatch, operator, controller, said):
    record(call(1, state=2, start_ns=0), messages=stored(EVE))
    use(monkeypatch, controller=controller)
    text = asked(operator, f"/call/{UID}/end/")[1]
    assert ([words in text for words in (CANCEL, KAMAILIO)], "side" in fields(text), "is not answered" in text) == (said, False, True)


def test_ringing_call_whose_invite_is_not_stored_cannot_be_cancelled(operator):
    record(call(1, state=2, start_ns=0))
    assert "Refused: this call still rings, and the INVITE" in asked(operator, f"/call/{UID}/end/")[1]


def test_ringing_call_cannot_be_transferred(operator):
    record(call(1, state=2, start_ns=0))
    assert "Refused: this call is not answered yet" in asked(operator, f"/call/{UID}/transfer/")[1]


def test_join_offers_answered_live_calls_and_finds_others(operator):
    record(call(1), *(call(number, caller=f"ann{number}") for number in range(2, 15)), call(20, state=2), call(21, state=5, end_ns=NOW))
    text = asked(operator, f"/call/{UID}/join/")[1]
    assert re.findall(r'name="other" value="(\w+)"', text) == [call(number).uid for number in range(14, 4, -1)]
    found = operator.get(f"/call/{UID}/join/form?q=ann3", **HTMX).content.decode()
    none = operator.get(f"/call/{UID}/join/form?q=nobody", **HTMX).content.decode()
    assert re.findall(r'name="other" value="(\w+)"', found) == [call(3).uid]
    assert ("The 10 newest" in text, "No other call matches" in none) == (True, True)


def test_join_says_which_calls_cannot_be_joined(monkeypatch):
    record(call(1), call(2, callee="112"))
    text = asked(client_of("administrator"), f"/call/{UID}/join/")[1]
    assert re.findall(r'value="(\w+)" required disabled', text) == [OTHER]
    assert "protected number: another call cannot be joined with it" in text


def test_release_names_the_proxy_and_the_evidence(monkeypatch, operator):
    placed(monkeypatch, "release")
    text = asked(operator, f"/call/{GONE}/release/")[1]
    assert [words in text for words in ("BYE by the caller", "<bdi>edge</bdi>", "7:9")] == [True] * 3
    answered(operator, f"/call/{GONE}/release/")
    order, event = Order.objects.get(), AuditEvent.objects.get()
    assert order.arguments == {"proxy": "edge", "key": ["c3", "a"], "h_entry": 7, "h_id": 9, "state": 4}
    assert (event.request, event.before) == ("release 7:9 at edge", "proxy: CONFIRMED")


@pytest.mark.parametrize(
    ("kind", "arguments", "request_words"),
    [
        ("transfer", {"to": "sip:x@y"}, "transfer callee to sip:x@y"),
        ("bridge", {"first": "sip:a@b", "second": "sip:c@d"}, "bridge sip:a@b and sip:c@d"),
        ("join", {"other": "0b", "other_side": "caller"}, "join callee with caller of 0b"),
        ("end", {}, "end callee"),
    ],
)
def test_audit_says_what_was_asked_for(kind, arguments, request_words):
    assert asked_words(Order(kind=kind, side="callee", arguments=arguments)) == request_words


def test_menu_and_pages_lead_to_the_questions(operator, viewer):
    record(call(1))
    addresses = [f"/call/{UID}/transfer/form", f"/call/{UID}/join/form", "/connect/form"]
    found = {
        page: [[address in client.get(page).content.decode() for address in addresses] for client in (operator, viewer)]
        for page in (f"/call/{UID}/menu/", f"/call/{UID}/", "/orders/")
    }
    nothing = [False, False, False]
    assert found == {
        f"/call/{UID}/menu/": [[True, True, True], nothing],
        f"/call/{UID}/": [[True, True, False], nothing],
        "/orders/": [[False, False, True], nothing],
    }
