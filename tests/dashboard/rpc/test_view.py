"""`/RPC`: what is let through to a door, and how its answer goes out."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from dashboard.models import AuditEvent
from dashboard.rpc import access, local, view
from dashboard.rpc.limit import Limiter
from dashboard.rpc.slots import Held, Slots
from dashboard.rpc.tokens import make
from tests.dashboard.ingest.test_loop import until
from tests.dashboard.rpc.asking import QUESTION, Door, ask, connection

pytestmark = pytest.mark.asyncio
END = b'{"jsonrpc":"2.0","method":"dlg.end_dlg","params":[1,2],"id":"x"}'


@pytest.fixture(autouse=True)
def door(monkeypatch):
    monkeypatch.setattr(access, "limiter", Limiter())
    monkeypatch.setattr(view, "refusals", Limiter())
    running = Door()
    local.set_door(running)
    yield running
    local.set_door(None)


LONG = b'{"jsonrpc":"2.0","result":["' + b"x" * view.SHORT + b'"'


async def test_long_answer_goes_out_piece_by_piece(door):
    door.pieces = (b"", LONG, b",2", b'],"id":1}')
    answer = await ask()
    assert (b"".join(answer.pieces), answer.pieces[-3:], answer.status) == (b"".join(door.pieces), [b",2", b'],"id":1}', b""], 200)


async def test_short_answer_goes_out_whole(door):
    door.pieces = (b"", b'{"jsonrpc":"2.0","result":[1', b",2", b'],"id":1}')
    answer = await ask()
    assert (answer.pieces, answer.status, answer.headers["content-length"]) == ([b"".join(door.pieces)], 200, str(len(b"".join(door.pieces))))
    assert {name: answer.headers[name] for name in ("content-type", "cache-control", "x-content-type-options")} == {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    assert [name for name in answer.headers if name in ("set-cookie", "vary") or name.startswith("access-control")] == []


async def test_who_goes_away_is_answered_no_further(door):
    gone = asyncio.Event()

    async def endless(body, *, control, name):
        try:
            while True:
                yield LONG
                await asyncio.sleep(0)
        finally:
            gone.set()

    door.answer = endless
    running = connection()
    await running.send_input({"type": "http.request", "body": QUESTION})
    assert (await running.receive_output(60))["status"] == 200
    await running.send_input({"type": "http.disconnect"})
    async with asyncio.timeout(60):
        await gone.wait()
    await running.wait(60)
    assert access.slots.taken == 0


async def test_few_long_answers_are_read_at_once(door, monkeypatch):
    monkeypatch.setattr(view, "slots", Slots(2))
    read = asyncio.Event()

    async def slow(body, *, control, name):
        yield LONG
        await read.wait()
        yield b'],"id":1}'

    short, door.answer = door.answer, slow
    reading = [asyncio.create_task(ask()) for _ in range(2)]
    await until(lambda: view.slots.taken == 2)
    refused = await ask()
    assert (refused.status, refused.headers["retry-after"], refused.json["error"]["code"], refused.json["id"]) == (503, "2", 503, 1)
    door.answer = short
    assert (await ask()).status == 200  # short ones need no place
    read.set()
    assert [answer.status for answer in await asyncio.gather(*reading)] == [200, 200]
    assert (view.slots.taken, view.slots.refused) == (0, 1)


async def test_place_of_an_answer_that_nobody_began_to_read_is_free_again():
    slots = Slots(1)
    assert [slots.take(), slots.take(), slots.refused] == [True, False, 1]
    held = Held(slots, b"", Door().answer(b"", control=False, name=""))
    held.close()
    held.close()
    del held
    assert slots.take()
    Held(slots, b"", Door().answer(b"", control=False, name=""))
    assert slots.taken == 0


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "nonsense"])
async def test_type_of_the_content_is_not_looked_at(door, content_type):
    assert ((await ask(content_type=content_type)).status, door.asked) == (200, [(QUESTION, False)])


async def test_login_opens_nothing(door):
    answer = await ask(peer="192.0.2.9", Cookie="dialtap_session=abc; dialtap_csrf=def")
    assert (answer.status, door.asked) == (401, [])


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_only_post_is_answered(door, method):
    answer = await ask(method=method)
    assert (answer.status, answer.headers["allow"], door.asked) == (405, "POST", [])
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("given", "reaches"),
    [
        (b'{\n  "method": "a",\r\n\t"id": 1.50 }\n', b'{"method":"a","id":1.5}'),
        (b'[{"method":"a"},7,null]', b'[{"method":"a"},7,null]'),
        (b'{"method":"dlg.end_dlg","method":"a"}', b'{"method":"a"}'),
        (b'{"params":["\\u00fc\\n\\ud83d\\ude00"]}', '{"params":["ü\\n😀"]}'.encode()),
        (b"true", b"true"),
    ],
)
async def test_what_reaches_the_door_is_what_was_looked_at(door, given, reaches):
    await ask(given[:5], given[5:])
    assert door.asked == [(reaches, False)]


@pytest.mark.parametrize("body", [b"", b"{", b"{}{}", b"\xa1\x01\x0b", b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"[" * 100_000, b"NaN", b"\x00", b"1" * 10_000])
async def test_what_is_no_json_is_said(door, body):
    answer = await ask(body)
    assert (answer.status, answer.json, door.asked) == (500, {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse Error"}, "id": None}, [])


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
async def test_request_has_a_largest_size(door, more, status):
    body = b'"' + b"x" * (view.LARGEST - 2 + more) + b'"'
    answer = await ask(*(body[at : at + 65536] for at in range(0, len(body), 65536)))
    assert (answer.status, len(door.asked)) == (status, int(status == 200))


async def test_request_that_grows_by_being_read_has_a_largest_size_too(door):
    assert ((await ask(b"[" + b"1e9," * (view.LARGEST // 5) + b"1]")).status, door.asked) == (413, [])


@pytest.mark.parametrize(
    ("first", "status"),
    [
        (b'{"jsonrpc":"2.0","error":{"code":404,"message":"Dialog not found"},"id":1}', 404),
        (b'{"jsonrpc":"2.0","error":{"code":-32601,', 500),
        (b'{"jsonrpc":"2.0","error":{"code":200,', 500),
        (b'{"jsonrpc":"2.0","result":{"error":{"code":404}},"id":1}', 200),
        (b'[{"jsonrpc":"2.0","error":{"code":404,', 200),
    ],
)
async def test_status_is_the_faults_own(door, first, status):
    door.pieces = (first,)
    assert (await ask()).status == status


@pytest.mark.parametrize("pieces", [(b"\n",), (b"",), (b"", b"")])
async def test_notifications_alone_have_no_content(door, pieces):
    door.pieces = pieces
    answer = await ask(b'{"jsonrpc":"2.0","method":"dlg.list"}')
    assert (answer.status, answer.pieces) == (204, [b""])


async def test_without_an_ingest_the_answer_says_what_to_do(settings, tmp_path):
    local.set_door(None)
    settings.VAR = tmp_path
    answer = await ask()
    error = answer.json["error"]
    assert (answer.status, error["code"], answer.json["id"]) == (503, 503, 1)
    assert error["message"].startswith(f"no ingest answers at {tmp_path}/dialtap.sock (No such file or directory): start ./dialtap ingest")


@pytest.mark.django_db(transaction=True)
class TestControl:
    """With the audit log: commands that act on calls."""

    async def test_who_may_only_read_is_refused_and_that_is_audited_once_a_minute(self, door):
        answers = [await ask(END) for _ in range(3)]
        words = "dlg.end_dlg needs a token of scope control"
        assert [answer.status for answer in answers] == [403] * 3
        assert (answers[0].json, door.asked) == ({"jsonrpc": "2.0", "error": {"code": 403, "message": words}, "id": "x"}, [])
        assert await logged() == [("loopback", "127.0.0.1", words)]

    @pytest.mark.parametrize("body", [b"[%b,%b]" % (QUESTION, END), b'{"method":"dlg.list","method":"dlg.end_dlg"}', b'{"method":"dlg.\\u0065nd_dlg"}'])
    async def test_no_way_around_it(self, door, body):
        _, text = await sync_to_async(make)("edge-1", "read", by="anna")
        answer = await ask(body, peer="192.0.2.9", Authorization=f"Bearer {text}")
        assert (answer.status, door.asked, (await logged())[0][:2]) == (403, [], ("token edge-1", "192.0.2.9"))

    async def test_control_token_passes(self, door):
        _, text = await sync_to_async(make)("edge-1", "control", by="anna")
        answer = await ask(END, Authorization=f"Bearer {text}")
        assert (answer.status, door.asked, await logged()) == (200, [(END, True)], [])


async def logged():
    events = AuditEvent.objects.filter(action="call refused").values_list("username", "address", "text")
    return await sync_to_async(list)(events)
