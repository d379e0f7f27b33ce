"""Frames of the live calls: the first is a snapshot, the others say what differs; and the stream that carries them."""

import json
import time

import pytest
from asgiref.sync import sync_to_async

from dashboard.api import following, view
from dashboard.api.answers import Problem
from dashboard.api.asker import program
from dashboard.api.following import HEARTBEAT_NS, Following
from dashboard.models import DialogRow, Order
from dashboard.rpc.tokens import make, revoke
from tests.dashboard.ingest.test_loop import until
from tests.dashboard.live.people import NOW, call, record
from tests.dashboard.rpc.asking import connection

ASKER = program("token x", "192.0.2.9", control=False, rights=frozenset())
LATER = time.time_ns()


@pytest.fixture(autouse=True)
def counted_anew(monkeypatch):
    """Figures that no other test has counted, counted whenever they are asked for."""
    monkeypatch.setattr(following, "figures", following.Figures())
    monkeypatch.setattr(following, "SHARE", 0)


def told(frame):
    """Return which calls are new or changed, and which are gone."""
    return ([one["call"] for one in frame["calls"]], [one["call"] for one in frame["gone"]]) if frame else None


@pytest.mark.django_db
class TestFollowing:
    def test_first_frame_has_all_and_the_next_what_differs(self):
        record(call(1), call(2))
        found = Following(ASKER)
        first = found.look(LATER)
        assert (told(first), first["snapshot"], first["frame"], first["total"]) == (([call(2).uid, call(1).uid], []), True, 1, 2)
        assert found.look(LATER + 1) is None
        record(call(3), now_ns=NOW + 1)
        second = found.look(LATER + 2)
        assert (told(second), second["snapshot"], second["frame"], second["total"]) == (([call(3).uid], []), False, 2, 3)
        record(call(1, state=5, end_ns=NOW + 9, end_code=486), now_ns=NOW + 2)
        third = found.look(LATER + 3)
        assert (told(third), third["gone"][0]["state_words"]) == (([], [call(1).uid]), "Failed 486")
        DialogRow.objects.filter(pk=call(2).uid).delete()
        record(call(3, last_event="BYE"), now_ns=NOW + 3)
        assert found.look(LATER + 4)["gone"] == [{"call": call(2).uid}]

    def test_filter_lets_go_of_what_does_not_match_any_more(self):
        record(call(1, state=2, start_ns=0))
        found = Following(ASKER, q="state = ringing")
        assert told(found.look(LATER)) == ([call(1).uid], [])
        record(call(1), now_ns=NOW + 1)
        frame = found.look(LATER + 1)
        assert (told(frame), frame["gone"][0]["state_words"], frame["total"]) == (([], [call(1).uid]), "In call", 0)

    def test_query_about_durations_is_asked_anew_each_second(self, monkeypatch):
        begun = time.time_ns() - 50 * 10**9
        record(call(1, init_ns=begun, start_ns=begun))
        found = Following(ASKER, q="duration > 60")
        assert told(found.look(LATER)) == ([], [])
        monkeypatch.setattr("time.time_ns", lambda: begun + 61 * 10**9)
        assert told(found.look(LATER + 10**9)) == ([call(1).uid], [])

    def test_orders_come_when_they_move(self):
        record(call(1))
        found = Following(ASKER)
        found.look(LATER)
        order = Order.objects.create(dialog_id=call(1).uid, dialog_uid=call(1).uid, call_text="x", node="n1", username="eve", reason="t", requested_ns=LATER)
        assert [one["phase"] for one in found.look(LATER + 1)["orders"]] == ["requested"]
        assert found.look(LATER + 2) is None
        Order.objects.filter(pk=order.pk).update(phase="verified", outcome="both legs released")
        assert [one["words"] for one in found.look(LATER + 3)["orders"]] == ["Ended by eve: both legs released"]

    def test_silence_is_broken_by_a_heartbeat(self):
        found = Following(ASKER)
        found.look(LATER)
        frame = found.look(LATER + HEARTBEAT_NS + 1)
        assert (told(frame), frame["doubts"]) == (([], []), ["no tap is running"])

    def test_newest_calls_are_followed_and_all_are_counted(self, monkeypatch):
        monkeypatch.setattr(following, "MOST", 2)
        record(*(call(number) for number in range(1, 6)))
        frame = Following(ASKER).look(LATER)
        assert (told(frame)[0], frame["total"], frame["states"]["in_call"]) == ([call(5).uid, call(4).uid], 5, 5)

    def test_query_that_is_wrong_is_said_before_anything_is_sent(self):
        with pytest.raises(Problem, match="column 8"):
            Following(ASKER, q="state =")


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_stream_sends_lines_until_its_reader_goes():
    await sync_to_async(record)(call(1))
    running = connection(method="GET", path="/api/v1/live/stream")
    await running.send_input({"type": "http.request", "body": b""})
    start = await running.receive_output(60)
    assert (start["status"], dict(start["headers"])[b"Content-Type"]) == (200, b"application/x-ndjson")
    assert told(json.loads((await running.receive_output(60))["body"])) == ([call(1).uid], [])
    await sync_to_async(record)(call(2), now_ns=NOW + 1)
    while told(json.loads((await running.receive_output(60))["body"]))[0] != [call(2).uid]:
        pass
    assert view.streams.taken == 1
    await running.send_input({"type": "http.disconnect"})
    await running.wait(60)
    await until(lambda: view.streams.taken == 0)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_stream_ends_with_its_token(monkeypatch):
    monkeypatch.setattr(view, "KNOWN_SECONDS", 0.0)
    row, text = await sync_to_async(make)("noc", "read", by="ben")
    running = connection(method="GET", path="/api/v1/live/stream", peer="192.0.2.9", Authorization=f"Bearer {text}")
    await running.send_input({"type": "http.request", "body": b""})
    assert (await running.receive_output(60))["status"] == 200
    assert (await running.receive_output(60))["body"]
    await sync_to_async(revoke)(row, by="ben")
    while (await running.receive_output(60)).get("more_body"):
        pass
    await running.wait(60)
    assert view.streams.taken == 0


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_few_streams_are_read_at_once(monkeypatch):
    monkeypatch.setattr(view.streams, "taken", view.STREAMS)
    running = connection(method="GET", path="/api/v1/live/stream")
    await running.send_input({"type": "http.request", "body": b""})
    start = await running.receive_output(60)
    assert (start["status"], dict(start["headers"])[b"Retry-After"]) == (503, b"2")
    await running.wait(60)
