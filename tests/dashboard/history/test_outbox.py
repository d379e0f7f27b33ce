"""What happened stands in the database with what it is about: in the same transaction, for whom it is wanted, capped."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.test import override_settings

from dashboard.history import outbox as module
from dashboard.history.events import CREATED, END, FAILED, START, Happening, call_event, mask, whole
from dashboard.history.outbox import FeedError, Outbox, outbox
from dashboard.history.recorder import LOST_REASON, Recorder
from dashboard.history.rows import Notice
from dashboard.models import DialogRow, FeedEvent, FeedReceiver, Order
from dashboard.orders.closing import close
from dialogs.config import Config
from dialogs.configfeeds import Events, Webhook
from dialogs.engine.snapshot import CallSnapshot
from tests.dashboard.history.calls import NOW, SECOND, call, change, never

pytestmark = pytest.mark.django_db(transaction=True)


def hook(name: str = "noc", **given: object) -> Webhook:
    return Webhook(name=name, url="https://noc.example.net/", secret_variable="X", **given)  # type: ignore[arg-type]


def config(*hooks: Webhook, **events: object) -> Config:
    return Config(webhook=hooks, events=Events(**events))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "messages"


def recorder_of(given: Config, folder: Path, recorded: bool = False) -> Recorder:
    box = Outbox(given)
    box.begin("n1")
    return Recorder("n1", (lambda _tap: True) if recorded else never, folder, outbox=box)


@pytest.fixture
def recorder(folder: Path) -> Iterator[Recorder]:
    with closing(recorder_of(config(hook()), folder)) as recorder:
        yield recorder


def events() -> list[tuple[str, str, str]]:
    return list(FeedEvent.objects.order_by("pk").values_list("event", "uid", "wanted"))


def ended(number: int = 1, **given: object) -> CallSnapshot:
    fields = {"state": 5, "end_ns": NOW + (number + 60) * SECOND, "ended_by": "caller", "variables": (("customer", "acme"),)}
    return call(number, **(fields | given))


def test_event_has_the_whole_call(recorder: Recorder) -> None:
    recorder.write([change(ended(), moments=(END,))], NOW)
    row = FeedEvent.objects.get()
    assert (row.node, row.event, row.uid, row.key, row.wanted) == ("n1", END, "0000000000000001", "0000000000000001", "\nwebhook:noc\n")
    assert json.loads(whole(7, row.body)) == {
        "Revision": 7,
        "Event": "dialog:end",
        "Version": 1,
        "At": "2026-11-21T20:59:38.000Z",
        "Node": "n1",
        "Uid": "0000000000000001",
        "CallID": "call-1@192.0.2.7",
        "From": "sip:4417@example.net",
        "To": "sip:5000@example.net",
        "FromTag": "tag-caller",
        "ToTag": "tag-callee",
        "State": "DELETED",
        "SetupTime": "2026-11-21T20:58:38.000Z",
        "RingTime": "2026-11-21T20:58:38.000Z",
        "AnswerTime": "2026-11-21T20:58:38.000Z",
        "EndTime": "2026-11-21T20:59:38.000Z",
        "BillSec": 60.0,
        "Duration": 60.0,
        "Code": 0,
        "Reason": "",
        "EndedBy": "caller",
        "Profiles": [["caller", "sip:4417@example.net"]],
        "Variables": {"customer": "acme"},
        "Recorded": False,
    }


def test_moments_of_one_tick_are_told_in_order_each_as_it_was(recorder: Recorder, folder: Path) -> None:
    with closing(recorder_of(config(stream=True), folder)) as streamed:
        streamed.write([change(ended(), moments=(CREATED, START, END), ended_by="operator:ann")], NOW)
    told = [json.loads(row.body) for row in FeedEvent.objects.order_by("pk")]
    assert [(each["Event"], each["State"], each["AnswerTime"] != "", each["EndTime"] != "", each["EndedBy"]) for each in told] == [
        ("dialog:created", "UNCONFIRMED", False, False, ""),
        ("dialog:start", "CONFIRMED_NA", True, False, ""),
        ("dialog:end", "DELETED", True, True, "operator:ann"),
    ]


def test_only_wanted_kinds_are_written_and_counted(folder: Path) -> None:
    with closing(recorder_of(config(hook("a", events=(FAILED,)), hook("b", events=(END, FAILED))), folder)) as recorder:
        recorder.write([change(ended(1), moments=(START, END)), change(ended(2, start_ns=0, end_code=486), moments=(FAILED,))], NOW)
    assert events() == [(END, "0000000000000001", "\nwebhook:b\n"), (FAILED, "0000000000000002", "\nwebhook:a\nwebhook:b\n")]
    assert dict(FeedReceiver.objects.values_list("name", "queued")) == {"webhook:a": 1, "webhook:b": 2}


def test_query_is_asked_of_the_call_as_it_was_then(folder: Path) -> None:
    with closing(recorder_of(config(hook(query="state = live and to = 5001"), hook("late", query="talk > 59")), folder)) as recorder:
        recorder.write([change(call(1, callee="5001"), moments=(START,)), change(call(2, callee="5002"), moments=(START,))], NOW)
        recorder.write([change(ended(1, callee="5001"), moments=(END,)), change(ended(2, end_ns=NOW + 3 * SECOND, callee="5002"), moments=(END,))], NOW)
    assert [(event, uid[-1], wanted) for event, uid, wanted in events()] == [
        (START, "1", "\nwebhook:noc\nwebhook:late\n"),
        (START, "2", "\nwebhook:late\n"),
        (END, "1", "\nwebhook:late\n"),
    ]


def test_nothing_is_told_of_a_recording_unless_it_is_asked_for(folder: Path) -> None:
    for given, expected in (({}, []), ({"recorded": True}, [(END, "0000000000000001", "\nwebhook:noc\n")])):
        with closing(recorder_of(config(hook(), **given), folder, recorded=True)) as recorder:
            recorder.write([change(ended(), moments=(END,), notices=(Notice(NOW, "alert", "x"),))], NOW)
        assert events()[:1] == expected


def test_what_a_rule_said_is_told_with_its_call(recorder: Recorder) -> None:
    recorder.write([change(call(), notices=(Notice(NOW, "webhook", "fraud\0?"),))], NOW)
    told = json.loads(FeedEvent.objects.get().body)
    assert (told["Event"], told["CallID"], told["Alert"]) == (
        "alert",
        "call-1@192.0.2.7",
        {"Kind": "webhook", "State": "said", "Text": "fraud?", "Severity": "", "Limit": "", "Subject": ""},
    )


def test_event_is_there_when_its_call_is_and_not_without_it(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox fails after the row was written: neither stays, and both come the next time."""
    monkeypatch.setattr(module, "count_sql", lambda: "UPDATE nowhere SET queued = queued + %s WHERE node = %s AND name = %s")
    recorder.write([change(ended(), moments=(END,))], NOW)
    assert (recorder.error.startswith("database"), DialogRow.objects.count(), FeedEvent.objects.count()) == (True, 0, 0)
    monkeypatch.undo()
    recorder.write([], NOW)
    assert (DialogRow.objects.count(), [event for event, _, _ in events()]) == (1, [END])


def test_moments_that_wait_for_the_database_are_all_told(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "insert_sql", lambda: "INSERT INTO nowhere VALUES (%s, %s, %s, %s, %s, %s, %s)")
    recorder.write([change(call(), moments=(START,))], NOW)
    recorder.write([change(ended(), moments=(END,))], NOW)
    monkeypatch.undo()
    recorder.write([], NOW)
    assert [event for event, _, _ in events()] == [START, END]


def test_calls_that_a_restart_loses_are_told_as_ended(recorder: Recorder) -> None:
    recorder.write([change(call(1)), change(call(2, start_ns=0, state=2)), change(ended(3))], NOW)
    assert recorder.close_lost(()) == 2
    told = [json.loads(row.body) for row in FeedEvent.objects.order_by("pk")]
    assert [(each["Event"], each["Uid"][-1], each["Reason"], each["EndTime"] != "") for each in told] == [
        (END, "1", LOST_REASON, True),
        (FAILED, "2", LOST_REASON, True),
    ]


def test_order_is_told_when_it_is_closed(recorder: Recorder) -> None:
    with override_settings(DIALTAP=config(hook())):
        recorder.write([change(call())], NOW)
        order = Order.objects.create(
            dialog_id="0000000000000001", dialog_uid="0000000000000001", call_text="4417 -> 5000", node="n1", username="ann", reason="fraud", requested_ns=NOW
        )
        close(order, NOW + SECOND, Order.Outcome.BOTH_LEGS, "200 OK")
    told = json.loads(FeedEvent.objects.get().body)
    assert (told["Event"], told["CallID"], told["Order"]) == (
        "order",
        "call-1@192.0.2.7",
        {
            "Id": order.pk,
            "Kind": "end",
            "Side": "both",
            "Call": "4417 -> 5000",
            "By": "ann",
            "Why": "fraud",
            "Outcome": "both legs released",
            "Detail": "200 OK",
            "RequestedTime": "2026-11-21T20:58:37.000Z",
            "ClosedTime": "2026-11-21T20:58:38.000Z",
        },
    )


def test_outbox_of_no_receiver_costs_and_writes_nothing(folder: Path) -> None:
    box = Outbox(Config())
    assert (box.on, Recorder("n1", never, folder, outbox=box).outbox) == (False, None)
    with override_settings(DIALTAP=Config()):
        assert outbox().on is False


def test_query_that_cannot_be_understood_is_said_with_its_webhook() -> None:
    with pytest.raises(FeedError, match=r"^\[\[webhook\]\] noc: query: column 1: "):
        Outbox(config(hook(query="nobody = 1")))


def test_hostile_texts_are_stored_and_read_back(recorder: Recorder) -> None:
    snapshot = ended(1, call_id='"\r\n\0\u202e<script>', variables=(("a\0", "\x1b[2J"),))
    recorder.write([change(snapshot, moments=(END,))], NOW)
    told = json.loads(FeedEvent.objects.get().body)
    assert (told["CallID"], told["Variables"], "\n" in FeedEvent.objects.get().body) == ('"\r\n\u202e<script>', {"a": "\x1b[2J"}, False)


def test_masked_event_shows_no_number() -> None:
    body = call_event(END, ended(caller="+49301234567", callee="+15551234567", profiles=(("caller", "sip:+49301234567@example.net"),)), NOW).body
    told = mask(body)
    assert ("+49301234567" in body, "9301234567" in told, "5551234567" in told) == (True, False, False)
    assert {key: json.loads(told)[key] for key in ("Event", "Uid", "SetupTime", "From")} == {
        "Event": END,
        "Uid": "0000000000000001",
        "SetupTime": "2026-11-21T20:58:38.000Z",
        "From": "sip:+493xxxxxxxx@example.net",
    }


# Keeping


def filled(count: int, *, wanted: bool = True) -> None:
    rows = [FeedEvent(node="n1", event=END, key="k", at_ns=NOW, body="{}", wanted="\nwebhook:noc\n" if wanted else "") for _ in range(count)]
    FeedEvent.objects.bulk_create(rows, batch_size=500)


def pruned(box: Outbox) -> int:
    box._looked = 0.0
    box._since = module.LOOK
    total = 0
    while gone := box.prune("n1"):
        total += gone
    return total


def test_what_everybody_has_goes_but_for_what_the_stream_keeps() -> None:
    box = Outbox(config(hook(), stream_keep=100))
    box.begin("n1")
    filled(1500)
    assert pruned(box) == 0
    FeedReceiver.objects.update(position=FeedEvent.objects.latest("pk").pk)
    assert (pruned(box), FeedEvent.objects.count(), FeedReceiver.objects.get().evicted) == (1400, 100, 0)


def test_oldest_of_too_many_go_and_are_counted_for_who_should_have_had_them() -> None:
    box = Outbox(config(hook(), waiting_max=1000, stream_keep=10))
    box.begin("n1")
    filled(1200)
    filled(300, wanted=False)
    first = FeedEvent.objects.earliest("pk").pk
    FeedReceiver.objects.update(position=first + 99, queued=1200, sent=100)
    assert (pruned(box), FeedEvent.objects.count()) == (500, 1000)
    row = FeedReceiver.objects.get()
    assert (row.evicted, row.waiting) == (400, 700)


def test_receiver_that_is_new_begins_now_and_one_that_is_gone_is_forgotten() -> None:
    Outbox(config(hook("old"))).begin("n1")
    filled(3)
    Outbox(config(hook("new"))).begin("n1")
    Outbox(config(hook("other"))).begin("n2")
    assert list(FeedReceiver.objects.order_by("pk").values_list("node", "name", "position")) == [
        ("n1", "webhook:new", FeedEvent.objects.latest("pk").pk),
        ("n2", "webhook:other", FeedEvent.objects.latest("pk").pk),
    ]


def test_revisions_grow_after_everything_was_deleted() -> None:
    filled(3)
    newest = FeedEvent.objects.latest("pk").pk
    FeedEvent.objects.all().delete()
    filled(1)
    assert FeedEvent.objects.get().pk > newest


def test_events_without_a_call_are_ordered_by_what_they_are_about() -> None:
    one, same, other = (Happening("alert", "", NOW, "{}", about) for about in ("a x", "a x", "b x"))
    assert (one.key == same.key, one.key == other.key, len(one.key)) == (True, False, 16)
