"""Evidence in words, and names for addresses."""

import pytest

from dialogs.config import Config, Peer
from dialogs.insight import PeerNames, why
from dialogs.packet import Endpoint
from tests.dialogs.ladder import run

ANSWERED = "alice -> bob INVITE\nbob -> alice 200\nalice -> bob ACK\n"
EVIDENCE = {
    "nothing to say": (ANSWERED, ()),
    "no ACK": ("alice -> bob INVITE\nbob -> alice 200\n+1s\nbob -> alice 200", (("warn", "200 Word repeated 1×"),)),
    "busy": ("alice -> bob INVITE\nbob -> alice 486", (("plain", "busy"),)),
    "server error": ("alice -> bob INVITE\nbob -> alice 503", (("bad", "service unavailable"),)),
    "other failure": ("alice -> bob INVITE\nbob -> alice 499", (("plain", "word"),)),
    "two forks": ("alice -> bob INVITE\nbob -> alice 180 to=x\nbob -> alice 180 to=y", (("plain", "2 forks"),)),
    "one leg left": (ANSWERED + "alice -> bob BYE cseq=2", (("warn", "callee not confirmed gone"),)),
    "both legs gone": (ANSWERED + "alice -> bob BYE cseq=2\nbob -> alice 200 of=BYE cseq=2", ()),
    "challenged again": (
        "\n".join(f"alice -> bob INVITE cseq={n}\nbob -> alice 407 cseq={n}" for n in (1, 2, 3)),
        (("plain", "word"), ("warn", "2 attempts refused")),
    ),
    "200 lost": ("alice -> bob INVITE\nalice -> bob ACK branch=x to=lost", (("plain", "200 OK not seen"),)),
}


EVIDENCE["refresh missing"] = (
    "alice -> bob INVITE\nbob -> alice 200 X:90;refresher=uas\nalice -> bob ACK\n+91s\nalice -> bob OPTIONS",
    (("warn", "session timer expired: no refresh by callee for 90 s"),),
)
EVIDENCE["joined late"] = ("bob -> alice 200\nalice -> bob ACK\n+2s\nalice -> bob OPTIONS", (("plain", "the INVITE was not seen: joined late"),))


EVIDENCE["slow to ring"] = ("alice -> bob INVITE\n+5s\nbob -> alice 180", (("warn", "slow: 5.0 s until it rang"),))
EVIDENCE["slow to answer"] = ("alice -> bob INVITE\n+6.4s\nbob -> alice 200\nalice -> bob ACK", (("warn", "slow: 6.4 s until the answer"),))
EVIDENCE["not slow"] = ("alice -> bob INVITE\n+4.9s\nbob -> alice 180\n+60s\nbob -> alice 200\nalice -> bob ACK", ())
EVIDENCE["scanner"] = ("alice -> bob INVITE User-Agent:Friendly-Scanner/2", (("bad", "scanner: Friendly-Scanner"),))


@pytest.mark.parametrize(("ladder", "expected"), EVIDENCE.values(), ids=EVIDENCE)
def test_evidence_of_a_call(ladder, expected):
    engine, _ = run(ladder)
    (call,) = engine.all_calls()
    assert why(engine.snapshot(call.uid)) == expected


def test_private_contact_behind_a_public_address_is_told():
    engine, _ = run("alice -> bob INVITE contact=sip:alice@192.168.1.20")
    (call,) = engine.all_calls()
    call.caller.address = Endpoint("8.8.8.8", 5060)
    assert why(engine.snapshot(call.uid)) == (("warn", "caller's Contact is private"),)


def test_call_given_up_says_so():
    engine, events = run(ANSWERED, Config())
    engine.expire(events[-1].at_ns + 21600 * 10**9)
    (call,) = engine.all_calls()
    assert why(engine.snapshot(call.uid)) == (("bad", "nothing seen for too long"),)


PEERS = PeerNames(
    [
        Peer("edge", ("192.0.2.1",), "proxy"),
        Peer("edge-b2b", ("192.0.2.1:5080",), "pbx"),
        Peer("gw", ("[2001:db8::1]:5060",), "trunk"),
        Peer("desk", ("192.0.2.9",), "phone"),
    ],
)
NAMES = {"192.0.2.1:5060": "edge", "192.0.2.1:5080": "edge-b2b", "[2001:db8::1]:5060": "gw", "192.0.2.7:5060": "192.0.2.7:5060"}


@pytest.mark.parametrize(("address", "name"), NAMES.items())
def test_peer_names_its_addresses(address, name):
    assert PEERS.name(address) == name


PATHS = {
    ("192.0.2.9:5060", "192.0.2.1:5060", "[2001:db8::1]:5060"): "edge → gw",
    ("192.0.2.7:5060", "192.0.2.8:5060", "192.0.2.7:5061"): "192.0.2.7 → 192.0.2.8",
    (): "",
}


@pytest.mark.parametrize(("hosts", "path"), PATHS.items())
def test_path_is_the_named_peers_without_phones(hosts, path):
    assert PEERS.path(hosts) == path
