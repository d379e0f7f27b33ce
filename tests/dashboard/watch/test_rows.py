"""Calls keep their lines: what ends, what comes, what leaves a filter, and what a frozen list shows."""

import pytest

from dashboard.watch.rows import LINGER_SECONDS, Row, Rows, seconds

NOW = 1_795_990_900.0


def call(name, begun=0, **more):
    return {"call": name, "begun": f"2026-11-29T22:20:{begun:02}.000Z", "answered": "", "ended": "", "state_words": "Ringing"} | more


def frame(*calls, gone=(), snapshot=False, **more):
    return {"calls": list(calls), "gone": list(gone), "snapshot": snapshot} | more


@pytest.fixture
def rows():
    found = Rows()
    found.take(frame(call("c", 3), call("b", 2), call("a", 1), snapshot=True, total=3), "", NOW)
    return found


def names(rows):
    return "".join(row.uid for row in rows.shown)


def test_first_frame_is_shown_in_its_order(rows):
    assert (names(rows), rows.total) == ("cba", 3)


def test_change_keeps_the_line(rows):
    rows.take(frame(call("b", 2, state_words="In call")), "", NOW)
    assert (names(rows), rows.shown[1].call["state_words"]) == ("cba", "In call")


def test_new_call_comes_at_the_end_while_no_line_is_free(rows):
    rows.take(frame(call("d"), gone=[call("b", state_words="Ended")]), "", NOW)
    assert names(rows) == "cbad"


def test_new_call_takes_the_line_of_one_that_ended_a_while_ago(rows):
    rows.take(frame(gone=[call("b", state_words="Ended")]), "", NOW)
    rows.take(frame(call("d")), "", NOW + LINGER_SECONDS + 1)
    assert names(rows) == "cda"


def test_line_under_the_cursor_is_never_taken(rows):
    rows.take(frame(gone=[call("b")]), "b", NOW)
    rows.take(frame(call("d")), "b", NOW + 99)
    assert names(rows) == "cbad"


def test_what_has_ended_goes_below_the_cursor_only(rows):
    rows.take(frame(gone=[call("c"), call("a")]), "b", NOW)
    rows.clear("b", NOW + LINGER_SECONDS)
    assert names(rows) == "cba"
    rows.clear("b", NOW + LINGER_SECONDS + 1)
    assert names(rows) == "cb"


def test_call_that_matches_again_is_up_again(rows):
    rows.take(frame(gone=[{"call": "b"}]), "", NOW)
    assert rows.shown[1].over_at == NOW
    rows.take(frame(call("b")), "", NOW + 1)
    assert rows.shown[1].over_at == 0


def test_snapshot_after_a_break_keeps_lines_and_ends_what_is_missing(rows):
    rows.take(frame(call("d", 4), call("c", 3), call("a", 1), snapshot=True), "", NOW)
    assert ([(row.uid, bool(row.over_at)) for row in rows.shown]) == [("c", False), ("b", True), ("a", False), ("d", False)]


def test_frozen_list_holds_back_and_counts(rows):
    rows.paused = True
    rows.take(frame(call("d"), call("b", state_words="In call"), total=4), "", NOW)
    rows.take(frame(gone=[call("d")]), "", NOW)
    rows.clear("", NOW + 99)
    assert (names(rows), rows.shown[1].call["state_words"], rows.held, rows.total) == ("cba", "Ringing", 2, 4)
    rows.resume("", NOW)
    assert (names(rows), rows.shown[1].call["state_words"], rows.held) == ("cba", "In call", 0)


def test_sorting_puts_the_newest_first_and_forgets_what_ended(rows):
    rows.take(frame(call("d", 9), gone=[call("c")]), "", NOW)
    rows.sort()
    assert names(rows) == "dba"


@pytest.mark.parametrize(
    ("told", "over_at", "lasted"),
    [
        (call("x", 0), 0.0, 60.0),
        (call("x", 0, answered="2026-11-29T22:20:30.000Z"), 0.0, 30.0),
        (call("x", 0, answered="2026-11-29T22:20:30.000Z", ended="2026-11-29T22:20:31.500Z"), 0.0, 1.5),
        (call("x", 0), seconds("2026-11-29T22:20:10.000Z"), 10.0),
        ({"call": "x"}, 0.0, 0.0),
        ({"call": "x", "begun": "never"}, 0.0, 0.0),
    ],
)
def test_age_is_counted_from_the_answer(told, over_at, lasted):
    row = Row(told)
    row.over_at = over_at
    assert row.lasted(seconds("2026-11-29T22:21:00.000Z")) == lasted
