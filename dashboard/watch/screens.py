"""The list of calls, pushed. Knows what is drawn; who answers is the application's business."""

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import Input, Static

from dashboard.terminal.words import moment, safe
from dashboard.watch import lines
from dashboard.watch.base import Base, HelpScreen, hints
from dashboard.watch.call import CallScreen, MessageScreen
from dashboard.watch.ending import EndScreen
from dashboard.watch.pick import Lines

if TYPE_CHECKING:
    from dashboard.watch.app import Watch


class CallList(Lines):
    """The calls that are up."""

    @property
    def shared(self) -> "Watch":
        """What all screens share."""
        return self.app  # type: ignore[return-value]

    def count(self) -> int:
        """Return how many calls are shown."""
        return len(self.shared.rows.shown)

    def text(self, number: int) -> Text:
        """Return a call's line."""
        row = self.shared.rows.shown[number]
        return lines.line(row, self.shared.now, self.size.width, self.shared.orders.get(row.uid, ""))

    @property
    def here(self) -> str:
        """The call under the cursor, "" when there is none."""
        return self.shared.rows.shown[self.cursor].uid if self.cursor < self.count() else ""


class CallsScreen(Base):
    """The list of calls, pushed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("f1,h,question_mark", "keys"),
        ("f2,s,S", "save"),
        ("f3,slash,f7,F", "filter"),
        ("f5,r,ctrl+l", "sort"),
        ("f6,R", "raw"),
        ("p", "pause"),
        ("e", "end"),
        ("escape", "leave"),
        ("q,f10", "app.quit"),
    ]

    def compose(self) -> ComposeResult:
        """Lay the screen out: totals, titles, calls, trouble, the filter's box, keys."""
        self.top, self.titles, self.said = (Static(classes="line", markup=False) for _ in range(3))
        self.calls = CallList()
        self.box = Input(value=self.shared.query_text, placeholder='4417, or state = "early" and duration > 60', select_on_focus=False)
        self.asked = Container(Static("Filter: ", markup=False), self.box, classes="asked")
        self.asked.display = False
        self.foot = Static(classes="line", markup=False)
        yield from (self.top, self.titles, self.calls, self.said, self.asked, self.foot)

    def on_mount(self) -> None:
        """Say the keys."""
        self.foot.update(hints(("F1", "Keys"), ("Enter", "Call"), ("F3", "Filter"), ("F6", "Raw"), ("F5", "Sort"), ("p", "Pause"), ("e", "End"), ("q", "Quit")))
        self.set_focus(self.calls)
        self.tell()

    def bring(self, frame: dict[str, Any], _moved: set[str]) -> None:
        """Take a frame; the call under the cursor stays there."""
        self.shared.rows.take(frame, self.calls.here, self.shared.now)
        self.tell()

    def tell(self) -> None:
        """Draw what changed."""
        shared = self.shared
        shared.rows.clear(self.calls.here, shared.now)
        self.top.update(lines.totals(shared.states, shared.rows.total))
        self.titles.update(lines.head(self.size.width))
        self.said.update(self._words())
        self.calls.settle()

    def on_resize(self) -> None:
        """Draw in the new size."""
        if self.is_attached:
            self.tell()

    def _words(self) -> Text:
        """Return what is to be said below the list: the worst thing only."""
        shared = self.shared
        if shared.saying:
            return shared.saying
        if shared.mistake:
            return Text(shared.mistake, "bold red", no_wrap=True, overflow="ellipsis")
        if shared.trouble:
            since = f" since {moment(int(shared.told_at))[11:]}" if shared.told_at else ""
            return Text(f"No answer{since}, asking on: {shared.trouble}", "bold red", no_wrap=True, overflow="ellipsis")
        if shared.rows.paused:
            return Text(f"Frozen: {shared.rows.held} calls have changed. p goes on", "yellow")
        if shared.doubts:
            return Text(f"Numbers may be wrong: {safe(shared.doubts[0])}", "bold yellow", no_wrap=True, overflow="ellipsis")
        if not shared.told_at:
            return Text(f"Asking {shared.source.where} ...", "dim")
        if shared.query_text:
            return Text(f"{shared.rows.total} match {safe(shared.query_text)}", "cyan", no_wrap=True, overflow="ellipsis")
        return Text("" if self.calls.count() else "No call is up.", "dim")

    # Keys

    def on_lines_opened(self) -> None:
        """Open the call under the cursor."""
        if uid := self.calls.here:
            self.app.push_screen(CallScreen(uid))

    async def action_raw(self) -> None:
        """Show the first message of the call."""
        if uid := self.calls.here:
            self.app.push_screen(MessageScreen(uid, 1))

    async def action_save(self) -> None:
        """Save the call's messages."""
        if uid := self.calls.here:
            await self.save(uid)

    def action_end(self) -> None:
        """Ask whether to end the call."""
        if uid := self.calls.here:
            self.app.push_screen(EndScreen(uid))

    def action_filter(self) -> None:
        """Open the box."""
        self.asked.display = True
        self.box.value = self.shared.query_text
        self.set_focus(self.box)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask for other calls."""
        self._close_box()
        self.calls.cursor = self.calls.top = 0
        self.shared.follow(event.value.strip())
        self.tell()

    def action_leave(self) -> None:
        """Close the box; without one show all calls again."""
        if self.asked.display:
            self._close_box()
        elif self.shared.query_text:
            self.shared.follow("")
            self.tell()

    def _close_box(self) -> None:
        self.asked.display = False
        self.set_focus(self.calls)

    def action_sort(self) -> None:
        """Put the newest call on top; the cursor stays on its call."""
        here = self.calls.here
        self.shared.rows.sort()
        self.calls.cursor = next((at for at, row in enumerate(self.shared.rows.shown) if row.uid == here), 0)
        self.tell()

    def action_pause(self) -> None:
        """Freeze the list, or go on."""
        rows = self.shared.rows
        if rows.paused:
            rows.resume(self.calls.here, self.shared.now)
        else:
            rows.paused = True
        self.tell()

    def action_keys(self) -> None:
        """List the keys."""
        self.app.push_screen(HelpScreen())
