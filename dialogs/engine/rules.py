"""Rules, the passive twin of the routing script: conditions over an INVITE and what they do. Knows messages; knows no dialog, no file.

The condition language is a small part of Kamailio's: pseudo-variables, strings, == != =~ !~, and, or, not, ( ). It is parsed
by lark into closures once; a mistake says where it stands and what was expected.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from dialogs.config import Config, Rule
from dialogs.sip import URI, Message

Test = Callable[[Message], bool]
Value = Callable[[Message], str | None]

VARIABLES: dict[str, Value] = {
    "$fu": lambda m: m.from_.uri,
    "$fU": lambda m: URI.parse(m.from_.uri).user or None,
    "$fd": lambda m: URI.parse(m.from_.uri).host or None,
    "$ft": lambda m: m.from_.tag or None,
    "$fn": lambda m: m.from_.name or None,
    "$tu": lambda m: m.to.uri,
    "$tU": lambda m: URI.parse(m.to.uri).user or None,
    "$td": lambda m: URI.parse(m.to.uri).host or None,
    "$ru": lambda m: m.request_uri,
    "$rU": lambda m: URI.parse(m.request_uri).user or None,
    "$rd": lambda m: URI.parse(m.request_uri).host or None,
    "$rm": lambda m: m.method,
    "$ci": lambda m: m.header("call-id"),
    "$cs": lambda m: m.cseq_text,
    "$ua": lambda m: m.header("user-agent"),
}

GRAMMAR = r"""
?start: either
?either: both ("or" both)*
?both: unit ("and" unit)*
?unit: "not" unit -> negate
     | "(" either ")"
     | operand OPERATOR operand -> compare
operand: VARIABLE | STRING | NUMBER
OPERATOR: "==" | "!=" | "=~" | "!~"
VARIABLE: /\$[A-Za-z_]+/
STRING: /"[^"]*"|'[^']*'/
NUMBER: /\d+/
%ignore /[ \t\r\n]+/
"""


class RuleError(ValueError):
    """A rule cannot be understood; the text says which, where and what was expected."""


class CompiledRule(NamedTuple):
    """A rule ready to run."""

    on: str
    test: Test
    profiles: tuple[tuple[str, Value | None], ...]
    "(profile, value or None)."


def compile_rules(config: Config) -> tuple[CompiledRule, ...]:
    """Return the configuration's rules compiled; without any, the default: profile "caller" with the From URI.

    Raises RuleError.
    """
    rules = config.rule or (Rule(do=({"set_profile": ["caller", "$fu"]},)),)
    return tuple(_compile(rule, f"rule {number}") for number, rule in enumerate(rules, 1))


def _compile(rule: Rule, where: str) -> CompiledRule:
    try:
        test = compile_condition(rule.when) if rule.when.strip() else _always
    except RuleError as error:
        raise RuleError(f"{where}: {error}") from error
    profiles: list[tuple[str, Value | None]] = []
    for action in rule.do:
        for name, arguments in action.items():
            if name != "set_profile" or len(arguments) not in (1, 2):
                raise RuleError(f'{where}: do = [{{{name} = ...}}] is not known here; expected {{set_profile = ["name"]}} or ["name", "value"]')
            profiles.append((arguments[0], compile_template(arguments[1]) if len(arguments) > 1 else None))
    return CompiledRule(rule.on, test, tuple(profiles))


def compile_condition(condition: str) -> Test:
    """Return a condition as a function of a message. Raises RuleError with the column and what was expected."""
    try:
        return _Compiler().transform(_PARSER.parse(condition))
    except UnexpectedInput as error:
        expected = ", ".join(sorted(_words(error)))
        raise RuleError(f"when = '{condition}': column {max(error.column, 1)}: expected {expected}") from error
    except VisitError as error:
        raise RuleError(f"when = '{condition}': {error.orig_exc}") from error


def _words(error: UnexpectedInput) -> set[str]:
    names = {
        "VARIABLE": "a variable such as $fU",
        "STRING": 'a "string"',
        "NUMBER": "a number",
        "OPERATOR": "== != =~ or !~",
        "LPAR": "(",
        "RPAR": ")",
        "AND": "and",
        "OR": "or",
        "NOT": "not",
        "$END": "the end",
    }
    found = getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    return {names.get(name, name) for name in found}


def compile_template(template: str) -> Value:
    """Return a text with pseudo-variables as a function of a message; an empty variable makes the empty text. Raises RuleError."""
    parts = re.split(r"(\$[A-Za-z_]+)", template)
    for part in parts[1::2]:
        _variable(part)
    if len(parts) == 3 and not parts[0] and not parts[2]:
        return VARIABLES[parts[1]]
    return lambda message: "".join((VARIABLES[part](message) or "") if i % 2 else part for i, part in enumerate(parts))


def _always(_message: Message) -> bool:
    return True


def _variable(name: str) -> Value:
    if name not in VARIABLES:
        raise RuleError(f"{name} is no variable known here; there are {' '.join(VARIABLES)}")
    return VARIABLES[name]


@v_args(inline=True)
class _Compiler(Transformer[Token, Test]):
    """Turns the parse tree into closures, leaf to root."""

    def operand(self, token: Token) -> Value:
        if token.type == "VARIABLE":
            return _variable(str(token))
        literal = str(token).strip("\"'")
        return lambda _message: literal

    def compare(self, left: Value, operator: Token, right: Value) -> Test:
        if operator in ("==", "!="):
            equal = operator == "=="
            return lambda message: (left(message) == right(message)) is equal
        try:
            pattern = re.compile(right(None) or "")  # type: ignore[arg-type]
        except (re.error, AttributeError) as error:
            raise RuleError(f'what follows {operator} must be a "regular expression": {error}') from error
        found = operator == "=~"
        return lambda message: (pattern.search(left(message) or "") is not None) is found

    def negate(self, inner: Test) -> Test:
        return lambda message: not inner(message)

    def both(self, *tests: Test) -> Test:
        return lambda message: all(test(message) for test in tests)

    def either(self, *tests: Test) -> Test:
        return lambda message: any(test(message) for test in tests)


_PARSER = Lark(GRAMMAR, parser="lalr")
