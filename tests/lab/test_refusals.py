"""What must not be sent is not: every refusal of the pages, with calls of a real proxy up and the wire watched. No packet leaves until an order may exist."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client

from dashboard.ingest.loop import Ingest
from dashboard.models import AuditEvent, DialogRow, Order
from dialogs.config import Config
from dialogs.taps.demo import DEMO

from . import callers
from .acting import CONTROLLERS, asked, closed, configured, rows_of, stored
from .beside import watched
from .callees import Callee
from .callers import Line
from .lab import Call, Lab
from .wire import Wire

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("may_tap"), pytest.mark.django_db(transaction=True)]
EMERGENCY = "112"
REASON = {"reason": "toll fraud"}


def placed(lab: Lab, number: str) -> Call:
    """Call a number; both sides talk until a BYE comes."""
    callee = lab.callee(Callee().answers(50, 50))
    lab.proxy.lead(number, callee.target)
    call_id = f"refusals-{number}-{len(lab.phones)}@lab.example"
    return Call(call_id, number, lab.caller(callers.waits_for_bye(Line(number)), call_id), (callee,))


class Person:
    """Somebody at the pages, with a browser's cookies."""

    def __init__(self, role: str) -> None:
        user = User.objects.get_or_create(username=role)[0]
        user.groups.set(Group.objects.filter(name=role))
        self._client = Client(enforce_csrf_checks=True, headers={"hx-request": "true"})
        self._client.force_login(user)
        self._client.get("/")

    def get(self, address: str) -> HttpResponse:
        return self._client.get(address)  # type: ignore[return-value]

    def post(self, address: str, given: dict[str, Any], *, forged: bool = False) -> HttpResponse:
        """Send a form; `forged`: from another site, which does not know the token."""
        headers = {} if forged else {"x-csrftoken": self._client.cookies[settings.CSRF_COOKIE_NAME].value}
        return self._client.post(address, given, headers=headers)  # type: ignore[return-value]


class Desk:
    """Three people, and the calls that they look at."""

    def __init__(self, ours: DialogRow, emergency: DialogRow, recorded: DialogRow) -> None:
        self.viewer, self.operator, self.administrator = (Person(role) for role in ("viewer", "operator", "administrator"))
        self.ours, self.emergency, self.recorded = (f"/call/{row.pk}/end/" for row in (ours, emergency, recorded))
        self.acting = (self.ours, "/orders/1/retry/", "/bulk/", "/bulk/start/", "/bulk/1/stop/")
        self.bulk = {"uid": [ours.pk, emergency.pk, recorded.pk], "key": "k", **REASON}

    def refusals(self) -> list[tuple[str, HttpResponse, int, str]]:
        """Try everything that must not be; returns what, the answer, and the answer that must come."""
        tries = [(f"GET {address}", self.operator.get(address), 405, "") for address in self.acting]
        tries += [(f"forged {address}", self.administrator.post(address, self.bulk, forged=True), 403, "") for address in self.acting]
        tries += [(f"viewer {address}", self.viewer.post(address, self.bulk), 403, "") for address in self.acting]
        return [
            *tries,
            ("only asked", self.operator.get(f"{self.ours}form"), 200, "Cancel"),
            ("only previewed", self.operator.post("/bulk/", self.bulk), 200, ""),
            ("no reason", self.operator.post(self.ours, {"reason": ""}), 400, ""),
            ("recorded", self.administrator.post(self.recorded, REASON), 409, "recorded call: nothing is sent"),
            ("protected", self.operator.post(self.emergency, REASON), 409, "only an administrator"),
            ("not typed", self.administrator.post(self.emergency, REASON | {"confirmed": "113"}), 400, "to confirm"),
            ("RPC by GET", self.administrator.get("/RPC"), 405, ""),
        ]


def check(tries: list[tuple[str, HttpResponse, int, str]]) -> None:
    found = {what: (answer.status_code, words in answer.content.decode()) for what, answer, _, words in tries}
    assert found == {what: (status, True) for what, _, status, _ in tries}


@pytest.mark.parametrize("controller", CONTROLLERS[:2])
def test_nothing_leaves_for_what_is_refused(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controller: str) -> None:
    config = configured(lab, controller)
    monkeypatch.setattr(settings, "VAR", tmp_path)

    def give(config: Config) -> None:
        monkeypatch.setattr(settings, "DIALTAP", config)

    give(config)
    with Wire(lab) as wire:

        async def scenario(_ingest: Ingest) -> list[Call]:
            calls = [placed(lab, lab.new_number()), placed(lab, EMERGENCY)]
            rows = await rows_of(calls)
            await stored(DialogRow.objects.filter(recorded=True, state=4).exists, "a recorded call")
            recorded = await asked(DialogRow.objects.filter(recorded=True, state=4).first)
            assert recorded is not None
            desk = await asked(Desk, *(rows[call.call_id] for call in calls), recorded)
            before = len(wire.read())
            check(await asked(desk.refusals))
            if controller == "sip":
                await asked(outside, desk, give, config)
            assert (len(wire.read()) - before, await Order.objects.acount()) == (0, 0)
            refused = await asked(lambda: list(AuditEvent.objects.filter(username="viewer", action="refused").values_list("request", flat=True)))
            assert refused == [f"POST {address}" for address in desk.acting]
            assert [phone.is_running() for call in calls for phone in call.phones] == [True] * 4
            assert (await asked(desk.operator.post, desk.ours, REASON)).status_code == 200  # the same, when nothing speaks against it
            (order,) = await closed(await Order.objects.aget())
            assert order.outcome == "both legs released"
            return calls

        calls = watched(tmp_path, config, scenario, DEMO)
        ended = [seen.message.call_id for seen in wire.read() if seen.packet.data.startswith(b"BYE ")]
    assert set(ended) == {calls[0].call_id.encode()}
    for phone in calls[1].phones:
        phone.stop()


def outside(desk: Desk, give: Callable[[Config], None], config: Config) -> None:
    """Try to end a call where the pages may send elsewhere only."""
    give(msgspec.structs.replace(config, control=msgspec.structs.replace(config.control, allow=("192.0.2.0/24",))))
    check([("outside", desk.administrator.post(desk.ours, REASON), 409, "it is not in [control] allow")])
    give(config)
