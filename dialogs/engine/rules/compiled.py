"""Rules compiled from the configuration, by moment. Knows the configuration's values; knows no file."""

from collections import Counter
from typing import NamedTuple

from dialogs.config import Config, Rule
from dialogs.engine.rules.actions import Action, Hands, compile_action
from dialogs.engine.rules.conditions import Test, compile_condition
from dialogs.engine.rules.errors import RuleError
from dialogs.engine.rules.moment import Moment
from dialogs.engine.states import CONFIRMED, EARLY, REQ, REQPRACK, Input, State

MOMENTS = ("created", "early", "confirmed", "request", "end", "failed")
"""When rules run: an initial INVITE passes; the first 1xx; the ACK of the 2xx; any other request inside; BYE or time-out; a negative final answer."""

Rules = dict[str, tuple["CompiledRule", ...]]


class CompiledRule(NamedTuple):
    """A rule ready to run."""

    test: Test
    actions: tuple[Action, ...]


def compile_rules(config: Config) -> Rules:
    """Return the rules by moment. Without any, the default: each call enters profile "caller" with its From URI. Raises RuleError."""
    rules = config.rule or (Rule(do=({"set_profile": ["caller", "$fu"]},)),)
    found: Rules = {}
    for number, rule in enumerate(rules, 1):
        found[rule.on] = (*found.get(rule.on, ()), _compile(number, rule))
    return found


def _compile(number: int, rule: Rule) -> CompiledRule:
    key = "on"
    try:
        if rule.on not in MOMENTS:
            raise RuleError(f"expected {', '.join(MOMENTS)}, got {rule.on!r}")
        key = "when"
        test = compile_condition(rule.when) if rule.when.strip() else _always
        key = "do"
        return CompiledRule(test, _actions(rule))
    except RuleError as error:
        raise error.placed(number, key) from error.__cause__


def _actions(rule: Rule) -> tuple[Action, ...]:
    made: list[Action] = []
    seen: Counter[str] = Counter()
    for name, arguments in ((name, arguments) for action in rule.do for name, arguments in action.items()):
        try:
            made.append(compile_action(name, arguments if isinstance(arguments, list) else [arguments]))
        except RuleError as error:
            if not error.word:
                error.word, error.nth = name, seen[name]
            raise
        seen[name] += 1
    return tuple(made)


def _always(_moment: Moment) -> bool:
    return True


def run_rules(rules: tuple[CompiledRule, ...], moment: Moment, hands: Hands) -> None:
    """Run the rules of one moment in order; each sees what those before it did."""
    for rule in rules:
        if rule.test(moment):
            for action in rule.actions:
                action(moment, hands)


def moment_of(before: State, after: State, asked: Input) -> str:
    """Return the rules' moment that a move is, "" for none; the ends have their own."""
    if after is not before:
        return {EARLY: "early", CONFIRMED: "confirmed"}.get(after, "")
    return "request" if asked in (REQ, REQPRACK) else ""
