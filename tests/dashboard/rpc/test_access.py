"""Who may call `/RPC`."""

import pytest
from asgiref.sync import sync_to_async

from dashboard.models import ApiToken
from dashboard.rpc import access, local
from dashboard.rpc.limit import Limiter
from dashboard.rpc.tokens import make, named, revoke
from dialogs.config import Config, Rpc
from tests.dashboard.rpc.asking import Door, ask

pytestmark = pytest.mark.asyncio
STRANGER = "192.0.2.9"


@pytest.fixture(autouse=True)
def door(monkeypatch):
    """A door in this process, and a limiter that has seen nobody."""
    monkeypatch.setattr(access, "limiter", Limiter())
    running = Door()
    local.set_door(running)
    yield running
    local.set_door(None)


@pytest.fixture
def stopped_clock(monkeypatch):
    monkeypatch.setattr(access, "clock", lambda: 1000.0)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
async def test_loopback_may_read_without_a_token(door, peer):
    answer = await ask(peer=peer)
    assert (answer.status, answer.json, door.asked[0][1]) == (200, {"jsonrpc": "2.0", "result": [], "id": 1}, False)


@pytest.mark.parametrize("peer", [STRANGER, "2001:db8::1", "::ffff:192.0.2.9", "0.0.0.0", "not an address", None])
async def test_others_need_a_token(door, peer):
    answer = await ask(peer=peer, X_Forwarded_For="127.0.0.1", X_Real_Ip="127.0.0.1")
    assert (answer.status, answer.headers["www-authenticate"], door.asked) == (401, 'Bearer realm="dialtap"', [])
    assert answer.json == {"jsonrpc": "2.0", "error": {"code": 401, "message": access.NEEDED}, "id": None}


@pytest.mark.parametrize("header", access.FORWARDING)
async def test_what_a_proxy_on_this_machine_passes_on_is_not_loopback(door, header):
    answer = await ask(**{header: "for=127.0.0.1"})
    assert (answer.status, door.asked) == (401, [])


async def test_loopback_can_be_closed(door, settings):
    settings.DIALTAP = Config(rpc=Rpc(open_loopback=False))
    assert ((await ask()).status, door.asked) == (401, [])


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8000", 200),
        ("http://localhost", 403),
        ("http://localhost:3000", 403),
        ("https://localhost:8000", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_page_of_another_origin_may_not_call(door, origin, status):
    answer = await ask(host="localhost:8000", Origin=origin, content_type="text/plain")
    assert (answer.status, len(door.asked), [name for name in answer.headers if name.startswith("access-control")]) == (status, int(status == 200), [])


async def test_name_that_was_bent_to_this_machine_is_refused(door):
    answer = await ask(host="evil.example:8000", Origin="http://evil.example:8000")
    assert (answer.status, door.asked) == (400, [])


async def test_browser_gets_no_leave_to_call_across_origins(door):
    answer = await ask(b"", method="OPTIONS", Origin="http://evil.example", Access_Control_Request_Method="POST")
    assert (answer.status, answer.headers["allow"], [name for name in answer.headers if name.startswith("access-control")]) == (405, "POST", [])


@pytest.mark.django_db(transaction=True)
class TestTokens:
    """With the table: what a token opens."""

    @pytest.mark.parametrize("scope", ApiToken.Scope.values)
    @pytest.mark.parametrize("peer", ["127.0.0.1", STRANGER])
    async def test_token_opens_what_its_scope_says(self, door, scope, peer):
        _, text = await sync_to_async(make)("a", scope, by="anna")
        answer = await ask(peer=peer, Authorization=f"bearer  {text}", X_Forwarded_For="198.51.100.7")
        assert (answer.status, door.asked[0][1]) == (200, scope == "control")

    @pytest.mark.parametrize("authorization", ["Bearer dialtap_nonsense", "Bearer", "Bearer \xff", "Basic YTpi", "nonsense"])
    async def test_wrong_token_opens_nothing_even_from_loopback(self, door, authorization):
        answer = await ask(Authorization=authorization)
        assert (answer.status, answer.json["error"]["message"], door.asked) == (401, access.BAD_TOKEN, [])

    async def test_revoked_token_is_refused_at_once(self, door):
        _, text = await sync_to_async(make)("a", "read", by="anna")
        first = await ask(peer=STRANGER, Authorization=f"Bearer {text}")
        await sync_to_async(lambda: revoke(named("a"), by="anna"))()
        second = await ask(peer=STRANGER, Authorization=f"Bearer {text}")
        assert (first.status, second.status) == (200, 401)

    async def test_each_token_has_its_own_rate(self, door, settings, stopped_clock):
        settings.DIALTAP = Config(rpc=Rpc(rate=2))
        texts = [(await sync_to_async(make)(name, "read", by="anna"))[1] for name in "ab"]
        statuses = [(await ask(peer=STRANGER, Authorization=f"Bearer {text}")).status for text in (texts[0],) * 3 + (texts[1],)]
        assert statuses == [200, 200, 429, 200]

    async def test_who_guesses_tokens_is_slowed_down_and_hinders_nobody(self, door, settings, stopped_clock):
        settings.DIALTAP = Config(rpc=Rpc(rate=1))
        _, text = await sync_to_async(make)("a", "read", by="anna")
        answers = [await ask(peer=STRANGER, Authorization=f"Bearer {guess}") for guess in ("dialtap_1", "dialtap_2", text)]
        assert ([answer.status for answer in answers], answers[1].headers["retry-after"]) == ([401, 429, 200], "2")


async def test_too_many_calls_are_told_when_to_come_again(door, settings, stopped_clock):
    settings.DIALTAP = Config(rpc=Rpc(rate=2))
    answers = [await ask() for _ in range(3)] + [await ask(peer="127.0.0.2")]
    assert [answer.status for answer in answers] == [200, 200, 429, 200]
    assert (answers[2].headers["retry-after"], answers[2].json["error"]["message"]) == ("1", "too many calls: [rpc] rate is 2 a second")
    assert len(door.asked) == 3
