"""Our own user agent beside a real Kamailio: calls that a tap has seen are ended along their route, and Kamailio knows that they ended."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from dialogs.control.sip import Credentials, Hangup, HangupResult, Settings, UserAgent
from dialogs.engine import CallSnapshot
from dialogs.taps import LiveTap, TapError

from . import callers
from .callees import Callee
from .kinds import Kind
from .lab import Lab, missing
from .phone import TCP, UDP, UDP6
from .proxy import SIP_PORT
from .watcher import Watcher

pytestmark = pytest.mark.lab
SETTINGS = Settings(allow=("127.0.0.0/8", "::1"), hosts=("127.0.0.9", "::1"), credentials=(Credentials("alice", "secret"),))


WAYS = {"udp": (UDP, UDP), "tcp": (TCP, TCP), "udp to tcp": (UDP, TCP), "tcp to udp": (TCP, UDP), "udp6": (UDP6, UDP6), "udp to udp6": (UDP, UDP6)}


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Watcher]]:
    """A lab on all transports, and a watcher of its loopback."""
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path_factory.mktemp("lab"), everywhere=True) as lab:
        try:
            watcher = Watcher(lab.proxy.address, LiveTap("lo", ports=(SIP_PORT,)), lab.proxy.sockets)
        except TapError as error:
            pytest.skip(str(error))
        yield lab, watcher
        watcher.tap.close()


def seen(watcher: Watcher, call_id: str, *, ended: bool) -> CallSnapshot:
    """Watch until the call is up and acknowledged, or until both its legs are proven to be gone."""
    end, found = time.monotonic() + 60, list[CallSnapshot]()
    while time.monotonic() < end:
        watcher.watch(50)
        found = [snapshot for snapshot in watcher._calls.values() if snapshot.call_id == call_id]
        if found and (found[0].caller.released_ns and found[0].callee.released_ns if ended else found[0].state == 4):
            return found[0]
    raise TimeoutError(f"{call_id}: {found}")


async def end(call: CallSnapshot) -> HangupResult:
    async with UserAgent(SETTINGS) as agent:
        return await agent.end(Hangup.of(call, reason="lab"))


@pytest.mark.parametrize("way", WAYS)
def test_call_through_kamailio_is_ended_on_both_legs(beside: tuple[Lab, Watcher], way: str) -> None:
    lab, watcher = beside
    kind = Kind("ended", callers.waits_for_bye, (Callee().answers(50, 50),), ())
    call = kind.place(lab, *WAYS[way])
    result = asyncio.run(end(seen(watcher, call.call_id, ended=False)))
    assert result.outcome == "both legs released"
    after = seen(watcher, call.call_id, ended=True)
    assert (after.state, after.end_reason) == (5, 'SIP;cause=200;text="lab"')
    assert [phone.exit_code() for phone in call.phones] == [0, 0]


def test_trunk_call_is_ended_with_a_number_above_what_the_trunk_has_seen(beside: tuple[Lab, Watcher]) -> None:
    lab, watcher = beside
    kind = Kind("trunk", callers.waits_for_bye, (Callee().challenges(50, 50),), (), trunk=True)
    call = kind.place(lab)
    up = seen(watcher, call.call_id, ended=False)
    result = asyncio.run(end(up))
    assert result.outcome == "both legs released"
    assert result.callee is not None
    assert result.callee.cseq > up.caller.cseq
    assert [phone.exit_code() for phone in call.phones] == [0, 0]
