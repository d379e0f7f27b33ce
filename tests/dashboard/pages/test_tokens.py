"""The page of API tokens."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from dashboard.models import ApiToken, AuditEvent
from dashboard.rpc.tokens import make, recognize
from dialogs.config import Config, Rpc
from tests.dashboard.live.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    user = User.objects.create_user("ada")
    user.groups.set(Group.objects.filter(name="administrator"))
    client.force_login(user)
    return client


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(person(role))
    return client


@pytest.mark.parametrize("role", ["operator", "viewer", "stranger"])
def test_tokens_are_the_administrators_business(role):
    row, text = make("a", "read", by="anna")
    client = client_of(role)
    answers = client.get("/tokens/"), client.post("/tokens/", {"name": "b", "scope": "read"}), client.post(f"/tokens/{row.pk}/revoke/")
    assert ([answer.status_code for answer in answers], recognize(text), ApiToken.objects.count()) == ([403] * 3, row, 1)


def test_stranger_is_sent_to_the_login():
    assert Client().get("/tokens/").url == "/login/?next=/tokens/"


def test_menu_has_the_page_for_who_may_open_it(admin):
    assert ['href="/tokens/"' in client.get("/").content.decode() for client in (admin, client_of("operator"))] == [True, False]


def test_made_token_is_shown_once(admin):
    answer = admin.post("/tokens/", {"name": "<b>edge</b>", "scope": "control", "days": "30"}, REMOTE_ADDR="192.0.2.7")
    (text,) = set(re.findall(r"dialtap_[\w-]{43}", answer.content.decode()))
    row = recognize(text)
    assert (row.name, row.scope, row.created_by, row.expires_ns > 0) == ("<b>edge</b>", "control", "ada", True)
    assert ("no-store" in answer["Cache-Control"], "&lt;b&gt;edge&lt;/b&gt;" in answer.content.decode()) == (True, True)
    assert (text in admin.get("/tokens/").content.decode(), AuditEvent.objects.get().address) == (False, "192.0.2.7")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "taken", "scope": "read"}, "a token &quot;taken&quot; already"),
        ({"name": "", "scope": "read"}, "give it a name"),
        ({"name": "a", "scope": "root"}, "the scope is read or control"),
        ({"name": "a", "scope": "read", "days": "soon"}, "days are 0 (for ever) to 3650"),
        ({"name": "a", "scope": "read", "days": "9" * 5000}, "days are 0 (for ever) to 3650"),
        ({}, "give it a name"),
    ],
)
def test_mistake_is_said(admin, form, words):
    make("taken", "read", by="anna")
    answer = admin.post("/tokens/", form)
    assert (answer.status_code, words in answer.content.decode(), ApiToken.objects.count()) == (400, True, 1)


def test_revoked_token_is_worthless_and_gone(admin):
    row, text = make("edge-1", "read", by="anna")
    assert admin.get(f"/tokens/{row.pk}/revoke/").status_code == 405
    answer = admin.post(f"/tokens/{row.pk}/revoke/", follow=True)
    assert (answer.redirect_chain, recognize(text), "edge-1" in answer.content.decode()) == ([("/tokens/", 302)], None, False)
    assert list(AuditEvent.objects.filter(action="token revoked").values_list("username", flat=True)) == ["ada"]
    assert [admin.post(f"/tokens/{number}/revoke/").status_code for number in (row.pk, 999)] == [302, 404]


def test_another_token_of_the_same_name_survives_an_old_page(admin):
    old, _ = make("a", "read", by="anna")
    admin.post(f"/tokens/{old.pk}/revoke/")
    new, text = make("a", "read", by="anna")
    admin.post(f"/tokens/{old.pk}/revoke/")
    assert recognize(text) == new


def test_list_says_what_each_may_and_until_when(admin):
    make("for ever", "read", by="anna")
    row, text = make("used", "control", by="anna", days=1)
    recognize(text)
    make("old", "read", by="anna", days=1)
    ApiToken.objects.filter(name="old").update(expires_ns=1)
    page = admin.get("/tokens/").content.decode()
    assert [words in page for words in (f"{row.prefix}…", 'aria-label="Revoke used"', ">expired<", "http://testserver/RPC")] == [True] * 4


@pytest.mark.parametrize(("open_loopback", "words"), [(True, "programs on this machine may read"), (False, "no program may call")])
def test_empty_page_says_who_may_call(admin, settings, open_loopback, words):
    settings.DIALTAP = Config(rpc=Rpc(open_loopback=open_loopback))
    assert words in admin.get("/tokens/").content.decode()


def test_form_needs_its_own_page():
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    assert (client.post("/tokens/", {"name": "a", "scope": "read"}).status_code, ApiToken.objects.count()) == (403, 0)
