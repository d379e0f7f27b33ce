"""The user agent against sipp and baresip on loopback: real calls, ended, bridged and refused, as their own logs show it."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dialogs.control.sip import Credentials, Hangup, LegResult, Prepared, Progress, Settings, Timers, UserAgent, Waits
from dialogs.packet import SECOND
from tests.lab.namespace import Namespace
from tests.lab.phone import UDP, UDP6, Phone, Way
from tests.lab.sippxml import request, response, scenario

from . import phones
from .phones import Baresip, Talk, hung_up, is_called, missing, notify, referred, reply

pytestmark = [pytest.mark.lab, pytest.mark.asyncio]
US = "127.0.0.9"
QUICK = Timers(t1=SECOND // 20, t2=SECOND // 5, t4=SECOND // 10, d=SECOND)
SETTINGS = Settings(allow=("127.0.0.0/8", "::1"), hosts=(US, "::1"), credentials=(Credentials("alice", "secret", "lab"),), timers=QUICK, waits=Waits(5, 5))

FIXED = msgspec.structs.replace(SETTINGS, port=5090)
"A stored request names its port: after a crash its answers come there."


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    """A network of our own, where every port is free."""
    if not hasattr(os, "setns") or os.geteuid() != 0:
        pytest.skip("needs root (a network namespace of its own)")
    if absent := missing("sipp"):
        pytest.skip(f"needs {absent}")
    namespace = Namespace()
    with namespace:
        yield
    namespace.close()


async def verdict(phone: Phone) -> int:
    """Return what sipp says of its scenario, while we go on."""
    return await asyncio.to_thread(phone.exit_code)


def said(phone: Phone, start: str) -> int:
    """Return how many messages with this beginning the phone logged."""
    return sum(line.startswith(start) for line in phone.messages().splitlines())


async def verdicts(call: Talk) -> list[int]:
    return [await verdict(call.caller), await verdict(call.callee)]


@pytest.mark.parametrize("way", [UDP, UDP6], ids=lambda way: way.name)
async def test_both_legs_are_ended(tmp_path: Path, way: Way) -> None:
    with Talk(tmp_path, phones.calls(*hung_up()), is_called(*hung_up()), way) as call:
        async with UserAgent(SETTINGS) as agent:
            result = await agent.end(Hangup(call.dialogs, reason="lab"))
            assert result.outcome == "both legs released"
            assert (result.caller, result.callee) == (LegResult("released", 200, "200 OK", cseq=1), LegResult("released", 200, "200 OK", cseq=42))
            assert await verdicts(call) == [0, 0]
        assert [said(phone, "BYE sip:") for phone in (call.caller, call.callee)] == [1, 1]
        assert 'Reason: SIP;cause=200;text="lab"' in call.callee.messages()


async def test_leg_that_swallows_its_bye_is_told_apart(tmp_path: Path) -> None:
    with Talk(tmp_path, phones.calls(*phones.swallows()), is_called(*hung_up())) as call:
        async with UserAgent(SETTINGS) as agent:
            begun = phones.seconds()
            result = await agent.end(Hangup(call.dialogs))
            took = phones.seconds() - begun
        assert result.outcome == "one leg only: callee"
        assert result.caller == LegResult("no answer", 0, "no answer from udp:127.0.0.20:5101 in time", cseq=1)
        assert took >= 64 * 0.05
        assert said(call.caller, "BYE sip:") == 18  # at 0, 50, 150, 350, and then every 200 ms until 3200


@pytest.mark.parametrize(("status", "name"), [("407 Proxy Authentication Required", "Proxy-Authenticate"), ("401 Unauthorized", "WWW-Authenticate")])
async def test_challenged_bye_is_authenticated(tmp_path: Path, status: str, name: str) -> None:
    with Talk(tmp_path, phones.calls(*hung_up()), is_called(*phones.challenges(status, name))) as call:
        async with UserAgent(SETTINGS) as agent:
            result = await agent.end(Hangup(call.dialogs))
            assert result.callee == LegResult("released", 200, "200 OK", challenged=True, cseq=43)
            assert result.outcome == "both legs released"
            assert await verdicts(call) == [0, 0]
        assert phones.proof(call.callee.messages()) == name.replace("WWW-", "").replace("Authenticate", "Authorization")


async def test_challenge_that_cannot_be_answered_leaves_the_leg(tmp_path: Path) -> None:
    with Talk(tmp_path, phones.calls(*hung_up("481 Gone")), is_called(*hung_up("401 Unauthorized"))) as call:
        async with UserAgent(SETTINGS) as agent:
            result = await agent.end(Hangup(call.dialogs))
    assert (result.outcome, result.caller.status if result.caller else 0) == ("one leg only: caller", 481)
    assert result.callee == LegResult("refused", 401, "401 Unauthorized: 401 without a challenge that can be answered", cseq=42)


async def test_stored_bytes_leave_as_they_were_and_nothing_before_they_are_stored(tmp_path: Path) -> None:
    stored: dict[str, Prepared] = {}

    async def crash(side: str, request: Prepared) -> None:
        stored[side] = request
        raise RuntimeError("crash")

    with Talk(tmp_path, phones.calls(*hung_up()), is_called(*hung_up())) as call:
        for side, dialog in call.dialogs.items():
            async with UserAgent(FIXED) as agent:
                with pytest.raises(ExceptionGroup):
                    await agent.end(Hangup({side: dialog}), commit=crash)
        assert [said(phone, "BYE sip:") for phone in (call.caller, call.callee)] == [0, 0]
        async with UserAgent(FIXED) as agent:  # after the crash
            result = await agent.end(Hangup(call.dialogs, stored=stored))
            assert (result.outcome, await verdicts(call)) == ("both legs released", [0, 0])
        for side, phone in (("caller", call.caller), ("callee", call.callee)):
            assert stored[side].data.decode().strip() in phone.messages().replace("\r\n", "\n").replace("\n", "\r\n")


def first(folder: Path, *ending: str) -> Phone:
    """Return the phone that a bridge calls."""
    phone = Phone(folder, "first", is_called(*ending), ("127.0.0.20", 5111))
    phone.wait_for_calls(1)
    return phone


async def bridged(to: str, second: str, **settings: object) -> tuple[str, list[tuple[str, str]]]:
    shown: list[Progress] = []
    async with UserAgent(SETTINGS) as agent:
        result = await agent.bridge(to, second, show=shown.append, **settings)
    return f"{result.step}: {result.outcome} {result.status}", [(progress.step, progress.state) for progress in shown]


FIVE = [(step, state) for step in ("invite", "refer", "notify", "bye") for state in ("begun", "done")]
FIVE.insert(2, ("ack", "done"))


async def test_bridge_of_two_sipp_sides(tmp_path: Path) -> None:
    told = (*notify("SIP/2.0 100 Trying", 1), *notify("SIP/2.0 200 OK", 2, "terminated;reason=noresource"))
    phone = first(tmp_path, *referred(*told), *hung_up())
    result, shown = await bridged("sip:bob@127.0.0.20:5111", "sip:carol@127.0.0.20:5112")
    assert (result, await verdict(phone)) == ("notify: connected 200", 0)
    assert [step for step in shown if step[1] != "provisional"] == FIVE
    assert "Refer-To: <sip:carol@127.0.0.20:5112>" in phone.messages()


async def test_bridge_to_somebody_busy(tmp_path: Path) -> None:
    phone = first(tmp_path, *referred(*notify("SIP/2.0 486 Busy Here", 1, "terminated;reason=noresource")), *hung_up())
    result, shown = await bridged("sip:bob@127.0.0.20:5111", "sip:carol@127.0.0.20:5112")
    assert (result, shown[-3:], await verdict(phone)) == ("notify: refused 486", [("notify", "failed"), ("bye", "begun"), ("bye", "done")], 0)


async def test_bridge_from_somebody_busy(tmp_path: Path) -> None:
    phone = Phone(tmp_path, "first", scenario("busy", request("INVITE"), reply("486 Busy Here", tag="x"), request("ACK")), ("127.0.0.20", 5111))
    phone.wait_for_calls(1)
    result, shown = await bridged("sip:bob@127.0.0.20:5111", "sip:carol@127.0.0.20:5112")
    assert (result, shown, await verdict(phone)) == ("invite: refused 486", [("invite", "begun"), ("invite", "failed")], 0)


async def test_bridge_whose_refer_is_refused(tmp_path: Path) -> None:
    phone = first(tmp_path, *referred(status="603 Decline"), *hung_up())
    result, shown = await bridged("sip:bob@127.0.0.20:5111", "sip:carol@127.0.0.20:5112")
    assert (result, shown[-2:], await verdict(phone)) == ("refer: refused 603", [("bye", "begun"), ("bye", "done")], 0)


async def test_bridge_whose_party_hangs_up_half_way(tmp_path: Path) -> None:
    bye = notify("x", 1)[0].replace("NOTIFY", "BYE").replace("Event: refer\n", "")
    phone = first(tmp_path, *referred(bye, response(200)))
    result, _ = await bridged("sip:bob@127.0.0.20:5111", "sip:carol@127.0.0.20:5112")
    assert (result, await verdict(phone)) == ("notify: hung up 0", 0)


async def test_bridge_that_is_stopped_while_it_rings(tmp_path: Path) -> None:
    steps = (request("INVITE"), reply("180 Ringing", tag="x"), request("CANCEL"), reply("200 OK"))
    refused = reply("487 Request Terminated", tag="x").replace("[last_CSeq:]", "CSeq: 10 INVITE")
    refused = refused.replace("[last_Via:]", "[last_Via:]")
    phone = Phone(tmp_path, "first", scenario("rings", *steps, refused, request("ACK")), ("127.0.0.20", 5111))
    phone.wait_for_calls(1)
    stop = asyncio.Event()
    shown: list[Progress] = []

    def show(progress: Progress) -> None:
        shown.append(progress)
        if progress.state == "provisional":
            stop.set()

    async with UserAgent(SETTINGS) as agent:
        result = await agent.bridge("sip:bob@127.0.0.20:5111", "sip:carol@127.0.0.20:5112", show=show, stop=stop)
    assert (result.outcome, result.step, await verdict(phone)) == ("stopped", "invite", 0)


@pytest.fixture
def baresip(tmp_path: Path) -> Iterator[Baresip]:
    if absent := missing("baresip"):
        pytest.skip(f"needs {absent}")
    phone = Baresip(tmp_path, "alice", "127.0.0.30", 5125)
    yield phone
    phone.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_call_of_two_baresips_is_ended(tmp_path: Path, transport: str) -> None:
    if absent := missing("baresip"):
        pytest.skip(f"needs {absent}")
    callee = Baresip(tmp_path, "bob", "127.0.0.31", 5128, transport=transport)
    caller = Baresip(tmp_path, "alice", "127.0.0.30", 5125, transport=transport, dials=callee.uri)
    try:
        dialogs = await asyncio.to_thread(phones.dialogs_of, caller)
        assert all(dialog.target.endswith(";transport=tcp") for dialog in dialogs.values()) == (transport == "tcp")
        async with UserAgent(SETTINGS) as agent:
            result = await agent.end(Hangup(dialogs))
    finally:
        caller.stop()
        callee.stop()
    assert (result.outcome, result.caller and result.caller.status, result.callee and result.callee.status) == ("both legs released", 200, 200)


async def test_bridge_of_two_baresips(tmp_path: Path, baresip: Baresip) -> None:
    other = Baresip(tmp_path, "bob", "127.0.0.31", 5128)
    try:
        result, shown = await bridged(baresip.uri, other.uri)
    finally:
        other.stop()
    assert (result, [step for step in shown if step[1] != "provisional"]) == ("notify: connected 200", FIVE)


async def test_bridge_of_baresip_with_somebody_busy(tmp_path: Path, baresip: Baresip) -> None:
    busy = Phone(tmp_path, "second", scenario("busy", request("INVITE"), reply("486 Busy Here", tag="x"), request("ACK")), ("127.0.0.20", 5112))
    busy.wait_for_calls(1)
    result, _ = await bridged(baresip.uri, "sip:carol@127.0.0.20:5112")
    assert (result, await verdict(busy)) == ("notify: refused 486", 0)
