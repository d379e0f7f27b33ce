"""The one function that decides every order, by table: who asks, which call, which kind, how."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings

from dashboard.models import DialogRow, Order, ProxyTable, TapStatus
from dashboard.orders import safety
from dashboard.orders.safety import BULK, RULE, SINGLE, Asked, decide, to_type
from dialogs.config import Control
from dialogs.engine.snapshot import CallSnapshot
from tests.dashboard.history.calls import call, leg
from tests.dashboard.live.people import record
from tests.dashboard.orders.test_request import account, recorded
from tests.dashboard.pages.test_call import EVE, stored

pytestmark = pytest.mark.django_db
SIP = Control(controller="sip", allow=("192.0.2.0/24",), protect=("112",))


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "VAR", tmp_path)
    use(monkeypatch)


def use(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setattr(settings, "DIALTAP", msgspec.structs.replace(settings.DIALTAP, control=msgspec.structs.replace(SIP, **changes)))


def words(asked: Asked) -> str | None:
    refusal = decide(asked)
    return refusal.words if refusal else None


ELSEWHERE = msgspec.structs.replace(leg("callee", "5000"), route_set=("<sip:203.0.113.9;lr>",))
NAMED = msgspec.structs.replace(leg("callee", "5000"), route_set=("<sip:proxy.example.net;lr>",))
MUTE, SILENT = (msgspec.structs.replace(leg(side, user), contact="") for side, user in (("callee", "5000"), ("caller", "4417")))
PROTECTED = "protected number: only an administrator may end this call"
OUTSIDE = "nothing is sent to 203.0.113.9: it is not in [control] allow"
TABLE = [
    ("viewer", call(), {}, "you may not end calls"),
    ("operator", call(), {}, None),
    ("operator", call(state=2), {}, "this call still rings, and the INVITE of 192.0.2.7:5060 is not stored: it cannot be cancelled from here"),
    ("operator", call(state=2), {"sides": ("caller",)}, "this call still rings: it can only be cancelled as a whole"),
    ("operator", call(), {"kind": "release"}, "this call is up on the wire: end it as a call"),
    ("operator", call(state=5), {"kind": "release"}, "the proxy does not have this call any more, as far as is known: look again"),
    ("operator", call(tap="file:demo", state=5), {"kind": "release"}, "recorded call: nothing is sent"),
    ("operator", call(tap="file:demo"), {}, "recorded call: nothing is sent"),
    ("administrator", call(tap="file:demo"), {}, "recorded call: nothing is sent"),
    ("operator", call(state=5), {}, "already ended"),
    ("operator", call(callee="112"), {}, PROTECTED),
    ("operator", call(callee="112"), {"confirmed": "112"}, PROTECTED),
    ("administrator", call(callee="112"), {}, None),
    ("administrator", call(callee="112"), {"confirmed": ""}, 'protected number: type "112" to confirm'),
    ("administrator", call(callee="112"), {"confirmed": " 112 "}, None),
    ("administrator", call(callee="112"), {"confirmed": "112", "how": BULK}, "protected number: it is acted on singly only"),
    ("administrator", call(callee="112"), {"confirmed": "112", "how": RULE}, "protected number: it is acted on singly only"),
    ("operator", call(), {"how": BULK}, None),
    ("operator", call(), {"sides": ("bob",)}, "the side is caller, callee or both"),
    ("operator", call(), {"kind": "transfer", "sides": ("both",)}, "the side is caller, callee or both"),
    ("operator", call(state=2), {"kind": "transfer", "sides": ("caller",)}, "this call is not answered yet: only an answered one can be connected"),
    ("operator", call(), {"kind": "transfer", "sides": ("caller",), "to": ("sip:x@y",)}, None),
    ("operator", call(), {"kind": "transfer", "sides": ("caller",), "to": ("bob",)}, "address: expected a SIP URI, got 'bob'"),
    ("operator", call(), {"kind": "transfer", "sides": ("caller",), "to": ("sip:a@b\r\nX: 1",)}, "address: expected a SIP URI, got 'sip:a@b\\r\\nX: 1'"),
    ("operator", call(), {"reason": "x"}, "give a reason of 3 to 200 characters"),
    ("operator", call(callee=ELSEWHERE), {}, OUTSIDE),
    ("operator", call(callee=ELSEWHERE), {"sides": ("callee",)}, OUTSIDE),
    ("operator", call(callee=NAMED), {}, None),
    ("operator", call(callee=MUTE), {}, None),
    ("operator", call(callee=MUTE), {"sides": ("callee",)}, "no Contact of the callee was seen"),
    ("operator", call(callee=MUTE), {"kind": "transfer", "sides": ("callee",)}, "no Contact of the callee was seen"),
    ("operator", call(callee=MUTE, caller=SILENT), {}, "no Contact of the caller was seen"),
]


@pytest.mark.parametrize(("role", "snapshot", "asked", "expected"), TABLE)
def test_decision(tmp_path: Path, role: str, snapshot: CallSnapshot, asked: dict[str, Any], expected: str | None) -> None:
    assert words(Asked(account(role), (recorded(tmp_path, snapshot),), **asked)) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("sip:a@192.0.2.5", None),
        ("sip:a@203.0.113.9", OUTSIDE),
        ("sip:a@somewhere.example.net", None),
        ("tel:110", 'an address such as "sip:bob@example.net" is needed, not "tel:110"'),
    ],
)
def test_bridge_is_sent_to_allowed_networks_only(first: str, expected: str | None) -> None:
    assert words(Asked(account("operator"), kind="bridge", sides=(), to=(first, "sip:b@203.0.113.9"))) == expected


@pytest.mark.parametrize(
    ("controller", "kind", "expected"),
    [
        ("none", "end", "no controller is configured: set [control] controller in dialtap.toml"),
        ("kamailio", "bridge", None),
        ("kamailio", "transfer", 'only our own SIP user agent does this: set [control] controller to "sip" in dialtap.toml'),
        ("kamailio, then sip", "transfer", None),
        ("kamailio", "end", 'a proxy ends both sides: for one of them set [control] controller to "kamailio, then sip" in dialtap.toml'),
        ("kamailio, then sip", "end", None),
    ],
)
def test_decision_by_controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controller: str, kind: str, expected: str | None) -> None:
    use(monkeypatch, controller=controller)
    rows = () if kind == "bridge" else (recorded(tmp_path, call()),)
    assert words(Asked(account("operator"), rows, kind, ("caller",) if rows else ())) == expected


def test_ringing_call_is_cancelled_where_its_invite_went_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = record(call(state=2), messages=stored(EVE))[0]
    assert words(Asked(account("operator"), (row,))) is None
    use(monkeypatch, allow=("198.51.100.0/24",))
    assert words(Asked(account("administrator"), (row,))) == "nothing is sent to 192.0.2.1: it is not in [control] allow"
    use(monkeypatch, controller="kamailio, then sip")
    assert words(Asked(account("superuser"), (row,))) is None  # the proxy is asked first


def test_what_only_our_own_agent_can_do_is_kept_to_allowed_networks_beside_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, controller="kamailio, then sip")
    row, user = recorded(tmp_path, call(callee=ELSEWHERE)), account("operator")
    asked = [{}, {"sides": ("callee",)}, {"kind": "transfer", "sides": ("callee",)}]
    assert [words(Asked(user, (row,), **one)) for one in asked] == [None, OUTSIDE, OUTSIDE]


def test_only_the_first_of_two_joined_calls_may_be_protected(tmp_path: Path) -> None:
    rows = record(call(1, callee="112"), call(2))
    user, given = account("administrator"), {"kind": "join", "sides": ("caller", "callee")}
    assert [words(Asked(user, order, **given)) for order in (tuple(rows), tuple(reversed(rows)))] == [None, safety.PROTECTED_OTHER.words]


@pytest.mark.parametrize(
    ("controller", "proxy", "blind_ns", "expected"),
    [
        ("kamailio", "edge", 0, None),
        ("kamailio", "edge", call().last_ns + 1, None),
        ("kamailio", "other", 0, safety.NOT_STUCK),
        ("sip", "edge", 0, safety.NEEDS_PROXY),
        ("none", "edge", 0, safety.NO_CONTROLLER),
    ],
)
def test_release_is_of_what_is_stuck_and_by_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controller: str, proxy: str, blind_ns: int, expected: safety.Refusal | None
) -> None:
    use(monkeypatch, controller=controller)
    row = recorded(tmp_path, call(state=5))
    TapStatus.objects.create(name=row.tap, node="n1", at_ns=1, blind_ns=blind_ns)
    found = {"findings": [["stuck", row.pk, ["c1", "a"], 5, 4, 1, 7, 9]], "counts": {"stuck": 1}}
    ProxyTable.objects.create(node="n1", name="edge", at_ns=safety.time.time_ns(), proxy="http://127.0.0.1:8060/RPC", detail=json.dumps(found))
    asked = Asked(account("operator"), (row,), "release", proxy=proxy)
    assert (decide(asked), safety.still((row,), "release")) == (expected, None)


@pytest.mark.parametrize(
    ("error", "blind_ns", "blind"), [("", 0, False), ("", call().last_ns, False), ("", call().last_ns + 1, True), ("the interface went away", 0, True)]
)
def test_tap_that_was_blind_since_is_no_reason_to_act(tmp_path: Path, error: str, blind_ns: int, blind: bool) -> None:
    row = recorded(tmp_path, call())
    TapStatus.objects.create(name=row.tap, node="n1", at_ns=1, error=error, blind_ns=blind_ns)
    assert decide(Asked(account("operator"), (row,))) == (safety.BLIND if blind else None)
    assert safety.still((row,)) == (safety.BLIND if blind else None)


def test_stop_file_stops_everybody(tmp_path: Path) -> None:
    row = recorded(tmp_path, call())
    (tmp_path / "orders.stop").touch()
    assert words(Asked(account("superuser"), (row,))) == "all orders are stopped: the stop file is there"
    assert safety.still(()) == safety.STOPPED
    (tmp_path / "orders.stop").unlink()
    assert words(Asked(account("operator"), (row,))) is None


@pytest.mark.parametrize(
    ("rate", "per_user", "expected"),
    [(3, 0, "too many orders in this minute: try again soon"), (4, 2, "you gave too many orders in this minute: try again soon"), (4, 3, None), (0, 0, None)],
)
def test_orders_of_a_minute_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int, per_user: int, expected: str | None) -> None:
    use(monkeypatch, rate=rate, rate_per_user=per_user)
    row = recorded(tmp_path, call())
    for username, minutes in (("operator", 0), ("operator", 0), ("anna", 0), ("operator", 2)):
        requested_ns = safety.time.time_ns() - minutes * safety.MINUTE_NS
        Order.objects.create(call_text="x", node="n1", username=username, reason="r", requested_ns=requested_ns)
    assert words(Asked(account("operator"), (row,))) == expected


def test_what_is_to_be_typed_is_the_called_number(tmp_path: Path) -> None:
    assert to_type(recorded(tmp_path, call(callee="112"))) == "112"
    assert (SINGLE, DialogRow.objects.count()) == ("single", 1)


def test_an_ordinary_call_needs_no_typing(tmp_path: Path) -> None:
    assert to_type(recorded(tmp_path, call())) == ""
