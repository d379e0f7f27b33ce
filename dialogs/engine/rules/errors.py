"""The one exception of the rules. Knows nothing."""

import difflib
from collections.abc import Iterable


class RuleError(ValueError):
    """A rule cannot be understood; the text says which, where and what was expected. The rest is for who knows the file that it stands in."""

    number = 0
    "Which rule, from 1."

    key = ""
    '"on", "when" or "do".'

    def __init__(self, why: str, *, offset: int = -1, word: str = "", nth: int = 0) -> None:
        super().__init__(why)
        self.why = why
        "What is wrong, without where."

        self.offset = offset
        "Where in the condition, from 0; -1 when that is not known."

        self.word = word
        "A word of the rule that is wrong."

        self.nth = nth
        "Which of the places where this word stands in the rule, from 0."

    def placed(self, number: int, key: str) -> "RuleError":
        """Return it with the rule and the key that it is about."""
        self.number, self.key = number, key
        column = f" column {self.offset + 1}:" if self.offset >= 0 else ""
        self.args = (f"rule {number}: {key}:{column} {self.why}",)
        return self


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the question after a word that is not known, or all that there are."""
    words = list(known)
    alike = difflib.get_close_matches(word, words, 1)
    return f"; did you mean {alike[0]}?" if alike else f"; there are {' '.join(words)}"
