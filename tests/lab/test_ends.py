"""Orders against a real Kamailio and real phones: through Kamailio's RPC, and by our own SIP without it. What the wire shows decides."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from django.conf import settings

from dashboard.ingest.loop import Ingest
from dashboard.models import DialogRow, Order, OrderRequest
from dashboard.orders.request import retry_leg, to_retry
from dialogs.config import Config, Credential
from dialogs.engine import CallSnapshot
from dialogs.sip import Request
from tests.dialogs.control.sip import phones

from . import callers
from .acting import AGENT_HOST, CONTROLLERS, anna, asked, closed, configured
from .beside import watched
from .callees import Callee
from .callers import Line
from .ending import Ended, end_all, end_mix
from .kinds import ENDLESS, Kind
from .lab import Lab, missing
from .mix import MIX
from .sippxml import pause, request
from .wire import Wire, byes

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("may_tap"), pytest.mark.django_db(transaction=True)]
NUMBERS = {"udp": (1, 1), "prack": (1, 2), "re-INVITEd by the caller": (1, 2)}
"CSeq of the caller's INVITE, and the highest that it has used before the order."

RINGING = (
    Kind("ringing", lambda line: callers.is_refused(line, 487), (Callee().rings_for_ever(50),), ()),
    Kind("prack-ringing", lambda line: callers.acknowledges_ringing(line, 487), (Callee().wants_prack(50, None),), ()),
)
RETRANSMITTED_S = (0.0, 0.5, 1.5, 3.5)
"When a request that nobody answers leaves over UDP, in the first five seconds (RFC 3261, 17.1.2.2)."


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab on all transports."""
    if reason := missing():
        pytest.skip(reason)
    with Lab(tmp_path_factory.mktemp("lab"), everywhere=True, web_targets=True) as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the product keeps its messages."""
    monkeypatch.setattr(settings, "VAR", tmp_path)
    return tmp_path


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[Config], Config]:
    """Have the pages know a configuration too."""

    def give(config: Config) -> Config:
        monkeypatch.setattr(settings, "DIALTAP", config)
        return config

    return give


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_every_sort_of_call_is_ended_on_both_legs(lab: Lab, folder: Path, given: Callable[[Config], Config], controller: str) -> None:
    with Wire(lab) as wire:
        done = watched(folder, given(configured(lab, controller)), lambda _ingest: end_mix(lab, 1))
        found = byes(wire)
    assert {name: [order.outcome for order in ended.orders] for name, ended in done.items()} == {name: ["both legs released"] for name in MIX}
    assert {order.via for ended in done.values() for order in ended.orders} == {"sip" if controller == "sip" else "kamailio"}
    assert {name: ended.exit_codes() for name, ended in done.items()} == {name: {0} for name in MIX}
    assert (found.legs, found.answered, found.several) == (2 * len(MIX), 2 * len(MIX), 0)
    assert OrderRequest.objects.count() == (2 * len(MIX) if controller == "sip" else 0)
    assert found.repeated == (0 if controller == "sip" else 1)  # Kamailio itself repeats what a trunk has seen that it authenticated to
    assert {name: seen_numbers(done[name].rows[0].snapshot) for name in NUMBERS} == NUMBERS


def seen_numbers(call: CallSnapshot) -> tuple[int, int]:
    return call.invite_cseq, call.caller.cseq


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_ringing_call_is_cancelled(lab: Lab, folder: Path, given: Callable[[Config], Config], controller: str) -> None:
    done = watched(folder, given(configured(lab, controller)), lambda _ingest: end_all(lab, [kind.place for kind in RINGING], state=2))
    assert [(order.outcome, order.detail) for order in done.orders] == [("cancelled while ringing", "487 Request Terminated")] * len(RINGING)
    assert {order.via for order in done.orders} == {"sip" if controller == "sip" else "kamailio"}
    assert done.exit_codes() == {0}
    assert {row.ended_by for row in DialogRow.objects.filter(call_id__in=[call.call_id for call in done.calls])} == {"operator:anna"}


def answering(name: str, *ending: str, caller: Callable[[Line], str] = callers.waits_for_bye) -> Kind:
    """Return a call whose callee does this when a BYE comes."""
    return Kind(name, caller, (Callee().answers_then(50, 50, *ending),), (), step_ms=50)


LEGS = {
    "gone": (answering("gone", *phones.hung_up("481 Call/Transaction Does Not Exist")), "both legs released"),
    "asks": (answering("asks", *phones.challenges("401 Unauthorized", "WWW-Authenticate")), "both legs released"),
    "proxy-asks": (answering("proxy-asks", *phones.challenges("407 Proxy Authentication Required", "Proxy-Authenticate")), "both legs released"),
    "deaf-once": (answering("deaf-once", request("BYE"), *phones.hung_up()), "one leg only: callee not confirmed"),
    "deaf": (answering("deaf", request("BYE"), pause(90_000), caller=callers.never_answers_bye), "not confirmed"),
}
"By name: who does what with its BYE, and what becomes of the order."


def test_leg_that_does_not_just_say_yes(lab: Lab, folder: Path, given: Callable[[Config], Config]) -> None:
    secret = folder / "password"
    secret.write_text("secret\n")
    config = msgspec.structs.replace(configured(lab, "sip"), credential=(Credential("alice", str(secret), realm="lab"),))

    async def scenario(_ingest: Ingest) -> tuple[Ended, Order]:
        done = await end_all(lab, [kind.place for kind, _ in LEGS.values()])
        (left,) = [order for order in done.orders if to_retry(order)]
        (again,) = await closed(await asked(retry_leg, left, await asked(anna), ""))
        return done, again

    with Wire(lab) as wire:
        done, again = watched(folder, given(config), scenario)
        byes_sent = sent(wire)
    assert dict(zip(LEGS, [order.outcome for order in done.orders], strict=True)) == {name: outcome for name, (_, outcome) in LEGS.items()}
    by_name = dict(zip(LEGS, zip(done.calls, done.orders, strict=True), strict=True))
    assert (again.outcome, again.side, again.arguments) == ("callee released", "callee", {"retries": by_name["deaf-once"][1].pk})
    late = [order for _, order in (by_name["deaf-once"], by_name["deaf"])]
    assert [order.detail for order in late] == ["not confirmed after 5 s"] * 2
    assert max(order.closed_ns - order.sent_ns for order in late) < 6 * 10**9
    numbers = {name: sorted({cseq for cseq, _ in byes_sent[call.call_id.encode()]}) for name, (call, _) in by_name.items()}
    assert numbers == {"gone": [1, 2], "asks": [1, 2, 3], "proxy-asks": [1, 2, 3], "deaf-once": [1, 2, 3], "deaf": [1, 2]}
    first = [at_s for cseq, at_s in byes_sent[by_name["deaf"][0].call_id.encode()] if cseq == 2][: len(RETRANSMITTED_S)]
    late_s = [at_s - first[0] - due_s for at_s, due_s in zip(first, RETRANSMITTED_S, strict=True)]
    assert (min(late_s) > -0.05, max(late_s) < 0.5) == (True, True)
    assert {phones.proof(by_name[name][0].callees[0].messages()) for name in ("asks", "proxy-asks")} == {"Authorization", "Proxy-Authorization"}
    assert [by_name[name][0].callees[0].exit_code() for name in ("gone", "asks", "proxy-asks", "deaf-once")] == [0] * 4
    for phone in by_name["deaf"][0].phones:
        phone.stop()


def sent(wire: Wire) -> dict[bytes, list[tuple[int, float]]]:
    """Return the BYEs that our own user agent sent: by Call-ID their numbers and times in seconds."""
    found: dict[bytes, list[tuple[int, float]]] = {}
    for seen in wire.read():
        if seen.packet.source.host == AGENT_HOST and isinstance(seen.message, Request) and seen.message.method == "BYE":
            found.setdefault(seen.message.call_id, []).append((seen.message.cseq, seen.packet.at_ns / 1e9))
    return found


def test_proxy_outside_the_allowed_networks_gets_no_packet(lab: Lab, folder: Path, given: Callable[[Config], Config]) -> None:
    """The request is let by the pages' configuration and refused by the ingest's own: the agent looks again."""
    given(configured(lab, "sip"))
    strict = configured(lab, "sip", allow=("192.0.2.0/24",))
    with Wire(lab) as wire:
        done = watched(folder, strict, lambda _ingest: end_all(lab, [ENDLESS.place]))
        assert sent(wire) == {}
    ((order,), (call,)) = done.orders, done.calls
    assert (order.outcome, "it is not in [control] allow" in order.detail) == ("refused", True)
    assert json.loads(order.evidence)[-1][1].startswith("refused: ")
    assert [phone.is_running() for phone in call.phones] == [True, True]
    assert OrderRequest.objects.count() == 0
    for phone in call.phones:
        phone.stop()


def test_leg_that_challenges_the_proxys_bye_is_ended_by_our_own_sip(lab: Lab, folder: Path, given: Callable[[Config], Config]) -> None:
    """Kamailio gives no credentials: the leg stays up, and has seen Kamailio's number."""
    steps = (request("BYE"), phones.reply("407 Proxy Authentication Required", f"Proxy-Authenticate: {phones.NONCE}"))
    kind = answering("asks-twice", *steps, *phones.challenges("407 Proxy Authentication Required", "Proxy-Authenticate"))
    secret = folder / "password"
    secret.write_text("secret\n")
    config = configured(lab, "kamailio, then sip", verify_seconds=2.0)
    config = msgspec.structs.replace(config, credential=(Credential("alice", str(secret), realm="lab"),))

    async def scenario(_ingest: Ingest) -> tuple[Ended, Order]:
        done = await end_all(lab, [kind.place])
        (again,) = await closed(await asked(retry_leg, done.orders[0], await asked(anna), ""))
        return done, again

    with Wire(lab) as wire:
        done, again = watched(folder, given(config), scenario)
        numbers = [asked.cseq for _, asked in wire.delivered() if asked.method == "BYE" and asked.to_tag == done.rows[0].snapshot.callee.tag.encode()]
    assert [(order.via, order.outcome) for order in (*done.orders, again)] == [("kamailio", "one leg only: callee not confirmed"), ("sip", "callee released")]
    assert numbers == [2, 3, 4]
    assert done.exit_codes() == {0}
