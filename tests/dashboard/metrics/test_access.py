"""Who may read `/metrics`, and who sees values of profiles there."""

import msgspec
import pytest
from asgiref.sync import sync_to_async

from dashboard.metrics.view import gathered
from dashboard.models import ApiToken
from dashboard.rpc import access
from dashboard.rpc.limit import Limiter
from dashboard.rpc.tokens import make, named, revoke
from dialogs.config import Config, Metrics, Rpc
from tests.dashboard.metrics.scraping import get

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
STRANGER, OFFICE = "192.0.2.9", "198.51.100.7"


@pytest.fixture(autouse=True)
def fresh(monkeypatch, settings):
    monkeypatch.setattr(access, "limiter", Limiter())
    settings.DIALTAP = Config(metrics=Metrics(allow=("127.0.0.0/8", "::1", "198.51.100.0/24")))


@pytest.fixture
def measured(monkeypatch):
    """One sample that holds a number."""
    told = {"dialtap_profile_value_calls": [(("n1", "caller", "sip:4417@example.net"), (3.0,))], "dialtap_database_up": [((), (1.0,))]}
    monkeypatch.setattr(gathered, "_work", lambda: told)
    return 'dialtap_profile_value_calls{node="n1",profile="caller",value="sip:4417@example.net"} 3.0'


async def token(scope: str = "read") -> str:
    return (await sync_to_async(make)("prometheus", scope, by="ann"))[1]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", OFFICE, f"::ffff:{OFFICE}"])
async def test_allowed_address_reads_all_but_numbers(measured, peer):
    answer = await get("/metrics", peer=peer)
    assert (answer.status, "dialtap_database_up 1.0" in answer.text, measured in answer.text) == (200, True, False)


@pytest.mark.parametrize("peer", [STRANGER, "2001:db8::1", "0.0.0.0", "not an address", None])
async def test_others_need_a_token(measured, peer):
    answer = await get("/metrics", peer=peer, X_Forwarded_For="127.0.0.1")
    assert (answer.status, answer.headers["www-authenticate"], answer.text) == (401, 'Bearer realm="dialtap"', access.NEEDED + "\n")


@pytest.mark.parametrize("header", access.FORWARDING)
async def test_what_a_proxy_passes_on_is_from_nowhere(measured, header):
    assert (await get("/metrics", **{header: "for=127.0.0.1"})).status == 401


@pytest.mark.parametrize("scope", ApiToken.Scope.values)
async def test_token_opens_it_from_anywhere_and_shows_numbers(measured, scope):
    answer = await get("/metrics", peer=STRANGER, host="192.0.2.1:8000", X_Forwarded_For=STRANGER, Authorization=f"Bearer {await token(scope)}")
    assert (answer.status, measured in answer.text, answer.headers["cache-control"]) == (200, True, "no-store")


@pytest.mark.parametrize("header", ["Bearer dialtap_nonsense", "Basic YTpi", "Bearer"])
async def test_token_that_is_none_opens_nothing_even_here(measured, header):
    answer = await get("/metrics", Authorization=header)
    assert (answer.status, answer.text) == (401, access.BAD_TOKEN + "\n")


async def test_revoked_token_opens_nothing(measured):
    text = await token()
    await sync_to_async(lambda: revoke(named("prometheus"), by="ann"))()
    assert (await get("/metrics", Authorization=f"Bearer {text}")).status == 401


async def test_nobody_is_allowed_where_the_list_is_empty(measured, settings):
    settings.DIALTAP = Config(metrics=Metrics(allow=()))
    assert ((await get("/metrics")).status, (await get("/metrics", Authorization=f"Bearer {await token()}")).status) == (401, 200)


@pytest.mark.parametrize(("who", "status"), [({"host": "evil.example"}, 400), ({"Origin": "http://evil.example"}, 403), ({"Origin": "http://localhost"}, 200)])
async def test_web_page_of_another_origin_reads_nothing(measured, who, status):
    """A page in a colleague's browser comes from an address that is allowed."""
    assert (await get("/metrics", **who)).status == status


async def test_too_many_are_told_to_come_again(measured, settings, monkeypatch):
    settings.DIALTAP = msgspec.structs.replace(settings.DIALTAP, rpc=Rpc(rate=1))
    monkeypatch.setattr(access, "clock", lambda: 1000.0)
    answers = [await get("/metrics", **who) for who in ({}, {}, {"Authorization": "Bearer x"}, {"peer": OFFICE})]
    assert [(answer.status, answer.headers.get("retry-after")) for answer in answers] == [(200, None), (429, "2"), (429, "2"), (200, None)]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_it_is_read_by_get(measured, method):
    from tests.dashboard.rpc.asking import ask  # noqa: PLC0415 -- only here

    answer = await ask(b"x", method=method, path="/metrics")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("accept", "kind", "end"),
    [("", "text/plain", "\n"), ("text/plain", "text/plain", "\n"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", "# EOF\n")],
)
async def test_reader_gets_the_format_that_it_likes(measured, accept, kind, end):
    answer = await get("/metrics", Accept=accept)
    assert (answer.headers["content-type"].split(";")[0], answer.text.endswith(end)) == (kind, True)
