"""The conditions' language: variables, texts, numbers, comparisons, and, or, not, functions. Knows moments; knows no action.

Parsed by lark into closures once. Adding a function is one entry in FUNCTIONS.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from operator import ge, gt, le, lt
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from dialogs.engine.fields import Scalar
from dialogs.engine.rules.errors import RuleError, nearest
from dialogs.engine.rules.moment import Moment
from dialogs.engine.rules.variables import Value, compile_template, compile_variable

Test = Callable[[Moment], bool]

GRAMMAR = r"""
?start: either
?either: both ("or" both)*
?both: unit ("and" unit)*
?unit: "not" unit -> negate
     | "(" either ")"
     | operand OPERATOR operand -> compare
     | operand -> holds
operand: VARIABLE | STRING | NUMBER | call
call: NAME "(" [operand ("," operand)*] ")"
OPERATOR: "==" | "!=" | "=~" | "!~" | "<=" | ">=" | "<" | ">"
VARIABLE: /\$[A-Za-z_]+(\([^()]*\))?/
NAME: /(?!(and|or|not)\b)[a-z_]+/
STRING: /"[^"]*"|'[^']*'/
NUMBER: /-?\d+/
%ignore /[ \t\r\n]+/
"""
WORDS = {
    "VARIABLE": "a variable such as $fU",
    "STRING": 'a "text"',
    "NUMBER": "a number",
    "NAME": "a function",
    "OPERATOR": "== != =~ !~ < > <= >=",
    "LPAR": '"("',
    "RPAR": '")"',
    "COMMA": '","',
    "AND": "and",
    "OR": "or",
    "NOT": "not",
    "$END": "the end",
}
GOT = re.compile(r"""\$?[\w.-]+|["'][^"']*["']?|[^\w\s"'$()]+|\S""")
"What stands where something else was expected."

ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, ">": gt, "<=": le, ">=": ge}


def _in_profile(moment: Moment, name: Scalar, value: Scalar = None) -> int:
    return moment.profiles.holds(moment.subject.profiles, str(name), None if value is None else str(value))


def _profile_size(moment: Moment, name: Scalar, value: Scalar = None) -> int:
    return moment.profiles.size(str(name), None if value is None else str(value)) or 0


def _flag_set(moment: Moment, number: Scalar) -> int:
    flag = _number(number)
    return moment.subject.sflags >> flag & 1 if flag is not None and flag >= 0 else 0


def _known(_moment: Moment) -> int:
    return 1  # a rule runs for a message of a known dialog only


FUNCTIONS: dict[str, tuple[Callable[..., Scalar], int, int]] = {
    "is_in_profile": (_in_profile, 1, 2),
    "get_profile_size": (_profile_size, 1, 2),
    "dlg_isflagset": (_flag_set, 1, 1),
    "is_known_dlg": (_known, 0, 0),
}
"Name -> (function of a moment and its arguments, fewest, most arguments)."


def compile_condition(condition: str) -> Test:
    """Return a condition as a function of a moment. Raises RuleError with the column and what was expected."""
    try:
        test: Test = _Compiler().transform(_PARSER.parse(condition))
    except UnexpectedInput as error:
        raise _unexpected(condition, error) from error
    except VisitError as error:
        raise error.orig_exc from error
    return test


def _unexpected(condition: str, error: UnexpectedInput) -> RuleError:
    """Return what could stand where the condition goes wrong, and what does."""
    so_far: Any = _PARSER.parse_interactive(condition)  # lark has no types for what follows
    with suppress(UnexpectedInput):
        so_far.exhaust_lexer()
    offset = len(condition.rstrip()) if getattr(error, "token", Token("", "")).type == "$END" else error.pos_in_stream or 0
    got = GOT.match(condition, offset)
    expected = ", ".join(sorted(WORDS[name] for name in so_far.accepts()))
    return RuleError(f"expected {expected}, got {got[0] if got else 'the end'}", offset=offset)


@contextmanager
def _at(token: Token) -> Iterator[None]:
    """Have a mistake in a token say where it stands."""
    try:
        yield
    except RuleError as error:
        error.offset = (token.start_pos or 0) + max(str(token).find(error.word), 0)
        raise


def _number(value: Scalar) -> int | None:
    if isinstance(value, int):
        return value
    text = str(value or "").strip()
    return int(text) if text.removeprefix("-").isdecimal() else None


def _equal(left: Scalar, right: Scalar) -> bool:
    """Compare as Kamailio does: numbers as numbers when either is one, else byte for byte; a missing value equals nothing."""
    if isinstance(left, int) or isinstance(right, int):
        one, other = _number(left), _number(right)
        return one is not None and one == other
    return left is not None and left == right


@v_args(inline=True)
class _Compiler(Transformer[Token, Any]):
    """Turns the parse tree into closures, leaf to root."""

    def operand(self, token: Token | Value) -> Value:
        if not isinstance(token, Token):
            return token
        if token.type == "VARIABLE":
            with _at(token):
                return compile_variable(str(token))
        if token.type == "NUMBER":
            number = int(token)
            return lambda _moment: number
        with _at(token):
            return compile_template(str(token)[1:-1])

    def call(self, name: Token, *arguments: Value | None) -> Value:
        given = [argument for argument in arguments if argument is not None]
        if name not in FUNCTIONS:
            raise RuleError(f"{name}() is not known here{nearest(name, FUNCTIONS)}", offset=name.start_pos or 0)
        function, fewest, most = FUNCTIONS[name]
        if not fewest <= len(given) <= most:
            wanted = f"{fewest} to {most} arguments" if most > fewest else fewest
            raise RuleError(f"{name}() takes {wanted}, not {len(given)}", offset=name.start_pos or 0)
        return lambda moment: function(moment, *(argument(moment) for argument in given))

    def holds(self, value: Value) -> Test:
        return lambda moment: bool(value(moment))

    def compare(self, left: Value, operator: Token, right: Value) -> Test:
        if operator in ("==", "!="):
            wanted = operator == "=="
            return lambda moment: _equal(left(moment), right(moment)) is wanted
        if operator in ORDER:
            order = ORDER[operator]

            def ordered(moment: Moment) -> bool:
                one, other = _number(left(moment)), _number(right(moment))
                return one is not None and other is not None and order(one, other)

            return ordered
        return self._match(left, operator, right)

    @staticmethod
    def _match(left: Value, operator: Token, right: Value) -> Test:
        try:
            pattern = re.compile(str(right(None)))  # type: ignore[arg-type]
        except AttributeError as error:
            raise RuleError(f'what follows {operator} must be a "regular expression", no variable', offset=operator.start_pos or 0) from error
        except re.error as error:
            raise RuleError(f'what follows {operator} must be a "regular expression": {error}', offset=operator.start_pos or 0) from error
        found = operator == "=~"
        return lambda moment: (pattern.search(str(left(moment) or "")) is not None) is found

    def negate(self, inner: Test) -> Test:
        return lambda moment: not inner(moment)

    def both(self, *tests: Test) -> Test:
        return lambda moment: all(test(moment) for test in tests)

    def either(self, *tests: Test) -> Test:
        return lambda moment: any(test(moment) for test in tests)


_PARSER = Lark(GRAMMAR, parser="lalr")
