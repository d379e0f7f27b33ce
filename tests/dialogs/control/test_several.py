"""Several Kamailios: the order goes to the one that the call went through, and one that is away is left alone for a while."""

import msgspec
import pytest

from dialogs.config import Proxy
from dialogs.control import Kamailios
from tests.dialogs.control import test_kamailio as one

pytestmark = pytest.mark.asyncio
AWAY = "http://127.0.0.1:1/RPC"


def known(*urls: str) -> tuple[Proxy, ...]:
    return tuple(Proxy(f"edge-{number}", url, (f"udp:192.0.2.{number}:5060", f"udp:198.51.100.{number}:5060")) for number, url in enumerate(urls, 1))


@pytest.mark.parametrize(
    ("hosts", "asked"),
    [
        (("203.0.113.1:5060", "192.0.2.1:5060", "203.0.113.2:5060"), [1, 0]),
        (("203.0.113.1:5060", "198.51.100.2:5060", "203.0.113.2:5060"), [0, 1]),
        (("203.0.113.1:5060", "192.0.2.2:5060", "192.0.2.1:5060"), [0, 1]),
        (("203.0.113.1:5060", "192.0.2.1:5070"), [0, 0]),
        ((), [0, 0]),
    ],
)
async def test_order_goes_to_the_proxy_of_the_call(hosts: tuple[str, ...], asked: list[int]) -> None:
    first, second = one.Proxy(one.http("200 OK", one.DONE)), one.Proxy(one.http("200 OK", one.DONE))
    async with one.listening(first) as port, one.listening(second) as other:
        controller = Kamailios(known(f"http://127.0.0.1:{port}/RPC", f"http://127.0.0.1:{other}/RPC"), 5.0)
        answer = await controller.end(msgspec.structs.replace(one.SEEN, hosts=hosts), "")
    assert [len(first.requests), len(second.requests)] == asked
    wanted = f"edge-{asked.index(1) + 1}: Kamailio took dlg.end_dlg" if any(asked) else "this call went through no proxy of [[proxy]]"
    assert (answer.accepted, answer.detail) == (any(asked), wanted)


async def test_proxy_that_is_away_is_left_alone_for_longer_each_time() -> None:
    now = 100.0
    controller = Kamailios(known(AWAY), 5.0, clock=lambda: now)
    target, waits = msgspec.structs.replace(one.SEEN, hosts=("192.0.2.1:5060",)), []
    for _ in range(7):
        assert "cannot be reached" in (await controller.end(target, "")).detail
        left = controller.known[0].until - now
        waits.append(left)
        assert (await controller.end(target, "")).detail == f"edge-1: it could not be reached lately; asked again in {left:.0f} s"
        now += left
    assert waits == [1, 2, 4, 8, 16, 30, 30]


async def test_bridge_asks_the_first_proxy_that_is_there() -> None:
    there = one.Proxy(one.http("200 OK", one.DONE))
    async with one.listening(there) as port:
        answer = await Kamailios(known(AWAY, f"http://127.0.0.1:{port}/RPC"), 5.0).bridge("sip:a@h", "sip:b@h")
    assert (answer.accepted, answer.detail) == (True, "edge-2: Kamailio took dlg.bridge_dlg")
    assert msgspec.json.decode(there.requests[0][1])["params"] == ["sip:a@h", "sip:b@h"]


async def test_release_goes_to_the_proxy_of_that_name() -> None:
    first, second = one.Proxy(one.http("200 OK", one.DONE)), one.Proxy(one.http("200 OK", one.DONE))
    async with one.listening(first) as port, one.listening(second) as other:
        controller = Kamailios(known(f"http://127.0.0.1:{port}/RPC", f"http://127.0.0.1:{other}/RPC"), 5.0)
        answers = [await controller.release(name, (7, 9), "") for name in ("edge-2", "nobody")]
    assert [(answer.accepted, answer.detail) for answer in answers] == [(True, "edge-2: Kamailio took dlg.end_dlg"), (False, "there is no [[proxy]] 'nobody'")]
    assert ([len(first.requests), len(second.requests)], b'"params":[7,9]' in second.requests[0][1]) == ([0, 1], True)
