"""Every address, asked by each kind of person."""

import pytest
from django.test import Client

from dashboard.models import Order
from tests.dashboard.live.people import NOW, PEOPLE, call, person, record

pytestmark = pytest.mark.django_db
UID = call(1).uid
LOOKED_AT = [
    "/",
    "/welcome/",
    "/profiles/",
    "/history/",
    "/history/calls.csv",
    "/callers/",
    "/peers/",
    "/wall/",
    "/wall/?kiosk",
    "/profiles/value/?profile=caller",
    "/alerts/",
    "/orders/",
    "/orders/1/",
    "/reconcile/",
    "/taps/",
    f"/call/{UID}/",
    f"/call/{UID}/menu/",
    f"/call/{UID}/message/1/",
    f"/call/{UID}/diff/1/2/",
    f"/call/{UID}/ladder.txt",
    f"/call/{UID}/ladder.svg",
    f"/call/{UID}/pcap/",
]
NO_MESSAGES = [address for address in LOOKED_AT if any(word in address for word in ("/message/", "/diff/", "/ladder.", "/pcap/"))]
"This call has no stored message."


@pytest.fixture
def calls() -> None:
    row = record(call(1))[0]
    record(call(1), now_ns=NOW)
    Order.objects.create(pk=1, dialog=row, dialog_uid=row.uid, call_text="4417 -> 5000", node="n1", username="ann", reason="why", requested_ns=NOW)


def client_of(role: str) -> Client:
    client = Client()
    if role in PEOPLE:
        client.force_login(person(role))
    return client


@pytest.mark.parametrize("address", LOOKED_AT)
@pytest.mark.parametrize(("role", "status"), [("operator", 200), ("viewer", 200), ("stranger", 403), ("anonymous", 302)])
def test_page_is_for_who_may_look(calls, address, role, status):
    expected = 404 if status == 200 and address in NO_MESSAGES else status
    assert client_of(role).get(address).status_code == expected


@pytest.mark.parametrize("address", [f"/call/{UID}/end/form", f"/call/{UID}/end/"])
@pytest.mark.parametrize(("role", "status"), [("operator", 200), ("viewer", 403), ("stranger", 403), ("anonymous", 302)])
def test_ending_is_for_who_may_end(calls, address, role, status):
    if address.endswith("form"):
        assert client_of(role).get(address).status_code == status
    else:
        answered = {200: 409}.get(status, status)  # no controller is configured: refused, but asked
        assert client_of(role).post(address, {"reason": "test call"}).status_code == answered


def test_get_on_an_action_is_not_allowed(calls):
    assert client_of("operator").get(f"/call/{UID}/end/").status_code == 405


def test_action_without_its_token_is_refused(calls):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("operator"))
    assert (client.post(f"/call/{UID}/end/", {"reason": "test call"}).status_code, Order.objects.count()) == (403, 1)


@pytest.mark.parametrize("address", ["/call/0000000000000000/", "/call/0000000000000000/menu/", "/orders/99/", "/nothing/"])
def test_what_is_not_there_is_said(address):
    response = client_of("viewer").get(address)
    assert (response.status_code, "Nothing is here" in response.content.decode()) == (404, True)


def test_health_needs_no_login():
    assert (Client().get("/healthz").status_code, Client().get("/healthz").json()) == (200, {"alive": True})


def test_icon_needs_no_login():
    assert Client().get("/favicon.ico").url == "/static/icon.svg"


def test_style_page_is_for_staff_and_has_both_themes(admin_client):
    text = admin_client.get("/styles/").content.decode()
    assert (text.count('data-theme="light"'), text.count('data-theme="dark"'), client_of("operator").get("/styles/").status_code) == (1, 1, 403)


def test_admin_is_for_staff_and_users_only(admin_client):
    text = admin_client.get("/admin/").content.decode()
    assert ("/admin/auth/user/" in text, "/admin/dashboard/" in text, client_of("operator").get("/admin/").status_code) == (True, False, 302)


def test_security_headers_stand_on_every_page():
    headers = client_of("viewer").get("/").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert (policy["script-src"], policy["style-src"], headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("'self'", "'self'", "DENY", "nosniff")


def test_login_says_that_it_was_wrong_and_throttles():
    person("viewer")
    client = Client()
    first = client.post("/login/", {"username": "viewer", "password": "wrong"})
    statuses = [client.post("/login/", {"username": "viewer", "password": "wrong"}).status_code for _ in range(5)]
    late = client.post("/login/", {"username": "viewer", "password": "correct horse"})
    assert ("Name or password is wrong" in first.content.decode(), statuses[-1], late.status_code) == (True, 429, 429)
    assert "Too many mistakes" in late.content.decode()


def test_login_and_logout():
    person("viewer")
    client = Client()
    into = client.post("/login/", {"username": "viewer", "password": "correct horse", "next": "/orders/"})
    assert (into.status_code, into.url, client.get("/").status_code, client.post("/logout/").url, client.get("/").status_code) == (
        302,
        "/orders/",
        200,
        "/login/",
        302,
    )
