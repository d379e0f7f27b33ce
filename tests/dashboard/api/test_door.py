"""The door of the API: who may call, how often, and what a caller hears who may not."""

import sys

import msgspec
import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django.urls import resolve

from dashboard.api import view
from dashboard.models import AuditEvent
from dashboard.rpc import access
from tests.dashboard.api.conftest import API
from tests.dashboard.live.people import person

pytestmark = pytest.mark.django_db


def problem(answer):
    """Return what a problem says; its shape is looked at too."""
    body = answer.json()
    assert (answer.headers["content-type"], body["status"], body["type"]) == ("application/problem+json", answer.status_code, "about:blank")
    return answer.status_code, body["detail"]


def test_who_has_no_token_is_told_how_to_get_one():
    assert problem(Client(REMOTE_ADDR="192.0.2.9").get(f"{API}/calls")) == (401, f"{view_words('NEEDED')}")
    assert problem(Client(REMOTE_ADDR="192.0.2.9", headers={"Authorization": "Bearer x"}).get(f"{API}/calls")) == (401, view_words("BAD_TOKEN"))


def view_words(name):
    return getattr(access, name)


def test_login_opens_nothing():
    client = Client(REMOTE_ADDR="192.0.2.9")
    client.force_login(person("operator"))
    assert client.get(f"{API}/calls").status_code == 401


def test_this_machine_may_look_and_not_order(rows):
    assert Client().get(f"{API}/calls").json()["total"] == len(rows)
    status, words = problem(Client().post(f"{API}/calls/{rows[0].uid}/end", {"reason": "test"}, content_type="application/json"))
    assert (status, "--scope control" in words) == (403, True)


def test_page_of_another_origin_is_refused():
    assert problem(Client().get(f"{API}/calls", headers={"Origin": "https://evil.example"}))[0] == 403


def test_rate_is_that_of_the_rpc(monkeypatch):
    monkeypatch.setattr(access, "clock", lambda: 1000.0)
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, rpc=msgspec.structs.replace(settings.DIALTAP.rpc, rate=2)))
    answers = [Client().get(f"{API}/offers") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert (answers[2].headers["retry-after"], problem(answers[2])[1]) == ("1", "too many calls: [rpc] rate is 2 a second")


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nothing", "/api/v2/calls"])
def test_unknown_address_says_where_to_look(path):
    assert problem(Client().get(path)) == (404, view.NO_ADDRESS)


def test_wrong_method_is_refused():
    assert Client().delete(f"{API}/calls").status_code == 405


WRONG = {
    "/calls?q=state+%3D": (400, "the query cannot be understood: column 8"),
    "/live?q=state+%3D": (400, "the query cannot be understood: column 8"),
    "/live?state=9": (400, "state is 1"),
    "/calls?when=never": (400, "the query cannot be understood"),
    "/calls?zone=Mars": (400, "there is no time zone 'Mars'"),
    "/calls?at=x": (400, "at is no place in a list"),
    "/live?at=x": (400, "at is no place in a list"),
    "/calls?size=0": (400, "size is 1 to 500"),
    "/calls?size=many": (400, "size: Input should be a valid integer"),
    "/calls/0123456789abcdef": (404, "there is no call of this name"),
    "/calls.xml": (404, "calls are to be had as csv, json, ndjson, pcapng"),
    "/orders/1": (404, "there is no order of this number"),
    "/orders?state=odd": (400, "state is one of: open"),
    "/bulk/1": (404, "there is no bulk of this number"),
    "/profiles?name=nothing": (404, "no call is in a profile 'nothing' now"),
    "/profiles/value?profile=": (404, "name a profile"),
    "/profiles/value?profile=a&span=2h": (400, "span is 1h or 24h"),
    "/kpis/calls?name=no&at=1": (404, "there is no such point"),
    "/audit": (403, "the audit log needs a token with the right audit"),
    "/tokens": (403, "tokens are listed, made and revoked by an administrator"),
    "/files": (403, "this needs a token of scope control"),
    "/calls?file=0123456789abcdef": (403, "this needs a token of scope control"),
}


@pytest.mark.parametrize("path", WRONG)
def test_mistake_is_said_with_what_to_do(rows, token, path):
    status, words = problem(token("read").get(API + path))
    assert (status, words[: len(WRONG[path][1])]) == WRONG[path]


def test_query_error_points_at_the_spot(rows):
    assert {name: Client().get(f"{API}/calls", {"q": "state ="}).json()[name] for name in ("query", "column", "caret")} == {
        "query": "state =",
        "column": 8,
        "caret": "state =\n       ^",
    }


def test_parameters_that_are_wrong_are_named(token):
    answer = token("control").post(f"{API}/connect", {"first": "sip:a@b.example"}, content_type="application/json")
    assert [one["parameter"] for one in answer.json()["errors"]] == ["second", "reason"]


def test_audit_log_with_the_right_to_it(token):
    client = token("read", "audit")
    assert [event["action"] for event in client.get(f"{API}/audit").json()["events"]] == ["token made"]
    assert b"".join(client.get(f"{API}/audit.csv?action=token+made").streaming_content).count(b"\r\n") == 2
    assert AuditEvent.objects.latest("pk").action == "audit exported"
    assert client.get(f"{API}/audit?since=never").status_code == 400
    assert client.get(f"{API}/audit.xml").status_code == 404


def test_without_the_extra_every_address_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ninja", None)  # as Python has what cannot be imported
    monkeypatch.delitem(sys.modules, "dashboard.api.site")
    (only,) = view.addresses()
    answer = only.callback(RequestFactory().get("/api/v1/calls"))
    assert problem_of(answer) == (404, view.MISSING)
    assert only.callback.login_required is False
    monkeypatch.undo()
    assert resolve(f"{API}/calls")


def problem_of(answer):
    return answer.status_code, msgspec.json.decode(answer.content)["detail"]


def test_no_cookie_is_set_and_nothing_is_kept(rows):
    answer = Client().get(f"{API}/calls")
    assert (answer.cookies, "Content-Security-Policy" in answer.headers) == ({}, True)
