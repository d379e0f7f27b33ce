"""An order whose ingest is killed between any two of its phases: a real process, a real kill -9, real phones; after a restart it ends in a true outcome."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dashboard.terminal.errors import NoIngest

from .acting import AGENT_HOST
from .ingesting import Ingesting
from .lab import Lab
from .proxy import SIP_PORT
from .replacing_phone import ReplacingPhone
from .waiting import wait_until
from .wire import Wire, byes

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("may_tap")]
AGENT_PORT = 5090
"Fixed: a stored request names it, and the proxy answers there what was repeated after the restart."

CONFIGURATION = """
[dialog]
sockets = ["udp:{proxy}:{port}"]

[tap]
hep = ""

[control]
controller = "{controller}"
{url}
allow = ["127.0.0.0/8"]
hosts = ["{agent}"]
port = {agent_port}
verify_seconds = 2.0
reconcile_seconds = 0
"""
CLOSED = """
SELECT outcome, dashboard_order.detail FROM dashboard_order JOIN dashboard_dialogrow ON dialog_uid = uid
WHERE call_id = ? AND phase IN ('verified', 'refused')
"""
NOT_CONFIRMED = "not confirmed after 2 s"

BY_SIP = (
    "requested", "claimed", "nothing drafted", "first draft stored", "both drafts stored", "first sent", "both sent", "accepted", "before verification",
    "verified",
)  # fmt: skip
ORDINARY = ("first draft stored", "both sent")
"Those that are tried in every run; the others take a process's start and restart each."

BY_KAMAILIO = {
    "proxy not asked": "not confirmed",
    "proxy's answer not stored": "not confirmed",
    "proxy's answer stored": "not confirmed",
}
"""What a proxy was asked before a crash is only verified: the first never was asked, and of the others the wire was not watched when it happened.
Nobody says that the legs are released who has not seen it."""


def marked(point: str) -> object:
    return pytest.param(point, marks=() if point in ORDINARY else pytest.mark.soak)


@pytest.fixture(scope="module")
def installed(lab: Lab) -> Iterator[Callable[[str], Ingesting]]:
    """Give the installation that acts by a controller; each has one database for all tests, for to make one takes longer than they do."""
    made: dict[str, Ingesting] = {}
    with tempfile.TemporaryDirectory(prefix="dialtap-killed-") as name:
        Path(name).chmod(0o755)  # everybody may enter: the process gives root up

        def give(controller: str) -> Ingesting:
            if controller not in made:
                (folder := Path(name) / controller).mkdir()
                url = f'kamailio_url = "{lab.proxy.rpc_url}"' if controller == "kamailio" else ""
                values = {"proxy": lab.proxy.address, "port": SIP_PORT, "agent": AGENT_HOST, "agent_port": AGENT_PORT}
                made[controller] = Ingesting(folder, CONFIGURATION.format(controller=controller, url=url, **values))
            return made[controller]

        yield give


async def ended_through_a_kill(lab: Lab, product: Ingesting, point: str) -> tuple[str, str, list[bool]]:
    """End a call by an order, the ingest dying at a point, and start it again; returns what came of it, and which phones are still in the call."""
    number, proxy = lab.new_number(), (lab.proxy.address, SIP_PORT)
    call_id = f"killed-{number}@lab.example"
    async with ReplacingPhone("alice", ("127.0.1.1", 5070), proxy) as alice, ReplacingPhone("bob", ("127.0.1.2", 5070), proxy) as bob:
        lab.proxy.lead(number, "127.0.1.2:5070")
        await asyncio.to_thread(product.start, point)
        assert (await alice.call(f"sip:{number}@lab.example", call_id)).status == 200
        up = "SELECT h_entry, h_id FROM dashboard_dialogrow WHERE call_id = ? AND state = 4"
        ((h_entry, h_id),) = await asyncio.to_thread(wait_until, lambda: product.rows(up, call_id), "the call")
        with suppress(NoIngest):  # it may die before it answers
            await asyncio.to_thread(product.door.ask, "dlg.end_dlg", h_entry, h_id)
        assert await asyncio.to_thread(product.died)
        await asyncio.to_thread(product.start)
        ((outcome, detail),) = await asyncio.to_thread(wait_until, lambda: product.rows(CLOSED, call_id), "the end of the order", seconds=30)
        return outcome, detail, [any(leg.up for leg in phone.legs) for phone in (alice, bob)]


@pytest.mark.parametrize("point", [marked(point) for point in BY_SIP])
def test_order_by_our_own_sip_survives_a_kill(lab: Lab, installed: Callable[[str], Ingesting], point: str) -> None:
    product = installed("sip")
    with Wire(lab) as wire:
        try:
            outcome, _, up = asyncio.run(ended_through_a_kill(lab, product, point))
        finally:
            product.stop()
            print(product.output())
        found = byes(wire)
        sent = {seen.packet.data for seen in wire.read() if seen.packet.source.host == AGENT_HOST and seen.packet.data.startswith(b"BYE ")}
    assert (outcome, up) == ("both legs released", [False, False])
    assert (len(sent), found.legs, found.several, found.repeated) == (2, 2, 0, 0)  # to each leg one BYE, the same bytes however often


@pytest.mark.soak
@pytest.mark.parametrize("point", BY_KAMAILIO)
def test_order_by_kamailio_is_not_asked_again_after_a_kill(lab: Lab, installed: Callable[[str], Ingesting], point: str) -> None:
    product = installed("kamailio")
    with Wire(lab) as wire:
        try:
            outcome, detail, up = asyncio.run(ended_through_a_kill(lab, product, point))
        finally:
            product.stop()
            print(product.output())
        found = byes(wire)
    asked = point != "proxy not asked"
    assert (outcome, detail, up) == (BY_KAMAILIO[point], NOT_CONFIRMED, [not asked] * 2)
    assert (found.legs, found.several) == (2 * asked, 0)
