"""The conditions' language, and what it says about mistakes."""

import pytest

from dialogs.engine.rules import RuleError, compile_condition
from tests.dialogs.engine.rules.moments import moment

TRUE = (
    '$tU =~ "^00"',
    '$tU !~ "^1"',
    '$fU == "alice"',
    "$fU != 'bob'",
    'not $fU == "bob"',
    '$fU == "bob" or $tU == "0049"',
    '$fU == "alice" and not ($tU =~ "^1" or $tU =~ "^2")',
    "$cs == 3 and $cs != 4 and $cs < 4 and $cs <= 3 and $cs > -1 and $cs >= 3",
    '$cs == "3" and not $fU < 3 and not $tn == 3',
    '$hdr(X-Customer) == 7 and $hdr(x-none) != "7"',
    '$hdr(x-none) =~ "^$"',
    "$fU and not $hdr(x-none)",
    'is_in_profile("caller")',
    'is_in_profile("caller", "$fu") and not is_in_profile("caller", "sip:eve@h") and not is_in_profile("none")',
    'get_profile_size("caller") == 1 and get_profile_size("caller", "$fu") <= 1 and get_profile_size("none") == 0',
    'dlg_isflagset(3) and not dlg_isflagset(4) and not dlg_isflagset("x") and not dlg_isflagset(-1)',
    "is_known_dlg()",
)


@pytest.mark.parametrize("condition", TRUE)
def test_condition_holds(condition):
    assert compile_condition(condition)(moment()) is True
    assert compile_condition(f"not ({condition})")(moment()) is False


MISTAKES = {
    '$tU = "x"': "expected == != =~ !~ < > <= >=, and, or, the end, got =",
    "$tU ==": "expected",
    "": "expected",
    '$tX == "x"': "$tX is no variable known here",
    "$dlg(nope) == 1": "$dlg(nope) is not known",
    "$dlg_ctx(nope) == 1": "$dlg_ctx(nope) is not known",
    '$tU =~ "("': "regular expression",
    "$tU =~ $fU": "regular expression",
    '($tU == "x"': "expected",
    "nonsense()": "nonsense() is not known here; there are is_in_profile",
    "is_in_profile()": "is_in_profile() takes 1 to 2 arguments, not 0",
    "is_known_dlg(1)": "is_known_dlg() takes 0, not 1",
}


@pytest.mark.parametrize(("condition", "words"), MISTAKES.items())
def test_mistake_says_what_is_wrong(condition, words):
    with pytest.raises(RuleError) as error:
        compile_condition(condition)
    assert words in str(error.value)
