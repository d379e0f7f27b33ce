"""Rules, the passive twin of the routing script: conditions over a message and its dialog, and what they do. Knows no file, no I/O."""

from dialogs.engine.rules.actions import Hands
from dialogs.engine.rules.compiled import MOMENTS, CompiledRule, compile_rules, run_rules
from dialogs.engine.rules.conditions import compile_condition
from dialogs.engine.rules.errors import RuleError
from dialogs.engine.rules.moment import Moment, Subject
from dialogs.engine.rules.variables import compile_template

__all__ = ["MOMENTS", "CompiledRule", "Hands", "Moment", "RuleError", "Subject", "compile_condition", "compile_rules", "compile_template", "run_rules"]
