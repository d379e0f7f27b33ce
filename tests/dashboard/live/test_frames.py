"""The envelope of a frame and the addresses in it."""

import json

from dashboard.live import frames
from dashboard.live.frames import Frame


def test_empty_frame_is_a_heartbeat():
    assert (bool(Frame()), json.loads(Frame().encode(7, 1000))) == (False, {"n": 7, "at": 1000})


def test_moves_are_apart_from_updates():
    frame = Frame(updates=["a", "b"], moves=["c"], new=1, snapshot="gap")
    assert json.loads(frame.encode(1, 2)) == {"n": 1, "at": 2, "content": "ab", "moves": "c", "new": 1, "snapshot": "gap"}


def test_partials_say_where_and_how():
    assert [frames.replace("#a", " <tr></tr>\n"), frames.fill("#b", "x"), frames.exchange("#c", "x"), frames.put_below("#d", "x"), frames.remove("#e")] == [
        '<hx-partial hx-target="#a" hx-swap="outerMorph"><tr></tr></hx-partial>',
        '<hx-partial hx-target="#b" hx-swap="innerMorph">x</hx-partial>',
        '<hx-partial hx-target="#c" hx-swap="outerHTML">x</hx-partial>',
        '<hx-partial hx-target="#d" hx-swap="beforeend">x</hx-partial>',
        '<hx-partial hx-target="#e" hx-swap="delete"></hx-partial>',
    ]
