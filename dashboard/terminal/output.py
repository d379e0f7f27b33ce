"""Rows on stdout: a table by rich on a terminal, aligned plain text in a pipe. Knows nothing of calls.

In a pipe nothing is cut, coloured or drawn, one line a row, "-" for nothing: what `grep`, `awk` and `cut` want. Rich is not even read then: it
costs as long as all the rest, and a second for some thousand rows.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dashboard.terminal.door import Reply
from dashboard.terminal.words import safe, safe_json

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

GAP = "  "


class Column(NamedTuple):
    """A column: its title, whether its values are numbers, the least width of a terminal that shows it, whether it shares what width is left."""

    title: str
    right: bool = False
    from_width: int = 0
    shares: bool = False


class Cell(NamedTuple):
    """A value with a colour of the terminal's own sixteen, or with another word in a pipe."""

    value: str
    style: str = ""
    piped: str = ""


Rows = Sequence[Sequence[Cell | str | int]]


def on_terminal() -> bool:
    """Return whether a person reads stdout."""
    return sys.stdout.isatty()


def say(line: object) -> None:
    """Print a line of stdout, made safe."""
    sys.stdout.write(safe(line) + "\n")


def note(line: object) -> None:
    """Print a line beside the answer: on stderr."""
    sys.stderr.write(safe(line) + "\n")


def show_json(reply: Reply) -> None:
    """Print an answer as it came; on a terminal with what is unprintable as JSON's own escapes. A fault is still raised."""
    if on_terminal():
        sys.stdout.write(safe_json(reply.line.decode("utf-8", "replace").rstrip("\n")) + "\n")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(reply.line)
        sys.stdout.buffer.flush()
    if reply.fault is not None:
        raise reply.fault


def show(columns: Sequence[Column], rows: Rows) -> None:
    """Print rows under their titles; every value is made safe here."""
    if on_terminal():
        from rich.console import Console  # noqa: PLC0415 -- slow import

        console = Console(highlight=False, markup=False, emoji=False)
        console.print(table(columns, rows, console.width))
    else:
        sys.stdout.write(plain(columns, rows))


def plain(columns: Sequence[Column], rows: Rows) -> str:
    """Return aligned lines; a title is one lower-case word."""
    texts = [[column.title.lower().replace(" ", "-") for column in columns], *([_piped(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    layout = [(column.right, width) for column, width in zip(columns, widths, strict=True)]
    lines = (GAP.join(text.rjust(width) if right else text.ljust(width) for text, (right, width) in zip(line, layout, strict=True)).rstrip() for line in texts)
    return "".join(line + "\n" for line in lines)


def _piped(cell: Cell | str | int) -> str:
    return safe((cell.piped or cell.value) if isinstance(cell, Cell) else cell) or "-"


def table(columns: Sequence[Column], rows: Rows, width: int) -> "Table":
    """Return a rich table for a terminal of this width: no lines, one row a line, cut values end in an ellipsis."""
    from rich.table import Table  # noqa: PLC0415 -- slow import

    shown = [at for at, column in enumerate(columns) if column.from_width <= width]
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=any(column.shares for column in columns), header_style="bold")
    for at in shown:
        column = columns[at]
        drawn.add_column(column.title, justify="right" if column.right else "left", no_wrap=True, overflow="ellipsis", ratio=1 if column.shares else None)
    for row in rows:
        drawn.add_row(*(_drawn(row[at]) for at in shown))
    return drawn


def _drawn(cell: Cell | str | int) -> "Text":
    from rich.text import Text  # noqa: PLC0415 -- slow import

    return Text(safe(cell.value), cell.style) if isinstance(cell, Cell) else Text(safe(cell))
