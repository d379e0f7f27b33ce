"""Orders and changes by the API: the same refusals, audit and rows as from the page, in the token's name."""

import io
import json
import time

import msgspec
import pytest
from django.conf import settings

from dashboard.api import acts
from dashboard.models import Alert, AuditEvent, Bulk, Order, ProxyTable
from dialogs.config import Control
from tests.dashboard.api.conftest import API
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
UID, OTHER, GONE = call(1).uid, call(2).uid, call(3).uid
ASKS = {
    "end": (f"/calls/{UID}/end", {"side": "callee"}),
    "transfer": (f"/calls/{UID}/transfer", {"side": "callee", "to": "sip:bob@192.0.2.9"}),
    "join": (f"/calls/{UID}/join", {"side": "callee", "other": OTHER, "other_side": "caller"}),
    "bridge": ("/connect", {"first": "sip:ann@192.0.2.8", "second": "sip:bob@192.0.2.9"}),
    "release": (f"/calls/{GONE}/release", {"proxy": "edge"}),
}


@pytest.fixture(autouse=True)
def placed(db, monkeypatch):
    """Calls that orders may be about."""
    use(monkeypatch, Control(controller="sip", allow=("192.0.2.0/24",), protect=("112",), bulk_max=20))
    record(call(1), call(2, caller="ann", callee="bob"), call(3, state=5, end_ns=NOW, ended_by="caller", last_event="BYE"))
    found = {"findings": [["stuck", GONE, ["c3", "a"], 5, 4, NOW, 7, 9]], "counts": {"stuck": 1}}
    ProxyTable.objects.create(node="n1", name="edge", at_ns=time.time_ns(), proxy="http://127.0.0.1:8060/RPC", ours=1, theirs=2, detail=json.dumps(found))


def use(monkeypatch, control):
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=control))


def post(client, path, **said):
    answer = client.post(API + path, said, content_type="application/json")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("kind", ASKS)
def test_order_is_written_as_the_page_writes_it(token, monkeypatch, kind):
    if kind == "release":
        use(monkeypatch, Control(controller="kamailio"))
    path, said = ASKS[kind]
    client = token("control")
    status, answer = post(client, path, reason="wrong desk", **said)
    order = Order.objects.get()
    assert (status, answer["order"], answer["kind"], answer["open"]) == (200, order.pk, kind, True)
    assert (order.kind, order.username, order.reason) == (kind, "token control", "wrong desk")
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.username, event.address, event.reason) == (f"{kind} requested", "token control", "192.0.2.9", "wrong desk")
    assert post(client, path, reason="wrong desk", **said)[1]["order"] == order.pk  # a second time is the same order
    assert client.get(f"{API}/orders/{order.pk}").json()["words"] == answer["words"]


@pytest.mark.parametrize("kind", ASKS)
def test_refusal_is_a_conflict_with_the_reason(token, kind):
    path, said = ASKS[kind]
    status, answer = post(token("control"), path, reason=".", **said)
    wanted = 'only the proxy can let go of its dialog: set [control] controller to "kamailio" in dialtap.toml'
    assert (status, answer["detail"]) == (409, wanted if kind == "release" else "give a reason of 3 to 200 characters")
    assert (Order.objects.count(), AuditEvent.objects.latest("pk").action) == (0, f"{kind} refused")


@pytest.mark.parametrize("path", [*(path for path, _ in ASKS.values()), "/bulk/preview", "/bulk", "/orders/1/retry", f"/calls/{UID}/change", "/alerts/seen"])
def test_who_may_only_look_orders_nothing(token, path):
    Order.objects.create(pk=1, dialog_uid=UID, call_text="x", node="n1", username="eve", reason="test", requested_ns=NOW)
    said = {"reason": "test", "side": "both", "to": "sip:a@b.example", "other": OTHER, "other_side": "caller", "first": "x", "second": "y", "key": "k"}
    status, answer = post(token("read"), path, what="set_var", newest=1, **said)
    assert (status, answer["detail"]) == (403, acts.MAY_NOT)
    assert (Order.objects.count(), AuditEvent.objects.latest("pk").action) == (1, "refused")


def test_protected_call_is_not_ended_by_a_program(token):
    record(call(7, callee="112"))
    status, answer = post(token("control", "numbers"), f"/calls/{call(7).uid}/end", reason="test", confirm="112")
    assert (status, answer["detail"]) == (409, "protected number: only an administrator may end this call")


def test_call_says_what_may_be_done(token):
    reader, controller = (client.get(f"{API}/calls/{UID}").json()["may"] for client in (token("read"), token("control")))
    assert reader == {
        "end": "you may not end calls",
        "transfer": "you may not end calls",
        "join": "you may not end calls",
        "change": "you may not change calls",
        "confirm": "",
    }
    assert controller == {"end": "", "transfer": "", "join": "", "change": "", "confirm": ""}


def test_many_calls_are_ended_after_a_preview(token):
    client = token("control")
    status, seen = post(client, "/bulk/preview", q="state = live")
    assert (status, sorted(seen["ending"]), seen["confirm"]) == (200, sorted([UID, OTHER]), "2")
    status, made = post(client, "/bulk", q="state = live", reason="maintenance", key="m-1", confirm=seen["confirm"])
    assert (status, made["asked"], made["state"], made["query"], made["counts"]["waiting"]) == (200, 2, "running", "q=state+%3D+live", 2)
    assert post(client, "/bulk", q="state = live", reason="maintenance", key="m-1")[1]["bulk"] == made["bulk"]
    assert [one["bulk"] for one in client.get(f"{API}/orders").json()["bulks"]] == [made["bulk"]]
    status, stopped = post(client, f"/bulk/{made['bulk']}/stop")
    assert (status, stopped["state"], Bulk.objects.get().closed_by) == (200, "stopped", "token control")


BULKS = {
    "no reason": ({"calls": UID, "reason": ".", "key": "k"}, 409, "give a reason of 3 to 200 characters"),
    "no key": ({"calls": UID, "reason": "test", "key": ""}, 400, "key is 1 to 32 characters of your own, another one for each wish"),
    "not counted": ({"q": "state = live", "reason": "test", "key": "k"}, 409, "type 12 to confirm"),
    "too many": ({"q": "state = live", "reason": "test", "key": "k", "confirm": "12"}, 409, "12 calls, at most 11 at once"),
    "not understood": ({"q": "state =", "reason": "test", "key": "k"}, 400, "the query cannot be understood"),
}


@pytest.mark.parametrize("name", BULKS)
def test_bulk_is_refused_with_the_reason(token, monkeypatch, name):
    record(*(call(number) for number in range(20, 30)))
    if name == "too many":
        use(monkeypatch, msgspec.structs.replace(settings.DIALTAP.control, bulk_max=11))
    said, status, words = BULKS[name]
    found, answer = post(token("control"), "/bulk", **said)
    assert (found, answer["detail"][: len(words)], Bulk.objects.count()) == (status, words, 0)


def test_leg_that_was_left_is_tried_again(token):
    Order.objects.create(
        pk=1, dialog_id=UID, dialog_uid=UID, call_text="x", node="n1", username="eve", reason="test", requested_ns=NOW,
        phase="verified", outcome="one leg only: callee not confirmed",
    )  # fmt: skip
    client = token("control")
    assert client.get(f"{API}/orders/1").json()["left"] == "callee"
    status, answer = post(client, "/orders/1/retry")
    assert (status, answer["side"], answer["arguments"]) == (200, "callee", {"retries": 1})


def test_change_needs_an_ingest_and_says_so(token):
    status, answer = post(token("control"), f"/calls/{UID}/change", what="set_var", key="desk", value="7")
    assert (status, answer["detail"][:24]) == (409, "no ingest answers at " + str(settings.VAR)[:3])
    assert post(token("control", "audit"), f"/calls/{UID}/change", what="fly") == (400, {
        "type": "about:blank", "title": "Bad Request", "status": 400, "detail": "say what is to be changed",
    })  # fmt: skip


def test_alerts_are_taken_note_of(token):
    made = [Alert.objects.create(at_ns=NOW, kind="alert", text="x", dialog_uid=UID, node="n1") for _ in range(3)]
    client = token("control")
    assert post(client, "/alerts/seen", newest=made[1].pk) == (200, {"noted": 2})
    assert [one["seen"] for one in client.get(f"{API}/alerts").json()["alerts"]] == [False, True, True]


def test_capture_file_that_is_too_large_is_refused(token, monkeypatch):
    history = msgspec.structs.replace(settings.DIALTAP.history, open_mb=0)
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, history=history))
    answer = token("control").post(f"{API}/files", {"capture": io.BytesIO(b"x")})
    assert (answer.status_code, "open_mb" in answer.json()["detail"]) == (413, True)
