"""The grammar of queries: text -> comparisons joined by and, or, not. Knows no field, no table, no time.

The syntax is DjangoQL's (so who knows that knows this), with three differences: words may stand without quotes, `and` binds closer than `or`, and
every node knows where it stands. LALR: linear in the length of the text, whatever it holds.
"""

import difflib
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from dashboard.query.errors import QueryError

LONGEST = 1000
"Characters of a query."

MOST_COMPARISONS = 40
MOST_VALUES = 100
"Values of one list."

DEEPEST = 20

GRAMMAR = r"""
?start: either
?either: both ("or"i both)* -> either
?both: unit ("and"i unit)* -> both
?unit: "not"i unit -> negate
     | "(" either ")"
     | NAME OPERATOR value -> compare
     | NAME "in"i "(" value ("," value)* ")" -> member
     | NAME "not"i "in"i "(" value ("," value)* ")" -> no_member
     | NAME "startswith"i value -> begins
     | NAME "not"i "startswith"i value -> begins_not
     | NAME "endswith"i value -> ends
     | NAME "not"i "endswith"i value -> ends_not
?value: STRING | BARE
OPERATOR: "!=" | "!~" | "<=" | ">=" | "=" | "~" | "<" | ">"
NAME: /[a-z_][a-z0-9_]*/i
STRING: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/
BARE: /[^\s()"',=!~<>]+/
%ignore /\s+/
"""
WORDS = {
    "NAME": "a field such as state",
    "STRING": 'a "text"',
    "BARE": "a number",
    "OPERATOR": "= != ~ !~ < <= > >=",
    "LPAR": '"("',
    "RPAR": '")"',
    "COMMA": '","',
    "$END": "the end",
}
VALUES = {"STRING", "BARE"}
GOT = re.compile(r"""\w+|["'][^"']*["']?|[^\w\s"'()]+|\S""")
"What stands where something else was expected."

ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Value(NamedTuple):
    """What a field is compared with."""

    text: str
    "Without quotes."

    offset: int
    length: int


class Compare(NamedTuple):
    """One comparison. `operator` is never a negative one: that is a Not around it."""

    name: str
    name_offset: int
    operator: str
    operator_offset: int
    values: tuple[Value, ...]
    written: str
    "The operator as it stands there."

    depth: int = 1
    size: int = 1


class Not(NamedTuple):
    """What is true when its part is not."""

    part: Any
    depth: int
    size: int


class Joined(NamedTuple):
    """Parts that must all hold (`all_of`), or one of which must."""

    all_of: bool
    parts: tuple[Any, ...]
    depth: int
    size: int


Node = Compare | Not | Joined


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    def either(self, *parts: Node) -> Node:
        return _joined(parts, all_of=False)

    def both(self, *parts: Node) -> Node:
        return _joined(parts, all_of=True)

    def negate(self, part: Node) -> Not:
        return Not(part, part.depth + 1, part.size)

    def compare(self, name: Token, operator: Token, value: Token) -> Node:
        positive = str(operator).removeprefix("!") if str(operator) in ("!=", "!~") else str(operator)
        return _compare(name, positive, (value,), str(operator), operator.start_pos or 0, negative=positive != operator)

    def member(self, name: Token, *values: Token) -> Node:
        return _compare(name, "in", values, "in")

    def no_member(self, name: Token, *values: Token) -> Node:
        return _compare(name, "in", values, "not in", negative=True)

    def begins(self, name: Token, value: Token) -> Node:
        return _compare(name, "startswith", (value,), "startswith")

    def begins_not(self, name: Token, value: Token) -> Node:
        return _compare(name, "startswith", (value,), "not startswith", negative=True)

    def ends(self, name: Token, value: Token) -> Node:
        return _compare(name, "endswith", (value,), "endswith")

    def ends_not(self, name: Token, value: Token) -> Node:
        return _compare(name, "endswith", (value,), "not endswith", negative=True)


def _compare(name: Token, operator: str, values: Iterable[Token], written: str, offset: int = -1, *, negative: bool = False) -> Node:
    at = name.start_pos or 0
    found = Compare(str(name), at, operator, offset if offset >= 0 else at + len(name) + 1, tuple(_value(value) for value in values), written)
    if len(found.values) > MOST_VALUES:
        raise QueryError(f"at most {MOST_VALUES} values fit in one list", found.values[MOST_VALUES].offset, found.values[MOST_VALUES].length)
    return Not(found, 2, 1) if negative else found


def _value(token: Token) -> Value:
    text = ESCAPED.sub(r"\1", str(token)[1:-1]) if token.type == "STRING" else str(token)
    return Value(text, token.start_pos or 0, len(token))


def _joined(parts: tuple[Node, ...], *, all_of: bool) -> Node:
    if len(parts) == 1:
        return parts[0]
    return Joined(all_of, parts, 1 + max(part.depth for part in parts), sum(part.size for part in parts))


_PARSER = Lark(GRAMMAR, parser="lalr", lexer="contextual", transformer=_Builder())
_PLAIN = Lark(GRAMMAR, parser="lalr", lexer="contextual")
"The same without its builder: asked what could stand where something does not fit."


def parse(text: str) -> Node:
    """Return the tree of a query. Raises QueryError with the spot and what was expected there."""
    try:
        _check(text)
        tree: Node = _PARSER.parse(text)  # type: ignore[assignment]  # what the builder returns
        if tree.size > MOST_COMPARISONS:
            raise QueryError(f"at most {MOST_COMPARISONS} comparisons fit in one query", 0, len(text))
        if tree.depth > DEEPEST:
            raise QueryError("this is nested too deeply: leave out some parentheses or nots", 0, len(text))
    except QueryError as error:
        error.text = text
        raise
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            error.orig_exc.text = text
            raise error.orig_exc from error
        raise
    except UnexpectedInput as error:
        raise _unexpected(text, error) from error
    return tree


def _check(text: str) -> None:
    """Refuse what is too long, and what no database takes for text."""
    if len(text) > LONGEST:
        raise QueryError(f"a query may have {LONGEST} characters", LONGEST, len(text) - LONGEST)
    for offset, char in enumerate(text):
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise QueryError("this character cannot be searched for", offset)


def _unexpected(text: str, error: UnexpectedInput) -> QueryError:
    """Return what could stand where the query goes wrong, and what does."""
    why, offset, length = _wrong(text, error)
    found = QueryError(why, offset, length)
    found.text = text
    return found


def _wrong(text: str, error: UnexpectedInput) -> tuple[str, int, int]:
    so_far: Any = _PLAIN.parse_interactive(text)  # lark has no types for what follows
    with suppress(UnexpectedInput):
        so_far.exhaust_lexer()
    end = getattr(error, "token", Token("", "")).type == "$END"
    offset = len(text.rstrip()) if end else error.pos_in_stream or 0
    got = None if end else GOT.match(text, offset)
    expected = _expected(set(so_far.accepts()))
    if got and got[0][0] in "\"'" and (got[0] == got[0][0] or got[0][-1] != got[0][0]):
        return f"this text has no end: close it with {got[0][0]}", offset, len(got[0])
    return f"expected {expected}, got {got[0] if got else 'the end'}", offset, len(got[0]) if got else 1


def _expected(accepts: set[str]) -> str:
    if accepts >= VALUES:
        return 'a "text", a number or a word'
    return ", ".join(sorted(WORDS.get(name, name.lower()) for name in accepts))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the question after a word that is not known, or all that there are."""
    words = list(known)
    alike = difflib.get_close_matches(word.lower(), words, 1)
    return f"; did you mean {alike[0]}?" if alike else f"; there are {' '.join(words)}"


def quoted(text: str) -> str:
    """Return a text as a query writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
