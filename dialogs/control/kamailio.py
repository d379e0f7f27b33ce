"""Kamailio's JSON-RPC over HTTP (module jsonrpcs behind xhttp) as a controller. Knows four of its commands; knows no table and no page.

Kamailio answers a fault with the fault's code as HTTP status and `{"error": {"code", "message"}}` as body, success with
`{"result": {}}`. Success means "taken": `dlg.end_dlg` says `{}` also when no BYE could be sent, and 5.6 says it for a
call that still rings, which it does not end. That is what `tm.cancel` does, in every version. The tap decides what came of it.
"""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from dialogs.control.controller import Answer, Target
from dialogs.engine.states import State

METHODS = frozenset({"dlg.end_dlg", "dlg.terminate_dlg", "dlg.bridge_dlg", "tm.cancel"})
"Never `dlg.set_state`: the state of a call is what the wire says."

MAX_ANSWER = 65536
MAX_WORDS = 200


class Fault(msgspec.Struct):
    """The `error` member of a reply."""

    code: int = 0
    message: str = ""


class Reply(msgspec.Struct):
    """What is read of a JSON-RPC reply; other members do not matter."""

    result: Any = msgspec.UNSET
    error: Fault | None = None


class Kamailio:
    """Ends calls through a Kamailio that routes them. Nothing is ever sent twice: one request, one connection, no retry, no redirect."""

    name = "kamailio"

    def __init__(self, url: str, timeout: float = 5.0, extra_headers: str = "") -> None:
        """Take the address, `http://[user:password@]host:port/path`, and the seconds to wait; ValueError for an address that is none.

        `extra_headers`: lines with their CRLF that the BYEs carry before the reason (`dlg_extra_hdrs`, checked with the configuration).
        """
        self.shown = shown(url)
        "The address without user, password and query."

        self.url = url
        self.timeout = timeout
        self.extra_headers = extra_headers
        # One client for all orders (its TLS set-up takes 20 ms); no connection is kept, so none can die under an order. No proxies from the
        # environment: the RPC is on the machine or its neighbour.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.AsyncClient(timeout=timeout, trust_env=False, follow_redirects=False, limits=limits)

    async def end(self, target: Target, reason: str) -> Answer:
        """Send `dlg.end_dlg` when the dialog's own number is known from the wire, else `dlg.terminate_dlg` with Call-ID and tags, which takes no headers.

        For a call that still rings `tm.cancel`: the proxy cancels its branches, and what they answer goes to the caller.
        """
        if target.state < State.CONFIRMED_NA:
            return await self.call("tm.cancel", [target.call_id, str(target.invite_cseq)])
        if not target.did_seen:
            return await self.call("dlg.terminate_dlg", [target.call_id, target.from_tag, target.to_tag])
        return await self.release("", (target.h_entry, target.h_id), reason)

    async def release(self, proxy: str, number: tuple[int, int], reason: str) -> Answer:
        """Send `dlg.end_dlg` with the dialog's own number: to phones that are gone too, and the dialog goes at their silence."""
        del proxy
        headers = self.extra_headers + reason_header(reason)
        return await self.call("dlg.end_dlg", [*number, *([headers] if headers else [])])

    async def bridge(self, first: str, second: str) -> Answer:
        """Send `dlg.bridge_dlg`: Kamailio calls the first and sends it to the second. It tells nothing of what became of that."""
        return await self.call("dlg.bridge_dlg", [first, second])

    async def call(self, method: str, params: list[str | int]) -> Answer:
        """Send one allowed command; every failure is an answer in words."""
        if method not in METHODS:
            return Answer(accepted=False, detail=f"{plain(method)} is not a command that Dialtap sends")
        try:
            async with asyncio.timeout(self.timeout):
                status, body = await self._post(encode(method, params))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Answer(accepted=False, detail=f"Kamailio at {self.shown} cannot be reached: {words_of(error)}", unreached=True)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(accepted=False, detail=f"Kamailio at {self.shown} did not answer in {self.timeout:g} s", unsure=True)
        except httpx.HTTPError as error:
            return Answer(accepted=False, detail=f"Kamailio at {self.shown} broke off: {words_of(error)}", unsure=True)
        return self._answer(method, status, body)

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        async with self.client.stream("POST", self.url, content=body, headers=headers) as response:
            got = b""
            async for chunk in response.aiter_bytes():
                got += chunk
                if len(got) > MAX_ANSWER:
                    break
            return response.status_code, got

    def _answer(self, method: str, status: int, body: bytes) -> Answer:
        try:
            reply = msgspec.json.decode(body, type=Reply)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Answer(accepted=False, detail=f"Kamailio at {self.shown} answered HTTP {status} without a JSON-RPC reply")
        if reply.error is not None:
            return Answer(accepted=False, detail=f"Kamailio refused {method}: {reply.error.code} {plain(reply.error.message)}")
        if status != httpx.codes.OK or reply.result is msgspec.UNSET:
            return Answer(accepted=False, detail=f"Kamailio at {self.shown} answered HTTP {status} without a result")
        return Answer(accepted=True, detail=f"Kamailio took {method}")


def shown(url: str) -> str:
    """Return an address as it may be shown: without user, password and query. ValueError for one that is no http(s) address."""
    refusal = "control.kamailio_url: expected http://HOST:PORT/PATH"  # never with the text: it may hold a password
    try:
        parts, port = urlsplit(url), httpx.URL(url).port
    except (ValueError, httpx.InvalidURL):
        raise ValueError(refusal) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(refusal)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def encode(method: str, params: list[str | int]) -> bytes:
    """Return the JSON-RPC request. What cannot be UTF-8 becomes `?`: Kamailio then finds no dialog, and says so."""
    clean = [param.encode("utf-8", "replace").decode() if isinstance(param, str) else param for param in params]
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": clean, "id": 1})


def reason_header(reason: str) -> str:
    """Return the Reason header (RFC 3326) with its CRLF, which `dlg.end_dlg` demands; "" when nothing printable is left of the reason."""
    text = plain(reason).replace('"', "").replace("\\", "").strip()
    return f'Reason: SIP;cause=200;text="{text}"\r\n' if text else ""


def plain(text: str) -> str:
    """Return the printable ASCII of a text, cut to what fits a line."""
    return "".join(char for char in text if " " <= char <= "~")[:MAX_WORDS]


def words_of(error: Exception) -> str:
    """Return what went wrong as httpx tells it (it never quotes the address), or the kind of error when it tells nothing."""
    return plain(str(error)) or type(error).__name__
