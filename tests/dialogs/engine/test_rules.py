"""The rules' language, and what it says about mistakes."""

import pytest

from dialogs.config import Config, Rule
from dialogs.engine.rules import RuleError, compile_condition, compile_rules, compile_template
from dialogs.sip import parse

INVITE = parse(
    b"INVITE sip:00491@gw.example SIP/2.0\r\nFrom: Al <sip:alice@example.org>;tag=x\r\nTo: <sip:0049@example.org>\r\n"
    b"Call-ID: c\r\nCSeq: 3 INVITE\r\nUser-Agent: phone\r\n\r\n",
)

TRUE = (
    '$tU =~ "^00"',
    '$tU !~ "^1"',
    '$fU == "alice"',
    "$fU != 'bob'",
    'not $fU == "bob"',
    '$fU == "bob" or $tU == "0049"',
    '$fU == "alice" and not ($tU =~ "^1" or $tU =~ "^2")',
    '$fu == "sip:alice@example.org" and $fd == "example.org" and $ft == "x" and $fn == "Al"',
    '$tu == "sip:0049@example.org" and $td == "example.org" and $ru == "sip:00491@gw.example" and $rU == "00491" and $rd == "gw.example"',
    '$rm == "INVITE" and $ci == "c" and $cs == 3 and $ua == "phone"',
)


@pytest.mark.parametrize("condition", TRUE)
def test_condition_holds(condition):
    assert compile_condition(condition)(INVITE) is True
    assert compile_condition(f"not ({condition})")(INVITE) is False


MISTAKES = {
    '$tU = "x"': "column 5: expected",
    "$tU ==": "expected",
    '$tX == "x"': "$tX is no variable known here",
    '$tU =~ "("': "regular expression",
    "$tU =~ $fU": "regular expression",
    '($tU == "x"': "expected",
}


@pytest.mark.parametrize(("condition", "words"), MISTAKES.items())
def test_mistake_says_what_is_wrong(condition, words):
    with pytest.raises(RuleError) as error:
        compile_condition(condition)
    assert words in str(error.value)


def test_template_fills_variables():
    assert compile_template("$fU")(INVITE) == "alice"
    assert compile_template("$fU at $fd!")(INVITE) == "alice at example.org!"
    assert compile_template("plain")(INVITE) == "plain"
    assert compile_template("<$fn>")(parse(b"INVITE sip:b SIP/2.0\r\n\r\n")) == "<>"


def test_default_rule_is_the_caller_profile():
    (rule,) = compile_rules(Config())
    assert [(name, value(INVITE)) for name, value in rule.profiles] == [("caller", "sip:alice@example.org")]
    assert rule.test(INVITE)


BAD_RULES = {
    "unknown action": Rule(do=({"terminate": ["x"]},)),
    "too many words": Rule(do=({"set_profile": ["a", "b", "c"]},)),
    "bad condition": Rule(when="nonsense", do=({"set_profile": ["a"]},)),
    "bad template": Rule(do=({"set_profile": ["a", "$nope"]},)),
}


@pytest.mark.parametrize("rule", BAD_RULES.values(), ids=BAD_RULES)
def test_bad_rule_is_named(rule):
    with pytest.raises(RuleError):
        compile_rules(Config(rule=(rule,)))
