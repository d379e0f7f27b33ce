"""How a table of calls is laid out: columns, order, density, page. All of it stands in the address. Knows columns; knows no filter and no socket."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from dashboard.live.columns import BY_NAME, COLUMNS, STANDARD, Column

DENSITIES = ("", "compact", "roomy")
NEWEST = ("-init_ns", "uid")
MOST_PAGES = 10_000
MOST_COLUMNS = 8
"That fit beside each other on a desk."


@dataclass(frozen=True, slots=True)
class Layout:
    """What somebody chose; what they did not choose is as it always is. Hashable, so that equal views share rendered rows."""

    columns: tuple[str, ...] = STANDARD
    sort: str = ""
    'A column\'s name, "-" before it to turn the order round; empty: newest first.'

    density: str = ""
    p: int = 1
    "The page, from 1."

    usual: tuple[str, ...] = STANDARD
    "The columns where none are chosen."

    masked: bool = False
    "Whether numbers are hidden from who looks."

    @classmethod
    def parse(cls, query: Mapping[str, str], usual: tuple[str, ...] = STANDARD, *, masked: bool = False) -> Self:
        """Return the layout that a query string (or a message of the browser) describes; what makes no sense is as if it were not there."""
        asked = str(query.get("columns") or "").split(",")
        if hasattr(query, "getlist"):
            asked += query.getlist("column")  # the chooser without script: one box each
        columns = tuple(column.name for column in COLUMNS if column.name in asked)
        sort, density, page = (str(query.get(name) or "") for name in ("sort", "density", "p"))
        column = BY_NAME.get(sort.removeprefix("-"))
        return cls(
            columns or usual,
            sort if column and column.sort and not (masked and column.personal) else "",
            density if density in DENSITIES else "",
            min(MOST_PAGES, max(1, int(page))) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
            usual,
            masked,
        )

    @property
    def parts(self) -> dict[str, str]:
        """What differs from the usual, as parts of a query string."""
        columns = "" if self.columns == self.usual else ",".join(self.columns)
        parts = {"columns": columns, "sort": self.sort, "density": self.density, "p": str(self.p) if self.p > 1 else ""}
        return {name: text for name, text in parts.items() if text}

    @property
    def query(self) -> str:
        """The same as a query string, without the question mark."""
        return urlencode(self.parts)

    @property
    def shown(self) -> list[Column]:
        """The columns in their order; those whose order would tell what is hidden have no field to sort by."""
        columns = (BY_NAME[name] for name in self.columns)
        return [column._replace(sort="") if self.masked and column.personal else column for column in columns]

    @property
    def wide(self) -> bool:
        """Whether there are so many columns that the table scrolls sideways."""
        return len(self.columns) > MOST_COLUMNS

    @property
    def newest(self) -> bool:
        """Whether this is the page that new calls come to."""
        return not self.sort and self.p == 1

    @property
    def order(self) -> tuple[str, ...]:
        """The fields to sort by."""
        if not self.sort:
            return NEWEST
        field = BY_NAME[self.sort.removeprefix("-")].sort
        return (turned(field) if self.sort.startswith("-") else field, *NEWEST)

    def with_(self, **changes: object) -> "Layout":
        """Return the layout with something else in it."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def next_sort(self, name: str) -> str:
        """Return what a click on a column's head asks for: rising, falling, newest first."""
        return {name: f"-{name}", f"-{name}": ""}.get(self.sort, name)


def turned(field: str) -> str:
    """Return the opposite order of a field."""
    return field[1:] if field.startswith("-") else f"-{field}"
