"""What could stand next in a query, for the search box: text up to the cursor -> whole texts. Knows the grammar and the fields; no table is asked."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lark.exceptions import UnexpectedInput

from dashboard.query.alerts import SCHEMAS
from dashboard.query.fields import Field
from dashboard.query.tree import LONGEST, VALUES, expecting, quoted

MOST = 12

TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[!<>=~]+|[(),]|[^\s(),!<>=~"']+""", re.DOTALL)
SIGNS = re.compile(r"[(),!<>=~]")
NEGATIVE = {"=": "!=", "~": "!~", "startswith": "not startswith", "endswith": "not endswith", "in": "not in"}
JOINING = {"AND": "and", "OR": "or", "LPAR": "(", "RPAR": ")", "COMMA": ","}
"What the grammar may expect beside names, operators and values."


class Offer(NamedTuple):
    """One way on."""

    text: str
    "The whole text up to the cursor, when this is taken."

    word: str
    means: str = ""


def offers(text: str, about: str = "calls") -> list[Offer]:
    """Return at most MOST ways on from a question about calls or alerts, in which the last word may be half.

    None where no query is being written, as in plain words.
    """
    if len(text) > LONGEST:
        return []
    *_, last = ("", *TOKEN.findall(text))
    typed = "" if SIGNS.match(last) or not text.endswith(last) else last
    before = text.removesuffix(typed)
    found = ((word, means) for word, means in _following(before, SCHEMAS[about]) if _fits(word, typed.lower()))
    return [Offer(f"{before}{word} ", word, means) for (word, means), _ in zip(found, range(MOST), strict=False)]


def _fits(word: str, typed: str) -> bool:
    """Return whether a word goes on from what is typed of it; a value also from what is typed without its quotes."""
    if word.startswith('"'):
        return word != typed and word[1:].startswith(typed.lstrip("\"'"))
    return word != typed and word.startswith(typed)


def _following(text: str, fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    """Yield each word that fits behind whole words, with its meaning."""
    try:
        tokens, accepts = expecting(text)
    except UnexpectedInput:
        return
    field = next((fields.get(token.lower()) for token in reversed(tokens) if token.type == "NAME"), None)
    if "NAME" in accepts:
        yield from ((name, one.means) for name, one in fields.items())
    elif field is None:
        return
    elif accepts >= VALUES:
        yield from ((quoted(value), "") for value in field.values)
    elif "IN" in accepts:
        yield from _operators(field.operators, negated="OPERATOR" not in accepts)
    else:
        yield from ((word, "") for terminal, word in JOINING.items() if terminal in accepts)


def _operators(operators: tuple[str, ...], *, negated: bool) -> Iterator[tuple[str, str]]:
    """Yield a field's operators with their opposites; behind a "not" (`negated`) those that are words."""
    for operator in operators:
        if not negated or operator.isalpha():
            yield operator, ""
        if not negated and operator in NEGATIVE:
            yield NEGATIVE[operator], ""
