"""The screen's application: the thread that follows the calls, the thread that asks, and what both bring. Knows the source; the screens draw."""

import asyncio
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import BindingType

from dashboard.terminal.errors import Failure
from dashboard.terminal.words import safe
from dashboard.watch.rows import Rows, seconds
from dashboard.watch.screens import CallsScreen
from dashboard.watch.sources import Refused, Source

SAID_SECONDS = 8.0
TICK_SECONDS = 0.5
AGAIN_SECONDS = 1.0
"Between two tries to reach who does not answer."

ORDERS = 500
"Calls whose newest order is remembered."


class Watch(App[None]):
    """All that the screens share."""

    TITLE = "Dialtap"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+c", "quit"), ("ctrl+q", "quit")]
    CSS = """
    * { background: ansi_default; color: ansi_default; }
    CallsScreen, CallScreen, MessageScreen, HelpScreen { layout: vertical; }
    Lines { height: 1fr; }
    .line { height: 1; width: 1fr; }
    Input, Input:focus { border: none; height: 1; padding: 0; }
    .asked { layout: horizontal; height: 1; }
    .asked Static { width: auto; }
    EndScreen { align: center middle; }
    EndScreen > Vertical { width: 76; height: auto; border: solid ansi_default; padding: 0 1; }
    EndScreen Static { width: 1fr; height: auto; }
    """

    def __init__(self, source: Source, query: str) -> None:
        super().__init__(ansi_color=True)
        self.source = source
        self.query_text = query
        self.rows = Rows()
        self.states: dict[str, int] = {}
        self.orders: dict[str, str] = {}
        "Call -> what came of its newest order."

        self.doubts: list[str] = []
        self.trouble = ""
        self.mistake = ""
        "Why the query cannot be asked."

        self.said = Text()
        self._said_until = 0.0
        self.told_at = 0.0
        self._ahead = 0.0
        "Seconds that the other side's clock is ahead of ours."

        self._round = 0
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="ask")

    def on_mount(self) -> None:
        """Show the list, and begin to ask."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.push_screen(CallsScreen())
        self.set_interval(TICK_SECONDS, self.tell)
        self.follow(self.query_text)

    @property
    def now(self) -> float:
        """The moment that the calls are shown at; it stands still while nobody answers."""
        return self.told_at + self._ahead if self.trouble else time.time() + self._ahead

    # Following

    def follow(self, query: str) -> None:
        """Ask for other calls from now on."""
        self.query_text, self.mistake = query, ""
        self.rows = Rows()
        self._round += 1
        threading.Thread(target=self._follow, args=(query, self._round), daemon=True, name="follow").start()

    def _follow(self, query: str, turn: int) -> None:
        """Bring frames to the screen, and begin again when they end; runs on a thread of its own."""
        while turn == self._round:
            try:
                for frame in self.source.follow({"q": query} if query else {}):
                    if turn != self._round or not self._bring(self.take, frame):
                        return
            except Refused as refused:
                self._bring(self.refuse, turn, safe(refused))
                return
            except Failure as failure:
                if not self._bring(self.lose, turn, safe(failure)):
                    return
            except Exception as error:  # said on the screen, which would else stand still without a word
                self._bring(self.lose, turn, safe(f"{type(error).__name__}: {error}"))
                raise
            time.sleep(AGAIN_SECONDS)

    def _bring(self, what: Any, *arguments: Any) -> bool:
        """Have the screen's thread do something; False when the screen is gone."""
        try:
            self.call_from_thread(what, *arguments)
        except RuntimeError:  # it ended meanwhile
            return False
        return self.is_running

    def take(self, frame: dict[str, Any]) -> None:
        """Take a frame."""
        self.told_at = time.time()
        self._ahead = seconds(frame["at"]) - self.told_at
        self.trouble = ""
        self.states, self.doubts = frame["states"], frame["doubts"]
        for order in reversed(frame["orders"]):
            self.orders.pop(order["call"], None)
            self.orders[order["call"]] = order["words"]
            if not frame["snapshot"] and not order["open"]:
                self.say(order["words"])
        while len(self.orders) > ORDERS:
            del self.orders[next(iter(self.orders))]
        moved = {call["call"] for call in (*frame["calls"], *frame["gone"], *frame["orders"])}
        for screen in self.screen_stack:
            if hasattr(screen, "bring"):
                screen.bring(frame, moved)

    def lose(self, turn: int, words: str) -> None:
        """Say that nobody answers."""
        if turn == self._round:
            self.trouble = words
            self.tell()

    def refuse(self, turn: int, words: str) -> None:
        """Say why the query cannot be asked."""
        if turn == self._round:
            self.mistake = words
            self.tell()

    def tell(self) -> None:
        """Draw what the screens say of the connection."""
        for screen in self.screen_stack:
            if hasattr(screen, "tell"):
                screen.tell()

    # Asking

    async def ask(self, name: str, **said: str) -> Any:
        """Return an answer; None when there is none, which is said on the screen."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._asking, lambda: self.source.ask(name, **said))
        except Failure as failure:
            self.say(str(failure), "bold red")
            return None

    def say(self, words: str, style: str = "bold") -> None:
        """Have every screen show some words in its last line but one, for a while: nothing is laid over the calls."""
        self.said = Text(safe(words), style, no_wrap=True, overflow="ellipsis")
        self._said_until = time.monotonic() + SAID_SECONDS
        self.tell()

    @property
    def saying(self) -> Text | None:
        """What is being said."""
        return self.said if time.monotonic() < self._said_until else None

    async def on_unmount(self) -> None:
        """Wait for nobody."""
        self._round += 1
        self._asking.shutdown(wait=False, cancel_futures=True)
