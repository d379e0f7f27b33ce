"""Orders against a real Kamailio and real phones: through Kamailio's RPC, and by our own SIP without it. What the wire shows decides."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from tests.figures import report

from . import callers
from .callees import Callee
from .kinds import ENDLESS, Kind
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


@pytest.fixture(autouse=True)
def may_tap(lab: Lab) -> None:
    """Skip where the loopback cannot be tapped."""
    try:
        LiveTap("lo", ports=(SIP_PORT,)).close()
    except TapError as error:
        pytest.skip(str(error))


def up(calls: list[Call], state: int) -> dict[str, DialogRow] | None:
    """Return the rows of these calls once all are in this state."""
    rows = {row.call_id: row for row in DialogRow.objects.filter(state=state, call_id__in=[call.call_id for call in calls])}
    return rows if len(rows) == len(calls) else None


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until the database answers something, and return it."""
    end = time.monotonic() + SECONDS
    while not (found := await sync_to_async(condition)()):
        assert time.monotonic() < end, "what was waited for did not come"
        await asyncio.sleep(0.05)
    return found


def all_closed() -> list[Order]:
    return [] if Order.objects.filter(phase__in=Order.OPEN).exists() else list(Order.objects.all())


@dataclass(frozen=True)
class Plan:
    """What is placed, when it is ended, and what happens before."""

    kind: Kind = ENDLESS
    count: int = COUNT
    state: int = 4
    before: Callable[[list[Call]], None] = lambda _calls: None


async def ended(lab: Lab, config: Config, folder: Path, plan: Plan) -> tuple[list[Order], list[Call]]:
    """Run the ingest, place calls, end every one once it is up; return the closed orders and the calls."""
    with closing(LiveTap("lo", ports=(SIP_PORT,))) as tap:
        ingest = Ingest(config, "lab", Sources([tap], [], [], []), build(config.control), folder / "messages")
        running = asyncio.create_task(ingest.run())
        try:
            calls = [plan.kind.place(lab) for _ in range(plan.count)]  # here: this thread is inside the lab's network
            rows = await until(lambda: up(calls, plan.state))
            plan.before(calls)
            anna = await User.objects.acreate(username="anna", is_superuser=True)
            for row in rows.values():
                await sync_to_async(request_end)(row, anna, "lab", "")
            return await until(all_closed), calls
        finally:
            ingest.stop()
            await running


@pytest.mark.parametrize("controller", ["kamailio", "sip", "kamailio, then sip"])
def test_every_call_is_ended_on_both_legs(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controller: str) -> None:
    config = configured(lab, controller)
    monkeypatch.setattr(settings, "DIALTAP", config)
    orders, calls = asyncio.run(ended(lab, config, tmp_path, Plan()))
    assert Counter(order.outcome for order in orders) == {"both legs released": COUNT}
    assert {order.via for order in orders} == {"sip" if controller == "sip" else "kamailio"}
    assert [phone.exit_code() for call in calls for phone in call.phones] == [0] * (2 * COUNT)
    answered = [phone.messages().count("SIP/2.0 200 OK") and phone.messages().count("BYE sip:") for call in calls for phone in call.phones]
    assert answered == [1] * (2 * COUNT)
    assert OrderRequest.objects.count() == (2 * COUNT if controller == "sip" else 0)
    seconds = [(order.closed_ns - order.requested_ns) / 1e9 for order in orders]
    figures = {"orders": COUNT, "byes answered": sum(answered), "both legs released": COUNT, "seconds, longest": round(max(seconds), 2)}
    report(f"orders-{controller.replace(', ', '-').replace(' ', '-')}", figures)


def test_ringing_call_is_cancelled_by_our_own_sip(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(lab, "sip")
    monkeypatch.setattr(settings, "DIALTAP", config)
    monkeypatch.setattr(settings, "VAR", tmp_path)
    ringing = Kind("ringing", lambda line: callers.is_refused(line, 487), (Callee().rings_for_ever(50),), ())
    (order,), (call,) = asyncio.run(ended(lab, config, tmp_path, Plan(ringing, 1, 2)))
    assert (order.outcome, order.detail) == ("cancelled while ringing", "487 Request Terminated")
    assert [phone.exit_code() for phone in call.phones] == [0, 0]


def test_leg_that_swallows_its_bye_is_named(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(lab, "sip")
    monkeypatch.setattr(settings, "DIALTAP", config)
    plan = Plan(count=1, before=lambda calls: calls[0].phones[1].freeze(True))
    (order,), (call,) = asyncio.run(ended(lab, config, tmp_path, plan))
    assert order.outcome == "one leg only: callee not confirmed"
    assert order.closed_ns - order.sent_ns < 6 * 10**9
    assert call.caller.exit_code() == 0
    call.phones[1].stop()


def test_proxy_outside_the_allowed_networks_gets_no_packet(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is let by the pages' configuration and refused by the ingest's own: the agent looks again."""
    config = configured(lab, "sip")
    monkeypatch.setattr(settings, "DIALTAP", config)
    strict = Config(dialog=config.dialog, control=Control(controller="sip", allow=("192.0.2.0/24",), hosts=("127.0.0.9",)))
    (order,), (call,) = asyncio.run(ended(lab, strict, tmp_path, Plan(count=1)))
    assert (order.outcome, "it is not in [control] allow" in order.detail) == ("refused", True)
    assert json.loads(order.evidence)[-1][1].startswith("refused: ")
    assert [phone.is_running() for phone in call.phones] == [True, True]
    assert (OrderRequest.objects.count(), "BYE sip:" in call.caller.messages()) == (0, False)
    for phone in call.phones:
        phone.stop()
