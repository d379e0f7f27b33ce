"""What a Kamailio is asked of its dialogs, and what is made of its answers."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from dialogs.control import asking as module
from dialogs.control.asking import SLICES, Asking, Unanswered
from dialogs.control.reconcile import Held

pytestmark = pytest.mark.asyncio


class Proxy:
    """Answers each method with what it was given; keeps the questions."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    async def __call__(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("content-length"))
        asked = json.loads(await reader.readexactly(length))
        self.asked.append((asked["method"], asked["params"]))
        answer = self.answers[asked["method"].partition(".")[2]]
        answer = answer(asked["params"]) if callable(answer) else answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()


@asynccontextmanager
async def beside(proxy, **settings):
    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    asking = Asking(f"http://u:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}/RPC", **settings)
    async with server:
        yield asking
    await asking.close()


def result(value):
    return {"jsonrpc": "2.0", "result": value, "id": 1}


def error(code, message):
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": 1}


async def test_totals_are_the_four_states():
    async with beside(Proxy(stats_active=result({"starting": 1, "connecting": 2, "answering": 3, "ongoing": 4, "all": 10}))) as asking:
        assert await asking.totals() == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (result([]), "answered dlg.stats_active in a shape that is not known"),
        (result({"starting": "1"}), "answered dlg.stats_active in a shape that is not known"),
        (b"<html>", "answered without a JSON-RPC reply"),
        (b"\xff", "answered without a JSON-RPC reply"),
        (error(500, "Method Not\nFound"), "refused dlg.stats_active: 500 Method NotFound"),
    ],
)
async def test_totals_that_do_not_come_say_why(answer, words):
    async with beside(Proxy(stats_active=answer)) as asking:
        with pytest.raises(Unanswered) as caught:
            await asking.totals()
    assert str(caught.value) == f"Kamailio at {asking.shown} {words}"
    assert "secret" not in str(caught.value)


async def test_a_proxy_that_is_away_or_slow_is_said():
    async with beside(Proxy()) as asking:
        pass
    with pytest.raises(Unanswered, match="cannot be reached"):
        await Asking(asking.url).totals()

    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async with beside(silent, timeout=0.2) as asking:
        with pytest.raises(Unanswered, match=r"did not answer in 0\.2 s"):
            await asking.totals()


async def test_an_answer_that_is_too_long_is_cut_off(monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER", 1 << 20)
    async with beside(Proxy(stats_active=b" " * (2 << 20))) as asking:
        with pytest.raises(Unanswered, match="more than 1 MiB"):
            await asking.totals()


async def test_only_questions_are_asked():
    proxy = Proxy()
    async with beside(proxy) as asking:
        with pytest.raises(Unanswered, match=r"^dlg\.end_dlg is not a question$"):
            await asking._ask("dlg.end_dlg", 1, 2)
    assert proxy.asked == []


async def test_a_small_table_is_listed_at_once_and_odd_entries_are_passed_over():
    good = {"h_entry": 1, "h_id": 2, "call-id": "c1", "from_tag": "a", "state": 4}
    odd = [1, good | {"state": 9}, good | {"call-id": None}, good | {"h_id": "2"}]
    proxy = Proxy(briefing=result([good, *odd]))
    async with beside(proxy) as asking:
        assert await asking.listing(5) == ([Held(("c1", "a"), 4, 1, 2)], True)
    assert proxy.asked == [("dlg.briefing", ["cFs"])]


@pytest.mark.parametrize(("size", "complete"), [(2, True), (1, False)])
async def test_a_large_table_is_listed_in_slices(size, complete):
    one = {"h_entry": 1, "h_id": 2, "call-id": "7x", "caller": {"tag": "a"}, "state": 4}
    proxy = Proxy(list_match=lambda params: result([one, one | {"caller": []}][:size]) if params[2] == "^7" else error(404, "Not found"))
    async with beside(proxy, whole=10, size=size) as asking:
        assert await asking.listing(11) == ([Held(("7x", "a"), 4, 1, 2)], complete)
    assert [params[:3] for _, params in proxy.asked] == [["callid", "re", pattern] for pattern in SLICES]


async def test_a_slice_that_fails_fails_the_listing():
    async with beside(Proxy(list_match=error(500, "Invalid parameters")), whole=0) as asking:
        with pytest.raises(Unanswered, match="500 Invalid parameters"):
            await asking.listing(1)
