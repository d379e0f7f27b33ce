"""Parties connected through the whole product: a wish, our own SIP, real phones behind a real Kamailio, and what the order says came of it."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings

from dashboard.ingest.loop import Ingest
from dashboard.models import DialogRow, Order
from dashboard.orders.request import request_bridge, request_join
from dialogs.control.sip.requests import HELD_SDP
from dialogs.sip import Request
from tests.dialogs.control.sip.phones import Baresip, hung_up, is_called, missing, notify, referred, reply

from .acting import AGENT_HOST, anna, asked, closed, configured, stored
from .beside import watched
from .lab import Lab
from .proxy import SIP_PORT
from .replacing_phone import ReplacingPhone
from .sippxml import request, response, scenario
from .wire import Wire

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("may_tap"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the product keeps its messages."""
    monkeypatch.setattr(settings, "VAR", tmp_path)
    return tmp_path


# Joining two calls


async def joined(lab: Lab, dave: str) -> tuple[Order, set[str], set[str]]:
    """Have Bob of one call sent to Dave of another; returns the order, who is still in the call they were in, and the new calls that are up.

    `dave`: "knows" Replaces, does "not", or is a "baresip", which does not either.
    """
    proxy, numbers = (lab.proxy.address, SIP_PORT), [lab.new_number() for _ in range(2)]
    call_ids = [f"join-{number}@lab.example" for number in numbers]
    async with AsyncExitStack() as stack:
        people = [ReplacingPhone(user, (f"127.0.1.{at}", 5070), proxy) for at, user in enumerate(("alice", "bob", "carol"), 1)]
        if dave == "baresip":
            robot = Baresip(lab.folder, numbers[1], "127.0.1.4", 5070)
            stack.callback(robot.stop)
        else:
            people.append(ReplacingPhone("dave", ("127.0.1.4", 5070), proxy, knows_replaces=dave == "knows"))
        for phone in people:
            await stack.enter_async_context(phone)
        alice, _, carol, *_ = people
        for number, callee in zip(numbers, ("127.0.1.2:5070", "127.0.1.4:5070"), strict=True):
            lab.proxy.lead(number, callee)
        for caller, number, call_id in zip((alice, carol), numbers, call_ids, strict=True):
            assert (await caller.call(f"sip:{number}@lab.example", call_id)).status == 200
        up = DialogRow.objects.filter(state=4).order_by("init_ns")
        rows = await stored(lambda: list(found) if len(found := up.filter(call_id__in=call_ids)) == 2 else [], "both calls")
        (order,) = await closed(await asked(request_join, *rows, await asked(anna), "callee", "callee", "meet", ""))
        talking = {phone.user for phone in people for leg in phone.legs if leg.up and leg.call_id in call_ids}
        if dave == "knows":
            await stored(lambda: not up.filter(call_id__in=call_ids).exists(), "the end of both calls")
        return order, talking, await asked(lambda: {row.call_id for row in up} - set(call_ids))


@pytest.mark.parametrize(
    ("dave", "came", "still", "new"),
    [
        ("knows", ("connected", "notify: 200 OK"), set(), {"referred-bob@lab.example"}),
        ("not", ("refused by the phone", "notify: 420 Bad Extension"), {"alice", "bob", "carol", "dave"}, set()),
        ("baresip", ("refused by the phone", "notify: 420 Bad Extension"), {"alice", "bob", "carol"}, set()),
    ],
)  # fmt: skip
def test_two_calls_are_joined_or_left_as_they_were(
    lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch, dave: str, came: tuple[str, str], still: set[str], new: set[str]
) -> None:
    if dave == "baresip" and (absent := missing("baresip")):
        pytest.skip(f"needs {absent}")
    config = configured(lab, "sip")
    monkeypatch.setattr(settings, "DIALTAP", config)
    order, talking, others = watched(folder, config, lambda _ingest: joined(lab, dave))
    assert ((order.outcome, order.detail), talking, others) == (came, still, new)


# Connecting two parties

BUSY = scenario("busy", request("INVITE"), reply("486 Busy Here", tag="x"), request("ACK"))
SAYS_NO = scenario("says no", request("INVITE"), reply("603 Decline", tag="x"), request("ACK"))
CANCELLED = reply("487 Request Terminated", tag="x").replace("[last_CSeq:]", "CSeq: 10 INVITE")
RINGS = scenario("rings", request("INVITE"), reply("180 Ringing", tag="x"), request("CANCEL"), reply("200 OK"), CANCELLED, request("ACK"))
BYE = notify("x", 1)[0].replace("NOTIFY", "BYE").replace("Event: refer\n", "")
RINGS_ON = scenario("rings on", request("INVITE"), reply("180 Ringing", tag="x"), request("CANCEL"))
PROGRESS = (*notify("SIP/2.0 100 Trying", 1), *notify("SIP/2.0 200 OK", 2, "terminated;reason=noresource"))

ANSWERED = ("INVITE 10", "ACK 10")
REFERRED = (*ANSWERED, "REFER 11", "BYE 12")
"What Kamailio's dlg_bridge sends, number by number; ours waits for the NOTIFYs before its BYE."

FIRSTS = {
    "sipp": (is_called(*referred(*PROGRESS), *hung_up()), REFERRED, "connected", "notify: 200 OK"),
    "busy": (BUSY, ANSWERED, "refused by the phone", "invite: 486 Busy Here"),
    "says no": (SAYS_NO, ANSWERED, "refused by the phone", "invite: 603 Decline"),
    "rings": (RINGS, ("INVITE 10", "CANCEL 10", "ACK 10"), "no answer", "invite: not answered within 2 s"),
    "will not refer": (is_called(*referred(status="603 Decline"), *hung_up()), REFERRED, "refused by the phone", "refer: 603 Decline"),
    "tells nothing": (is_called(*referred(), *hung_up()), REFERRED, "no answer", "notify: no final NOTIFY; last: nothing"),
    "hangs up": (is_called(*referred(BYE, response(200))), REFERRED[:3], "hung up half-way", "notify: the party hung up"),
}
"What the party that is called first does, as a sipp scenario, what it is asked, and what the order says of it."

SECONDS = {
    "baresip": ("connected", "notify: 200 OK"),
    "busy": ("refused by the phone", "notify: 486 Busy Here"),
    "rings on": ("no answer", "notify: no final NOTIFY; last: 100 Trying"),
}
"Whom a baresip is sent to, through the proxy, and what the order says of it."

FIVE_STEPS = ["invite", "ack", "refer", "notify", "bye"]


class Party(NamedTuple):
    """Two addresses that are to be connected."""

    first: str
    second: str


@contextmanager
def parties(lab: Lab) -> Iterator[dict[str, Party]]:
    """Put up all phones; yields by name who is to be connected."""
    with ExitStack() as stack:

        def sipp(name: str, script: str) -> str:
            phone = lab.callee(script)
            stack.callback(phone.stop)
            return f"sip:{name.replace(' ', '-')}@{phone.host_port}"

        def baresip(user: str, host: str) -> str:
            phone = Baresip(lab.folder, user, host, 5125)
            stack.callback(phone.stop)
            return phone.uri

        found = {name: Party(sipp(name, script), "sip:nobody@127.0.0.20:5099") for name, (script, *_) in FIRSTS.items()}
        for at, name in enumerate(SECONDS):
            number = lab.new_number()
            second = baresip(number, "127.0.2.9") if name == "baresip" else sipp(name, BUSY if name == "busy" else RINGS_ON)
            lab.proxy.lead(number, second.partition("@")[2])
            found[f"to {name}"] = Party(baresip(f"alice{at}", f"127.0.2.{at}"), f"sip:{number}@{lab.proxy.address}:{SIP_PORT}")
        yield found


def asked_of(wire: Wire, party: Party) -> dict[str, Request]:
    """Return what our user agent asked of the first party, by method and number, without what it said again."""
    host, _, port = party.first.partition("@")[2].partition(":")
    said = [seen for seen in wire.read() if isinstance(seen.message, Request) and seen.packet.source.host == AGENT_HOST]
    ours = [seen.message for seen in said if (seen.packet.destination.host, seen.packet.destination.port) == (host, int(port))]
    return {f"{request.method} {request.cseq}": request for request in ours if isinstance(request, Request)}


def test_two_parties_are_connected_or_it_is_said_why_not(lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if absent := missing("baresip"):
        pytest.skip(f"needs {absent}")
    config = configured(lab, "sip", ring_seconds=2.0, refer_seconds=2.0)
    monkeypatch.setattr(settings, "DIALTAP", config)

    async def scenario(_ingest: Ingest) -> list[Order]:
        user = await asked(anna)
        orders = [await asked(request_bridge, user, *two, "connect them", "", node="node") for two in both.values()]
        talking = DialogRow.objects.filter(state=4, from_user="alice0")
        await stored(talking.exists, "the call of the two that were connected")
        return await closed(*orders)

    with parties(lab) as both, Wire(lab) as wire:
        orders = dict(zip(both, watched(folder, config, scenario), strict=True))
        requests = {name: asked_of(wire, two) for name, two in both.items()}
    expected = {name: came for name, (_, _, *came) in FIRSTS.items()} | {f"to {name}": list(came) for name, came in SECONDS.items()}
    assert {name: [order.outcome, order.detail] for name, order in orders.items()} == expected
    wanted = {name: sent for name, (_, sent, *_) in FIRSTS.items()} | {f"to {name}": REFERRED for name in SECONDS}
    assert {name: tuple(sent) for name, sent in requests.items()} == wanted
    connected = [name for name, order in orders.items() if order.outcome == "connected"]
    assert {name: [step[1] for step in orders[name].steps if step[2] == "done"] for name in connected} == dict.fromkeys(connected, FIVE_STEPS)
    for name in connected:
        invite, refer = requests[name]["INVITE 10"], requests[name]["REFER 11"]
        assert (invite.from_.uri, invite.body) == ("sip:controller@kamailio.org", HELD_SDP)
        assert refer.header("refer-to") == f"<{both[name].second}>"  # Kamailio's own has no brackets
