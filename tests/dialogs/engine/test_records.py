"""The Kamailio view: what its dialog module would hold. The recordings of a real one are in test_truth.py; here are the corners."""

import pytest

from dialogs.config import Config, Dialog, Peer, Rule
from dialogs.engine import Engine, State
from dialogs.engine.listing import active_by_state, ims_listing, ims_statistics, record_listing, statistics, stats_active
from dialogs.packet import Packet
from tests.dialogs.ladder import START_NS, address, packets, run

SECOND = 10**9
PROXY = f"udp:{address('proxy')}"
WATCHED = Config(dialog=Dialog(sockets=(PROXY,), track_cseq_updates=True))
RINGING = """
    alice -> proxy  INVITE
    proxy -> alice  100
    proxy -> bob    INVITE branch=p1 route=<sip:p;lr;did=1.1>
    bob   -> proxy  180 branch=p1
    proxy -> alice  180
"""
ANSWERED = (
    RINGING
    + """
    bob   -> proxy  200 branch=p1 route=<sip:p;lr;did=1.1>
    proxy -> alice  200 route=<sip:p;lr;did=1.1>
    alice -> proxy  ACK branch=k1
    proxy -> bob    ACK branch=k2
"""
)


def counts(engine):
    """Return (processed, early, active, failed, expired) as reference A prints them."""
    table = engine.records
    return (table.processed, table.early, table.active, table.failed, table.expired)


def listing(engine, now_ns=START_NS):
    return [record_listing(record, now_ns) for record in engine.all_records()]


COUNTERS = {
    "INVITE": ("alice -> proxy INVITE", (1, 0, 0, 0, 0), [1]),
    "180": (RINGING, (1, 1, 0, 0, 0), [2]),
    "ACK": (ANSWERED, (1, 0, 1, 0, 0), [4]),
    "BYE": (ANSWERED + "alice -> proxy BYE cseq=2", (1, 0, 0, 0, 0), [5]),
    "busy": (RINGING + "bob -> proxy 486 branch=p1\nproxy -> alice 486", (1, 0, 0, 1, 0), [5]),
    "losing branch": (RINGING + "bob -> proxy 486 branch=p1", (1, 1, 0, 0, 0), [2]),
    "BYE while early": (RINGING + "alice -> proxy BYE cseq=2", (1, 1, 0, 0, 0), [2]),
    "INVITE elsewhere": ("alice -> bob INVITE", (0, 0, 0, 0, 0), []),
    "INVITE leaves only": ("proxy -> bob INVITE", (0, 0, 0, 0, 0), []),
    "ACK past the proxy": (ANSWERED.replace("alice -> proxy  ACK", "alice -> bob ACK"), (1, 0, 1, 0, 0), [3]),
    "crossing 200": (RINGING + "proxy -> alice 487\nproxy -> alice 200", (1, 0, 1, 1, 0), [3]),
    "no Contact": ("alice -> proxy INVITE contact=none", (0, 0, 0, 0, 0), []),
    "Contact star": ("alice -> proxy INVITE contact=*", (0, 0, 0, 0, 0), []),
    "no From-tag": ("alice -> proxy INVITE from=-", (0, 0, 0, 0, 0), []),
    "challenged": ("alice -> proxy INVITE\nproxy -> alice 407\nalice -> proxy INVITE cseq=2", (2, 0, 0, 1, 0), [5, 1]),
    "spiral": ("alice -> proxy INVITE\nproxy -> proxy INVITE branch=s\nproxy -> bob INVITE branch=t", (1, 0, 0, 0, 0), [1]),
    "call while in call": (ANSWERED + "alice -> proxy INVITE cseq=9 branch=n", (2, 0, 1, 0, 0), [4, 1]),
    "call of another with this Call-ID": (ANSWERED + "alice -> proxy INVITE from=x branch=n", (2, 0, 1, 0, 0), [4, 1]),
    "stranger's BYE": (ANSWERED + "alice -> proxy BYE cseq=2 to=stranger", (1, 0, 1, 0, 0), [4]),
    "re-INVITE's 486": (ANSWERED + "alice -> proxy INVITE to=b cseq=2\nproxy -> alice 486 cseq=2", (1, 0, 1, 0, 0), [4]),
}


@pytest.mark.parametrize(("ladder", "expected", "states"), COUNTERS.values(), ids=COUNTERS)
def test_counters_and_states(ladder, expected, states):
    engine, _ = run(ladder, WATCHED)
    assert (counts(engine), [dialog["state"] for dialog in listing(engine)]) == (expected, states)
    assert sum(stats_active(engine.all_records()).values()) == 2 * sum(state < 5 for state in states)
    assert active_by_state(engine.records) == stats_active(engine.all_records())


def test_ims_dialog_counts_and_lists_the_same():
    engine, _ = run(ANSWERED, WATCHED)
    listed = ims_listing(list(engine.all_records()), 4096)
    assert ims_statistics(engine.records) == ["dialog_ng:active = 1", "dialog_ng:early = 0", "dialog_ng:expired = 0", "dialog_ng:processed = 1"]
    assert (listed["Size"], [each["Dialog"]["Call-ID"] for each in listed["Dialogs"]]) == (4096, [record.call_id.decode() for record in engine.all_records()])


def test_listing_of_an_answered_call():
    engine, _ = run(ANSWERED, WATCHED)
    (dialog,) = listing(engine, START_NS + 10 * SECOND)
    start = START_NS // SECOND
    assert {key: dialog[key] for key in ("ref", "call-id", "state", "start_ts", "init_ts", "end_ts", "duration", "timeout", "lifetime", "dflags")} == {
        "ref": 2,
        "call-id": "c1",
        "state": 4,
        "start_ts": start,
        "init_ts": start,
        "end_ts": 0,
        "duration": 10,
        "timeout": start + 21600,
        "lifetime": 21600,
        "dflags": 512 + 1024 + 1 + 2,
    }
    assert dialog["caller"] == {"tag": "a", "contact": "sip:alice@198.51.100.1", "cseq": "1", "route_set": "", "socket": PROXY}
    assert dialog["callee"] == {"tag": "b", "contact": "sip:bob@198.51.100.1", "cseq": "0", "route_set": "", "socket": PROXY}
    assert dialog["profiles"] == [{"caller": "sip:alice@example.org"}]


def test_callee_is_null_before_the_answer():
    assert listing(run(RINGING, WATCHED)[0])[0]["callee"] == dict.fromkeys(("tag", "contact", "cseq", "route_set", "socket"))


def test_failed_dialog_has_kamailios_duration():
    engine, _ = run(RINGING + "proxy -> alice 486", WATCHED)
    assert listing(engine)[0]["duration"] == listing(engine)[0]["end_ts"]


def test_answer_without_contact_fills_the_socket_only():
    engine, _ = run("alice -> proxy INVITE\nproxy -> alice 200 contact=none", WATCHED)
    assert listing(engine)[0]["callee"] == {"tag": None, "contact": None, "cseq": None, "route_set": None, "socket": PROXY}


def test_requests_inside_move_cseq_and_a_re_invite_the_contact():
    engine, _ = run(ANSWERED + "bob -> proxy UPDATE cseq=70 reverse contact=sip:u@h\nalice -> proxy INVITE to=b cseq=5 contact=sip:n@h\n", WATCHED)
    (dialog,) = listing(engine)
    assert (dialog["callee"]["cseq"], dialog["callee"]["contact"]) == ("70", "sip:bob@198.51.100.1")
    assert (dialog["caller"]["cseq"], dialog["caller"]["contact"]) == ("5", "sip:n@h")


def test_retransmitted_request_is_absorbed():
    engine, _ = run(ANSWERED + "alice -> proxy INFO cseq=5\nalice -> proxy INFO cseq=6\n+0.5s\nalice -> proxy INFO cseq=5\n", WATCHED)
    assert listing(engine)[0]["caller"]["cseq"] == "6"


def test_prack_sets_its_flag():
    engine, _ = run(RINGING + "alice -> proxy PRACK cseq=2", WATCHED)
    assert listing(engine)[0]["iflags"] == 32


def test_trunk_cseq_shift_is_a_variable():
    engine, _ = run("alice -> proxy INVITE\nproxy -> bob INVITE branch=p\nproxy -> bob INVITE branch=q cseq=2", WATCHED)
    assert (listing(engine)[0]["variables"], listing(engine)[0]["iflags"]) == ([{"cseq_diff": "1"}], 16)


def test_h_id_counts_from_one_in_each_slot():
    engine, _ = run("alice -> proxy INVITE\nproxy -> alice 407\nalice -> proxy INVITE cseq=2", WATCHED)
    assert [dialog["h_id"] for dialog in listing(engine)] == [1, 2]


def test_without_sockets_first_sight_counts():
    engine, _ = run(ANSWERED + "alice -> proxy BYE cseq=2\nproxy -> bob BYE cseq=2 branch=z")
    assert (counts(engine), [dialog["state"] for dialog in listing(engine)]) == ((1, 0, 0, 0, 0), [5])


def test_peer_of_kind_proxy_is_a_socket():
    engine, _ = run(ANSWERED, Config(peer=(Peer("edge", (address("proxy").host,), "proxy"),)))
    assert counts(engine) == (1, 0, 1, 0, 0)


def test_profiles_without_value_ignore_one_and_spirals_count_twice():
    rule = Rule(do=({"set_profile": ["total", "$fu"]},))
    config = Config(dialog=Dialog(sockets=(PROXY,), profiles_no_value=("total",)), rule=(rule,))
    engine, _ = run("alice -> proxy INVITE\nproxy -> proxy INVITE branch=s", config)
    assert (engine.records.profiles.size("total"), listing(engine)[0]["profiles"]) == (2, ["total", "total"])
    engine.receive(packets("+1s\nproxy -> alice 404")[0])
    assert engine.records.profiles.size("total") == 0


OWN_BYE = ANSWERED + "proxy -> alice BYE cseq=1 reverse branch=o1\nproxy -> bob BYE cseq=2 branch=o2\n"


def test_own_bye_moves_the_record_when_it_is_answered():
    engine, _ = run(OWN_BYE, WATCHED)
    assert [dialog["state"] for dialog in listing(engine)] == [4]
    run("alice -> proxy 100 of=BYE reverse branch=o1\nbob -> proxy 481 of=BYE cseq=2 branch=o2", engine=engine)
    assert (counts(engine), [(dialog["state"], dialog["end_ts"]) for dialog in listing(engine)]) == ((1, 0, 0, 0, 0), [(5, 0)])


def test_own_bye_that_nobody_answers_ends_after_thirty_seconds():
    engine, events = run(OWN_BYE, WATCHED)
    engine.expire(events[-1].at_ns + 29 * SECOND)
    assert engine.records.active == 1
    engine.expire(events[-1].at_ns + 31 * SECOND)
    assert counts(engine) == (1, 0, 0, 0, 0)


def test_own_bye_of_a_stranger_means_nothing():
    engine, _ = run(RINGING + "proxy -> alice BYE reverse branch=o1\n" + "proxy -> bob BYE to=x from=y", WATCHED)
    assert counts(engine) == (1, 1, 0, 0, 0)


def dialog_config(**settings):
    return Config(dialog=Dialog(sockets=(PROXY,), **settings))


def test_lifetime_over_is_expired_and_gone_at_once():
    engine, events = run(ANSWERED, dialog_config(default_timeout=4))
    engine.expire(events[-1].at_ns + 4 * SECOND)
    assert (counts(engine), listing(engine)) == ((1, 0, 0, 0, 1), [])


def test_request_inside_restarts_the_lifetime_unless_told_not_to():
    ladder = ANSWERED + "+3s\nalice -> proxy INFO cseq=2\n"
    for noreset, active in ((False, 1), (True, 0)):
        engine, events = run(ladder, dialog_config(default_timeout=4, timeout_noreset=noreset))
        engine.expire(events[-1].at_ns + 2 * SECOND)
        assert engine.records.active == active


def test_send_bye_counts_expired_at_once_and_ends_with_the_answer():
    engine, events = run(ANSWERED, dialog_config(default_timeout=4, send_bye=True))
    engine.expire(events[-1].at_ns + 4 * SECOND)
    assert counts(engine) == (1, 0, 1, 0, 1)
    engine.expire(events[-1].at_ns + 35 * SECOND)
    assert counts(engine) == (1, 0, 0, 0, 1)


def test_send_bye_a_little_before_the_timer_is_the_expiry():
    engine, _ = run(OWN_BYE + "alice -> proxy 200 of=BYE reverse branch=o1", dialog_config(default_timeout=1, send_bye=True))
    assert counts(engine) == (1, 0, 0, 0, 1)


def test_cleaner_drops_ringing_and_leaks_its_counter():
    engine, events = run(RINGING, dialog_config(early_timeout=5))
    engine.expire(events[-1].at_ns + 89 * SECOND)
    assert len(listing(engine)) == 1
    engine.expire(events[-1].at_ns + 90 * SECOND)
    assert (counts(engine), listing(engine), engine.records.profiles.size("caller")) == ((1, 1, 0, 0, 0), [], 0)


def test_cleaner_gives_ten_seconds_to_a_call_without_ack():
    engine, events = run("alice -> proxy INVITE\nproxy -> alice 200", dialog_config())
    engine.expire(events[-1].at_ns + 90 * SECOND)
    assert (counts(engine), listing(engine)[0]["lifetime"]) == ((1, 0, 1, 0, 0), 10)
    engine.expire(events[-1].at_ns + 101 * SECOND)
    assert counts(engine) == (1, 0, 0, 0, 1)


def test_cleaner_takes_an_ended_dialog_before_its_transaction_is_over():
    engine, events = run("alice -> proxy INVITE\n+87s\nproxy -> alice 486", dialog_config(end_timeout=1))
    gone = events[0].at_ns + 90 * SECOND
    engine.expire(gone - 1)
    assert [record.state for record in engine.all_records()] == [5]
    engine.expire(gone)
    assert engine.all_records() == []


def test_statistics_have_kamailios_names():
    assert statistics(run(ANSWERED, WATCHED)[0].records) == {
        "active_dialogs": 1,
        "early_dialogs": 0,
        "expired_dialogs": 0,
        "failed_dialogs": 0,
        "processed_dialogs": 1,
    }


def test_spiral_without_detection_is_a_second_record():
    engine, _ = run("alice -> proxy INVITE\nproxy -> proxy INVITE branch=s", dialog_config(detect_spirals=False))
    assert counts(engine) == (2, 0, 0, 0, 0)


def test_engine_without_packets_has_no_timeout():
    engine = Engine(Config())
    assert (engine.next_timeout(), engine.expire(START_NS)) == (None, [])


def test_request_without_ack_yet_updates_nothing():
    engine, _ = run("alice -> proxy INVITE\nproxy -> alice 200\nalice -> proxy INFO cseq=9", WATCHED)
    assert (listing(engine)[0]["state"], listing(engine)[0]["caller"]["cseq"]) == (3, "1")


def test_repeated_own_bye_keeps_its_first_deadline():
    engine, events = run(OWN_BYE + "+1s\nproxy -> bob BYE cseq=2 branch=o3\n", WATCHED)
    assert engine.all_records()[0].own_bye_ns < events[-1].at_ns + 30 * SECOND


def test_records_outlive_a_family_without_calls_and_the_other_way_round():
    engine, events = run(ANSWERED.replace("alice -> proxy  INVITE", "alice -> bob INVITE") + "alice -> proxy BYE cseq=2", WATCHED)
    assert (listing(engine), [call.state for call in engine.all_calls()]) == ([], [5])
    engine.expire(events[-1].at_ns + 100 * SECOND)
    assert list(engine.all_calls()) == []


def test_cleaner_passes_over_calls_without_records():
    engine, events = run("alice -> bob INVITE", WATCHED)
    assert engine.expire(events[-1].at_ns + 91 * SECOND) == []
    assert [call.state for call in engine.all_calls()] == [1]


def test_own_byes_are_capped():
    byes = "\n".join(f"proxy -> bob BYE cseq={n} branch=o{n}" for n in range(2, 80))
    engine, _ = run(ANSWERED + byes, WATCHED)
    assert len(engine.all_records()[0].own_byes) == 64


MATCHES = {  # (mode, Route of the BYE) -> state after it
    (0, ""): 4,
    (0, "<sip:p;did=1.1>"): 5,
    (0, "<sip:other;lr>\r\nRoute: <sip:p;did=1.1>"): 5,
    (0, "<sip:p;did=1.2>"): 4,
    (0, "<sip:p;did=zz>"): 4,
    (1, ""): 5,
    (1, "<sip:p;did=1.1>"): 5,
    (1, "<sip:p;did=1.2>"): 5,
    (1, "<sip:p;did=zz>"): 4,
    (2, "<sip:p;did=zz>"): 5,
}


@pytest.mark.parametrize(("asked", "state"), MATCHES.items(), ids=str)
def test_request_finds_its_dialog_as_the_match_mode_says(asked, state):
    mode, route = asked
    engine, events = run(ANSWERED, dialog_config(dlg_match_mode=mode, hash_size=1))
    engine.all_records()[0].h_entry, engine.all_records()[0].h_id = 1, 1
    engine.all_records()[0].state = State.CONFIRMED  # in mode 0 the ACK without a cookie did not find it either
    bye = packets("+1s\nalice -> proxy BYE cseq=2")[0]
    header = b"\r\nRoute: " + route.encode() if route else b""
    engine.receive(bye.changed(at_ns=events[-1].at_ns + SECOND, data=bye.data.replace(b"\r\nCSeq", header + b"\r\nCSeq")))
    assert [dialog["state"] for dialog in listing(engine)] == [state]


def test_answers_on_a_stream_of_the_proxys_own_enter_by_its_listener():
    proxy, bob = address("proxy"), address("bob")
    engine = Engine(Config(dialog=Dialog(sockets=(PROXY, f"tcp:{proxy}"))))
    for packet in packets(ANSWERED + "bob -> proxy BYE reverse cseq=5"):
        ends = (packet.source, packet.destination)
        own = Packet(packet.at_ns, *(end._replace(port=40_001) if end == proxy else end for end in ends), "tcp", packet.data)
        engine.receive(own if bob in ends else packet)
        sockets = [(record["caller"]["socket"], record["callee"]["socket"]) for record in listing(engine)]
    assert sockets == [(PROXY, f"tcp:{proxy}")]
    assert counts(engine) == (1, 0, 0, 0, 0)


def test_first_ack_starts_the_timer_whatever_noreset_says():
    engine, events = run("alice -> proxy INVITE\nproxy -> alice 200\n+3s\nalice -> proxy ACK branch=k", dialog_config(default_timeout=10, timeout_noreset=True))
    assert engine.all_records()[0].timeout_ns == events[-1].at_ns + 10 * SECOND


def test_ims_dialog_has_no_cleaner_and_ends_calls_itself():
    engine, events = run(RINGING, dialog_config(flavour="ims_dialog", early_timeout=5))
    engine.expire(events[-1].at_ns + 200 * SECOND)
    assert [dialog["state"] for dialog in listing(engine)] == [2]
    assert listing(engine)[0]["iflags"] == 1
