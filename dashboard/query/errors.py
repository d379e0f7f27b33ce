"""The one exception of the query language: what is wrong, and where. Knows nothing."""


class QueryError(ValueError):
    """A query cannot be understood. `text` is kept as it was typed, so that nobody has to type it again."""

    def __init__(self, why: str, offset: int, length: int = 1) -> None:
        """`offset`, `length`: characters of the text that are meant, the first one is 0."""
        super().__init__(why)
        self.why = why
        self.offset = offset
        self.length = max(1, length)
        self.text = ""

    @property
    def column(self) -> int:
        """Where, counted from 1."""
        return self.offset + 1

    @property
    def caret(self) -> str:
        """The text in one line, and below it what marks the spot: for a fixed-width font."""
        line = "".join(char if char.isprintable() else " " for char in self.text)
        return f"{line}\n{' ' * self.offset}{'^' * max(1, min(self.length, len(line) - self.offset))}"

    def __str__(self) -> str:
        return f"column {self.column}: {self.why}"
