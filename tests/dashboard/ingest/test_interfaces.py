"""The ingest on real interfaces, in a network that each test makes: several, idle, away and back."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from dashboard.ingest.loop import Ingest
from dashboard.ingest.sources import Request, open_sources
from dashboard.models import DialogRow, TapStatus
from dialogs.config import Config, Tap
from dialogs.taps.health import decode
from tests.dashboard.ingest.test_loop import until
from tests.dialogs.ladder import message
from tests.dialogs.taps.frames import ethernet, ipv4, udp
from tests.dialogs.taps.sniffing import links, need_namespace
from tests.lab.namespace import Namespace

pytestmark = [need_namespace, pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
CONFIG = Config(tap=Tap(hep="", filter="udp"))


@pytest.fixture
def network() -> Iterator[None]:
    """Two links whose ends are v0-v1 and w0-w1; what is sent into the first end of one comes out of the second."""
    namespace = Namespace()
    with namespace:
        links(*(f"link {words}" for pair in ("v", "w") for words in made(pair)))
        yield
    namespace.close()


def made(pair: str) -> list[str]:
    return [f"add {pair}0 type veth peer name {pair}1", f"set {pair}0 up", f"set {pair}1 up"]


@asynccontextmanager
async def capturing(folder, *interfaces: str, config: Config = CONFIG) -> AsyncIterator[Ingest]:
    ingest = Ingest(config, "node", open_sources(Request(interfaces), config), None, folder / "messages")
    task = asyncio.create_task(ingest.run())
    yield ingest
    ingest.stop()
    await task


def send(interface: str, *, callid: str) -> None:
    """Put an INVITE on a link."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((interface, 0))
        sender.send(ethernet(ipv4(udp(message("INVITE", callid=callid)))))


def seen(call_id: str, **wanted: object):
    return lambda: DialogRow.objects.filter(call_id=call_id, **wanted).first()


def told(interface: str, **wanted: object):
    return lambda: TapStatus.objects.filter(name=f"interface:{interface}", **wanted).first()


async def test_several_interfaces_are_captured_on_at_once(network, tmp_path):
    async with capturing(tmp_path, "v1", "w1"):
        send("v0", callid="one")
        send("w0", callid="two")
        taps = [(await until(seen(call_id))).tap for call_id in ("one", "two")]
        counts = [(await until(told(name, messages__gt=0))).messages for name in ("v1", "w1")]
    assert (taps, counts) == (["interface:v1", "interface:w1"], [1, 1])


async def test_idle_link_does_not_hold_up_the_end(network, tmp_path):
    async with capturing(tmp_path, "v1", "w1"):
        await until(told("w1"))
        asked = time.monotonic()
    assert time.monotonic() - asked < 2


async def test_interface_that_goes_away_is_said_and_found_again(network, tmp_path):
    async with capturing(tmp_path, "v1") as ingest:
        send("v0", callid="before")
        await until(seen("before"))
        links("link delete v0")
        away = await until(told("v1", error__startswith="v1: The interface went down, since 20"))
        links(*(f"link {words}" for words in made("v")))
        await until(told("v1", error=""))
        send("v0", callid="after")
        await until(seen("after"))
        assert (decode(away.detail).health.down_ns > 0, ingest.sources.live[0].packets) == (True, 2)


async def test_interface_that_is_away_does_not_hold_up_the_end(network, tmp_path):
    async with capturing(tmp_path, "v1") as ingest:
        links("link delete v0")
        await until(told("v1", error__startswith="v1: "))
    assert (ingest.sources.live[0].fileno(), ingest.sources.live[0].reopen(1 << 62)) == (-1, False)


async def test_packet_on_two_interfaces_counts_once_and_as_a_duplicate_of_one_tap(network, tmp_path):
    async with capturing(tmp_path, "v0", "v1"):
        send("v0", callid="twice")  # the kernel carries it past both within 10 ms, however busy the machine is
        await until(lambda: TapStatus.objects.filter(name="engine:node", duplicates=1).first())
        row = await until(seen("twice"))
        rows = await until(lambda: list(TapStatus.objects.filter(name__startswith="interface:", messages=1).values_list("duplicates", flat=True)))
    assert (row.messages, sorted(rows)) == (1, [0, 1])
