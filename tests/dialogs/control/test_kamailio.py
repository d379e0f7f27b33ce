"""The Kamailio controller against an HTTP server on loopback that answers as jsonrpcs does (bytes as Kamailio 5.6 writes them)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from dialogs.control import Answer, Kamailio, Target
from dialogs.control.kamailio import encode, reason_header, shown

pytestmark = pytest.mark.asyncio

SEEN = Target("pyac795cd0@127.0.0.10", "pyd03e56", "pcb8ec3f", 2429, 9601, did_seen=True, state=4)
UNSEEN = msgspec.structs.replace(SEEN, did_seen=False)
DONE = b'{\n\t"jsonrpc":\t"2.0",\n\t"result":\t{\n\t},\n\t"id":\t1\n}'
NOT_FOUND = b'{\n\t"jsonrpc":\t"2.0",\n\t"error":\t{\n\t\t"code":\t404,\n\t\t"message":\t"Dialog not found"\n\t},\n\t"id":\t1\n}'
NO_CALLID = b'{"jsonrpc":"2.0","error":{"code":500,"message":"Couldnt find callid in dialog"},"id":1}'

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(status: str, body: bytes, kind: str = "application/json") -> bytes:
    """Return a reply with the headers that Kamailio's xhttp writes."""
    head = f"HTTP/1.1 {status}\r\nSia: SIP/2.0/TCP 127.0.0.1:40000\r\nContent-Type: {kind}\r\nServer: kamailio (5.6.3 (x86_64/linux))\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Proxy:
    """Answers every request with the same bytes, keeps what it was sent."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.requests: list[tuple[str, bytes]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.partition(":")[2]) for line in head.lower().splitlines() if line.startswith("content-length"))
        self.requests.append((head, await reader.readexactly(length)))
        writer.write(self.reply)
        writer.close()


async def ended(reply: bytes, target: Target = SEEN, reason: str = "", extra: str = "") -> tuple[Answer, Proxy, int]:
    proxy = Proxy(reply)
    async with listening(proxy) as port:
        answer = await Kamailio(f"http://127.0.0.1:{port}/RPC", extra_headers=extra).end(target, reason)
    return answer, proxy, port


@pytest.mark.parametrize(
    ("target", "reason", "method", "params"),
    [
        (SEEN, "", "dlg.end_dlg", [2429, 9601]),
        (SEEN, "lab", "dlg.end_dlg", [2429, 9601, 'Reason: SIP;cause=200;text="lab"\r\n']),
        (UNSEEN, "lab", "dlg.terminate_dlg", ["pyac795cd0@127.0.0.10", "pyd03e56", "pcb8ec3f"]),
    ],
    ids=["by-number", "by-number-with-reason", "by-tags"],
)
async def test_end_sends_one_command(target: Target, reason: str, method: str, params: list[str | int]) -> None:
    answer, proxy, _ = await ended(http("200 OK", DONE), target, reason)
    assert answer == Answer(accepted=True, detail=f"Kamailio took {method}")
    assert [json.loads(body) for _, body in proxy.requests] == [{"jsonrpc": "2.0", "method": method, "params": params, "id": 1}]
    assert proxy.requests[0][0].startswith("POST /RPC HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("target", "reason", "params"),
    [
        (SEEN, "", [2429, 9601, "X-Ended-By: dialtap\r\n"]),
        (SEEN, "lab", [2429, 9601, 'X-Ended-By: dialtap\r\nReason: SIP;cause=200;text="lab"\r\n']),
        (UNSEEN, "lab", ["pyac795cd0@127.0.0.10", "pyd03e56", "pcb8ec3f"]),
    ],
    ids=["alone", "before the reason", "not by tags"],
)
async def test_end_carries_the_extra_headers(target: Target, reason: str, params: list[str | int]) -> None:
    _, proxy, _ = await ended(http("200 OK", DONE), target, reason, "X-Ended-By: dialtap\r\n")
    assert [json.loads(body)["params"] for _, body in proxy.requests] == [params]


async def test_end_cancels_a_ringing_call_by_the_number_of_its_invite() -> None:
    answer, proxy, _ = await ended(http("200 OK", DONE), msgspec.structs.replace(SEEN, state=2, invite_cseq=41), "lab")
    assert answer == Answer(accepted=True, detail="Kamailio took tm.cancel")
    assert [json.loads(body) for _, body in proxy.requests] == [{"jsonrpc": "2.0", "method": "tm.cancel", "params": [SEEN.call_id, "41"], "id": 1}]


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (http("404 Dialog not found", NOT_FOUND), "Kamailio refused dlg.end_dlg: 404 Dialog not found"),
        (http("500 Couldnt find callid in dialog", NO_CALLID), "Kamailio refused dlg.end_dlg: 500 Couldnt find callid in dialog"),
        (
            http("500 Method Not Found", b'{"jsonrpc":"2.0","error":{"code":500,"message":"Method Not Found"},"id":1}'),
            "Kamailio refused dlg.end_dlg: 500 Method Not Found",
        ),
        (http("200 OK", b'{"error":{"code":500,"message":"a\\u0007\\r\\nb\\u202e"}}'), "Kamailio refused dlg.end_dlg: 500 ab"),
        (http("500 Server Error", b"<html>", "text/html"), "Kamailio at URL answered HTTP 500 without a JSON-RPC reply"),
        (http("200 OK", b""), "Kamailio at URL answered HTTP 200 without a JSON-RPC reply"),
        (http("200 OK", b"\xff\xfe"), "Kamailio at URL answered HTTP 200 without a JSON-RPC reply"),
        (http("200 OK", b'["x"]'), "Kamailio at URL answered HTTP 200 without a JSON-RPC reply"),
        (http("200 OK", b'"' + b"x" * 200_000 + b'"'), "Kamailio at URL answered HTTP 200 without a JSON-RPC reply"),
        (http("302 Found", b"{}"), "Kamailio at URL answered HTTP 302 without a result"),
        (http("403 Forbidden", DONE), "Kamailio at URL answered HTTP 403 without a result"),
        (http("200 OK", b'{"jsonrpc":"2.0","id":1}'), "Kamailio at URL answered HTTP 200 without a result"),
    ],
)
async def test_end_refused_says_why(reply: bytes, detail: str) -> None:
    answer, _, port = await ended(reply)
    assert answer == Answer(accepted=False, detail=detail.replace("URL", f"http://127.0.0.1:{port}/RPC"))


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"garbage\r\n\r\n"], ids=["closed", "cut", "no-http"])
async def test_end_broken_off_may_have_worked(reply: bytes) -> None:
    answer, _, port = await ended(reply)
    assert (answer.accepted, answer.unsure) == (False, True)
    assert answer.detail.startswith(f"Kamailio at http://127.0.0.1:{port}/RPC broke off: ")


async def test_end_without_answer_times_out() -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the controller gives up
        asked.set()
        writer.close()

    async with listening(silent) as port:
        answer = await Kamailio(f"http://127.0.0.1:{port}/RPC", 0.2).end(SEEN, "")
        await asked.wait()
    assert answer == Answer(accepted=False, detail=f"Kamailio at http://127.0.0.1:{port}/RPC did not answer in 0.2 s", unsure=True)


async def test_end_of_a_dripping_answer_times_out_as_a_whole() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b" ")
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.02)
        writer.close()

    async with listening(drip) as port:
        answer = await Kamailio(f"http://127.0.0.1:{port}/RPC", 0.2).end(SEEN, "")
    assert (answer.accepted, answer.unsure) == (False, True)


async def test_end_with_nobody_listening_is_refused_for_sure() -> None:
    async with listening(Proxy(b"")) as port:
        pass
    answer = await Kamailio(f"http://operator:secret@127.0.0.1:{port}/RPC?token=secret").end(SEEN, "")
    assert (answer.accepted, answer.unsure) == (False, False)
    assert answer.detail.startswith(f"Kamailio at http://127.0.0.1:{port}/RPC cannot be reached: ")
    assert "secret" not in answer.detail


async def test_end_sends_credentials_and_shows_none() -> None:
    proxy = Proxy(http("401 Unauthorized", b"who"))
    async with listening(proxy) as port:
        answer = await Kamailio(f"http://operator:secret@127.0.0.1:{port}/RPC").end(SEEN, "")
    assert "authorization: basic " in proxy.requests[0][0].lower()
    assert answer.detail == f"Kamailio at http://127.0.0.1:{port}/RPC answered HTTP 401 without a JSON-RPC reply"


async def test_end_never_asks_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    answer, _, _ = await ended(http("200 OK", DONE))
    assert answer.accepted


async def test_call_refuses_other_commands() -> None:
    proxy = Proxy(http("200 OK", DONE))
    async with listening(proxy) as port:
        answer = await Kamailio(f"http://127.0.0.1:{port}/RPC").call("core.shutdown", [])
    assert answer == Answer(accepted=False, detail="core.shutdown is not a command that Dialtap sends")
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("reason", "header"),
    [
        ("toll fraud", 'Reason: SIP;cause=200;text="toll fraud"\r\n'),
        ('a"b\\c\r\nX-Evil: 1', 'Reason: SIP;cause=200;text="abcX-Evil: 1"\r\n'),
        ("Grüße", 'Reason: SIP;cause=200;text="Gre"\r\n'),
        ('""', ""),
        ("", ""),
        ("x" * 500, f'Reason: SIP;cause=200;text="{"x" * 200}"\r\n'),
    ],
)
async def test_reason_header_is_one_safe_line(reason: str, header: str) -> None:
    assert reason_header(reason) == header


async def test_encode_survives_text_that_is_no_utf8() -> None:
    assert json.loads(encode("dlg.terminate_dlg", ["a\udc80", "é", ""]))["params"] == ["a?", "é", ""]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8060/RPC", "http://127.0.0.1:8060/RPC"),
        ("https://user:secret@sip.example/RPC?k=secret#secret", "https://sip.example/RPC"),
        ("http://user:secret@[2001:db8::1]:5060/RPC", "http://[2001:db8::1]:5060/RPC"),
    ],
)
async def test_shown_hides_credentials(url: str, expected: str) -> None:
    assert shown(url) == expected


@pytest.mark.parametrize("url", ["", "127.0.0.1:8060/RPC", "ftp://h/secret", "http://u:secret@h:port/", "http://[secret", "http:///secret"])
async def test_shown_refuses_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"^control\.kamailio_url: expected http://HOST:PORT/PATH$"):
        shown(url)
