"""A part of the screen that shows lines and has a cursor. Knows keys and textual; knows no call."""

from abc import abstractmethod
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

SIDEWAYS = 16


class Lines(Widget, can_focus=True):
    """Draws only the lines that are on the screen; a line is made when it is drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("up,k", "move(-1)"),
        ("down,j", "move(1)"),
        ("pageup,ctrl+b", "page(-1)"),
        ("pagedown,ctrl+f", "page(1)"),
        ("home", "end(-1)"),
        ("end", "end(1)"),
        ("left", "aside(-1)"),
        ("right", "aside(1)"),
        ("enter", "open"),
    ]
    has_cursor = True

    class Moved(Message):
        """The cursor is on another line."""

    class Opened(Message):
        """Enter was pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.cursor = 0
        self.top = 0
        self.aside = 0

    # What a kind of lines says

    @abstractmethod
    def count(self) -> int:
        """Return how many lines there are."""

    @abstractmethod
    def text(self, number: int) -> Text:
        """Return a line."""

    def rests(self, number: int) -> bool:
        """Return whether the cursor may be on this line."""
        return True

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Return the line at a height."""
        number, width = self.top + y, self.size.width
        if number >= self.count():
            return Strip.blank(width)
        text = self.text(number)
        if self.has_cursor and number == self.cursor:
            text.stylize("reverse")
        strip = Strip(text.render(self.app.console), text.cell_len)
        return strip.crop(self.aside, self.aside + width).extend_cell_length(width)

    def settle(self) -> None:
        """Keep cursor and top within what there is, and draw."""
        last, height = max(0, self.count() - 1), max(1, self.size.height)
        self.cursor = min(max(self.cursor, 0), last)
        if self.has_cursor:
            self.top = max(min(self.top, self.cursor), self.cursor - height + 1)
        self.top = max(0, min(self.top, self.count() - height))
        self.refresh()

    def on_resize(self) -> None:
        """Draw in the new size."""
        self.settle()

    # Keys

    def _go(self, to: int, step: int) -> None:
        before = self.cursor
        to = min(max(to, 0), max(0, self.count() - 1))
        while 0 <= to < self.count() and not self.rests(to):
            to += step
        if self.has_cursor:
            self.cursor = to if 0 <= to < self.count() else before
        else:
            self.top = to
        self.settle()
        if self.cursor != before:
            self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        """Go a line up or down."""
        self._go((self.cursor if self.has_cursor else self.top) + step, step)

    def action_page(self, step: int) -> None:
        """Go a screen up or down."""
        self._go((self.cursor if self.has_cursor else self.top) + step * max(1, self.size.height - 1), step)

    def action_end(self, step: int) -> None:
        """Go to the first or the last line."""
        self._go(0 if step < 0 else self.count() - 1, -step)

    def action_aside(self, step: int) -> None:
        """Show what does not fit, to the left or right."""
        self.aside = max(0, self.aside + step * SIDEWAYS)
        self.refresh()

    def action_open(self) -> None:
        """Open what the cursor is on."""
        self.post_message(self.Opened())
