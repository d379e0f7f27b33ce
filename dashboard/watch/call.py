"""One call on the screen: what explains it, its ladder, its messages. Knows what is drawn; who answers is the application's business."""

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from dashboard.terminal.words import safe
from dashboard.watch import lines
from dashboard.watch.base import Base, HelpScreen, hints
from dashboard.watch.ending import EndScreen
from dashboard.watch.pick import Lines
from dialogs.insight.ladder import Host, Ladder, Step
from dialogs.insight.ladder_text import heads, lane_in, steps


class LadderLines(Lines):
    """A call's messages as arrows."""

    def __init__(self) -> None:
        super().__init__()
        self.ladder = Ladder()
        self._drawn: list[tuple[Step | None, str]] = []

    def count(self) -> int:
        """Return how many lines there are."""
        return len(self._drawn)

    def text(self, number: int) -> Text:
        """Return a step's line."""
        step, written = self._drawn[number]
        return Text(safe(written), lines.KINDS[step.kind] if step else "dim", no_wrap=True)

    def rests(self, number: int) -> bool:
        """Only messages have the cursor."""
        return self._drawn[number][0] is not None

    def draw(self, ladder: Ladder) -> None:
        """Show a ladder; the cursor stays on its message."""
        here = self.here
        self.ladder = ladder
        self._drawn = list(steps(ladder, lane_in(ladder, self.size.width)))
        self.cursor = next((at for at, (step, _) in enumerate(self._drawn) if step and step.number == here), 0)
        self.settle()

    def on_resize(self) -> None:
        """Draw in the new size."""
        self.draw(self.ladder)

    @property
    def here(self) -> int:
        """The number of the message under the cursor, 0 when there is none."""
        step = self._drawn[self.cursor][0] if self.cursor < len(self._drawn) else None
        return step.number if step else 0


class CallScreen(Base):
    """One call: what explains it, and its ladder, which grows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q", "app.pop_screen"),
        ("f1,h,question_mark", "keys"),
        ("f2,s,S", "save"),
        ("f6,R", "raw"),
        ("e", "end"),
    ]

    def __init__(self, uid: str) -> None:
        super().__init__()
        self.uid = uid

    def compose(self) -> ComposeResult:
        """Lay the screen out: the call, what explains it, hosts, arrows, keys."""
        self.top, self.why, self.names, self.places, self.foot = (Static(classes="line", markup=False) for _ in range(5))
        self.arrows = LadderLines()
        yield from (self.top, self.why, self.names, self.places, self.arrows, Static(classes="line said", markup=False), self.foot)

    async def on_mount(self) -> None:
        """Ask for the call."""
        self.foot.update(hints(("Esc", "Calls"), ("Enter", "Message"), ("F2", "Save"), ("F1", "Keys"), ("e", "End")))
        self.arrows.focus()
        await self.look()

    async def look(self) -> None:
        """Ask again, and draw."""
        call = await self.shared.ask("call", uid=self.uid)
        if call is None:
            return
        self.top.update(Text(f"{lines.described(call)}  Call-ID {safe(call['call_id'])}", "bold", no_wrap=True, overflow="ellipsis"))
        self.why.update(_why(call, self.shared.orders.get(self.uid, "")))
        drawn = await self.shared.ask("ladder", uid=self.uid, kind="json") if call["messages"] else None
        if drawn is not None and self.is_attached:
            self.arrows.draw(ladder_of(drawn))
            self.on_resize()

    def on_resize(self) -> None:
        """Draw the hosts over their lanes."""
        if self.is_attached:
            ladder = self.arrows.ladder
            for part, written in zip((self.names, self.places), heads(ladder, lane_in(ladder, self.size.width)), strict=True):
                part.update(Text(safe(written), "bold" if part is self.names else "dim", no_wrap=True))

    def bring(self, _frame: dict[str, Any], moved: set[str]) -> None:
        """Ask again when the call changed."""
        if self.uid in moved:
            self.run_worker(self.look(), exclusive=True)

    def on_lines_opened(self) -> None:
        """Show the message under the cursor."""
        self.action_raw()

    def action_raw(self) -> None:
        """Likewise."""
        if number := self.arrows.here:
            self.app.push_screen(MessageScreen(self.uid, number))

    async def action_save(self) -> None:
        """Save the call's messages."""
        await self.save(self.uid)

    def action_end(self) -> None:
        """Ask whether to end the call."""
        self.app.push_screen(EndScreen(self.uid))

    def action_keys(self) -> None:
        """List the keys."""
        self.app.push_screen(HelpScreen())


def _why(call: dict[str, Any], order: str) -> Text:
    """Return the sentence that matters most: what came of an order, what explains the call."""
    if order:
        return Text(safe(order), "bold", no_wrap=True, overflow="ellipsis")
    first = next(iter(call["explained"]), None)
    words = first["lead"] if first else call["missing"][0] if call["missing"] else ""
    return Text(safe(words), lines.TONES.get(first["tone"], "") if first else "dim", no_wrap=True, overflow="ellipsis")


def ladder_of(drawn: dict[str, Any]) -> Ladder:
    """Return the ladder of an answer."""
    columns = [Host(**host) for host in drawn["columns"]]
    return Ladder(columns, [Step(**step | {"repeats": tuple(step["repeats"])}) for step in drawn["steps"]], drawn["start_ns"], drawn["left_out"])


class Paper(Lines):
    """A text to be read."""

    has_cursor = False

    def __init__(self) -> None:
        super().__init__()
        self.message: dict[str, Any] = {"text": ""}
        self._drawn: list[Text] = []

    def show(self, message: dict[str, Any]) -> None:
        """Show another message from its beginning."""
        self.message, self.top = message, 0
        self.on_resize()

    def on_resize(self) -> None:
        """Fold the lines anew."""
        self._drawn = lines.raw(self.message, max(1, self.size.width))
        self.settle()

    def count(self) -> int:
        """Return how many lines there are."""
        return len(self._drawn)

    def text(self, number: int) -> Text:
        """Return a line."""
        return self._drawn[number].copy()


class MessageScreen(Base):
    """One message as it was on the wire."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter", "app.pop_screen"),
        ("n,space", "turn(1)"),
        ("p", "turn(-1)"),
        ("f2,s,S", "save"),
    ]

    def __init__(self, uid: str, number: int) -> None:
        super().__init__()
        self.uid = uid
        self.number = number
        self.messages: list[dict[str, Any]] = []

    def compose(self) -> ComposeResult:
        """Lay the screen out: which message, its text, keys."""
        self.top, self.way, self.foot = (Static(classes="line", markup=False) for _ in range(3))
        self.paper = Paper()
        yield from (self.top, self.way, self.paper, Static(classes="line said", markup=False), self.foot)

    async def on_mount(self) -> None:
        """Ask for the messages."""
        self.foot.update(hints(("Esc", "Back"), ("n", "Next"), ("p", "Previous"), ("F2", "Save")))
        self.paper.focus()
        found = await self.shared.ask("messages", uid=self.uid)
        if found is None:
            self.app.pop_screen()
        else:
            self.messages = found["messages"]
            self.action_turn(0)

    def action_turn(self, step: int) -> None:
        """Show the next or the previous message."""
        if not self.messages:
            return
        self.number = min(max(1, self.number + step), len(self.messages))
        one = self.messages[self.number - 1]
        self.top.update(Text(f"{self.number} of {len(self.messages)}  {safe(one['summary'])}", "bold", no_wrap=True, overflow="ellipsis"))
        repeated = "  repeated" if one["retransmission"] else ""
        words = f"{one['at']}  {one['source']} -> {one['destination']}  {one['transport']}{repeated}"
        self.way.update(Text(safe(words), "dim", no_wrap=True, overflow="ellipsis"))
        self.paper.show(one)

    async def action_save(self) -> None:
        """Save the call's messages."""
        await self.save(self.uid)
