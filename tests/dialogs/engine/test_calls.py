"""The wire view: ladders of calls and what the engine makes of them."""

import pytest

from dialogs.config import Config, Dialog, Rule
from dialogs.engine import Anomaly, Changed, Created, Engine, Forgotten, Seen, transaction
from dialogs.engine.snapshot import decode, encode
from tests.dialogs.ladder import START_NS, address, packets, run, states

ANSWERED = """
    alice -> bob    INVITE
    bob   -> alice  100
    bob   -> alice  180
    bob   -> alice  200
    alice -> bob    ACK
"""
VIA_PROXY = """
    alice -> proxy  INVITE
    proxy -> bob    INVITE branch=p1
    bob   -> proxy  180 branch=p1
    proxy -> alice  180
    bob   -> proxy  200 branch=p1
    proxy -> alice  200
    alice -> proxy  ACK
    proxy -> bob    ACK branch=p2
"""


def only(engine):
    """Return the snapshot of the one call."""
    (call,) = engine.all_calls()
    return engine.snapshot(call.uid)


ENDS = {
    "caller hangs up": (ANSWERED + "alice -> bob BYE cseq=2", [1, 2, 3, 4, 5], "caller", 0),
    "callee hangs up": (ANSWERED + "bob -> alice BYE cseq=1 reverse", [1, 2, 3, 4, 5], "callee", 0),
    "via proxy": (VIA_PROXY + "alice -> proxy BYE cseq=2\nproxy -> bob BYE cseq=2 branch=p3", [1, 2, 3, 4, 5], "caller", 0),
    "proxy hangs up": (VIA_PROXY + "proxy -> alice BYE cseq=1 reverse\nproxy -> bob BYE cseq=2", [1, 2, 3, 4, 5], "proxy", 0),
    "busy": ("alice -> bob INVITE\nbob -> alice 180\nbob -> alice 486", [1, 2, 5], "callee", 486),
    "busy via proxy": ("alice -> proxy INVITE\nproxy -> bob INVITE branch=p\nbob -> proxy 486 branch=p\nproxy -> alice 486", [1, 5], "callee", 486),
    "proxy refuses": ("alice -> proxy INVITE\nproxy -> bob INVITE branch=p\nproxy -> alice 503", [1, 5], "proxy", 503),
    "time-out": ("alice -> proxy INVITE\nproxy -> bob INVITE branch=p\nproxy -> alice 408", [1, 5], "timeout", 408),
    "cancelled": ("alice -> bob INVITE\nbob -> alice 180\nalice -> bob CANCEL branch=INVITE1\nbob -> alice 487", [1, 2, 5], "caller", 487),
    "no 180": ("alice -> bob INVITE\nbob -> alice 200\nalice -> bob ACK\nalice -> bob BYE cseq=2", [1, 3, 4, 5], "caller", 0),
    "BYE without ACK": ("alice -> bob INVITE\nbob -> alice 200\nalice -> bob BYE cseq=2", [1, 3, 5], "caller", 0),
    "re-INVITE refused": (ANSWERED + "alice -> bob INVITE to=b cseq=2\nbob -> alice 488 cseq=2\nalice -> bob BYE cseq=3", [1, 2, 3, 4, 5], "caller", 0),
    "200 crosses CANCEL": ("alice -> bob INVITE\nbob -> alice 487\nbob -> alice 200\nalice -> bob ACK\nalice -> bob BYE cseq=2", [1, 5, 3, 4, 5], "caller", 0),
}


@pytest.mark.parametrize(("ladder", "path", "by", "code"), ENDS.values(), ids=ENDS)
def test_call_takes_the_states_and_ends_as_drawn(ladder, path, by, code):
    engine, events = run(ladder)
    call = only(engine)
    assert (states(events), call.state, call.ended_by, call.end_code) == (path, 5, by, code)
    assert [change.state for change in call.transitions] == path


def test_events_come_in_order_with_the_message_first():
    _, events = run("alice -> bob INVITE\nbob -> alice 180")
    assert [type(event) for event in events] == [Seen, Created, Changed, Seen, Changed]
    assert events[-1] == Changed(events[0].uid, START_NS + 11_000_000, 2, "180 Word")


def test_same_packets_give_the_same_events():
    assert run(VIA_PROXY)[1] == run(VIA_PROXY)[1]


def test_hops_repeats_and_mirrors_are_told_apart():
    engine, events = run(
        """
        alice -> proxy  INVITE
        proxy -> bob    INVITE branch=p1
        +0.5s
        alice -> proxy  INVITE
        """,
    )
    mirrored = packets("alice -> proxy INVITE", start_ns=START_NS + 530_000_000)[0]
    assert engine.receive(mirrored) == []
    assert [event.copy for event in events if isinstance(event, Seen)] == ["", "hop", "repeat"]
    call = only(engine)
    assert (engine.mirrored, call.messages, call.repeats, call.repeated) == (1, 3, 1, "INVITE")
    assert call.hosts == tuple(str(address(name)) for name in ("alice", "proxy", "bob"))


def test_proxy_that_answers_a_trunk_challenge_keeps_one_attempt():
    engine, events = run(
        """
        alice -> proxy  INVITE
        proxy -> trunk  INVITE branch=p1
        trunk -> proxy  407 branch=p1
        proxy -> trunk  ACK to=b branch=p1
        proxy -> trunk  INVITE branch=p2 cseq=2
        trunk -> proxy  200 branch=p2 cseq=2
        proxy -> alice  200
        alice -> proxy  ACK
        """,
    )
    assert (states(events), only(engine).attempts) == ([1, 3, 4], ())


def test_challenged_caller_is_one_call_with_two_attempts():
    engine, events = run(
        """
        alice -> bob    INVITE
        bob   -> alice  407
        alice -> bob    ACK to=b branch=INVITE1
        alice -> bob    INVITE cseq=2
        bob   -> alice  200 cseq=2
        """,
    )
    call = only(engine)
    assert (states(events), call.state, call.end_code) == ([1, 5, 1, 3], 3, 0)
    assert [(attempt.cseq, attempt.end_code, attempt.init_ns) for attempt in call.attempts] == [(1, 407, START_NS)]
    assert engine.calls.profiles.size("caller") == 1
    assert engine.calls.by_state == {1: 0, 2: 0, 3: 1, 4: 0, 5: 0}


def test_call_id_used_again_is_another_call():
    engine, _ = run(ANSWERED + "alice -> bob BYE cseq=2\n+1s\nalice -> bob INVITE cseq=3\n")
    assert [call.state for call in engine.all_calls()] == [5, 1]


def test_same_cseq_on_a_new_branch_from_the_caller_is_another_call():
    engine, _ = run(ANSWERED + "alice -> bob BYE cseq=2\n+1s\nalice -> bob INVITE branch=new\n")
    assert [call.state for call in engine.all_calls()] == [5, 1]


def test_late_hop_of_a_failed_invite_is_no_new_call():
    engine, _ = run("alice -> proxy INVITE\nproxy -> alice 408\nproxy -> bob INVITE branch=late")
    assert [call.state for call in engine.all_calls()] == [5]


def test_forks_are_kept_apart_and_a_loser_ends_nothing():
    engine, events = run(
        """
        alice -> proxy  INVITE
        proxy -> bob    INVITE branch=p1
        proxy -> carol  INVITE branch=p2
        bob   -> proxy  180 branch=p1 to=b
        carol -> proxy  180 branch=p2 to=c
        bob   -> proxy  486 branch=p1 to=b
        proxy -> bob    ACK to=b branch=p1
        carol -> proxy  200 branch=p2 to=c contact=sip:carol@198.51.100.3
        proxy -> alice  200 to=c contact=sip:carol@198.51.100.3
        alice -> proxy  ACK to=c
        """,
    )
    call = only(engine)
    assert (states(events), call.callee.tag, call.callee.contact) == ([1, 2, 3, 4], "c", "sip:carol@198.51.100.3")
    assert [(fork.tag, fork.status, bool(fork.answered_ns), bool(fork.ended_ns)) for fork in call.forks] == [("b", 486, False, True), ("c", 200, True, False)]


def test_second_answered_fork_hangs_up_without_ending_the_call():
    two = """
        alice -> bob    INVITE
        bob   -> alice  200 to=b
        bob   -> alice  200 to=c
        alice -> bob    ACK to=b
        alice -> bob    ACK to=c branch=k
        alice -> bob    BYE cseq=2 to=c
    """
    engine, events = run(two)
    assert (states(events), only(engine).state) == ([1, 3, 4], 4)
    assert states(run("alice -> bob BYE cseq=3 to=b branch=z", engine=engine)[1]) == [5]


def test_re_invite_moves_contact_and_cseq_of_its_sender():
    engine, _ = run(ANSWERED + "bob -> alice INVITE to=b cseq=70 reverse contact=sip:new@h\n")
    assert (only(engine).callee.contact, only(engine).callee.cseq, only(engine).caller.cseq) == ("sip:new@h", 70, 1)


def test_legs_are_released_by_sending_or_answering_bye():
    engine, _ = run(
        VIA_PROXY + "proxy -> alice BYE cseq=1 reverse branch=x\nproxy -> bob BYE cseq=2 branch=y\nalice -> proxy 200 of=BYE cseq=1 reverse branch=x\n"
    )
    assert (bool(only(engine).caller.released_ns), bool(only(engine).callee.released_ns)) == (True, False)
    run("bob -> proxy 481 of=BYE cseq=2 branch=y", engine=engine)
    assert bool(only(engine).callee.released_ns)


def test_byes_number_counts_whoever_sent_it():
    """A leg that refused the proxy's BYE has seen its number: the next one to it must be above."""
    engine, _ = run(VIA_PROXY + "proxy -> alice BYE cseq=1 reverse branch=x\nproxy -> bob BYE cseq=82 branch=y\nbob -> proxy 407 of=BYE cseq=82 branch=y\n")
    assert (only(engine).caller.cseq, only(engine).callee.cseq) == (82, 1)


def test_proxys_408_to_its_own_bye_releases_nobody():
    engine, _ = run(VIA_PROXY + "proxy -> bob BYE cseq=2 branch=y\nproxy -> alice 408 of=BYE cseq=2 branch=y\n")
    assert not only(engine).callee.released_ns


def test_ack_without_its_200_is_noted():
    engine, _ = run("alice -> bob INVITE\nbob -> alice 180\nalice -> bob ACK branch=other to=lost")
    assert (only(engine).state, only(engine).incomplete) == (2, ("200 OK not seen",))


def test_impossible_message_is_an_anomaly_not_a_change():
    engine, events = run(ANSWERED + "bob -> alice 180 to=late branch=INVITE1")
    assert [event.text for event in events if isinstance(event, Anomaly)] == ["180 Word while CONFIRMED"]
    assert (engine.calls.anomalies, only(engine).state) == (1, 4)


STRANGERS = {
    "no such call": "alice -> bob BYE callid=other",
    "tags of nobody": ANSWERED + "eve -> bob BYE from=x to=y",
    "unknown fork": ANSWERED + "alice -> bob BYE to=unknown",
    "no Call-ID": "alice -> bob INVITE callid=",
}


@pytest.mark.parametrize("ladder", STRANGERS.values(), ids=STRANGERS)
def test_stranger_changes_nothing(ladder):
    engine, _ = run(ladder)
    assert engine.outside == 1
    assert [call.state for call in engine.all_calls()] in ([], [4])


def test_call_without_tags_is_followed():
    engine, events = run("alice -> bob INVITE from=-\nbob -> alice 180 from=- to=-\nbob -> alice 200 from=- to=-")
    assert (states(events), only(engine).forks) == ([1, 2, 3], ())


def test_no_sip_is_counted():
    engine = Engine(Config())
    assert engine.receive(packets("alice -> bob INVITE")[0].changed(data=b"junk")) == []
    assert (engine.packets, engine.messages, engine.not_sip, engine.next_timeout()) == (1, 0, 1, None)


def test_did_cookie_gives_the_identity():
    call_id = "callid=541d3f2c-43fd-43b6-af24-bad1fbf85eb6"
    engine, _ = run(f"alice -> proxy INVITE {call_id}\nproxy -> bob INVITE branch=p {call_id} route=<sip:p;did=e1e.4f22>")
    assert (only(engine).h_entry, only(engine).h_id, only(engine).did_seen) == (3614, 8948, True)


TIMEOUTS = {
    "ringing": ("alice -> bob INVITE\nbob -> alice 180", 300),
    "no ACK": ("alice -> bob INVITE\nbob -> alice 200", 60),
    "in call": (ANSWERED, 21600),
}


@pytest.mark.parametrize(("ladder", "seconds"), TIMEOUTS.values(), ids=TIMEOUTS)
def test_call_of_which_nothing_is_heard_expires(ladder, seconds):
    engine, events = run(ladder)
    last = events[-1].at_ns
    assert states(engine.expire(last + seconds * 10**9 - 1)) == []
    assert states(engine.expire(last + seconds * 10**9)) == [5]
    assert (only(engine).ended_by, engine.calls.expired) == ("timeout", 1)


def test_ended_call_lingers_then_is_forgotten():
    engine, events = run(ANSWERED + "alice -> bob BYE cseq=2")
    uid, end = events[0].uid, events[-1].at_ns
    assert engine.expire(end + 34 * 10**9) == []
    (forgotten,) = engine.expire(end + 35 * 10**9)
    assert (type(forgotten), forgotten.uid, forgotten.at_ns, forgotten.evicted, forgotten.call.state) == (Forgotten, uid, end + 35 * 10**9, False, 5)
    assert (engine.snapshot(uid), engine.next_timeout(), set(engine.calls.by_state.values())) == (None, None, {0})


def test_cap_drops_the_call_that_was_idle_longest():
    config = Config(dialog=Dialog(max_dialogs=2))
    engine, events = run("alice -> bob INVITE callid=1\nalice -> bob INVITE callid=2\nbob -> alice 180 callid=1\nalice -> bob INVITE callid=3\n", config)
    (dropped,) = [event for event in events if isinstance(event, Forgotten)]
    assert (dropped.evicted, dropped.call.state, dropped.call.end_reason) == (True, 5, "dropped from memory: too many calls at once")
    assert ([call.call_id for call in engine.all_calls()], engine.evicted) == ([b"1", b"3"], 1)
    assert (engine.records.early, engine.calls.profiles.size("caller")) == (1, 2)


def test_profiles_follow_the_rules_and_leave_with_the_call():
    rules = (
        Rule(do=({"set_profile": ["total"]}, {"set_profile": ["caller", "$fu"]})),
        Rule(when='$fU =~ "^0"', do=({"set_profile": ["domestic"]},)),
    )
    engine, _ = run(ANSWERED, Config(dialog=Dialog(profiles_no_value=("total",)), rule=rules))
    assert only(engine).profiles == (("total", ""), ("caller", "sip:alice@example.org"))
    run("alice -> bob BYE cseq=2", engine=engine)
    assert (engine.calls.profiles.size("caller"), only(engine).profiles) == (0, (("total", ""), ("caller", "sip:alice@example.org")))


def test_live_call_survives_dump_and_restore():
    engine, events = run(VIA_PROXY)
    uid = events[0].uid
    blob = engine.dump(uid)
    other = Engine(Config(), "node")
    assert (other.restore(blob), other.restore(blob)) == (uid, None)
    assert (other.snapshot(uid), other.dump(uid)) == (engine.snapshot(uid), blob)
    assert (other.records.active, other.calls.profiles.size("caller"), other.records.profiles.size("caller")) == (1, 1, 1)
    run("alice -> proxy BYE cseq=2", engine=other)
    assert (other.snapshot(uid).state, other.records.active) == (5, 0)
    assert (other.dump(uid), other.dump("unknown")) == (None, None)


@pytest.mark.parametrize("blob", [b"", b"junk", b"\x93\x02\xc0\x90"])
def test_unreadable_blob_is_refused(blob):
    assert Engine(Config()).restore(blob) is None


def test_blob_of_another_version_is_refused():
    engine, events = run(ANSWERED)
    blob = engine.dump(events[0].uid)
    assert Engine(Config()).restore(blob[:1] + b"\x63" + blob[2:]) is None


def test_lists_of_a_call_are_capped():
    lines = ["alice -> bob INVITE"]
    lines += [f"h{number} -> alice 180 to=t{number}" for number in range(40)]
    engine, _ = run("\n".join(lines))
    assert (len(only(engine).forks), len(only(engine).hosts)) == (32, 16)


def test_long_challenge_chain_is_capped():
    rounds = [f"alice -> bob INVITE cseq={n}\nbob -> alice 407 cseq={n}" for n in range(1, 40)]
    engine, _ = run("\n".join(rounds))
    assert (len(only(engine).attempts), len(only(engine).transitions), only(engine).state) == (16, 64, 5)


def test_missing_200_is_noted_once():
    engine, _ = run("alice -> bob INVITE\nalice -> bob ACK branch=x to=lost\nalice -> bob ACK branch=y to=other")
    assert only(engine).incomplete == ("200 OK not seen", "only the caller's messages were seen")


def test_copies_are_bounded(monkeypatch):
    monkeypatch.setattr(transaction, "COPIES_MAX", 2)
    _, events = run("alice -> bob INVITE\nbob -> alice 180\nbob -> alice 183\n+1s\nbob -> alice 180")
    assert [event.copy for event in events if isinstance(event, Seen)] == ["", "", "", ""]


def test_long_silence_is_stepped_over():
    engine, events = run("alice -> bob INVITE\nbob -> alice 486")
    century = events[-1].at_ns + 100 * 365 * 86400 * 10**9
    assert [type(event) for event in engine.expire(century)] == [Forgotten]
    assert (engine.next_timeout(), list(engine.all_calls())) == (None, [])


def test_snapshot_round_trips_through_its_bytes():
    engine, _ = run(ANSWERED)
    assert decode(encode(only(engine))) == only(engine)


def test_stream_peer_is_known_by_its_host():
    engine, _ = run(ANSWERED)
    bye = packets("+2s\nalice -> bob BYE cseq=2")[0]
    engine.receive(bye.changed(source=bye.source._replace(port=40000), transport="tcp"))
    assert only(engine).ended_by == "caller"


def test_bye_from_another_host_is_the_proxys():
    engine, _ = run(ANSWERED + "carol -> bob BYE cseq=2")
    assert (only(engine).ended_by, only(engine).caller.released_ns) == ("proxy", 0)


def test_second_answer_that_nobody_acknowledged_does_not_keep_the_call_up():
    engine, events = run("alice -> bob INVITE\nbob -> alice 200 to=b\nbob -> alice 200 to=c\nalice -> bob ACK to=b\nalice -> bob BYE cseq=2 to=b")
    assert (states(events), only(engine).ended_by) == ([1, 3, 4, 5], "caller")


def test_acks_that_came_too_early_are_capped():
    lines = ["alice -> bob INVITE", *(f"alice -> bob ACK branch=x{number} to=t{number}" for number in range(40))]
    engine, _ = run("\n".join(lines))
    (call,) = engine.all_calls()
    assert (len(call.early_acks), call.notes) == (32, ("200 OK not seen",))


def test_early_ack_of_a_fork_without_room_is_no_error():
    lines = ["alice -> bob INVITE", *(f"h{number} -> alice 180 to=t{number}" for number in range(32)), "alice -> bob ACK branch=x to=b", "bob -> alice 200"]
    _, events = run("\n".join(lines))
    assert states(events) == [1, 2, 3, 4]


def test_revived_call_counts_in_its_profiles_again():
    engine, _ = run("alice -> bob INVITE\nbob -> alice 487\nbob -> alice 200")
    assert engine.calls.profiles.size("caller") == 1
