"""Orders against a real Kamailio and real phones: through Kamailio's RPC, and by our own SIP without it. What the wire shows decides."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User

from dashboard.ingest.loop import Ingest
from dashboard.ingest.sources import Sources
from dashboard.models import DialogRow, Order, OrderRequest
from dashboard.orders.request import request_end
from dialogs.config import Config, Control, Dialog
from dialogs.control import build
from dialogs.taps import LiveTap, TapError

from .kinds import ENDLESS
from .lab import Call, Lab
from .proxy import SIP_PORT

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]
COUNT = int(os.environ.get("DIALTAP_LAB_ENDS", "20"))
SECONDS = 60 + COUNT


def configured(lab: Lab, controller: str) -> Config:
    sip = {"allow": ("127.0.0.0/8",), "hosts": ("127.0.0.9",)} if "sip" in controller else {}
    url = lab.proxy.rpc_url if "kamailio" in controller else ""
    control = Control(controller=controller, kamailio_url=url, rate=0, rate_per_user=0, **sip)
    return Config(dialog=Dialog(sockets=(f"udp:{lab.proxy.address}:{SIP_PORT}",)), control=control)


@pytest.fixture
def tap(lab: Lab) -> Iterator[LiveTap]:
    try:
        tap = LiveTap("lo", ports=(SIP_PORT,))
    except TapError as error:
        pytest.skip(str(error))
    with closing(tap):
        yield tap


def up(calls: list[Call]) -> dict[str, DialogRow] | None:
    """Return the rows of these calls once all are up."""
    rows = {row.call_id: row for row in DialogRow.objects.filter(state=4, call_id__in=[call.call_id for call in calls])}
    return rows if len(rows) == len(calls) else None


async def ended(lab: Lab, config: Config, tap: LiveTap, folder: Path) -> tuple[list[Order], list[Call]]:
    """Run the ingest, place calls, end every one once it is up; return the closed orders and the calls."""
    ingest = Ingest(config, "lab", Sources([tap], [], [], []), build(config.control), folder / "messages")
    running = asyncio.create_task(ingest.run())
    try:
        async with asyncio.timeout(SECONDS):
            calls = [ENDLESS.place(lab) for _ in range(COUNT)]  # here: this thread is inside the lab's network
            while not (rows := await sync_to_async(up)(calls)):
                await asyncio.sleep(0.1)
            anna = await User.objects.acreate(username="anna", is_superuser=True)
            for row in rows.values():
                await sync_to_async(request_end)(row, anna, "lab", "")
            while await Order.objects.filter(phase__in=Order.OPEN).aexists():
                await asyncio.sleep(0.1)
    finally:
        ingest.stop()
        await running
    return [order async for order in Order.objects.all()], calls


@pytest.mark.parametrize("controller", ["kamailio", "sip", "kamailio, then sip"])
def test_every_call_is_ended_on_both_legs(lab: Lab, tap: LiveTap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controller: str) -> None:
    config = configured(lab, controller)
    monkeypatch.setattr(settings, "DIALTAP", config)
    orders, calls = asyncio.run(ended(lab, config, tap, tmp_path))
    assert Counter(order.outcome for order in orders) == {"both legs released": COUNT}
    assert {order.via for order in orders} == {"sip" if controller == "sip" else "kamailio"}
    assert [phone.exit_code() for call in calls for phone in call.phones] == [0] * (2 * COUNT)
    sent = OrderRequest.objects.count()
    assert sent == (2 * COUNT if controller == "sip" else 0)


@pytest.mark.parametrize(("allow", "words"), [(("192.0.2.0/24",), "it is not in [control] allow")])
def test_proxy_outside_the_allowed_networks_gets_no_packet(
    lab: Lab, tap: LiveTap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allow: tuple[str, ...], words: str
) -> None:
    """The request is let by the pages' configuration and refused by the ingest's own: the agent looks again."""
    config = configured(lab, "sip")
    monkeypatch.setattr(settings, "DIALTAP", config)
    monkeypatch.setattr("tests.lab.test_ends.COUNT", 1)
    strict = Config(dialog=config.dialog, control=Control(controller="sip", allow=allow, hosts=("127.0.0.9",)))
    (order,), (call,) = asyncio.run(ended(lab, strict, tap, tmp_path))
    assert (order.outcome, words in order.detail, json.loads(order.evidence)[-1][1].startswith("refused")) == ("refused", True, True)
    assert [phone.is_running() for phone in call.phones] == [True, True]
    assert (OrderRequest.objects.count(), "BYE" in call.caller.messages()) == (0, False)
    for phone in call.phones:
        phone.stop()
