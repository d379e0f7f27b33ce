"""The live table: what is replaced, what is put on top, what leaves, and when."""

import re

import msgspec
import pytest

from dashboard.live import table as module
from dashboard.live.changes import Reader
from dashboard.live.consumers import met
from dashboard.live.counters import Counters
from dashboard.live.filter import CallFilter
from dashboard.live.layout import Layout
from dashboard.live.render import Renderer
from dashboard.live.table import LINGER_NS, LOOK_NS, MOST_NEW, PAGE, SPENT_NS, LiveTable
from dashboard.models import DialogRow, Order
from tests.dashboard.history.calls import SECOND
from tests.dashboard.live.people import NOW, call, record

pytestmark = pytest.mark.django_db
SWAPS = {"outerMorph": "=", "outerHTML": "~", "beforeend": "_", "delete": "-"}


class Watched:
    """A table and the reader that feeds it; tells in short what a tick brings."""

    def __init__(self, chosen: CallFilter | None = None, page: int = 200, **layout: object) -> None:
        self.reader = Reader()
        self.table = LiveTable(chosen or CallFilter(), Renderer(), Counters(), page, Layout(**layout))
        self.new = 0

    def snapshot(self, now_ns: int = NOW, reason: str = "connect") -> list[int]:
        """Return the numbers of the calls in a snapshot, top first."""
        frame = self.table.snapshot(self.reader.read(now_ns), now_ns, reason)
        return [int(uid, 16) for uid in re.findall(r'<tr id="call-([0-9a-f]{16})"', "".join(frame.updates))]

    def tick(self, now_ns: int = NOW) -> str:
        """Return what a tick does to rows: "=1" replaced, "_1" below, "-1" gone, "1~2" the second in the first's place."""
        frame = self.table.catch_up(self.reader.read(now_ns), now_ns)
        self.new += frame.new
        found = [
            re.match(r'<hx-partial hx-target="#(rows|call-[0-9a-f]+)" hx-swap="(\w+)">(?:<tr id="(call-[0-9a-f]+)")?', text)
            for text in frame.updates + frame.moves
        ]
        before = [str(int(match[1][5:], 16)) if match and match[2] == "outerHTML" else "" for match in found]
        return " ".join(f"{old}{SWAPS[match[2]]}{int((match[3] or match[1])[5:], 16)}" for old, match in zip(before, found, strict=True) if match)


def ended(number: int, **changes):
    return call(number, state=5, end_ns=NOW, ended_by="caller", **changes)


def test_snapshot_is_newest_first_and_live_only():
    record(call(1), call(3), call(2), ended(4))
    assert Watched().snapshot() == [3, 2, 1]


def test_new_calls_go_below_and_are_on_top_when_sorted():
    watched = Watched()
    assert watched.snapshot() == []
    record(call(2), call(1), call(3))
    assert [watched.tick(), watched.tick(), watched.new, watched.snapshot(reason="refresh"), watched.snapshot(reason="sort")] == [
        "_1 _2 _3",
        "",
        3,
        [1, 2, 3],
        [3, 2, 1],
    ]


def test_new_call_takes_the_place_of_one_that_ended():
    record(call(1), call(2), call(3))
    watched = Watched()
    watched.snapshot()
    record(ended(2))
    watched.tick(NOW)
    record(call(4))
    first = watched.tick(NOW + LINGER_NS - 1)  # it is still read
    record(call(5))
    assert [first, watched.tick(NOW + LINGER_NS), watched.snapshot(reason="gap")] == ["_4", "2~5", [3, 5, 1, 4]]


def test_first_snapshot_leaves_the_rows_of_the_page_where_they_are():
    record(call(1), call(2), call(3), call(4), call(5))
    record(call(2, state=5, end_ns=NOW, ended_by="caller"), call(3, state=5, end_ns=NOW, ended_by="caller"), call(6))  # 2 before the page, 3 after it
    frames = {}
    for name, there in (("page", (4, 3, 1)), ("none", ())):
        table = LiveTable(CallFilter(), Renderer(), Counters(), met=(*(call(number).uid for number in there), *(["nowhere"] if there else [])))
        text = "".join(table.snapshot(Reader().read(NOW), NOW, "connect").updates)
        frames[name] = [int(uid, 16) for uid in re.findall(r'<tr id="call-([0-9a-f]{16})"', text)]
    assert frames == {"page": [4, 3, 1, 6, 5], "none": [6, 5, 4, 1]}


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ({"at": str(NOW), "rows": "a1,b2"}, ("a1", "b2")),
        ({"at": str(NOW - LINGER_NS), "rows": "a1,b2"}, ()),
        ({"rows": "a1"}, ()),
        ({"at": str(NOW), "rows": ""}, ()),
        ({"at": str(NOW), "rows": "a1,\0,,' OR 1"}, ("a1",)),
        ({"at": str(NOW), "rows": "a," * 10_000}, ("a",) * PAGE),
    ],
)
def test_page_says_which_rows_it_brought(wanted, rows):
    assert met(wanted, NOW) == rows


def test_settled_snapshot_fills_the_places_of_calls_that_are_gone():
    record(call(1), call(2), call(3))
    watched = Watched()
    watched.snapshot()
    DialogRow.objects.filter(pk=call(2).uid).delete()
    record(call(4))
    assert watched.snapshot(reason="overflow") == [3, 4, 1]


@pytest.mark.parametrize(
    ("layout", "top"),
    [({}, [3, 2, 1]), ({"sort": "caller"}, [2, 3, 1]), ({"sort": "-caller"}, [1, 3, 2]), ({"sort": "age"}, [3, 2, 1]), ({"sort": "-age"}, [1, 2, 3])],
)
def test_snapshot_is_in_the_order_that_was_asked_for(layout, top):
    record(call(1, caller="zoe"), call(2, caller="ann"), call(3, caller="bob"))
    assert Watched(**layout).snapshot() == top


def test_pages_go_on_where_the_one_before_ended():
    record(*(call(number) for number in range(1, 6)))
    assert [Watched(page=2, p=page).snapshot() for page in (1, 2, 3, 4)] == [[5, 4], [3, 2], [1], []]


def test_other_page_announces_new_calls_and_stays_as_it_is():
    record(*(call(number) for number in range(1, 5)))
    watched = Watched(page=2, p=2)
    watched.snapshot()
    record(call(5))
    assert (watched.tick(), watched.new) == ("", 1)


def test_new_call_is_announced_once_and_no_more_than_are_counted():
    record(call(1))
    watched = Watched(page=1)
    watched.snapshot()
    record(*(call(number) for number in range(2, MOST_NEW + 20)))
    watched.tick()
    record(call(2, state=3))
    assert (watched.tick(), watched.new) == ("", MOST_NEW)


def test_chosen_columns_are_the_cells_of_a_row():
    record(call(1))
    watched = Watched(columns=("caller", "callid"))
    frame = watched.table.snapshot(watched.reader.read(NOW), NOW, "connect")
    assert re.findall(r'<td class="(c-\w+)', "".join(frame.updates)) == ["c-pick", "c-caller", "c-callid", "c-menu"]


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
        "-1",  # at the bottom: nothing moves
    ]


def test_ended_call_among_others_waits_for_somebody_to_take_its_place():
    record(call(1), call(2))
    watched = Watched()
    watched.snapshot()
    record(ended(2))
    assert [watched.tick(NOW), watched.tick(NOW + LINGER_NS), watched.tick(NOW + LINGER_NS + SPENT_NS - 1), watched.tick(NOW + LINGER_NS + SPENT_NS)] == [
        "=2",
        "",
        "",
        "-2",
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
    assert [watched.tick(NOW), watched.tick(NOW + 2 * LINGER_NS)] == ["_1", "-1"]


def test_call_that_ended_long_ago_is_never_shown():
    watched = Watched()
    watched.snapshot()
    record(ended(1))
    assert watched.tick(NOW + 2 * LINGER_NS) == ""


def test_filter_keeps_others_out():
    watched = Watched(CallFilter(q="ann"))
    watched.snapshot()
    record(call(1), call(2, caller="ann"))
    assert watched.tick() == "_2"


def test_full_table_takes_no_more_and_fills_up_from_what_was_cut_off():
    record(call(1), call(2), call(3))
    watched = Watched(page=2)
    watched.snapshot()
    record(call(4))
    first = watched.tick()
    record(ended(3))
    assert [first, watched.tick(NOW), watched.tick(NOW + LINGER_NS - 1), watched.tick(NOW + LINGER_NS)] == ["", "=3", "", "3~4"]


def test_places_are_filled_after_a_rest_although_nothing_changes_any_more(monkeypatch):
    monkeypatch.setattr(module, "SHARE", 10**9)  # however quick the first was, it rests for more than a day
    record(*(call(number) for number in range(1, 6)))
    watched = Watched(page=2)
    assert watched.snapshot() == [5, 4]
    record(ended(5))
    ticks = [watched.tick(NOW), watched.tick(NOW + LINGER_NS)]
    record(ended(4))
    ticks += [watched.tick(NOW + LINGER_NS), watched.tick(NOW + 2 * LINGER_NS), watched.tick(NOW + 3 * LINGER_NS)]
    watched.table._rest_until = 0.0
    assert [*ticks, watched.tick(NOW + 3 * LINGER_NS)] == ["=5", "5~3", "=4", "-4", "", "_2"]


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
    assert re.findall(r"hx-target=\"\[data-mark='[0-9a-f]{12}'\]\" hx-swap=\"outerMorph\"><a [^>]*>(\d+)<", updates) == ["3"]


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


def test_foot_says_how_many_and_which_page():
    record(call(1), call(2), call(3))
    watched = Watched(page=2)
    frame = watched.table.snapshot(watched.reader.read(NOW), NOW, "connect")
    (foot,) = [text for text in frame.updates if "#foot" in text]
    assert ("3 calls" in foot, "page 1 of 2" in foot, "?p=2" in foot) == (True, True, True)


def test_call_that_fills_a_place_has_the_size_of_its_profile_when_others_change():
    first = [call(number, profiles=(("caller", f"sip:{number}@example.net"),)) for number in (1, 2, 3)]
    record(*first)
    watched = Watched(page=1)
    assert watched.snapshot() == [3]
    record(msgspec.structs.replace(first[2], state=5, end_ns=NOW, ended_by="caller"))
    watched.tick(NOW)
    record(msgspec.structs.replace(first[0], messages=9))  # its profile's size is read; that of the second, which comes in, is not
    frame = watched.table.catch_up(watched.reader.read(NOW + LINGER_NS), NOW + LINGER_NS)
    assert re.findall(r"<tr id=\"call-0*(\d+)\"|data-mark=[^>]*>(\d+)", "".join(frame.moves)) == [("2", ""), ("", "1")]


def test_sizes_remembered_are_those_of_a_few_pages():
    watched = Watched(page=2)
    watched.snapshot()
    for number in range(1, 30):
        record(call(number, profiles=(("caller", f"sip:{number}@example.net"),)))
        watched.tick(NOW)
        record(ended(number, profiles=(("caller", f"sip:{number}@example.net"),)))
        watched.tick(NOW + LINGER_NS)
    assert len(watched.table._sizes) <= 4 * watched.table.page + 1


class Timed:
    """A table whose filter speaks of durations, and the clock that it asks by."""

    def __init__(self, monkeypatch, q: str, **layout: object) -> None:
        self.now_ns = NOW
        monkeypatch.setattr("time.time_ns", lambda: self.now_ns)
        self.watched = Watched(CallFilter(q=q), **layout)
        self.first = self.watched.snapshot()
        self.watched.tick()

    def at(self, seconds: float) -> str:
        """Return what a tick brings so many seconds later, in which no call has changed."""
        self.now_ns = NOW + int(seconds * SECOND)
        return self.watched.tick(self.now_ns)


def up(number: int, seconds: int, **changes):
    """Return a call that has been up for so many seconds at NOW."""
    return call(number, init_ns=NOW - seconds * SECOND, start_ns=NOW - seconds * SECOND, **changes)


def test_time_brings_a_call_into_the_filter_although_it_does_not_change(monkeypatch):
    record(up(1, 100), up(2, 50), up(3, 55))
    timed = Timed(monkeypatch, "duration > 60")
    assert (timed.first, timed.at(4), timed.at(6), timed.at(11), timed.at(20), timed.watched.new) == ([1], "", "_3", "_2", "", 2)


def test_time_takes_a_call_out_of_the_filter_and_another_gets_its_place(monkeypatch):
    record(up(1, 50), up(2, 10))
    timed = Timed(monkeypatch, "duration < 60", sort="-age")
    assert (timed.first, timed.at(9), timed.at(11)) == ([1, 2], "", "")  # it stays where it is, its place is free
    record(up(3, -11))
    assert (timed.at(12), timed.at(13 + SPENT_NS // SECOND)) == ("1~3", "")


def test_call_that_time_took_out_leaves_when_nobody_needs_its_place(monkeypatch):
    record(up(1, 50), up(2, 10))
    assert Timed(monkeypatch, "duration < 60").at(11) == "-1"  # at the bottom it moves nothing
    timed = Timed(monkeypatch, "duration < 60", sort="-age")
    timed.at(11)
    assert [timed.at(10 + SPENT_NS // SECOND), timed.at(12 + SPENT_NS // SECOND)] == ["", "-1"]


def test_filter_of_durations_is_asked_once_a_second_and_no_other(monkeypatch, django_assert_num_queries):
    record(up(1, 50))
    timed = Timed(monkeypatch, "duration > 60")
    assert [timed.at(9.9), timed.at(10.2), timed.at(9.9 + LOOK_NS / SECOND)] == ["", "", "_1"]
    plain = Watched(CallFilter(state="4"))
    plain.snapshot()
    plain.tick()
    for asked, seconds in ((3, 30), (4, 30), (3, 30.5)):  # a tick's three, and one for durations
        table = plain if asked == 3 and seconds == 30 else timed.watched
        with django_assert_num_queries(asked):
            table.tick(NOW + int(seconds * SECOND))


def test_asking_anew_takes_a_part_of_the_time_only(monkeypatch):
    record(up(1, 50))
    timed = Timed(monkeypatch, "duration > 60")
    monkeypatch.setattr(module, "SHARE", 10**9)  # however quick it was, that is more than a day
    assert [timed.at(9), timed.at(12), timed.at(60)] == ["", "", ""]
    monkeypatch.setattr(module, "SHARE", 20)
    assert timed.at(10**8) == "_1"


def test_call_that_is_written_during_a_tick_is_announced_by_the_next():
    watched = Watched()
    watched.snapshot()
    record(call(1))
    watched.reader._matcher._rest_until = 0.0  # so that it counts anew
    changes = watched.reader.read(NOW)
    record(call(2))
    first = watched.table.catch_up(changes, NOW)
    assert (first.new, len(first.moves), watched.tick(), watched.new) == (1, 1, "_2", 1)
