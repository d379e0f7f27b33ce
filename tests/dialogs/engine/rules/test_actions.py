"""What rules do, and when: ladders with rules over both views."""

import pytest

from dialogs.config import Config, Dialog, Rule
from dialogs.engine import Said
from dialogs.engine.rules import RuleError, compile_rules
from dialogs.engine.rules.actions import set_variable
from tests.dialogs.ladder import run

ANSWERED = "alice -> bob INVITE\nbob -> alice 180\nbob -> alice 200\nalice -> bob ACK\n"


def played(ladder, *rules, **dialog):
    """Return (engine, events, wire call, record) of a ladder under these rules."""
    engine, events = run(ladder, Config(dialog=Dialog(**dialog), rule=rules))
    return engine, events, next(engine.all_calls(), None), next(iter(engine.all_records()), None)


def said(events):
    return [(event.kind, event.text) for event in events if isinstance(event, Said)]


MOMENTS = {
    "created": ("alice -> bob INVITE", ["1 INVITE"]),
    "early": ("alice -> bob INVITE\nbob -> alice 180\nbob -> alice 183 to=c", ["2 180"]),
    "confirmed": (ANSWERED, ["4 ACK"]),
    "request": (ANSWERED + "alice -> bob INFO cseq=2\nbob -> alice INVITE reverse cseq=9", ["4 INFO", "4 INVITE"]),
    "end": (ANSWERED + "alice -> bob BYE cseq=2", ["5 BYE"]),
    "failed": ("alice -> bob INVITE\nbob -> alice 486", ["5 486"]),
}


@pytest.mark.parametrize(("on", "ladder", "expected"), [(on, *drawn) for on, drawn in MOMENTS.items()], ids=MOMENTS)
def test_rules_run_at_their_moment(on, ladder, expected):
    text = "$DLG_status $rs" if on in ("early", "failed") else "$DLG_status $rm"
    _, events, _, _ = played(ladder, Rule(on=on, do=({"log": text},)))
    assert said(events) == [("log", words) for words in expected]


def test_time_out_ends_over_a_faked_request():
    engine, events, _, _ = played(ANSWERED, Rule(on="end", do=({"log": "from=$fu to=$tu $rm duration=$DLG_lifetime"},)))
    assert said(events) == []
    ended = engine.expire(events[-1].at_ns + 21600 * 10**9)
    assert said(ended) == [("log", "from=sip:alice@example.org to=sip:bob@example.org BYE duration=21600")]


def test_profiles_are_entered_and_left():
    rules = (
        Rule(do=({"set_profile": ["total"]}, {"set_profile": ["caller", "$fu"]})),
        Rule(on="confirmed", do=({"unset_profile": ["total"]}, {"unset_profile": ["caller", "nobody"]})),
    )
    engine, _, call, record = played(ANSWERED, *rules, profiles_no_value=("total",))
    for table, subject in ((engine.calls, call), (engine.records, record)):
        assert ([name for name, _ in subject.profiles], table.profiles.size("total"), table.profiles.size("caller")) == (["caller"], 0, 1)


def test_variables_and_flags_live_on_both_views():
    rules = (
        Rule(do=({"set_var": ["queue", "$tU"]}, {"set_var": ["gone", "x"]}, {"set_flag": 3}, {"set_flag": 4})),
        Rule(on="early", when='$dlg_var(queue) == "bob" and dlg_isflagset(3)', do=({"unset_var": "gone"}, {"unset_var": "never"}, {"reset_flag": 4})),
    )
    engine, _, call, record = played("alice -> bob INVITE\nbob -> alice 180", *rules)
    assert [(subject.variables, subject.sflags) for subject in (call, record)] == [({"queue": "bob"}, 8)] * 2
    shown = engine.snapshot(call.uid)
    assert (shown.variables, shown.flags) == ((("queue", "bob"),), (3,))


def test_timeout_of_a_ringing_call_counts_from_the_answer():
    _, _, call, record = played(ANSWERED, Rule(do=({"set_timeout": 7200},)))
    assert (call.lifetime, record.lifetime, record.timeout_ns - record.start_ns) == (7200, 7200, 7200 * 10**9 + 11_000_000)


def test_timeout_of_an_answered_call_counts_from_now():
    rule = Rule(on="request", do=({"set_timeout": 60},))
    engine, events, _, record = played(ANSWERED + "+10s\nalice -> bob INFO cseq=2", rule, timeout_noreset=True)
    assert record.timeout_ns == events[-1].at_ns + 60 * 10**9
    engine.expire(events[-1].at_ns + 61 * 10**9)
    assert (engine.records.expired, engine.calls.expired) == (1, 1)


def test_ignored_call_leaves_no_trace():
    rules = (Rule(do=({"set_profile": ["caller", "$fu"]}, {"log": "x"})), Rule(when='$fU == "alice"', do=({"ignore": True},)))
    engine, events, call, record = played(ANSWERED, *rules)
    assert (events, call, record, engine.ignored, engine.outside) == ([], None, None, 1, 3)
    assert (engine.calls.processed, engine.records.processed, engine.calls.profiles.size("caller"), engine.records.profiles.size("caller")) == (0, 0, 0, None)


def test_record_of_a_second_attempt_may_be_ignored_alone():
    rules = (Rule(do=({"set_profile": ["caller", "$fu"]},)), Rule(when="$cs > 1", do=({"ignore": True},)))
    engine, _, call, record = played("alice -> bob INVITE\nbob -> alice 407\nalice -> bob INVITE cseq=2", *rules)
    assert (int(call.state), int(record.state), engine.records.processed, engine.records.profiles.size("caller")) == (1, 5, 1, 0)


def test_ignore_false_ignores_nothing():
    assert played("alice -> bob INVITE", Rule(do=({"ignore": False},)))[2] is not None


def test_call_beside_an_ignored_one_of_its_call_id_is_kept():
    rule = Rule(when='$ft == "e"', do=({"ignore": True},))
    engine, _, call, _ = played("alice -> bob INVITE\neve -> bob INVITE from=e", rule)
    assert (engine.ignored, call.caller.tag) == (1, b"a")


def test_speaking_actions_become_events_once():
    do = ({"alert": "$fU"}, {"webhook": "$tU"}, {"terminate": ["callee", "too long"]}, {"terminate": []})
    _, events, _, _ = played("alice -> bob INVITE", Rule(do=do))
    assert said(events) == [("alert", "alice"), ("webhook", "bob"), ("terminate", "callee: too long"), ("terminate", "both: ")]


@pytest.mark.parametrize(
    ("given", "rule", "on_call", "on_record"),
    [
        (False, (), 0, 0),
        (True, (), 1, 1),
        (False, (True,), 1, 1),
        (True, (False,), 0, 0),
        (False, (True, False), 0, 0),
    ],
)
def test_timeout_bye_is_of_each_dialog(given, rule, on_call, on_record):
    rules = (Rule(do=(*({"set_timeout_bye": yes} for yes in rule), {"log": "$dlg_ctx(timeout_bye)"})),)
    _, events, call, record = played("alice -> bob INVITE", *rules, send_bye=given)
    assert (call.field("iflags"), record.field("iflags"), said(events)) == (on_call, on_record, [("log", str(on_call))])


def test_timeout_bye_decides_how_the_record_expires():
    rules = (Rule(on="confirmed", do=({"set_timeout_bye": True},)),)
    engine, events, _, record = played(ANSWERED, *rules, default_timeout=4)
    engine.expire(events[-1].at_ns + 5 * 10**9)
    assert (record.expiring, record.state, engine.records.expired, engine.records.active) == (True, 4, 1, 1)  # until the proxy's BYE is answered
    engine.expire(events[-1].at_ns + 40 * 10**9)
    assert (engine.records.expired, engine.records.active) == (1, 0)


def test_variables_are_capped():
    _, _, call, _ = played("alice -> bob INVITE")
    assert [set_variable(call, f"v{number}", "x" * 5000) for number in range(66)] == [True] * 64 + [False] * 2
    assert (set_variable(call, "v0", "y"), len(call.variables["v1"])) == (True, 1024)


def test_memberships_of_a_call_are_capped():
    engine, _, call, _ = played("alice -> bob INVITE", Rule(do=({"set_profile": ["total"]},) * 70))
    assert (len(call.profiles), engine.calls.profiles.refused) == (64, 6)


MISTAKES = {
    "unknown action": ({"explode": "x"}, "explode is not known; there are set_profile"),
    "too many": ({"set_profile": ["a", "b", "c"]}, "set_profile takes text, text, not 3 of them"),
    "too few": ({"set_var": ["a"]}, "set_var takes text, text, not 1 of them"),
    "wrong type": ({"set_timeout": "x"}, "set_timeout takes number, not ['x']"),
    "no switch": ({"set_timeout_bye": 1}, "set_timeout_bye takes true or false, not [1]"),
    "no time": ({"set_timeout": 0}, "above 0"),
    "no such flag": ({"set_flag": 32}, "from 0 to 31"),
    "no such side": ({"terminate": ["both sides"]}, "expected caller, callee, both"),
    "bad template": ({"log": "$nope"}, "$nope is no variable"),
}


@pytest.mark.parametrize(("do", "words"), MISTAKES.values(), ids=MISTAKES)
def test_wrong_action_is_named(do, words):
    with pytest.raises(RuleError) as error:
        compile_rules(Config(rule=(Rule(), Rule(do=(do,)))))
    assert str(error.value).startswith("rule 2: ")
    assert words in str(error.value)


def test_unknown_moment_is_named():
    with pytest.raises(RuleError, match="rule 1: on: expected created, early"):
        compile_rules(Config(rule=(Rule(on="later"),)))


RECIPES = {
    "by prefix": (
        (
            Rule(when='$tU =~ "^00"', do=({"set_profile": ["international"]},)),
            Rule(when='$tU =~ "^0" and not $tU =~ "^00"', do=({"set_profile": ["domestic"]},)),
            Rule(when='not $tU =~ "^0"', do=({"set_profile": ["local"]},)),
        ),
        ["local"],
        [],
    ),
    "more than one call per caller": (
        (Rule(do=({"set_profile": ["caller", "$fu"]},)), Rule(when='get_profile_size("caller", "$fu") > 1', do=({"alert": "$fu has more than one call"},))),
        ["caller"],
        [("alert", "sip:alice@example.org has more than one call")],
    ),
    "bill as JSON": (
        (
            Rule(do=({"set_var": ["SetupTime", "$TS"]},)),
            Rule(on="confirmed", do=({"set_var": ["AnswerTime", "$TS"]},)),
            Rule(
                on="end",
                do=({"log": '{"From":"$fu","SetupTime":$dlg_var(SetupTime),"AnswerTime":$dlg_var(AnswerTime),"EndTime":$TS,"BillSec":$DLG_lifetime}'},),
            ),
        ),
        [],
        [("log", '{"From":"sip:alice@example.org","SetupTime":1700000000,"AnswerTime":1700000000,"EndTime":1700000000,"BillSec":0}')],
    ),
}


@pytest.mark.parametrize(("rules", "profiles", "spoken"), RECIPES.values(), ids=RECIPES)
def test_recipes_people_start_from(rules, profiles, spoken):
    engine, events = run(ANSWERED + "alice -> bob BYE cseq=2\nalice -> bob INVITE callid=2\nalice -> bob INVITE callid=3", Config(rule=rules))
    call = next(engine.all_calls())
    assert ([name for name, _ in call.profiles], said(events)) == (profiles, spoken)


def test_profile_with_value_wants_one():
    _, _, call, record = played("alice -> bob INVITE", Rule(do=({"set_profile": ["customer", "$hdr(X-None)"]},)))
    assert (call.profiles, record.profiles) == ([], [])


def test_profile_without_values_ignores_one_in_a_question():
    rules = (Rule(do=({"set_profile": ["total"]},)), Rule(when='is_in_profile("total", "x")', do=({"log": "in"},)))
    assert said(played("alice -> bob INVITE", *rules, profiles_no_value=("total",))[1]) == [("log", "in")]


def test_variables_are_there_at_the_end():
    rules = (Rule(do=({"set_var": ["queue", "sales"]},)), Rule(on="end", do=({"log": "$dlg_var(queue) $DLG_status"},)))
    _, events, _, record = played(ANSWERED + "alice -> bob BYE cseq=2", *rules)
    assert (said(events), record.variables) == ([("log", "sales 5")], {})


OVERTAKEN = {
    "confirmed": "alice -> bob INVITE\nalice -> bob ACK branch=k\nbob -> alice 200",
    "end": "alice -> bob INVITE\nalice -> bob ACK branch=k\nalice -> bob BYE cseq=2\nbob -> alice 200",
    "failed": "alice -> bob INVITE\nalice -> bob ACK branch=INVITE1",
}


@pytest.mark.parametrize(("on", "ladder"), OVERTAKEN.items())
def test_rules_run_once_also_when_packets_overtake_each_other(on, ladder):
    assert said(played(ladder, Rule(on=on, do=({"log": on},)))[1]) == [("log", on)]
