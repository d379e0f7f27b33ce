"""What a Kamailio says of its own dialogs, by JSON-RPC over HTTP: only reads, in slices. Knows its listings' shapes; knows no call of ours and no order.

Each listing is made in one worker's private memory, so that a large table is asked for piece by piece: by the first character of the Call-ID.
"""

import asyncio
import string
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec

from dialogs.control.kamailio import Reply, encode, plain, shown, words_of
from dialogs.control.reconcile import Held, Vector

READS = frozenset({"dlg.stats_active", "dlg.briefing", "dlg.list_match"})
MAX_ANSWER = 16 << 20
WHOLE = 2000
"Dialogs that are listed at once."

SLICE = 5000
"Dialogs of one slice at most; what is beyond is left out, and the listing said to be incomplete."

PAUSE = 0.05
"Seconds between two slices: the proxy has calls to route."

TOTALS = ("starting", "connecting", "answering", "ongoing")
SLICES = (*(f"^{char}" for char in string.digits + string.ascii_lowercase), "^[^0-9a-z]")
"Kamailio's `re` takes capitals for small letters."

NOT_FOUND = 404


class Unanswered(Exception):
    """The proxy did not say; the text is for people and holds no credentials."""

    def __init__(self, words: str, code: int = 0) -> None:
        super().__init__(words)
        self.code = code


class Asking:
    """Asks one Kamailio."""

    def __init__(self, url: str, timeout: float = 5.0, whole: int = WHOLE, size: int = SLICE) -> None:
        """`url`: http://[user:password@]host:port/path; `timeout` seconds an answer. ValueError for an address that is none."""
        self.shown = shown(url)
        self.url = url
        self.timeout = timeout
        self.whole = whole
        self.size = size
        self.client = httpx.AsyncClient(timeout=timeout, trust_env=False, follow_redirects=False, limits=httpx.Limits(max_keepalive_connections=0))

    async def totals(self) -> Vector:
        """Return how many dialogs it has in the states 1 to 4. Raises Unanswered."""
        result = await self._ask("dlg.stats_active")
        found = [result.get(name) for name in TOTALS] if isinstance(result, dict) else []
        numbers = [value for value in found if isinstance(value, int)]
        if len(numbers) != len(TOTALS):
            raise Unanswered(f"Kamailio at {self.shown} answered dlg.stats_active in a shape that is not known")
        return (numbers[0], numbers[1], numbers[2], numbers[3])

    async def listing(self, total: int) -> tuple[list[Held], bool]:
        """Return its dialogs and whether these are all, `total` being about how many there are. Raises Unanswered."""
        if total <= self.whole:
            return list(_briefly(await self._ask("dlg.briefing", "cFs"))), True
        found: list[Held] = []
        complete = True
        for pattern in SLICES:
            listed = list(_fully(await self._matching(pattern)))
            found += listed
            complete = complete and len(listed) < self.size
            await asyncio.sleep(PAUSE)
        return found, complete

    async def _matching(self, pattern: str) -> Any:
        try:
            return await self._ask("dlg.list_match", "callid", "re", pattern, self.size)
        except Unanswered as error:
            if error.code == NOT_FOUND:
                return []
            raise

    async def close(self) -> None:
        """Let the client go."""
        await self.client.aclose()

    async def _ask(self, method: str, *params: str | int) -> Any:
        if method not in READS:
            raise Unanswered(f"{plain(method)} is not a question")
        try:
            async with asyncio.timeout(self.timeout):
                body = await self._post(encode(method, list(params)))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unanswered(f"Kamailio at {self.shown} did not answer in {self.timeout:g} s") from error
        except httpx.HTTPError as error:
            raise Unanswered(f"Kamailio at {self.shown} cannot be reached: {words_of(error)}") from error
        try:
            reply = msgspec.json.decode(body, type=Reply)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unanswered(f"Kamailio at {self.shown} answered without a JSON-RPC reply") from error
        if reply.error is not None:
            raise Unanswered(f"Kamailio at {self.shown} refused {method}: {reply.error.code} {plain(reply.error.message)}", reply.error.code)
        return reply.result

    async def _post(self, body: bytes) -> bytes:
        async with self.client.stream("POST", self.url, content=body, headers={"Content-Type": "application/json"}) as response:
            got = bytearray()
            async for chunk in response.aiter_bytes():
                got += chunk
                if len(got) > MAX_ANSWER:
                    raise Unanswered(f"Kamailio at {self.shown} answered with more than {MAX_ANSWER >> 20} MiB")
            return bytes(got)


def _briefly(result: Any) -> Iterator[Held]:
    """Read `dlg.briefing cFs`; what has another shape is passed over."""
    return _held(result, lambda one: (one.get("call-id"), one.get("from_tag")))


def _fully(result: Any) -> Iterator[Held]:
    """Read `dlg.list_match`."""
    return _held(result, lambda one: (one.get("call-id"), caller.get("tag") if isinstance(caller := one.get("caller"), dict) else None))


def _held(result: Any, key: Any) -> Iterator[Held]:
    for one in result if isinstance(result, list) else []:
        if not isinstance(one, dict):
            continue
        call_id, tag = key(one)
        numbers = [one.get(name) for name in ("state", "h_entry", "h_id")]
        if isinstance(call_id, str) and isinstance(tag, str) and all(isinstance(number, int) for number in numbers) and 1 <= numbers[0] <= 5:  # type: ignore[operator]
            yield Held((call_id, tag), *numbers)  # type: ignore[arg-type]
