"""`watch`: a live list in a terminal. `feed` asks, `view` draws, `watch` waits for a key. Knows rich and termios; orders nothing.

Asking has a thread of its own: a long answer, or none, must not keep the clock from ticking and the keys from working.
"""

import os
import select
import signal
import sys
import termios
import threading
import time
import tty
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from dashboard.terminal.calls import Call, calls, number
from dashboard.terminal.door import Door
from dashboard.terminal.errors import Failure, Usage
from dashboard.terminal.output import Cell, Column, table
from dashboard.terminal.reads import COUNTED, STYLES, address, state
from dashboard.terminal.words import STATES, length, moment, safe

FIELDS = "ftcISs"
"dlg.briefing's letters: a twentieth of dlg.list."

LISTING_SHARE = 20
"The list is asked for so seldom that it takes a twentieth of the time: 100,000 calls need a second."

TICK_SECONDS = 1.0
LINES_AROUND = 6
"Lines of the screen that are no calls."

COLUMNS = (
    Column("Call", right=True),
    Column("State"),
    Column("Age", right=True),
    Column("Talk", right=True),
    Column("Caller", shares=True),
    Column("Callee", shares=True),
    Column("Call-ID", from_width=120, shares=True),
)


class Seen(NamedTuple):
    """What is known: totals and live calls, newest first; when (epoch seconds); why nothing newer is known."""

    totals: Mapping[str, Any] = {}
    calls: tuple[Call, ...] = ()
    at: float = 0.0
    trouble: str = ""


class Feed(threading.Thread):
    """Asks again and again; `seen` is always whole."""

    def __init__(self, door: Door, interval: float) -> None:
        super().__init__(daemon=True)  # an answer that does not come must not keep us here
        self.seen = Seen()
        self._door = door
        self._interval = interval
        self._next_list = 0.0

    def run(self) -> None:
        """Ask until the process ends."""
        while True:
            self.look()
            time.sleep(self._interval)

    def look(self) -> None:
        """Ask once."""
        try:
            totals = self._door.ask("dlg.stats_active").result
            found = self._list() if time.monotonic() >= self._next_list else self.seen.calls
        except Failure as failure:
            self.seen = self.seen._replace(trouble=str(failure))
        else:
            self.seen = Seen(totals if isinstance(totals, dict) else {}, found, time.time())

    def _list(self) -> tuple[Call, ...]:
        began = time.monotonic()
        live = [call for call in calls(self._door.ask("dlg.briefing", FIELDS).result) if call.is_live]
        live.sort(key=lambda call: (-call.init_ts, call.number))
        self._next_list = began + LISTING_SHARE * (time.monotonic() - began)
        return tuple(live)


def view(seen: Seen, now: float, width: int, height: int) -> Group:
    """Return the screen of a moment. Without an ingest the clock of the calls stands: nobody knows how long they last."""
    moment_shown = seen.at if seen.trouble else now
    trouble = _trouble(seen)
    shown = seen.calls[: max(height - LINES_AROUND - len(trouble) // width, 1)]
    body = table(COLUMNS, [_row(call, int(moment_shown)) for call in shown], width)
    hidden = len(seen.calls) - len(shown)
    foot = Text(f"{hidden} older calls are not shown. q ends" if hidden else "q ends", "dim")
    return Group(_totals(seen), Text(), body, Text(), trouble, foot)


def _totals(seen: Seen) -> Text:
    count = number(seen.totals.get("all"))
    head = Text.assemble((f"{count} call{'' if count == 1 else 's'}", "bold"), no_wrap=True, overflow="ellipsis")
    for at, name in COUNTED.items():
        head.append("   ")
        head.append(f"{STATES[at]} {number(seen.totals.get(name))}", STYLES.get(at, ""))
    return head


def _trouble(seen: Seen) -> Text:
    if not seen.trouble:
        return Text()
    since = f" Shown as of {moment(int(seen.at))}." if seen.at else ""
    return Text(f"{safe(seen.trouble)}.{since} Asking on.", "bold red", no_wrap=False)


def _row(call: Call, now: int) -> tuple[Cell | str, ...]:
    talk = length(max(now - call.start_ts, 0)) if call.start_ts else ""
    return call.number, state(call), length(max(now - call.init_ts, 0)), talk, address(call.from_uri), address(call.to_uri), call.call_id


def watch(door: Door, asked: Namespace) -> None:
    """Redraw in place until q or Ctrl-C. Raises Usage where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Usage("watch needs a terminal; in a pipe, ask with list or count")
    if asked.json:
        raise Usage("watch draws; it has no --json")
    feed = Feed(door, asked.interval)
    console = Console(highlight=False, markup=False, emoji=False)
    with keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        feed.start()
        while True:
            live.update(view(feed.seen, time.time(), console.width, console.height), refresh=True)
            if pressed(min(asked.interval, TICK_SECONDS)) in ("q", "Q", "\x04", None):
                return


@contextmanager
def keys() -> Iterator[Any]:
    """Give a function that waits so many seconds for a key: "" for none, None when the terminal went away. The terminal is restored at the end."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    handler = signal.signal(signal.SIGTERM, _end)
    try:
        tty.setcbreak(keyboard)  # Ctrl-C stays what it is
        yield lambda seconds: _key(keyboard, seconds)
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        signal.signal(signal.SIGTERM, handler)


def _key(keyboard: int, seconds: float) -> str | None:
    ready, _, _ = select.select([keyboard], [], [], seconds)
    return (os.read(keyboard, 1).decode("latin-1") or None) if ready else ""


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)
