"""`dlg watch`, in a terminal of its own."""

import signal
import time
from io import StringIO

import pytest
from rich.console import Console

from dashboard.terminal.calls import calls
from dashboard.terminal.door import Door
from dashboard.terminal.watch import Feed, Seen, view
from tests.dashboard.terminal.screens import Terminal
from tests.dashboard.terminal.scripted import ACTIVE, DIALOG, RINGING, Fault, opened

NOW = 1795294411
SHORT = ("h_entry", "h_id", "from_uri", "to_uri", "call-id", "init_ts", "start_ts", "state")
BRIEF = [{key: dialog[key] for key in SHORT} for dialog in (DIALOG, RINGING | {"init_ts": 1795294400}, DIALOG | {"state": 5, "h_id": 1})]
ANSWERS = {"dlg.stats_active": ACTIVE, "dlg.briefing": BRIEF}


def screen(seen: Seen, now: float = NOW, width: int = 80, height: int = 24) -> list[str]:
    out = StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(view(seen, now, width, height))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_screen_has_totals_and_the_newest_calls_first(place):
    with opened(place / "door", ANSWERS) as door:
        feed = Feed(Door(door.path), 1)
        feed.look()
        assert door.asked == [("dlg.stats_active", []), ("dlg.briefing", ["ftcISs"])]
    assert screen(feed.seen) == [
        "2 calls   Setting up 0   Ringing 1   No ACK 0   In call 1",
        "",
        "     Call  State        Age     Talk  Caller               Callee",
        "   1462:7  Ringing  0:00:11           alice@lab.example    5011@lab.example",
        "1462:6269  In call  0:01:00  0:00:58  alice@lab.example    5011@lab.example",
        "",
        "",
        "q ends",
    ]
    assert screen(feed.seen, NOW + 3661)[4].split()[3:5] == ["1:02:01", "1:01:59"]


def test_screen_that_is_full_says_how_many_calls_are_not_shown():
    seen = Seen(ACTIVE, tuple(calls([RINGING] * 50)), NOW)
    lines = screen(seen, height=24)
    assert (len(lines), lines[-1]) == (24, "32 older calls are not shown. q ends")
    lines = screen(seen._replace(trouble="no ingest " * 15), height=24)
    assert (len(lines), lines[-1]) == (24, "34 older calls are not shown. q ends")


def test_without_ingest_the_clock_of_the_calls_stands(place):
    with opened(place / "door", ANSWERS) as door:
        feed = Feed(Door(door.path), 1)
        feed.look()
    seen = feed.seen._replace(at=NOW)
    feed.look()
    gone = feed.seen._replace(at=NOW)
    assert gone.trouble.startswith(f"no ingest at {door.path} (no such file or directory)")
    assert screen(gone, NOW + 500)[3:5] == screen(seen)[3:5]
    assert "Shown as of 2026-11-21 20:53:31 UTC. Asking on." in " ".join(screen(gone))
    with opened(place / "door", ANSWERS):
        feed.look()
    assert (feed.seen.trouble, len(feed.seen.calls)) == ("", 2)


def test_without_any_answer_yet_there_is_no_time():
    assert "Shown as of" not in " ".join(screen(Seen(trouble="no ingest")))


def test_fault_is_shown(place):
    with opened(place / "door", ANSWERS | {"dlg.briefing": Fault(500, "busy")}) as door:
        feed = Feed(Door(door.path), 1)
        feed.look()
    assert feed.seen.trouble == "500 busy"


def test_long_lists_are_asked_for_seldom(place):
    def slow(_params):
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        return BRIEF

    with opened(place / "door", ANSWERS | {"dlg.briefing": slow}) as door:
        feed = Feed(Door(door.path), 1)
        for _ in range(3):
            feed.look()
        assert [method for method, _ in door.asked] == ["dlg.stats_active", "dlg.briefing", "dlg.stats_active", "dlg.stats_active"]
    assert len(feed.seen.calls) == 2


@pytest.mark.parametrize(
    ("end", "code"),
    [(lambda it: it.type(b"q"), 0), (lambda it: it.type(b"\x03"), 130), (lambda it: it.process.send_signal(signal.SIGTERM), 143)],
    ids=["q", "ctrl-c", "sigterm"],
)
def test_watch_ends_with_the_terminal_restored(place, end, code):
    with opened(place / "door", ANSWERS) as door, Terminal("watch", "--interval", "0.1", "--socket", door.path) as terminal:
        terminal.until(b"1462:6269")
        terminal.until(b"1462:6269")  # again, in place
        terminal.type(b"x")  # means nothing
        end(terminal)
        assert (terminal.end(), terminal.is_restored, b"Traceback" in terminal.drawn) == (code, True, False)


def test_watch_says_when_the_ingest_is_gone_and_goes_on(place):
    with Terminal("watch", "--interval", "0.1", "--socket", place / "door") as terminal:
        for _ in range(2):
            terminal.until(b"no ingest at ")
            with opened(place / "door", ANSWERS):
                terminal.until(b"In call 1")
        assert b"Shown as of" in terminal.until(b"Asking on.")
        terminal.type(b"q")
        assert (terminal.end(), terminal.is_restored) == (0, True)


def test_watch_fits_a_terminal_that_changes(place):
    with opened(place / "door", ANSWERS) as door, Terminal("watch", "--interval", "0.1", "--socket", door.path) as terminal:
        terminal.until(b"1462:6269")
        terminal.resize(140, 30)
        terminal.until(b"Call-ID")
        terminal.type(b"q")
        assert terminal.end() == 0


def test_watch_has_no_json(place):
    with Terminal("watch", "--json", "--socket", place / "none") as terminal:
        assert terminal.end() == 2
    assert terminal.drawn.strip() == b"dialtap dlg: watch draws; it has no --json"
