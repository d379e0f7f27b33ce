"""The live table: what is replaced, what is put on top, what leaves, and when."""

import re

import msgspec
import pytest

from dashboard.live.changes import Reader
from dashboard.live.counters import Counters
from dashboard.live.filter import CallFilter
from dashboard.live.render import Renderer
from dashboard.live.table import LINGER_NS, LiveTable
from dashboard.models import Order
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
SWAPS = {"outerMorph": "=", "afterbegin": "+", "beforeend": "_", "delete": "-"}


class Watched:
    """A table and the reader that feeds it; tells in short what a tick brings."""

    def __init__(self, chosen: CallFilter | None = None, page: int = 200) -> None:
        self.reader = Reader()
        self.table = LiveTable(chosen or CallFilter(), Renderer(), Counters(), page)

    def snapshot(self, now_ns: int = NOW) -> list[int]:
        """Return the numbers of the calls in a snapshot, top first."""
        frame = self.table.snapshot(self.reader.read(now_ns), now_ns, "connect")
        return [int(uid, 16) for uid in re.findall(r'<tr id="call-([0-9a-f]{16})"', "".join(frame.updates))]

    def tick(self, now_ns: int = NOW) -> str:
        """Return what a tick does to rows: "=1" replaced, "+1" on top, "_1" below, "-1" gone."""
        frame = self.table.catch_up(self.reader.read(now_ns), now_ns)
        found = [
            re.match(r'<hx-partial hx-target="#(rows|call-[0-9a-f]+)" hx-swap="(\w+)">(?:<tr id="(call-[0-9a-f]+)")?', text)
            for text in frame.updates + frame.moves
        ]
        return " ".join(f"{SWAPS[match[2]]}{int((match[3] or match[1])[5:], 16)}" for match in found if match)


def ended(number: int, **changes):
    return call(number, state=5, end_ns=NOW, ended_by="caller", **changes)


def test_snapshot_is_newest_first_and_live_only():
    record(call(1), call(3), call(2), ended(4))
    assert Watched().snapshot() == [3, 2, 1]


def test_new_calls_go_on_top_newest_highest():
    watched = Watched()
    assert watched.snapshot() == []
    record(call(2), call(1), call(3))
    assert (watched.tick(), watched.tick()) == ("+1 +2 +3", "")


def test_changed_call_is_replaced_where_it_is():
    record(call(1, state=1), call(2))
    watched = Watched()
    watched.snapshot()
    record(call(1, state=2))
    assert watched.tick() == "=1"


def test_ended_call_lingers_then_leaves():
    record(call(1), call(2))
    watched = Watched()
    watched.snapshot()
    record(ended(1))
    assert [watched.tick(NOW), watched.tick(NOW + LINGER_NS - 1), watched.snapshot(NOW + LINGER_NS - 1), watched.tick(NOW + LINGER_NS)] == [
        "=1",
        "",
        [2, 1],
        "-1",
    ]


def test_revived_call_stays():
    record(call(1))
    watched = Watched()
    watched.snapshot()
    record(ended(1))
    watched.tick(NOW)
    record(call(1, state=3))
    assert [watched.tick(NOW + 1), watched.tick(NOW + 2 * LINGER_NS)] == ["=1", ""]


def test_call_that_came_and_ended_between_ticks_is_shown_ended():
    watched = Watched()
    watched.snapshot()
    record(ended(1))
    assert [watched.tick(NOW), watched.tick(NOW + 2 * LINGER_NS)] == ["+1", "-1"]


def test_call_that_ended_long_ago_is_never_shown():
    watched = Watched()
    watched.snapshot()
    record(ended(1))
    assert watched.tick(NOW + 2 * LINGER_NS) == ""


def test_filter_keeps_others_out():
    watched = Watched(CallFilter(q="ann"))
    watched.snapshot()
    record(call(1), call(2, caller="ann"))
    assert watched.tick() == "+2"


def test_full_table_lets_the_oldest_go_and_takes_it_back():
    record(call(1), call(2))
    watched = Watched(page=2)
    watched.snapshot()
    record(call(3))
    first = watched.tick()
    record(ended(3))
    assert [first, watched.tick(NOW), watched.tick(NOW + LINGER_NS)] == ["+3 -1", "=3", "-3 _1"]


def test_old_call_below_the_cut_does_not_come_up_by_changing():
    record(call(1), call(2), call(3))
    watched = Watched(page=2)
    watched.snapshot()
    record(call(1, state=3))
    assert watched.tick() == ""


def test_order_is_seen_in_the_row_of_its_call():
    row = record(call(1))[0]
    watched = Watched()
    watched.snapshot()
    order = Order.objects.create(dialog=row, dialog_uid=row.uid, call_text="x", node="n1", username="ann", reason="why", requested_ns=NOW)
    first = "".join(watched.table.catch_up(watched.reader.read(NOW), NOW).updates)
    Order.objects.filter(pk=order.pk).update(phase="verified", outcome=Order.Outcome.BOTH_LEGS)
    second = "".join(watched.table.catch_up(watched.reader.read(NOW), NOW).updates)
    assert ["End asked by ann: waiting to be sent" in first, "Ended by ann: both legs released" in second, watched.tick()] == [True, True, ""]


def test_size_of_a_profile_changes_in_rows_that_did_not():
    record(call(1), call(2))
    watched = Watched()
    watched.snapshot()
    record(call(3))
    updates = "".join(watched.table.catch_up(watched.reader.read(NOW), NOW).updates)
    assert re.findall(r"hx-target=\"\[data-mark='[0-9a-f]{12}'\]\" hx-swap=\"textContent\">(\d+)<", updates) == ["3"]


def test_other_filter_forgets_what_lingered():
    record(call(1), call(2, caller="ann"))
    watched = Watched()
    watched.snapshot()
    record(ended(1))
    watched.tick()
    watched.table.choose(CallFilter(q="ann"))
    assert watched.snapshot() == [2]


def test_hostile_names_are_text():
    hostile = '"><img src=x onerror=alert(1)></hx-partial><hx-partial hx-target="#rows" hx-swap="delete">'
    snapshot = msgspec.structs.replace(
        call(1), caller=msgspec.structs.replace(call(1).caller, uri=f"sip:{hostile}@x"), last_event=hostile, profiles=((hostile, hostile),)
    )
    record(snapshot, path=hostile, evidence=((hostile, hostile),))
    watched = Watched()
    frame = watched.table.snapshot(watched.reader.read(NOW), NOW, "connect")
    text = "".join(frame.updates)
    assert ("<img" in text, "onerror=alert(1)&gt;" in text, text.count("<hx-partial"), text.count("</hx-partial>")) == (
        False,
        True,
        len(frame.updates),
        len(frame.updates),
    )


def test_foot_says_how_many_of_how_many():
    record(call(1), call(2), call(3))
    watched = Watched(page=2)
    frame = watched.table.snapshot(watched.reader.read(NOW), NOW, "connect")
    assert any("2 newest of 3 calls" in text for text in frame.updates)
