"""What a restart gets back: profiles, variables, flags, lifetimes, and timers that ran out while nobody looked."""

import pytest

from dialogs.config import Config, Dialog, Rule
from dialogs.engine import Engine
from dialogs.engine.events import Called
from dialogs.replay import kamailio_view
from tests.dialogs.engine.test_records import ANSWERED, PROXY, RINGING, SECOND, counts
from tests.dialogs.ladder import run

HOUR = 3600 * SECOND
RULES = (
    Rule(do=({"set_profile": ["caller", "$fu"]}, {"set_profile": ["total"]}, {"set_profile": ["total"]}, {"set_var": ["queue", "sales"]}, {"set_flag": 3})),
    Rule(on="confirmed", do=({"set_timeout": 7200}, {"set_timeout_bye": True}, {"set_var": ["AnswerTime", "$TS"]})),
)
CONFIG = Config(dialog=Dialog(sockets=(PROXY,), profiles_no_value=("total",), handlers=("nobody.listens",)), rule=RULES)
LADDERS = {"unconfirmed": "alice -> proxy INVITE", "early": RINGING, "no ACK": ANSWERED.partition("    alice -> proxy  ACK")[0], "confirmed": ANSWERED}


def restarted(ladder, config=CONFIG, other_config=None):
    """Return (engine, another one that took all calls of the first over, events of the first)."""
    engine, events = run(ladder, config)
    other = Engine(other_config or config, "node")
    for call in engine.all_calls():
        assert other.restore(engine.dump(call.uid)) == call.uid
    return engine, other, events


@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
def test_both_views_come_back_as_they_were(ladder):
    engine, other, events = restarted(ladder)
    now_ns = events[-1].at_ns
    kept = {"dlg.list", "dlg.stats_active", "profile_size", "profile_list"}
    before, after = kamailio_view(engine, now_ns), kamailio_view(other, now_ns)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert [other.snapshot(call.uid) for call in other.all_calls()] == [engine.snapshot(call.uid) for call in engine.all_calls()]
    assert (counts(other)[1:3], other.calls.by_state) == (counts(engine)[1:3], engine.calls.by_state)
    assert other.next_timeout() is not None


def test_variables_flags_lifetimes_and_profiles_of_both_views_come_back():
    _, other, _ = restarted(ANSWERED)
    (call,), (record,) = other.all_calls(), other.all_records()
    for dialog in (call, record):
        assert (list(dialog.variables), dialog.sflags, dialog.lifetime, dialog.iflags) == (["queue", "AnswerTime"], 8, 7200, 1)
    sizes = [(table.profiles.size("caller", "sip:alice@example.org"), table.profiles.size("total")) for table in (other.calls, other.records)]
    assert sizes == [(1, 2), (1, 2)]
    run("alice -> proxy BYE cseq=2", engine=other)
    assert [(table.profiles.size("caller"), table.profiles.size("total")) for table in (other.calls, other.records)] == [(0, 0), (0, 0)]


def test_loaded_is_told_of_each_record():
    _, other, events = restarted(ANSWERED)
    loaded, *_ = [event for event in other.expire(events[-1].at_ns + 91 * SECOND) if isinstance(event, Called)]
    assert (loaded.name, loaded.dialog["state"], loaded.dialog["variables"][-1]) == ("LOADED", 4, {"queue": "sales"})


@pytest.mark.parametrize("down_ns", [HOUR, 3 * HOUR])
def test_timers_run_on_while_down(down_ns):
    _, other, events = restarted(ANSWERED)
    expired = down_ns > 2 * HOUR
    other.expire(events[-1].at_ns + down_ns)
    states = [call.state for call in other.all_calls()]
    assert (states, counts(other)) == (([], (0, 0, 0, 0, 1)) if expired else ([4], (0, 0, 1, 0, 0)))


def test_ringing_that_was_over_while_down_goes_by_timer_and_cleaner():
    _, other, events = restarted(RINGING)
    other.expire(events[-1].at_ns + HOUR)
    assert (list(other.all_calls()), other.all_records(), other.calls.expired, other.records.early) == ([], [], 1, 1)


def test_call_without_ack_gets_its_ten_seconds_after_the_restart():
    _, other, events = restarted(LADDERS["no ACK"])
    other.expire(events[-1].at_ns + 92 * SECOND)
    assert [record.lifetime for record in other.all_records()] == [10]
    other.expire(events[-1].at_ns + 103 * SECOND)
    assert counts(other) == (0, 0, 0, 0, 1)


def test_ids_are_not_given_away_again():
    _, other, _ = restarted(ANSWERED.replace("did=1.1", "x=1"))
    (before,) = other.all_records()
    run("alice -> proxy INVITE cseq=7 branch=again", engine=other)
    assert [record.h_id for record in other.all_records()] == [before.h_id, before.h_id + 1]


def test_what_the_configuration_changed_meanwhile_counts_from_now_on():
    _, other, _ = restarted(ANSWERED, other_config=Config(dialog=Dialog(sockets=(PROXY,), default_timeout=5)))
    assert [call.lifetime for call in other.all_calls()] == [7200]
