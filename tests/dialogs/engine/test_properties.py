"""What must hold for any traffic: disorder, doubles and losses, and bytes from strangers."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.config import Config, Dialog
from dialogs.engine import Engine
from dialogs.engine.unseen import LATE
from dialogs.packet import Endpoint, Packet
from tests.dialogs.ladder import START_NS, feed, packets

ANSWERED = """
    alice -> proxy  INVITE
    proxy -> bob    INVITE branch=p1
    proxy -> alice  100
    bob   -> proxy  180 branch=p1
    proxy -> alice  180
    bob   -> proxy  200 branch=p1
    proxy -> alice  200
    alice -> proxy  ACK branch=k1
    proxy -> bob    ACK branch=k2
"""
ENDED = """
    alice -> proxy  BYE cseq=2
    proxy -> bob    BYE cseq=2 branch=b2
    bob   -> proxy  200 of=BYE cseq=2 branch=b2
    proxy -> alice  200 of=BYE cseq=2
"""
DIRECT = """
    alice -> bob    INVITE
    bob   -> alice  180
    bob   -> alice  200
    alice -> bob    ACK
    +5s
    bob   -> alice  BYE reverse cseq=1
    alice -> bob    200 of=BYE reverse cseq=1
"""
BUSY = """
    alice -> proxy  INVITE
    proxy -> bob    INVITE branch=p
    bob   -> proxy  486 branch=p
    proxy -> bob    ACK to=b branch=p
    proxy -> alice  486
    alice -> proxy  ACK to=b branch=INVITE1
"""
CALLS = {"in call": ANSWERED, "ended": ANSWERED + "+5s" + ENDED, "short": ANSWERED + ENDED, "direct": DIRECT, "busy": BUSY}
calls = pytest.mark.parametrize("ladder", CALLS.values(), ids=CALLS)


def outcome(arriving):
    """Return (states, what was not seen) of all calls two seconds after these packets."""
    engine = Engine(Config())
    feed(engine, sorted(arriving, key=lambda packet: packet.at_ns))
    engine.expire(max(packet.at_ns for packet in arriving) + 2 * 10**9)
    found = list(engine.all_calls())
    return [int(call.state) for call in found], [words for call in found for words in call.notes]


@calls
@given(seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_disorder_within_half_a_second_changes_nothing_or_is_said(ladder, seed):
    chance = random.Random(seed)  # noqa: S311 -- repeatable
    arriving = packets(ladder)
    late = [packet.changed(at_ns=packet.at_ns + chance.randrange(500_000_000)) for packet in arriving]
    states, notes = outcome(late)
    assert states == outcome(arriving)[0] or notes, [packet.data[:20] for packet in sorted(late, key=lambda p: p.at_ns)]


@calls
def test_any_double_changes_nothing(ladder):
    arriving = packets(ladder)
    for packet in arriving:
        for delay in (1_000_000, 20_000_000, 700_000_000):
            assert outcome([*arriving, packet.changed(at_ns=packet.at_ns + delay)])[0] == outcome(arriving)[0], packet.data[:20]


@calls
def test_any_loss_behind_a_proxy_changes_nothing_or_is_said(ladder):
    arriving = packets(ladder)
    for number, packet in enumerate(arriving):
        states, notes = outcome(arriving[:number] + arriving[number + 1 :])
        if b"\nCSeq: 1 INVITE" in packet.data and packet.data.startswith(b"INVITE") and "proxy" not in ladder:
            assert (states, notes) == (outcome(arriving)[0], [LATE])  # the one INVITE there was: joined by what came after
        else:
            assert states == outcome(arriving)[0] or notes, packet.data[:20]


@calls
@given(seed=st.integers(0, 2**32))
@settings(max_examples=40)
def test_call_without_its_invites_ends_as_it_would_have_and_says_so(ladder, seed):
    chance = random.Random(seed)  # noqa: S311 -- repeatable
    arriving = packets(ladder)
    without = [packet for packet in arriving if not packet.data.startswith(b"INVITE")]
    assert outcome(without) == ((outcome(arriving)[0], [LATE]) if ladder is not BUSY else ([], []))
    doubled = without + [packet.changed(at_ns=packet.at_ns + chance.choice((1_000_000, 20_000_000))) for packet in without]
    late = [packet.changed(at_ns=packet.at_ns + chance.randrange(500_000_000)) for packet in doubled]
    states, notes = outcome(late)
    assert (len(states), notes[:1]) == ((1, [LATE]) if ladder is not BUSY else (0, []))


@calls
def test_same_packets_give_the_same_events(ladder):
    assert feed(Engine(Config(), "n"), packets(ladder)) == feed(Engine(Config(), "n"), packets(ladder))


def recount(engine):
    """Return the counters as the tables themselves would have them."""
    records = engine.all_records()
    states = [int(call.state) for call in engine.all_calls()]
    profiles = {}
    for record in records:
        for name, value in record.profiles:
            profiles.setdefault(name, {}).setdefault(value, 0)
            profiles[name][value] += 1
    return {
        "active": sum(record.answered for record in records),
        "states": {state: states.count(state) for state in range(1, 6)},
        "profiles": profiles,
    }


HOSTS = [Endpoint(f"192.0.2.{number}", 5060) for number in (1, 2, 3)]
WORDS = (
    "INVITE",
    "ACK to=b",
    "BYE cseq=2",
    "BYE cseq=2 reverse",
    "180",
    "183 to=c",
    "200",
    "200 to=c",
    "486",
    "407",
    "INVITE cseq=2",
    "CANCEL",
    "INFO cseq=3",
    "INVITE cseq=3 to=b",
    "UPDATE cseq=5 Session-Expires:90;refresher=uac",
    "200 of=UPDATE cseq=5 Session-Expires:90;refresher=uac",
    "PRACK cseq=4 RAck:1_1_INVITE",
)


@given(
    st.lists(
        st.tuples(st.sampled_from(WORDS), st.sampled_from("xyz"), st.sampled_from(HOSTS), st.sampled_from(HOSTS), st.integers(0, 120)),
        max_size=60,
    ),
    st.booleans(),
)
@settings(max_examples=120)
def test_counters_equal_a_recount_after_anything(happened, watched):
    dialog = Dialog(sockets=("udp:192.0.2.2:5060",) if watched else (), max_dialogs=2)
    engine, now_ns = Engine(Config(dialog=dialog)), START_NS
    for words, call_id, source, destination, seconds in happened:
        now_ns += seconds * 10**9
        drawn = packets(f"a -> b {words} callid={call_id}")[0]
        engine.expire(now_ns)
        engine.receive(drawn.changed(at_ns=now_ns, source=source, destination=destination))
        expected = recount(engine)
        assert (engine.records.active, engine.calls.by_state) == (expected["active"], expected["states"])
        assert {name: values for name, values in engine.records.profiles.sizes.items() if values} == expected["profiles"]
        assert sum(expected["states"].values()) <= 2


TAGS = b"From: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\n"
PREFIXES = (
    b"",
    b"INVITE sip:b SIP/2.0\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nFrom: <sip:a>;tag=1\r\n",
    b"SIP/2.0 200 OK\r\nCall-ID: d\r\nCSeq: 1 INVITE\r\n" + TAGS,
    b"UPDATE sip:tls SIP/2.0\r\nCall-ID: e\r\nCSeq: 2 UPDATE\r\n" + TAGS + b"Session-Expires: 9",
    b"PRACK sip:b SIP/2.0\r\nCall-ID: f\r\nCSeq: 2 PRACK\r\n" + TAGS + b"RAck: 1 1 INVITE\r\nVia: ",
)


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_random_bytes_never_raise(datagrams):
    engine = Engine(Config())
    for number, data in enumerate(datagrams):
        for prefix in PREFIXES:
            engine.receive(Packet(START_NS + number, HOSTS[0], HOSTS[1], "udp", prefix + data))
    engine.expire(START_NS + 2 * 10**9)
    for call in engine.all_calls():
        assert engine.snapshot(call.uid) is not None
        assert engine.dump(call.uid)
