"""Orders carried out and verified: sent once, believed only when the wire shows it."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from channels.db import database_sync_to_async
from django.db import connections

from dashboard.history.recorder import Recorder
from dashboard.models import AuditEvent, DialogRow, Order
from dashboard.orders.execute import STALE_NS, Executor, by_itself
from dialogs.config import Config
from dialogs.control import Answer, DryRun, Target
from dialogs.engine import Created, Engine
from dialogs.engine.snapshot import CallSnapshot, Transition
from dialogs.taps.pcap import CaptureFile
from tests.dashboard.history.calls import NOW, SECOND, call, change, leg, never

pytestmark = pytest.mark.django_db(transaction=True)


class Answering:
    """A controller that gives one answer, when it is let."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        self.phases: list[str] = []

    async def end(self, target: Target, reason: str) -> Answer:
        self.phases = await database_sync_to_async(lambda: list(Order.objects.values_list("phase", flat=True)))()
        self.asked.set()
        await self.free.wait()
        return self.answer


def order(**fields: Any) -> Order:
    """Return a stored order for call 1."""
    given = {"dialog_uid": call().uid, "call_text": "4417 -> 5000", "node": "n1", "username": "anna", "reason": "toll fraud", "requested_ns": NOW}
    return Order.objects.create(**(given | fields))


def executor(controller: Any = None) -> Executor:
    return Executor("n1", controller, 5.0, clock=lambda: NOW + SECOND)


def released(caller_ns: int, callee_ns: int, **fields: Any) -> CallSnapshot:
    legs: dict[str, Any] = {"caller": leg("caller", "4417", caller_ns), "callee": leg("callee", "5000", callee_ns)}
    return call(**legs, **fields)


def reloaded(stored: Order) -> Order:
    return Order.objects.get(pk=stored.pk)


def evidence(stored: Order) -> list[list[object]]:
    return json.loads(reloaded(stored).evidence)


def carry_out(runner: Executor, stored: Order, snapshot: CallSnapshot | None) -> None:
    asyncio.run(runner.execute(stored, snapshot))


def test_claim_marks_as_sent_once() -> None:
    stored = order()
    order(dialog_uid="b" * 16, node="n2")
    order(dialog_uid="c" * 16, phase="accepted")
    assert executor().claim(NOW + 5) == [stored]
    assert (reloaded(stored).phase, reloaded(stored).sent_ns) == ("sent", NOW + 5)
    assert executor().claim(NOW + 6) == []


def test_claims_at_the_same_time_take_each_order_once() -> None:
    keys = [order(dialog_uid=f"{number:016x}").pk for number in range(20)]
    together = threading.Barrier(4)
    taken: list[int] = []

    def claim() -> None:
        together.wait()
        taken.extend(claimed.pk for claimed in executor().claim(NOW))
        connections.close_all()

    claims = [threading.Thread(target=claim) for _ in range(4)]
    for thread in claims:
        thread.start()
    for thread in claims:
        thread.join()
    assert sorted(taken) == keys


def test_claim_refuses_what_waited_too_long() -> None:
    fresh, stale = order(), order(dialog_uid="b" * 16, requested_ns=NOW - 1)
    assert executor().claim(NOW + STALE_NS) == [fresh]
    assert (reloaded(stale).phase, reloaded(stale).detail) == ("refused", "it waited for 60 s and was not sent: ask again")


def test_execute_sends_and_stores_the_answer() -> None:
    stored, controller = order(), DryRun()
    runner = executor(controller)
    runner.claim(NOW)
    stored = reloaded(stored)
    carry_out(runner, stored, call())
    assert controller.calls == [(Target.of(call()), "toll fraud")]
    assert (reloaded(stored).phase, reloaded(stored).detail, reloaded(stored).answered_ns) == ("accepted", "dry run: nothing was sent", NOW + SECOND)
    assert evidence(stored) == [[NOW, "sent"], [NOW + SECOND, "dry run: nothing was sent"]]


def test_execute_refused_closes() -> None:
    stored = order(phase="sent", sent_ns=NOW)
    controller = Answering(Answer(accepted=False, detail="Kamailio refused dlg.end_dlg: 404 Dialog not found"))
    controller.free.set()
    carry_out(executor(controller), stored, call())
    closed = reloaded(stored)
    assert (closed.phase, closed.outcome, closed.closed_ns) == ("refused", "refused", NOW + SECOND)
    assert controller.phases == ["sent"]
    event = AuditEvent.objects.get()
    assert (event.username, event.action, event.dialog_uid) == ("anna", "end closed", call().uid)
    assert event.text == "4417 -> 5000: refused: Kamailio refused dlg.end_dlg: 404 Dialog not found"


def test_execute_without_controller_refuses() -> None:
    stored = order(phase="sent", sent_ns=NOW)
    carry_out(executor(), stored, call())
    assert (reloaded(stored).outcome, reloaded(stored).detail) == ("refused", "no controller is configured")


@pytest.mark.parametrize(("snapshot", "detail"), [(call(state=5), "before anything was sent"), (None, "the call is no longer known")])
def test_execute_after_the_end_sends_nothing(snapshot: CallSnapshot | None, detail: str) -> None:
    stored, controller = order(phase="sent", sent_ns=NOW), DryRun()
    carry_out(executor(controller), stored, snapshot)
    assert controller.calls == []
    assert (reloaded(stored).phase, reloaded(stored).outcome, reloaded(stored).detail) == ("verified", "already ended", detail)


@pytest.mark.parametrize(("end_code", "ended_by", "outcome"), [(487, "proxy", "cancelled while ringing"), (487, "caller", "already ended")])
def test_ringing_call_that_the_proxy_cancelled_is_told_from_one_that_its_caller_did(end_code: int, ended_by: str, outcome: str) -> None:
    stored = order(phase="accepted", sent_ns=NOW, via="kamailio")
    assert executor().verify(stored, released(5, 5, state=5, ended_by=ended_by, end_code=end_code, end_reason="Request Terminated"), NOW)
    assert reloaded(stored).outcome == outcome


def test_nothing_is_decided_while_the_controller_is_asked() -> None:
    stored = order(phase="sent", sent_ns=NOW)

    async def scene() -> tuple[bool, bool]:
        controller = Answering(Answer(accepted=True, detail="taken"))
        runner = executor(controller)
        asking = asyncio.create_task(runner.execute(stored, call()))
        await controller.asked.wait()
        early = await database_sync_to_async(runner.verify)(stored, released(NOW, NOW, state=5), NOW + 100 * SECOND)
        controller.free.set()
        await asking
        return early, await database_sync_to_async(runner.verify)(stored, released(NOW, NOW, state=5), NOW)

    assert asyncio.run(scene()) == (False, True)
    assert reloaded(stored).outcome == "both legs released"


ONE_SIDE = "not confirmed after 5 s: the tap sees one side of the proxy only"
IN_TIME, TOO_LATE = NOW + 6 * SECOND - 1, NOW + 6 * SECOND


@pytest.mark.parametrize(
    ("snapshot", "now_ns", "outcome", "detail"),
    [
        (released(5, 6, state=5, ended_by="proxy"), IN_TIME, "both legs released", "taken"),
        (released(5, 0, state=5, ended_by="proxy"), IN_TIME, "", "taken"),
        (released(0, 0), IN_TIME, "", "taken"),
        (released(5, 0, state=5, ended_by="proxy"), TOO_LATE, "one leg only: callee not confirmed", "not confirmed after 5 s"),
        (released(0, 5, state=5, ended_by="proxy"), TOO_LATE, "one leg only: caller not confirmed", "not confirmed after 5 s"),
        (released(0, 0), TOO_LATE, "not confirmed", "not confirmed after 5 s"),
        (released(0, 0, state=5, ended_by="proxy"), TOO_LATE, "not confirmed", "not confirmed after 5 s"),
        (released(5, 6, state=5, ended_by="caller"), IN_TIME, "already ended", "the caller ended it"),
        (released(5, 6, state=5, ended_by="callee", hosts=("a:1", "b:2")), IN_TIME, "", "taken"),
        (released(5, 6, state=5, ended_by="callee", hosts=("a:1", "b:2")), TOO_LATE, "one leg only: callee not confirmed", ONE_SIDE),
        (released(5, 6, state=5, ended_by="caller", hosts=("a:1", "b:2")), TOO_LATE, "one leg only: caller not confirmed", ONE_SIDE),
        (released(5, 6, state=5, ended_by="callee", end_code=486, end_reason="Busy Here"), IN_TIME, "already ended", "the callee ended it: 486 Busy Here"),
        (released(5, 6, state=5, ended_by="proxy", end_code=480), IN_TIME, "both legs released", "taken"),
        (released(0, 0, state=5, ended_by="timeout"), IN_TIME, "already ended", "it timed out"),
        (None, IN_TIME, "", "taken"),
        (None, TOO_LATE, "not confirmed", "not confirmed after 5 s"),
    ],
)
def test_verify_believes_the_wire(snapshot: CallSnapshot | None, now_ns: int, outcome: str, detail: str) -> None:
    stored = order(phase="accepted", sent_ns=NOW, answered_ns=NOW + SECOND, detail="taken")
    closed = executor().verify(stored, snapshot, now_ns)
    assert (reloaded(stored).outcome, reloaded(stored).detail, closed) == (outcome, detail, bool(outcome))
    assert reloaded(stored).phase == ("verified" if outcome else "accepted")


def test_verify_keeps_what_the_tap_saw() -> None:
    stored = order(phase="accepted", sent_ns=NOW, answered_ns=NOW + 1)
    end = (Transition(NOW - 9, 4, "ACK"), Transition(NOW + 2, 5, "BYE"))
    assert executor().verify(stored, released(NOW + 4, NOW + 3, state=5, ended_by="proxy", transitions=end), NOW + 5)
    assert evidence(stored) == [[NOW + 2, "BYE"], [NOW + 3, "callee's leg released"], [NOW + 4, "caller's leg released"], [NOW + 5, "both legs released"]]
    assert AuditEvent.objects.get().text == "4417 -> 5000: Ended by anna: both legs released"


@pytest.mark.parametrize(("legs", "outcome", "detail"), [(0, "not confirmed", "not confirmed after 5 s: no answer"), (5, "both legs released", "no answer")])
def test_an_unsure_answer_is_decided_by_the_wire(legs: int, outcome: str, detail: str) -> None:
    stored = order(phase="sent", sent_ns=NOW)
    controller = Answering(Answer(accepted=False, detail="no answer", unsure=True))
    controller.free.set()
    runner = executor(controller)
    carry_out(runner, stored, call())
    assert (reloaded(stored).phase, reloaded(stored).outcome) == ("sent", "")
    assert runner.verify(stored, released(legs, legs, state=5 if legs else 4, ended_by="proxy"), TOO_LATE)
    assert (reloaded(stored).outcome, reloaded(stored).detail) == (outcome, detail)


def test_verify_reads_the_row_when_the_engine_has_let_go(tmp_path: Path) -> None:
    Recorder("n1", never, tmp_path).write([change(released(5, 6, state=5, ended_by="proxy"))], NOW)
    stored = order(phase="accepted", sent_ns=NOW)
    assert executor().verify(stored, None, NOW + 1)
    assert reloaded(stored).outcome == "both legs released"


def test_verify_of_a_row_of_another_version_is_not_confirmed(tmp_path: Path) -> None:
    Recorder("n1", never, tmp_path).write([change(call())], NOW)
    DialogRow.objects.update(detail=b"{}")
    stored = order(phase="accepted", sent_ns=NOW)
    assert executor().verify(stored, None, TOO_LATE)
    assert reloaded(stored).outcome == "not confirmed"


def test_resume_verifies_and_never_sends_again() -> None:
    sent = order(phase="sent", sent_ns=NOW)
    accepted = order(dialog_uid="b" * 16, phase="accepted", sent_ns=NOW)
    order(dialog_uid="c" * 16)
    order(dialog_uid="d" * 16, phase="verified")
    order(dialog_uid="e" * 16, phase="sent", node="n2")
    runner, later = executor(DryRun()), NOW + 3600 * SECOND
    assert runner.resume(later) == [sent, accepted]
    assert [found.dialog_uid for found in runner.claim(NOW)] == ["c" * 16]
    assert not runner.verify(sent, call(), later + 5 * SECOND - 1)
    assert runner.verify(sent, call(), later + 5 * SECOND)
    assert reloaded(sent).detail == "not confirmed after 5 s"


@pytest.mark.parametrize(("state", "ended_by", "words"), [(4, "", ""), (5, "", ""), (5, "proxy", ""), (5, "callee", "the callee ended it")])
def test_by_itself(state: int, ended_by: str, words: str) -> None:
    assert by_itself(call(state=state, ended_by=ended_by)) == words


def watched(folder: Path, seconds: float) -> CallSnapshot:
    """Return the capture's one call so many seconds after Kamailio was told to end it."""
    told = json.loads((folder / "truth" / "rpc.jsonl").read_text().splitlines()[0])["t"]
    engine, uids = Engine(Config(), "n1"), []
    for packet in CaptureFile(folder / "capture.pcap"):
        if packet.at_ns < (told + seconds) * SECOND:
            uids += [event.uid for event in engine.receive(packet) if isinstance(event, Created)]
    (uid,) = uids
    snapshot = engine.snapshot(uid)
    assert snapshot is not None
    return snapshot


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("control-end-dlg", "both legs released"),
        ("control-end-dlg-hdr", "both legs released"),
        ("control-terminate-dlg", "both legs released"),
        ("control-end-481", "both legs released"),
        ("control-end-callee-cseq", "both legs released"),
        ("control-end-after-reinvite", "both legs released"),
        ("control-end-prack", "both legs released"),
        ("control-end-deaf", "not confirmed"),
        ("control-end-early", "already ended"),
    ],
)
def test_verify_on_what_kamailio_really_did(captures: Path, name: str, outcome: str) -> None:
    assert not executor().verify(order(phase="accepted", sent_ns=NOW), watched(captures / name, 0), NOW)
    stored = Order.objects.get()
    assert executor().verify(stored, watched(captures / name, 5), NOW + 5 * SECOND)
    assert reloaded(stored).outcome == outcome


def test_target_of_a_real_call_is_what_kamailio_was_told(captures: Path) -> None:
    folder = captures / "control-end-dlg"
    target = Target.of(watched(folder, 0))
    told = json.loads((folder / "truth" / "rpc.jsonl").read_text().splitlines()[0])["command"]
    assert (target.did_seen, f"kamcmd dlg.end_dlg {target.h_entry} {target.h_id}") == (True, told)


def test_call_of_the_tests_is_a_whole_snapshot() -> None:
    assert msgspec.json.decode(msgspec.json.encode(call()), type=CallSnapshot) == call()


RELEASE = {"kind": "release", "arguments": {"proxy": "edge", "key": ["c1", "a"], "h_entry": 7, "h_id": 9, "state": 4}}


class Releasing:
    """A controller that remembers what it was asked to release."""

    name = "kamailio"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, tuple[int, int], str]] = []

    async def release(self, proxy: str, number: tuple[int, int], reason: str) -> Answer:
        self.asked.append((proxy, number, reason))
        return self.answer


@pytest.mark.parametrize(
    ("held", "late", "outcome", "words"),
    [
        (False, False, "let go by the proxy", "taken"),
        (True, False, "", "taken"),
        (None, False, "", "taken"),
        (True, True, "not confirmed", "not confirmed after 45 s: the proxy's table still has it"),
        (None, True, "not confirmed", "not confirmed after 45 s: the proxy's table could not be looked at"),
    ],
)
def test_release_is_believed_when_the_proxys_table_shows_it(held: bool | None, late: bool, outcome: str, words: str) -> None:
    controller, stored = Releasing(Answer(accepted=True, detail="taken")), order(**RELEASE)
    runner = executor(controller)
    (stored,) = runner.claim(NOW)
    carry_out(runner, stored, call(state=5))  # what has ended on the wire is what it is about
    now_ns = NOW + SECOND + (45 * SECOND if late else 44 * SECOND)
    closed = runner.verify(stored, None, now_ns, held=held)
    assert (closed, controller.asked, reloaded(stored).outcome, reloaded(stored).detail) == (bool(outcome), [("edge", (7, 9), "toll fraud")], outcome, words)
    events = list(AuditEvent.objects.values_list("action", "request", "after"))
    assert events == ([("release closed", "release 7:9 at edge", "" if held is False else "proxy: CONFIRMED")] if outcome else [])


def test_release_that_the_proxy_refuses_is_refused_and_nobody_else_is_asked() -> None:
    runner, stored = executor(Releasing(Answer(accepted=False, detail="404 Dialog not found"))), order(**RELEASE)
    runner.agent = object()  # type: ignore[assignment] -- any use of it would fail
    (stored,) = runner.claim(NOW)
    carry_out(runner, stored, None)
    assert (reloaded(stored).phase, reloaded(stored).detail, stored.via) == ("refused", "404 Dialog not found", "kamailio")
